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
use domain::Membership;
use pages::{Chrome, Section, Time};
use sessions::SessionRow;

/// Where the account is.
pub(crate) const ACCOUNT: &str = "/account";

/// So few recovery codes are a reason to make new ones.
pub(crate) const FEW_CODES: i64 = 3;

/// An organisation that the person belongs to.
struct Organisation {
    id: String,
    name: String,
    role: domain::Role,
    is_current: bool,
}

#[derive(askama::Template)]
#[template(path = "account/show.html", blocks = ["content"])]
struct Account {
    chrome: Chrome,
    email: String,
    organisations: Vec<Organisation>,
    second_factor: Option<Time>,
    must_give_second_factor: bool,
    recovery_codes: i64,
    passkeys: Option<Vec<PasskeyRow>>,
    sessions: Vec<SessionRow>,
}

/// A passkey of the person.
#[cfg_attr(not(feature = "passkeys"), allow(dead_code, reason = "this build has none to show"))]
struct PasskeyRow {
    id: String,
    name: String,
    added: Time,
    used: Option<Time>,
}

/// This build has no passkeys.
#[cfg(not(feature = "passkeys"))]
mod passkeys {
    #[expect(clippy::unused_async, reason = "as in builds that have them")]
    pub(super) async fn rows(
        _: &super::UserPage,
    ) -> Result<Option<Vec<super::PasskeyRow>>, http::Response<axum::body::Body>> {
        Ok(None)
    }
}

fn organisations(memberships: &[Membership], person: &UserPage) -> Vec<Organisation> {
    let current = person.user.principal.as_ref().map(|principal| &principal.organisation_id);
    let known = memberships.iter().map(|one| Organisation {
        is_current: current == Some(&one.organisation_id),
        id: one.organisation_id.as_str().to_owned(),
        name: one.organisation_name.clone(),
        role: one.role,
    });
    known.collect()
}

/// `GET /account`
pub(crate) async fn show(person: UserPage) -> Answer {
    let service = person.service();
    let memberships = person.outcome(service.users().memberships(&person.user).await)?;
    let status = person.outcome(service.users().second_factor_status(&person.user).await)?;
    let page = Account {
        chrome: person.chrome_with("Account", Section::Account, None, Some(&memberships)).await?,
        email: person.user.email.as_str().to_owned(),
        organisations: organisations(&memberships, &person),
        second_factor: status.since.map(pages::date),
        must_give_second_factor: person.user.must_give_second_factor,
        recovery_codes: status.recovery_codes,
        passkeys: passkeys::rows(&person).await?,
        sessions: sessions::rows(&person).await?,
    };
    Ok(show!(person, page))
}

#[cfg(test)]
mod tests;
