//! Everything that changes something: what it takes, and how a request that works is made.

use super::http::PROTOCOL;

/// What shows the authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Credential {
    ClientSecret,
    KeyToken,
    PersonToken,
    Cookie,
    AuthorizationCode,
    DeviceCode,
    RefreshToken,
    Password,
    PendingSignIn,
    ResetLink,
    /// The authority of the Admin who made it.
    Invitation,
}

/// What the authority is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Needs {
    /// Products and targets, and what else any member may do.
    Membership,
    Admin,
    /// The person's own account.
    Own,
    /// To be a member of the organisation that is switched to.
    Switch,
}

/// What is done beforehand, with authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    Nothing,
    /// The form's page is opened.
    Page,
    /// A second factor's setup is opened.
    SecondFactorBegun,
    /// A second factor is set up.
    Enrolled,
    /// Of a person with a second factor, the password is given.
    PasswordGiven,
    DeviceStarted,
    DeviceApproved,
    CommandLine,
    Code,
    CallbackAddress,
    InvitedStranger,
    InvitedUser,
    ResetLinkMade,
    Switched,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Row {
    /// It needs no authority that could be lost, or changes nothing: why.
    Exempt {
        name: &'static str,
        reason: &'static str,
    },
    Change(Change),
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Change {
    /// As the table of routes, the schema or the discovery document has it.
    pub(super) name: &'static str,
    pub(super) credential: Credential,
    pub(super) needs: Needs,
    pub(super) before: Before,
    /// Fields of a form or a mutation, with `{…}` for what the fixture knows.
    pub(super) body: &'static str,
}

impl Row {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Exempt { name, .. } | Self::Change(Change { name, .. }) => name,
        }
    }
}

impl Change {
    /// Where its request goes, before the `{…}` are filled in.
    pub(super) fn target(self) -> String {
        let (kind, rest) = self.name.split_once(' ').unwrap();
        match kind {
            "POST" | "GET" => rest.to_owned(),
            "mutation" => "/graphql".to_owned(),
            "grant" => format!("{PROTOCOL}/token"),
            "authorization_endpoint" => "{authorization_request}".to_owned(),
            "revocation_endpoint" => format!("{PROTOCOL}/revoke"),
            other => panic!("{other}"),
        }
    }
}

const fn exempt(name: &'static str, reason: &'static str) -> Row {
    Row::Exempt { name, reason }
}

const fn change(
    name: &'static str,
    credential: Credential,
    needs: Needs,
    before: Before,
    body: &'static str,
) -> Row {
    Row::Change(Change { name, credential, needs, before, body })
}

const fn own(name: &'static str, before: Before, body: &'static str) -> Row {
    change(name, Credential::Cookie, Needs::Own, before, body)
}

const fn member(name: &'static str, before: Before, body: &'static str) -> Row {
    change(name, Credential::Cookie, Needs::Membership, before, body)
}

const fn admin(name: &'static str, before: Before, body: &'static str) -> Row {
    change(name, Credential::Cookie, Needs::Admin, before, body)
}

