//! A person's own account: organisations, password, second factor, passkeys, sessions.

#[cfg(feature = "passkeys")]
pub(crate) mod passkeys;
pub(crate) mod password;
mod qr;
pub(crate) mod recovery_codes;
pub(crate) mod remove_second_factor;
pub(crate) mod second_factor;
pub(crate) mod sessions;

use crate::frame::{
    answer::Answer,
    page_context::{UserPage, show},
};
use domain::{Membership, Passkey, Session, SessionId};
use pages::{Chrome, Section};
use service::users::second_factor::SecondFactorStatus;

/// Where the account is.
pub(crate) const ACCOUNT: &str = "/account";

/// So few recovery codes are a reason to make new ones.
pub(crate) const FEW_CODES: i64 = 3;

#[derive(askama::Template)]
#[template(path = "account/show.html", blocks = ["content"])]
struct Account<'a> {
    chrome: Chrome,
    memberships: Vec<Membership>,
    second_factor: SecondFactorStatus,
    must_give_second_factor: bool,
    passkeys: Option<Vec<Passkey>>,
    sessions: Vec<Session>,
    /// The sign-in of this browser.
    root: &'a SessionId,
}

/// This build has no passkeys.
#[cfg(not(feature = "passkeys"))]
mod passkeys {
    #[expect(clippy::unused_async, reason = "as in builds that have them")]
    pub(super) async fn list(
        _: &super::UserPage,
    ) -> Result<Option<Vec<super::Passkey>>, http::Response<axum::body::Body>> {
        Ok(None)
    }
}

/// `GET /account`
pub(crate) async fn show(person: UserPage) -> Answer {
    let service = person.service();
    let memberships = person.outcome(service.users().memberships(&person.user).await)?;
    let page = Account {
        chrome: person.chrome_with("Account", Section::Account, None, Some(&memberships)).await?,
        memberships,
        second_factor: person.outcome(service.users().second_factor_status(&person.user).await)?,
        must_give_second_factor: person.user.must_give_second_factor,
        passkeys: passkeys::list(&person).await?,
        sessions: sessions::list(&person).await?,
        root: person.user.root(),
    };
    Ok(show!(person, page))
}

#[cfg(test)]
mod tests;
