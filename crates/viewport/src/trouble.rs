//! What a form says about itself when it has to be sent again: everything that was typed stays.

use crate::{
    answer,
    form::Fields,
    visit::{Person, Request, Visit},
};
use axum::body::Body;
use http::{Response, StatusCode};
use service::{Failure, Reject, Visitor, sign_in::SignInRefusal};

/// One thing that is wrong with a form.
#[derive(Debug, Default)]
pub(crate) struct Trouble {
    /// The field that it is about, as the form names it.
    pub(crate) field: &'static str,
    pub(crate) text: String,
}

impl Trouble {
    pub(crate) fn new(field: &'static str, text: impl Into<String>) -> Self {
        Self { field, text: text.into() }
    }

    /// What is wrong with a field; empty if nothing is.
    pub(crate) fn of(&self, field: &str) -> &str {
        if self.field == field { &self.text } else { "" }
    }

    pub(crate) fn is_some(&self) -> bool {
        !self.text.is_empty()
    }

    /// The words of a use case that a form can show; its failure otherwise.
    pub(crate) fn from(failure: Failure) -> Result<Self, Failure> {
        match failure {
            Failure::Reject(Reject::Invalid(invalid)) => {
                Ok(Self::new(invalid.field, answer::sentence(&invalid.message)))
            }
            Failure::Reject(reject @ (Reject::Conflict(_) | Reject::TooMuchStored { .. })) => {
                Ok(Self::new("", answer::sentence(&reject.message())))
            }
            other => Err(other),
        }
    }
}

/// Asks for the password again where the last proof of it is too old for what a form does (10 minutes by default). Goes
/// on if the form brought the right one.
///
/// # Errors
/// The inner one is what the form has to say; the outer one a page of its own.
pub(crate) async fn confirm(
    visit: &mut Visit,
    fields: &Fields,
) -> Result<Result<(), Trouble>, Response<Body>> {
    let confirmed = confirm_visitor(&visit.request.clone(), &mut visit.visitor, fields).await;
    if let Some(principal) = &visit.visitor.principal {
        visit.principal = principal.clone();
    }
    confirmed
}

/// The same for a person in their own account, with or without an organisation.
///
/// # Errors
/// As [`confirm`].
pub(crate) async fn confirm_person(
    person: &mut Person,
    fields: &Fields,
) -> Result<Result<(), Trouble>, Response<Body>> {
    confirm_visitor(&person.request.clone(), &mut person.visitor, fields).await
}

async fn confirm_visitor(
    request: &Request,
    visitor: &mut Visitor,
    fields: &Fields,
) -> Result<Result<(), Trouble>, Response<Body>> {
    if request.is_fresh(visitor) {
        return Ok(Ok(()));
    }
    let Some(password) = fields.filled("password") else {
        let text = "Your last sign-in was a while ago. Enter your password to go on.";
        return Ok(Err(Trouble::new("password", text)));
    };
    match request.service().reauthenticate(&request.ctx, visitor, password).await {
        Ok(()) => Ok(Ok(())),
        Err(refusal) => refused(request, refusal).map(Err),
    }
}

/// What a form says of a password that was not right.
///
/// # Errors
/// The refusal needs a page of its own.
pub(crate) fn refused(request: &Request, refusal: SignInRefusal) -> Result<Trouble, Response<Body>> {
    refused_at("password", request, refusal)
}

/// The same where the field that takes the present password has another name.
///
/// # Errors
/// The refusal needs a page of its own.
pub(crate) fn refused_at(
    field: &'static str,
    request: &Request,
    refusal: SignInRefusal,
) -> Result<Trouble, Response<Body>> {
    match refusal {
        SignInRefusal::Wrong => Ok(Trouble::new(field, "This is not your password.")),
        SignInRefusal::TooManyAttempts(seconds) => {
            Ok(Trouble::new(field, format!("Too many attempts. Wait {seconds} seconds, then try again.")))
        }
        SignInRefusal::Over => {
            Err(answer::message(StatusCode::CONFLICT, "This sign-in is over", "Go back and begin again."))
        }
        SignInRefusal::Failure(failure) => Trouble::from(failure).map_err(|failure| request.failed(&failure)),
    }
}

/// The status of a page with a form: 422 if something is wrong with what was sent.
pub(crate) fn status(trouble: &Trouble) -> StatusCode {
    if trouble.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK }
}