pub(super) const VIEWPORT: &[Row] = &[
    exempt("POST /logout", "it only gives up what the browser has"),
    exempt("POST /setup", "leads to a link of the operator's, changes nothing"),
    exempt("POST /setup/{code}", "a link of the operator's, before there is anybody"),
    exempt("POST /forgot", "anybody may ask"),
    change(
        "POST /invite/{code}",
        Credential::Invitation,
        Needs::Admin,
        Before::InvitedStranger,
        "password={new_password}",
    ),
    change("POST /invite/{code}", Credential::Invitation, Needs::Admin, Before::InvitedUser, "x=1"),
    own("POST /invite/{code}", Before::InvitedUser, "x=1"),
    change(
        "POST /reset/{code}",
        Credential::ResetLink,
        Needs::Own,
        Before::ResetLinkMade,
        "password={third_password}",
    ),
    own("POST /account/password", Before::Page, "current={password}&password={third_password}"),
    own("POST /account/sessions/end-others", Before::Nothing, "x=1"),
    own("POST /account/sessions/{id}/end", Before::Nothing, "x=1"),
    own("POST /account/second-factor", Before::SecondFactorBegun, "code={code}"),
    own("POST /account/second-factor/codes", Before::Enrolled, "password={password}"),
    own("POST /account/second-factor/remove", Before::Enrolled, "password={password}"),
    change(
        "POST /switch",
        Credential::Cookie,
        Needs::Switch,
        Before::Switched,
        "organisation={organisation}",
    ),
    member("POST /device", Before::DeviceStarted, "user_code={user_code}&decision=approve"),
    member("POST /p/new", Before::Page, "name=Another&description=&base_url="),
    member("POST /p/{subject}/edit", Before::Page, "name=Changed&description=&base_url="),
    member("POST /p/{subject}/delete", Before::Page, "confirm=Shop"),
    member(
        "POST /p/{subject}/t/new",
        Before::Page,
        "name=Another&description=&build_key=b2&version=2&environment=staging&build_number=&build_url=&metadata=",
    ),
    member(
        "POST /p/{subject}/t/{target}/edit",
        Before::Page,
        "name=Changed&description=&version=2&environment=staging&build_number=&build_url=&metadata=",
    ),
    member("POST /p/{subject}/t/{target}/delete", Before::Page, "x=1"),
    admin("POST /settings/members/invite", Before::Page, "email=invited-{number}@example.org&role=admin"),
    admin("POST /settings/members/{user}/role", Before::Page, "role=admin"),
    admin("POST /settings/members/{user}/remove", Before::Page, "x=1"),
    admin("POST /settings/members/invitations/{id}/revoke", Before::Page, "x=1"),
    admin("POST /settings/members/invitations/{id}/again", Before::Nothing, "x=1"),
    admin(
        "POST /settings/organisation",
        Before::Page,
        "name=Renamed {number}&default_days=30&maximum_days=60",
    ),
    admin("POST /settings/api-keys/generate", Before::Page, "label=Another&days=30"),
    admin("POST /settings/api-keys/{id}/rename", Before::Page, "label=Renamed"),
    admin("POST /settings/api-keys/{id}/rotate", Before::Page, "grace=0"),
    admin("POST /settings/api-keys/{id}/end-grace", Before::Page, "x=1"),
    admin("POST /settings/api-keys/{id}/revoke", Before::Page, "confirm=CI"),
    admin(
        "POST /settings/api-keys/generate/{method}",
        Before::Page,
        "label=Keyless&days=30&preset=github_actions&key_set={jwks}",
    ),
    admin(
        "POST /settings/api-keys/{id}/replace",
        Before::Page,
        "grace=0&preset=github_actions&key_set={jwks}",
    ),
    admin(
        "POST /settings/api-keys/{id}/authentication",
        Before::Page,
        "preset=github_actions&key_set={jwks}",
    ),
    admin("POST /settings/api-keys/{id}/renew", Before::Page, "x=1"),
    admin("POST /settings/api-keys/{id}/wait", Before::Nothing, "x=1"),
    admin("POST /settings/api-keys/{id}/attempts/{attempt}/allow", Before::Page, "x=1"),
    exempt("POST /settings/api-keys/{id}/check", "it judges a token and changes nothing"),
    #[cfg(feature = "passkeys")]
    exempt("POST /account/passkeys", "it takes an authenticator: the browser tests have one"),
    #[cfg(feature = "passkeys")]
    exempt("POST /account/passkeys/add", "it takes a host that has a name: the browser tests have one"),
    #[cfg(feature = "passkeys")]
    exempt("POST /account/passkeys/{id}/remove", "it takes an authenticator: the browser tests have one"),
];

/// Each field with what it needs; products are also an API key's.
pub(super) const MUTATIONS: &[(&str, Needs, &str)] = &[
    ("mutation createSubject", Needs::Membership, "createSubject(input: { name: \"Another\" }) { id }"),
    (
        "mutation updateSubject",
        Needs::Membership,
        "updateSubject(input: { id: \"{subject}\", name: \"Changed\" }) { id }",
    ),
    ("mutation deleteSubject", Needs::Membership, "deleteSubject(id: \"{subject}\")"),
    (
        "mutation upsertSimulationTarget",
        Needs::Membership,
        "upsertSimulationTarget(input: { subjectId: \"{subject}\", buildKey: \"b2\", name: \"n\", version: \"1\", environment: \"e\" }) { id }",
    ),
    (
        "mutation generateApiKey",
        Needs::Admin,
        "generateApiKey(input: { label: \"Another\" }) { clientId clientSecret combinedKey }",
    ),
    (
        "mutation rotateApiKey",
        Needs::Admin,
        "rotateApiKey(input: { id: \"{key}\" }) { clientId clientSecret }",
    ),
    (
        "mutation renameApiKey",
        Needs::Admin,
        "renameApiKey(input: { id: \"{key}\", label: \"Renamed\" }) { label }",
    ),
    (
        "mutation generateSecretlessApiKey",
        Needs::Admin,
        "generateSecretlessApiKey(input: { label: \"Keyless\", workloadIdentity: { preset: GITHUB_ACTIONS, keySet: {jwks_text} } }) { clientId }",
    ),
    (
        "mutation changeApiKeyAuthentication",
        Needs::Admin,
        "changeApiKeyAuthentication(input: { id: \"{waiting}\", workloadIdentity: { preset: GITHUB_ACTIONS, keySet: {jwks_text} } }) { clientId }",
    ),
    (
        "mutation replaceApiKeySecret",
        Needs::Admin,
        "replaceApiKeySecret(input: { id: \"{key}\", workloadIdentity: { preset: GITHUB_ACTIONS, keySet: {jwks_text} } }) { clientId }",
    ),
    ("mutation waitForFirstRun", Needs::Admin, "waitForFirstRun(id: \"{waiting}\") { clientId }"),
    (
        "mutation allowWorkload",
        Needs::Admin,
        "allowWorkload(input: { id: \"{waiting}\", attemptId: \"{attempt}\" }) { clientId }",
    ),
    ("mutation renewApiKey", Needs::Admin, "renewApiKey(input: { id: \"{waiting}\" }) { clientId }"),
    ("mutation endGrace", Needs::Admin, "endGrace(id: \"{grace_key}\") { id }"),
    ("mutation revokeApiKey", Needs::Admin, "revokeApiKey(id: \"{key}\")"),
];

