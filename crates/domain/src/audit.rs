//! The audit log: what is recorded, and the bytes that each entry's hash covers.

use crate::{EventId, Timestamp};

/// The chain that holds what concerns no single organisation, like signing keys.
pub const SYSTEM_CHAIN: &str = "system";

macro_rules! actions {
    ($($name:ident = $word:literal;)*) => {
        /// What happened.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[expect(missing_docs, reason = "each variant is spelled out by `as_str`")]
        pub enum Action {
            $($name),*
        }

        impl Action {
            /// Every action, in the order in which a list of them reads well.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The word in storage, in exports and in the API.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word),*
                }
            }
        }
    };
}

actions! {
    OrganisationCreated = "organisation.created";
    OrganisationRenamed = "organisation.renamed";
    KeyPolicyChanged = "organisation.key_policy_changed";
    SecondFactorPolicyChanged = "organisation.second_factor_policy_changed";
    SecretPolicyChanged = "organisation.secret_policy_changed";
    MemberInvited = "member.invited";
    InvitationRevoked = "member.invitation_revoked";
    MemberAdded = "member.added";
    MemberRoleChanged = "member.role_changed";
    MemberRemoved = "member.removed";
    ApiKeyGenerated = "api_key.generated";
    ApiKeyRenamed = "api_key.renamed";
    ApiKeyRotated = "api_key.rotated";
    ApiKeyGraceEnded = "api_key.grace_ended";
    ApiKeyIdentityChanged = "api_key.identity_changed";
    ApiKeySecretReplaced = "api_key.secret_replaced";
    ApiKeyRenewed = "api_key.renewed";
    ApiKeyRevoked = "api_key.revoked";
    AccessTokenRevoked = "access_token.revoked";
    DeadSecretSeen = "api_key.dead_secret_seen";
    PersonSignedIn = "person.signed_in";
    DeviceApproved = "person.device_approved";
    SessionEnded = "person.session_ended";
    RefreshTokenReused = "person.refresh_token_reused";
    PasswordSet = "person.password_set";
    ResetLinkMade = "person.reset_link_made";
    SecondFactorEnabled = "person.second_factor_enabled";
    SecondFactorDisabled = "person.second_factor_disabled";
    RecoveryCodeUsed = "person.recovery_code_used";
    RecoveryCodesReplaced = "person.recovery_codes_replaced";
    PasskeyAdded = "person.passkey_added";
    PasskeyRemoved = "person.passkey_removed";
    PasskeyUsed = "person.passkey_used";
    PersonTokenIssued = "person.token_issued";
    SubjectCreated = "subject.created";
    SubjectUpdated = "subject.updated";
    SubjectDeleted = "subject.deleted";
    TargetCreated = "target.created";
    TargetUpdated = "target.updated";
    TargetDeleted = "target.deleted";
    SigningKeyCreated = "signing_key.created";
    SigningKeyWithdrawn = "signing_key.withdrawn";
    DataBackedUp = "data.backed_up";
    DataRestored = "data.restored";
    AllAccessEnded = "data.all_access_ended";
}

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// What kind of actor.
    pub kind: ActorKind,
    /// Its id (`usr_…`, `key_…`), or the kind again where there is none.
    pub id: String,
    /// How people know it: an e-mail address, a label, an operating-system user.
    pub name: String,
}

words! {
    /// The kinds of actors, by their words in storage, in exports and in the API.
    pub enum ActorKind {
        /// Someone signed in.
        Person = "person",
        /// An API key.
        ApiKey = "api_key",
        /// Someone on the server's host, by `duku admin`.
        Operator = "operator",
        /// Duku itself.
        System = "system",
    }
}

/// Where a chain ends.
#[derive(Debug, Clone)]
pub struct AuditHead {
    /// The organisation's id, or `system`.
    pub chain: String,
    /// The last entry's number; 0 for a chain without entries.
    pub sequence: i64,
    /// The last entry's hash.
    pub hash: String,
    /// The MAC over chain, number and hash under the master key.
    pub seal: String,
}

/// Which entries to list.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Only this action.
    pub action: Option<String>,
    /// Only this object.
    pub object_id: Option<String>,
    /// Only what this actor did.
    pub actor_id: Option<String>,
}

/// One entry, before it has its place in a chain.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// Its id, `evt_…`.
    pub id: EventId,
    /// When it happened.
    pub at: Timestamp,
    /// Who did it.
    pub actor: Actor,
    /// What happened.
    pub action: Action,
    /// The id of what it happened to.
    pub object_id: String,
    /// How people know that object.
    pub object_name: String,
    /// Whatever else is worth knowing. Never a secret.
    pub details: serde_json::Value,
    /// Where it came from, if it came over the network.
    pub address: Option<String>,
}

/// One entry in its place. Words are kept as text so that a newer version's entries can still be read and verified.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of `NewEvent`, as stored")]
pub struct AuditEvent {
    pub id: String,
    /// The organisation's id, or [`SYSTEM_CHAIN`].
    pub chain: String,
    /// 1 for the chain's first entry, then without a gap.
    pub sequence: i64,
    pub at: Timestamp,
    pub actor_kind: String,
    pub actor_id: String,
    pub actor_name: String,
    pub action: String,
    pub object_id: String,
    pub object_name: String,
    /// JSON, as text.
    pub details: String,
    pub address: Option<String>,
    /// The hash of the entry before, in hex; 64 zeros for the first.
    pub previous_hash: String,
    /// SHA-256 of [`AuditEvent::covered_bytes`], in hex.
    pub hash: String,
}

/// What the first entry of a chain names as the hash before it.
pub const FIRST_PREVIOUS_HASH: &str = "0000000000000000000000000000000000000000000000000000000000000000";

impl AuditEvent {
    /// Gives `event` its place in `chain`; the hash is still empty.
    pub fn place(event: NewEvent, chain: &str, sequence: i64, previous_hash: String) -> Self {
        Self {
            id: event.id.as_str().to_owned(),
            chain: chain.to_owned(),
            sequence,
            at: event.at,
            actor_kind: event.actor.kind.as_str().to_owned(),
            actor_id: event.actor.id,
            actor_name: event.actor.name,
            action: event.action.as_str().to_owned(),
            object_id: event.object_id,
            object_name: event.object_name,
            details: event.details.to_string(),
            address: event.address,
            previous_hash,
            hash: String::new(),
        }
    }

    /// The bytes that the hash covers: a JSON array of every field but the hash, which anyone can rebuild from an export.
    pub fn covered_bytes(&self) -> Vec<u8> {
        serde_json::json!([
            "duku-audit-1",
            self.chain,
            self.sequence,
            self.id,
            self.at.ms(),
            self.actor_kind,
            self.actor_id,
            self.actor_name,
            self.action,
            self.object_id,
            self.object_name,
            self.details,
            self.address,
            self.previous_hash,
        ])
        .to_string()
        .into_bytes()
    }
}
