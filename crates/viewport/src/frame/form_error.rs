//! What a form says of a use case's rejection, and the password that some forms ask for again.

use crate::frame::{
    answer,
    form::Fields,
    page_context::{MemberPage, PageRequest, UserPage},
};
use axum::body::Body;
use http::{Response, StatusCode};
use pages::FormError;
use service::{Error, Rejection, users::sign_in::SignInRejection};

impl PageRequest {
    /// What a form says of a use case's rejection.
    pub(crate) fn form_error(&self, error: Error) -> Result<FormError, Response<Body>> {
        match error {
            Error::Rejection(Rejection::Invalid(invalid)) => {
                Ok(FormError::new(invalid.field, answer::sentence(&invalid.message)))
            }
            Error::Rejection(
                reject @ (Rejection::Conflict(_)
                | Rejection::TooMuchStored { .. }
                | Rejection::LimitReached { .. }),
            ) => Ok(FormError::new("", answer::sentence(&reject.message()))),
            other => Err(self.failed(&other)),
        }
    }
}

/// Asks for the password again where the last proof of it is too old for what a form does (10 minutes by default). Goes
/// on if the form brought the right one.
///
/// # Errors
/// The inner one is what the form has to say; the outer one a page of its own.
pub(crate) async fn confirm(
    context: &mut MemberPage,
    fields: &Fields,
) -> Result<Result<(), FormError>, Response<Body>> {
    let confirmed = confirm_user(&mut context.page, fields).await;
    if let Some(principal) = &context.user.principal {
        context.principal = principal.clone();
    }
    confirmed
}

/// The same for users in their own account, with or without an organisation.
pub(crate) async fn confirm_user(
    page: &mut UserPage,
    fields: &Fields,
) -> Result<Result<(), FormError>, Response<Body>> {
    if page.is_fresh() {
        return Ok(Ok(()));
    }
    let Some(password) = fields.filled("password") else {
        let text = "Your last sign-in was a while ago. Enter your password to go on.";
        return Ok(Err(FormError::new("password", text)));
    };
    let UserPage { request, user } = page;
    match request.service().users().reauthenticate(&request.ctx, user, password).await {
        Ok(()) => Ok(Ok(())),
        Err(rejection) => rejected(request, rejection).map(Err),
    }
}

/// What a form says of a password that was not right.
pub(crate) fn rejected(
    request: &PageRequest,
    rejection: SignInRejection,
) -> Result<FormError, Response<Body>> {
    rejected_at("password", request, rejection)
}

/// The same where the field that takes the present password has another name.
pub(crate) fn rejected_at(
    field: &'static str,
    request: &PageRequest,
    rejection: SignInRejection,
) -> Result<FormError, Response<Body>> {
    match rejection {
        SignInRejection::Wrong => Ok(FormError::new(field, "This is not your password.")),
        SignInRejection::TooManyAttempts(seconds) => {
            Ok(FormError::new(field, format!("Too many attempts. Wait {seconds} seconds, then try again.")))
        }
        SignInRejection::Over => {
            Err(pages::message(StatusCode::CONFLICT, "This sign-in is over", "Go back and begin again.")
                .respond())
        }
        SignInRejection::Error(error) => request.form_error(error),
    }
}
