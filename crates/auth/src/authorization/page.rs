//! The pages of a sign-in. They work without a script, and their forms post to the very address that showed them.

use askama::Template;
use axum::body::Body;
use http::{Response, StatusCode, header};
use pages::Head;
use service::users::sign_in::SignInRejection;

/// What went wrong at the last try, in words, and how the answer says it to programs.
#[derive(Debug)]
pub(super) struct FormError {
    pub(super) status: StatusCode,
    pub(super) text: String,
    retry_after_seconds: Option<u64>,
}

impl FormError {
    pub(super) fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self { status, text: text.into(), retry_after_seconds: None }
    }

    pub(super) fn too_many(seconds: u64) -> Self {
        let text = format!("Too many attempts. Wait {seconds} seconds, then try again.");
        Self { retry_after_seconds: Some(seconds), ..Self::new(StatusCode::TOO_MANY_REQUESTS, text) }
    }

    /// The words for a rejection; `wrong` for what does not fit together. A failure is not the person's, and comes back.
    pub(super) fn of(rejection: SignInRejection, wrong: &str) -> Result<Self, service::Error> {
        match rejection {
            SignInRejection::Wrong => Ok(Self::new(StatusCode::UNAUTHORIZED, wrong)),
            SignInRejection::TooManyAttempts(seconds) => Ok(Self::too_many(seconds)),
            SignInRejection::Over => Ok(Self::new(
                StatusCode::UNAUTHORIZED,
                "That took too long, or was used already. Sign in again.",
            )),
            SignInRejection::Error(error) => Err(error),
        }
    }
}

/// Asks for address and password.
#[derive(Template)]
#[template(path = "sign-in.html")]
pub(super) struct SignInPage {
    pub(super) head: Head,
    pub(super) form_error: Option<FormError>,
    /// What stands in the field for the address.
    pub(super) email: String,
    /// Whether somebody has signed in, at this address, and must only prove the password again.
    pub(super) known: bool,
    /// Where a forgotten password leads.
    pub(super) forgot: String,
    /// Where a sign-in with a passkey begins, if that is possible.
    pub(super) passkeys: Option<String>,
}

/// Asks for the second factor.
#[derive(Template)]
#[template(path = "second-factor.html")]
pub(super) struct SecondFactorPage {
    pub(super) head: Head,
    pub(super) form_error: Option<FormError>,
}

impl SignInPage {
    /// `origin` is where the form's answer may lead.
    pub(super) fn answer(&self, origin: &str) -> Response<Body> {
        answer(self, self.form_error.as_ref(), origin)
    }
}

impl SecondFactorPage {
    pub(super) fn new(form_error: Option<FormError>) -> Self {
        Self { head: Head::new("Second step"), form_error }
    }

    pub(super) fn answer(&self, origin: &str) -> Response<Body> {
        answer(self, self.form_error.as_ref(), origin)
    }
}

fn answer(page: &impl Template, form_error: Option<&FormError>, origin: &str) -> Response<Body> {
    let status = form_error.map_or(StatusCode::OK, |form_error| form_error.status);
    let mut response = pages::html(status, page);
    pages::allow_form_targets(&mut response, &[origin]);
    if let Some(seconds) = form_error.and_then(|form_error| form_error.retry_after_seconds) {
        response.headers_mut().insert(header::RETRY_AFTER, web::retry_after(seconds));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "\"><script>alert(1)</script>";

    fn rendered(page: &impl Template) -> String {
        let text = page.render().unwrap();
        assert!(text.starts_with("<!doctype html>") && text.contains("</html>"));
        assert!(!text.contains("<script>") && !text.contains("alert(1)<"), "{text}");
        text
    }

    fn sign_in(email: &str, known: bool, form_error: Option<FormError>) -> SignInPage {
        let forgot = format!("https://v.example/{email}");
        let passkeys = Some(format!("/{email}"));
        SignInPage { head: Head::new(email), form_error, email: email.to_owned(), known, forgot, passkeys }
    }

    fn hostile() -> FormError {
        FormError::new(StatusCode::UNAUTHORIZED, HOSTILE)
    }

    #[test]
    fn every_page_renders_and_escapes_what_it_was_given() {
        for known in [false, true] {
            rendered(&sign_in(HOSTILE, known, None));
            rendered(&sign_in(HOSTILE, known, Some(hostile())));
            rendered(&sign_in("", known, None));
        }
        rendered(&SecondFactorPage::new(None));
        rendered(&SecondFactorPage::new(Some(hostile())));
        rendered(&crate::logout::SignOutPage {
            head: Head::new(HOSTILE),
            email: Some(HOSTILE.to_owned()),
            viewport: HOSTILE.to_owned(),
        });
    }

    #[test]
    fn the_field_that_is_next_has_the_focus() {
        let focused = |page: &SignInPage| {
            let text = rendered(page);
            assert_eq!(text.matches(" autofocus").count(), 1, "{text}");
            let before = text.split(" autofocus").next().unwrap_or_default();
            before.rsplit_once('<').map(|(_, element)| element.chars().take(30).collect::<String>())
        };
        let begins =
            |page: &SignInPage, start: &str| assert!(focused(page).unwrap().starts_with(start), "{start}");
        begins(&sign_in("", false, None), "input id=\"email\"");
        begins(&sign_in("a@b.example", false, None), "input id=\"password\"");
        begins(&sign_in("a@b.example", true, None), "input id=\"password\"");
        begins(&sign_in("a@b.example", false, Some(hostile())), "div class=\"errors\"");
    }

    #[test]
    fn a_page_may_lead_to_one_origin_more_and_says_when_to_come_back() {
        let answer = sign_in("", false, Some(FormError::too_many(7))).answer("https://v.example");
        assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].to_str().unwrap()), (429, "7"));
        let policy = answer.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("form-action 'self' https://v.example;"), "{policy}");
    }
}