/// Endpoints and grant types of the discovery document.
pub(super) const AUTHORIZATION_SERVER: &[Row] = &[
    change(
        "grant client_credentials",
        Credential::ClientSecret,
        Needs::Membership,
        Before::Nothing,
        "grant_type=client_credentials&client_id={key}&client_secret={client_secret}",
    ),
    change(
        "grant authorization_code",
        Credential::AuthorizationCode,
        Needs::Own,
        Before::Code,
        "{code_form}",
    ),
    change(
        "grant urn:ietf:params:oauth:grant-type:device_code",
        Credential::DeviceCode,
        Needs::Membership,
        Before::DeviceApproved,
        "grant_type=urn:ietf:params:oauth:grant-type:device_code&client_id=duku-cli&device_code={device_code}",
    ),
    change(
        "grant refresh_token",
        Credential::RefreshToken,
        Needs::Membership,
        Before::CommandLine,
        "grant_type=refresh_token&client_id=duku-cli&refresh_token={refresh_token}",
    ),
    change(
        "authorization_endpoint password",
        Credential::Password,
        Needs::Own,
        Before::Nothing,
        "email={email}&password={password}",
    ),
    change(
        "authorization_endpoint second factor",
        Credential::PendingSignIn,
        Needs::Own,
        Before::PasswordGiven,
        "code={code}",
    ),
    // No POST, but it begins a session.
    change("GET /login/callback", Credential::AuthorizationCode, Needs::Own, Before::CallbackAddress, ""),
    change(
        "revocation_endpoint key",
        Credential::ClientSecret,
        Needs::Membership,
        Before::Nothing,
        "token={key_token}&client_id={key}&client_secret={client_secret}",
    ),
    exempt(
        "grant urn:ietf:params:oauth:grant-type:jwt-bearer",
        "an exchange uses its token up: service::workloads and the torture of workloads take the key away meanwhile",
    ),
    exempt(
        "grant urn:ietf:params:oauth:grant-type:token-exchange",
        "an exchange uses its token up: service::workloads and the torture of workloads take the key away meanwhile",
    ),
    exempt("token_endpoint", "its grants have rows"),
    exempt("introspection_endpoint", "it changes nothing"),
    exempt("userinfo_endpoint", "it changes nothing"),
    exempt("end_session_endpoint", "it only gives up what the sender has"),
    exempt("device_authorization_endpoint", "any command line may ask; a person decides"),
];

/// Every change with every credential that may make it.
pub(super) fn changes() -> Vec<Change> {
    let mut all: Vec<Change> = VIEWPORT
        .iter()
        .chain(AUTHORIZATION_SERVER)
        .filter_map(|row| match row {
            Row::Change(change) => Some(*change),
            Row::Exempt { .. } => None,
        })
        .collect();
    for (name, needs, body) in MUTATIONS {
        let credentials: &[Credential] = match needs {
            Needs::Membership => &[Credential::KeyToken, Credential::PersonToken, Credential::Cookie],
            _ => &[Credential::PersonToken, Credential::Cookie],
        };
        all.extend(credentials.iter().map(|credential| Change {
            name,
            credential: *credential,
            needs: *needs,
            before: Before::Nothing,
            body,
        }));
    }
    all
}
