//! The pages of a sign-in. They work without a script, and their forms post to the very address that showed them.

use askama::Template;
use axum::body::Body;
use http::{Response, StatusCode, header};
use pages::Head;
use service::sign_in::SignInRefusal;

/// What went wrong at the last try, in words, and how the answer says it to programs.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    pub(super) text: String,
    retry_after_seconds: Option<u64>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self { status, text: text.into(), retry_after_seconds: None }
    }

    pub(super) fn too_many(seconds: u64) -> Self {
        let text = format!("Too many attempts. Wait {seconds} seconds, then try again.");
        Self { retry_after_seconds: Some(seconds), ..Self::new(StatusCode::TOO_MANY_REQUESTS, text) }
    }

    /// The words for a refusal; `wrong` for what does not fit together. A failure is not the person's, and comes back.
    pub(super) fn of(refusal: SignInRefusal, wrong: &str) -> Result<Self, service::Failure> {
        match refusal {
            SignInRefusal::Wrong => Ok(Self::new(StatusCode::UNAUTHORIZED, wrong)),
            SignInRefusal::TooManyAttempts(seconds) => Ok(Self::too_many(seconds)),
            SignInRefusal::Over => Ok(Self::new(
                StatusCode::UNAUTHORIZED,
                "That took too long, or was used already. Sign in again.",
            )),
            SignInRefusal::Failure(failure) => Err(failure),
        }
    }
}

/// Asks for address and password.
#[derive(Template)]
#[template(path = "sign-in.html")]
pub(super) struct SignInPage {
    pub(super) head: Head,
    pub(super) problem: Option<Problem>,
    /// What stands in the field for the address.
    pub(super) email: String,
    /// Whether somebody has signed in, at this address, and must only prove the password again.
    pub(super) known: bool,
    /// Where a forgotten password leads.
    pub(super) forgot: String,
}

/// Asks for the second factor.
#[derive(Template)]
#[template(path = "second-factor.html")]
pub(super) struct SecondFactorPage {
    pub(super) head: Head,
    pub(super) problem: Option<Problem>,
}

impl SignInPage {
    /// `origin` is where the form's answer may lead.
    pub(super) fn answer(&self, origin: &str) -> Response<Body> {
        answer(self, self.problem.as_ref(), origin)
    }
}

impl SecondFactorPage {
    pub(super) fn new(problem: Option<Problem>) -> Self {
        Self { head: Head::new("Second step"), problem }
    }

    pub(super) fn answer(&self, origin: &str) -> Response<Body> {
        answer(self, self.problem.as_ref(), origin)
    }
}

fn answer(page: &impl Template, problem: Option<&Problem>, origin: &str) -> Response<Body> {
    let status = problem.map_or(StatusCode::OK, |problem| problem.status);
    let mut response = pages::html_allowing(status, page, Some(origin));
    if let Some(seconds) = problem.and_then(|problem| problem.retry_after_seconds) {
        response.headers_mut().insert(header::RETRY_AFTER, web::retry_after(seconds));
    }
    response
}
