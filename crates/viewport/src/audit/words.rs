//! What happened, in words.

use domain::audit::Action;

/// How an action reads.
pub(super) struct Words {
    /// What it is called in the filter.
    pub(super) name: &'static str,
    /// Between who did it and what it was done to.
    pub(super) did: &'static str,
    /// Instead of both, where somebody did it to themselves; empty if that says nothing more.
    pub(super) own: &'static str,
}

const fn words(name: &'static str, did: &'static str, own: &'static str) -> Words {
    Words { name, did, own }
}

/// An action of a newer version is shown by its own word.
const UNKNOWN: Words = words("", "", "");

pub(super) fn of(action: &str) -> Words {
    let known = Action::ALL.iter().find(|known| known.as_str() == action);
    known.map_or(UNKNOWN, |action| of_known(*action))
}

fn of_known(action: Action) -> Words {
    match action {
        Action::OrganisationCreated => words("Organisation created", "created the organisation", ""),
        Action::OrganisationRenamed => words("Organisation renamed", "renamed the organisation to", ""),
        Action::KeyPolicyChanged => words("Key lifetimes changed", "changed the key lifetimes of", ""),
        Action::SecondFactorPolicyChanged => {
            words("Second factor rule changed", "changed the second factor rule of", "")
        }
        Action::SecretPolicyChanged => {
            words("Rule for secrets changed", "changed the rule for secrets of", "")
        }
        Action::MemberInvited => words("Person invited", "invited", ""),
        Action::InvitationRevoked => words("Invitation taken back", "took back the invitation of", ""),
        Action::MemberAdded => words("Member added", "added", "joined"),
        Action::MemberRoleChanged => words("Role changed", "changed the role of", "changed their own role"),
        Action::MemberRemoved => words("Member removed", "removed", "left"),
        Action::ApiKeyGenerated => words("API key generated", "generated the API key", ""),
        Action::ApiKeyRenamed => words("API key renamed", "renamed the API key to", ""),
        Action::ApiKeyRotated => words("API key rotated", "rotated the API key", ""),
        Action::ApiKeyGraceEnded => words("Grace ended", "ended the grace of the API key", ""),
        Action::ApiKeyIdentityChanged => {
            words("Authentication changed", "changed what is accepted for the API key", "")
        }
        Action::ApiKeySecretReplaced => words("Secret replaced", "replaced the secret of the API key", ""),
        Action::ApiKeyRenewed => words("API key renewed", "renewed the API key", ""),
        Action::ApiKeyRevoked => words("API key revoked", "revoked the API key", ""),
        Action::AccessTokenRevoked => {
            words("Access token ended", "ended an access token of", "ended an access token")
        }
        Action::DeadSecretSeen => words("Former secret seen", "rejected a former secret of", ""),
        Action::PersonSignedIn => words("Signed in", "signed in as", "signed in"),
        Action::DeviceApproved => words("Command line approved", "approved the command line", ""),
        Action::SessionEnded => words("Session ended", "ended a session of", "ended a session"),
        Action::RefreshTokenReused => words(
            "Refresh token used twice",
            "ended a session whose refresh token was used twice:",
            "lost a session, because its refresh token was used twice",
        ),
        Action::PasswordSet => words("Password set", "set the password of", "set a new password"),
        Action::ResetLinkMade => {
            words("Reset link made", "made a reset link for", "was sent a link to set a new password")
        }
        Action::SecondFactorEnabled => {
            words("Second factor set up", "set up a second factor for", "set up a second factor")
        }
        Action::SecondFactorDisabled => words(
            "Second factor taken away",
            "took away the second factor of",
            "took away their second factor",
        ),
        Action::RecoveryCodeUsed => {
            words("Recovery code used", "used a recovery code of", "used a recovery code")
        }
        Action::RecoveryCodesReplaced => {
            words("Recovery codes replaced", "replaced the recovery codes of", "made new recovery codes")
        }
        Action::PasskeyAdded => words("Passkey added", "added a passkey for", "added a passkey"),
        Action::PasskeyRemoved => words("Passkey removed", "removed a passkey of", "removed a passkey"),
        Action::PasskeyUsed => words("Passkey used", "used a passkey of", "signed in with a passkey"),
        Action::PersonTokenIssued => words(
            "Access token issued",
            "issued an access token for",
            "issued an access token for themselves",
        ),
        Action::SubjectCreated => words("Product added", "added the product", ""),
        Action::SubjectUpdated => words("Product changed", "changed the product", ""),
        Action::SubjectDeleted => words("Product deleted", "deleted the product", ""),
        Action::TargetCreated => words("Target added", "added the target", ""),
        Action::TargetUpdated => words("Target changed", "changed the target", ""),
        Action::TargetDeleted => words("Target deleted", "deleted the target", ""),
        Action::SigningKeyCreated => words("Signing key created", "created the signing key", ""),
        Action::SigningKeyWithdrawn => words("Signing key withdrawn", "withdrew the signing key", ""),
        Action::DataBackedUp => words("Backup made", "made a backup of the data:", ""),
        Action::DataRestored => words("Backup restored", "restored the data from a backup:", ""),
        Action::AllAccessEnded => words("All access ended", "ended every session, token and link of", ""),
    }
}

/// Actions of one kind, for the filter.
pub(crate) struct Group {
    pub(crate) name: &'static str,
    /// Word, name, and whether it is filtered by.
    pub(crate) actions: Vec<(&'static str, &'static str, bool)>,
}

/// The groups by the first part of the actions' words. Signing keys and backups belong to no organisation's log.
const GROUPS: [(&str, &[&str]); 5] = [
    ("API keys", &["api_key", "access_token"]),
    ("Members", &["member"]),
    ("Organisation", &["organisation"]),
    ("People", &["person"]),
    ("Products and targets", &["subject", "target"]),
];

/// Everything that can be filtered by.
pub(super) fn groups(chosen: Option<&str>) -> Vec<Group> {
    let of_kinds = |kinds: &[&str]| {
        let own = Action::ALL.iter().filter(|action| {
            let kind = action.as_str().split('.').next().unwrap_or_default();
            kinds.contains(&kind)
        });
        own.map(|action| (action.as_str(), of_known(*action).name, chosen == Some(action.as_str()))).collect()
    };
    GROUPS.iter().map(|(name, kinds)| Group { name, actions: of_kinds(kinds) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_of_an_organisation_can_be_filtered_by_once() {
        let mut offered: Vec<_> =
            groups(None).iter().flat_map(|group| group.actions.clone()).map(|action| action.0).collect();
        offered.sort_unstable();
        let mut all: Vec<_> = Action::ALL.iter().map(|action| action.as_str()).collect();
        all.retain(|word| !word.starts_with("signing_key.") && !word.starts_with("data."));
        all.sort_unstable();
        assert_eq!(offered, all);
    }

    #[test]
    fn names_tell_actions_apart() {
        let mut names: Vec<_> = Action::ALL.iter().map(|action| of_known(*action).name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Action::ALL.len());
    }
}
