//! The ways to lose authority, and which of them concerns what.

use super::rows::{Credential, Needs};

/// How authority is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    KeyRevoked,
    /// A rotation that ends issued tokens.
    TokensEnded,
    /// The same, on Viewport's page.
    TokensEndedInViewport,
    /// RFC 7009.
    TokenRevoked,
    /// From another session of the person.
    SessionEnded,
    /// In the browser that holds the session.
    SignedOut,
    /// From another session of the person.
    PasswordChanged,
    MemberRemoved,
    AdminDemoted,
    SecondFactorRequired,
    SigningKeyWithdrawn,
}

impl Way {
    pub(super) const ALL: [Self; 11] = [
        Self::KeyRevoked,
        Self::TokensEnded,
        Self::TokensEndedInViewport,
        Self::TokenRevoked,
        Self::SessionEnded,
        Self::SignedOut,
        Self::PasswordChanged,
        Self::MemberRemoved,
        Self::AdminDemoted,
        Self::SecondFactorRequired,
        Self::SigningKeyWithdrawn,
    ];

    const fn concerns_a_key(self) -> bool {
        matches!(self, Self::KeyRevoked | Self::TokensEnded | Self::TokensEndedInViewport)
    }
}

/// Whether what was held before is worth nothing afterwards; otherwise why it stays good, in one word.
pub(super) fn applies(way: Way, credential: Credential, needs: Needs) -> Result<(), &'static str> {
    use Way::{
        AdminDemoted, MemberRemoved, PasswordChanged, SecondFactorRequired, SessionEnded, SignedOut,
        SigningKeyWithdrawn, TokenRevoked,
    };
    match credential {
        Credential::ClientSecret => match way {
            TokenRevoked | SigningKeyWithdrawn => Err("secret"),
            _ if way.concerns_a_key() => Ok(()),
            _ => Err("key"),
        },
        Credential::KeyToken => match way {
            TokenRevoked | SigningKeyWithdrawn => Ok(()),
            _ if way.concerns_a_key() => Ok(()),
            _ => Err("key"),
        },
        _ if way.concerns_a_key() => Err("person"),
        Credential::PersonToken => match way {
            AdminDemoted if needs != Needs::Admin => Err("role"),
            // Only API keys end their tokens one by one.
            TokenRevoked => Err("keys-only"),
            _ => Ok(()),
        },
        Credential::Cookie => match (way, needs) {
            (TokenRevoked | SigningKeyWithdrawn, _) => Err("cookie"),
            (SessionEnded | SignedOut | PasswordChanged, _)
            | (MemberRemoved, Needs::Membership | Needs::Admin | Needs::Switch)
            | (SecondFactorRequired, Needs::Membership | Needs::Admin)
            | (AdminDemoted, Needs::Admin) => Ok(()),
            (AdminDemoted, _) => Err("role"),
            _ => Err("own"),
        },
        // Both lead to a session of the person's own, whatever the person belongs to.
        Credential::AuthorizationCode => match way {
            SessionEnded | SignedOut | PasswordChanged => Ok(()),
            TokenRevoked | SigningKeyWithdrawn => Err("unissued"),
            _ => Err("own"),
        },
        // Tokens of a command line are the organisation's, as the person was when it was approved. Without the second
        // factor that is newly required they are issued, and rejected wherever they are shown.
        Credential::DeviceCode | Credential::RefreshToken => match way {
            SessionEnded | PasswordChanged | MemberRemoved => Ok(()),
            SignedOut => Err("independent"),
            AdminDemoted => Err("role"),
            SecondFactorRequired => Err("refused-later"),
            _ => Err("unissued"),
        },
        Credential::Password => match way {
            PasswordChanged => Ok(()),
            SessionEnded | SignedOut => Err("proof"),
            _ => Err("own"),
        },
        Credential::PendingSignIn => match way {
            PasswordChanged => Ok(()),
            SessionEnded | SignedOut => Err("pending"),
            _ => Err("own"),
        },
        Credential::ResetLink => match way {
            PasswordChanged => Ok(()),
            SessionEnded | SignedOut => Err("mailbox"),
            _ => Err("own"),
        },
        // An invitation stands for the Admin's authority over the organisation, not for a session.
        Credential::Invitation => match way {
            MemberRemoved | AdminDemoted => Ok(()),
            _ => Err("made"),
        },
    }
}
