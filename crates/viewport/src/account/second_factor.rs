//! The second factor: setting one up, and what there is to do once there is one.

use super::{
    FEW_CODES,
    qr::{QrPath, qr_path},
    recovery_codes,
};
use crate::frame::{
    answer::Answer,
    form::Posted,
    form_error,
    page_context::{UserPage, show},
};
use axum::body::Body;
use http::{Response, StatusCode};
use pages::{Chrome, FormError, Section};
use service::{Error, Rejection, users::second_factor::SecondFactorStatus};

/// Where all of this is.
pub(crate) const SECOND_FACTOR: &str = "/account/second-factor";

#[derive(askama::Template)]
#[template(path = "account/enrol.html", blocks = ["content"])]
pub(super) struct Enrol {
    pub(super) chrome: Chrome,
    /// The organisation that requires it, if one does.
    pub(super) required_by: String,
    pub(super) qr: Option<QrPath>,
    /// In groups of four.
    pub(super) secret: String,
}

#[derive(askama::Template)]
#[template(path = "account/second_factor.html", blocks = ["content"])]
pub(super) struct Enrolled {
    pub(super) chrome: Chrome,
    pub(super) status: SecondFactorStatus,
}

#[derive(askama::Template)]
#[template(path = "account/unproved.html", blocks = ["content"])]
pub(super) struct Unproved {
    pub(super) chrome: Chrome,
    pub(super) required_by: String,
}

/// The organisation that requires a second factor of the current user now; empty if none does.
fn required_by(person: &UserPage) -> String {
    let principal = person.user.principal.as_ref();
    principal
        .filter(|_| person.user.must_give_second_factor)
        .map_or_else(String::new, |principal| principal.organisation_name.clone())
}

/// A base32 text in groups of four, as it is read aloud and typed.
fn grouped(secret: &str) -> String {
    let characters: Vec<char> = secret.chars().collect();
    characters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

async fn enrol(person: &UserPage, errors: FormError) -> Answer {
    let begun = person.service().users().begin_second_factor(&person.ctx, &person.user).await;
    let enrolment = person.outcome(begun)?;
    let page = Enrol {
        chrome: person.form("Set up a second factor", Section::Account, errors).await?,
        required_by: required_by(person),
        qr: qr_path(&enrolment.uri),
        secret: grouped(&enrolment.secret),
    };
    Ok(show!(person, page))
}

/// The page of a person who has one.
pub(super) async fn enrolled(person: &UserPage, errors: FormError) -> Answer {
    let status = person.outcome(person.service().users().second_factor_status(&person.user).await)?;
    let page = Enrolled { chrome: person.form("Second factor", Section::Account, errors).await?, status };
    Ok(show!(person, page))
}

/// Whoever has a second factor but signed in without it, before it was set up, has to sign in with it first.
pub(super) async fn require_proof(person: &UserPage) -> Result<(), Response<Body>> {
    if !person.user.has_second_factor || person.user.session.second_factor_at.is_some() {
        return Ok(());
    }
    let page = Unproved {
        chrome: person.chrome("Second factor", Section::Account).await?,
        required_by: required_by(person),
    };
    Err(show!(person, StatusCode::FORBIDDEN, page))
}

/// `GET /account/second-factor`
pub(crate) async fn show(person: UserPage) -> Answer {
    require_proof(&person).await?;
    if person.user.has_second_factor {
        return enrolled(&person, FormError::default()).await;
    }
    enrol(&person, FormError::default()).await
}

/// `POST /account/second-factor`
pub(crate) async fn confirm(Posted(mut person, fields): Posted<UserPage>) -> Answer {
    require_proof(&person).await?;
    if person.user.has_second_factor {
        // The page with the codes was loaded again: they are shown once.
        return person.go(SECOND_FACTOR);
    }
    if let Err(errors) = form_error::confirm_user(&mut person, &fields).await? {
        return enrol(&person, errors).await;
    }
    let code = fields.text("code");
    let errors = match person.service().users().confirm_second_factor(&person.ctx, &person.user, code).await {
        Ok(codes) => return recovery_codes::show(&person, recovery_codes::Occasion::Enrolled, &codes).await,
        Err(Error::Rejection(Rejection::TooMany(seconds))) => {
            FormError::new("code", format!("Too many attempts. Wait {seconds} seconds, then try again."))
        }
        Err(error) => person.form_error(error)?,
    };
    enrol(&person, errors).await
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_secret_is_read_in_groups_of_four() {
        assert_eq!(super::grouped("JBSWY3DPEH"), "JBSW Y3DP EH");
        assert_eq!(super::grouped(""), "");
    }
}
