//! Forgotten passwords: asking for a link, and setting a new password by one.

use super::dead_link;
use crate::frame::{
    answer::{self, Answer},
    form::Posted,
    page_context::PageRequest,
};
use axum::{
    body::Body,
    extract::{Path, RawQuery},
};
use domain::LinkState;
use http::{Response, StatusCode};
use pages::{FormError, Head};
use service::users::passwords::ResetRejection;

#[derive(askama::Template)]
#[template(path = "entry/forgot.html")]
pub(super) struct Forgot {
    pub(super) head: Head,
    pub(super) email: String,
    /// Whose command it is, or an example.
    pub(super) command_email: String,
    pub(super) sends_mail: bool,
    pub(super) errors: FormError,
}

/// The address for a command that an operator is asked to paste: a link to the page, made by anybody, may name what a shell
/// would run.
fn for_shell(email: &str) -> &str {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '@' | '.' | '_' | '+' | '-');
    let usable = email.len() <= 254 && email.contains('@') && !email.starts_with('-');
    if usable && email.chars().all(plain) { email } else { "you@example.org" }
}

fn forgot(request: &PageRequest, email: &str, errors: FormError) -> Response<Body> {
    let status = errors.status();
    let page = Forgot {
        head: Head::new("Forgot your password?"),
        email: email.to_owned(),
        command_email: for_shell(email.trim()).to_owned(),
        sends_mail: request.service().operations().sends_mail(),
        errors,
    };
    pages::html(status, &page)
}

/// `GET /forgot`
pub(crate) async fn show_forgot(request: PageRequest, RawQuery(query): RawQuery) -> Answer {
    let query = query.unwrap_or_default();
    let asked = web::Form::parse(query.as_bytes()).ok();
    let email = asked.as_ref().and_then(|asked| asked.get("email")).unwrap_or_default();
    Ok(forgot(&request, email, FormError::default()))
}

/// `POST /forgot`: the answer does not tell whether there is such a person.
pub(crate) async fn request_reset_link(Posted(request, fields): Posted<PageRequest>) -> Answer {
    let email = fields.text("email");
    match request.service().users().request_password_reset(&request.ctx, email) {
        Ok(email) => {
            let text = format!(
                "If {email} is known here, a link to set a new password is on its way. It works once, for {} minutes.",
                request.service().policy().reset_lifetime_seconds / 60
            );
            request.service().mail_reset_link_later(&request.ctx, email);
            Ok(pages::message(StatusCode::OK, "Look into your mail", text)
                .link("Back to sign in", "/login")
                .respond())
        }
        Err(ResetRejection::Invalid(invalid)) => {
            Ok(forgot(&request, email, FormError::new("email", answer::sentence(&invalid.message))))
        }
        Err(ResetRejection::NoMail) => Ok(forgot(&request, email, FormError::default())),
        Err(ResetRejection::TooMany(seconds)) => Err(answer::too_many(seconds)),
    }
}

#[derive(askama::Template)]
#[template(path = "entry/reset.html")]
pub(super) struct Reset {
    pub(super) head: Head,
    pub(super) email: String,
    pub(super) minimum: usize,
    pub(super) errors: FormError,
}

fn reset(request: &PageRequest, email: &domain::Email, errors: FormError) -> Response<Body> {
    let status = errors.status();
    let page = Reset {
        head: Head::new("Set a new password"),
        email: email.as_str().to_owned(),
        minimum: request.service().policy().password_minimum,
        errors,
    };
    pages::html(status, &page)
}

async fn open(request: &PageRequest, code: &str) -> Result<domain::Email, Response<Body>> {
    let show_form = ("Ask for a new link", "/forgot");
    match request.outcome(request.service().users().find_reset_link(&request.ctx, code).await)? {
        LinkState::Open((_, email)) => Ok(email),
        LinkState::Used => Err(dead_link(
            "This link was used",
            "A new password was set with it, or a newer link took its place. If it was not you, ask for a new one now.",
            show_form,
        )),
        LinkState::Expired => {
            Err(dead_link("This link is too old", "Its time is over. Ask for a new one.", show_form))
        }
        LinkState::Unknown => Err(dead_link(
            "This link is not known",
            "It may not have been copied whole. Copy it again, or ask for a new one.",
            show_form,
        )),
    }
}

/// `GET /reset/{code}`
pub(crate) async fn show_reset(request: PageRequest, Path(code): Path<String>) -> Answer {
    let email = open(&request, &code).await?;
    Ok(reset(&request, &email, FormError::default()))
}

/// `POST /reset/{code}`
pub(crate) async fn set(Path(code): Path<String>, Posted(request, fields): Posted<PageRequest>) -> Answer {
    let email = open(&request, &code).await?;
    let set = request.service().users().reset_password(&request.ctx, &code, fields.text("password")).await;
    match set {
        Ok(email) => {
            let hint: String = url::form_urlencoded::byte_serialize(email.as_str().as_bytes()).collect();
            Ok(pages::message(
                StatusCode::OK,
                "Your new password is set",
                "Every session that was open with the former one has ended. Sign in with the new one.",
            )
            .link("Sign in", format!("/login?login_hint={hint}"))
            .respond())
        }
        Err(error) => Ok(reset(&request, &email, request.form_error(error)?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_to_paste_holds_nothing_that_a_shell_would_run() {
        for good in ["ada@example.org", "a.b+c_d-e@example.org"] {
            assert_eq!(for_shell(good), good);
        }
        let long = format!("{}@example.org", "a".repeat(300));
        for bad in [
            "",
            "ada",
            "a@b; rm -rf ~",
            "a@$(id)",
            "`id`@b",
            "'@b",
            "a@b|c",
            "--help@b",
            "a@b\nid",
            "ü@b",
            &long,
        ] {
            assert_eq!(for_shell(bad), "you@example.org", "{bad:?}");
        }
        let page = Forgot {
            head: Head::new(""),
            email: "x@y; id".to_owned(),
            command_email: for_shell("x@y; id").to_owned(),
            sends_mail: false,
            errors: FormError::default(),
        };
        let text = askama::Template::render(&page).unwrap();
        assert!(!text.contains("id<") && text.contains("reset-password you@example.org</pre>"), "{text}");
    }
}
