//! Whole pages that say one thing: what happened, and what to do now.

use crate::answer::html;
use crate::chrome::Head;
use askama::Template;
use axum::body::Body;
use http::{Response, StatusCode};

/// A page with a title, a sentence, and at most one way on.
#[derive(Debug, Clone, Template)]
#[template(path = "message.html")]
#[must_use]
pub struct Message {
    head: Head,
    status: StatusCode,
    title: String,
    text: String,
    link: Option<(String, String)>,
    request_id: Option<String>,
}

/// A page that says one thing.
pub fn message(status: StatusCode, title: impl Into<String>, text: impl Into<String>) -> Message {
    let title = title.into();
    Message { head: Head::new(title.clone()), status, title, text: text.into(), link: None, request_id: None }
}

/// The usual words for a status, when there is nothing better to say.
pub fn message_for(status: StatusCode) -> Message {
    let (title, text) = match status {
        StatusCode::NOT_FOUND => {
            ("Page not found", "The address may be mistyped, or what it led to is gone.")
        }
        StatusCode::METHOD_NOT_ALLOWED => {
            ("That cannot be done here", "Go back and use the page's own buttons; nothing was changed.")
        }
        StatusCode::TOO_MANY_REQUESTS => ("Too many attempts", "Wait a minute, then try again."),
        StatusCode::SERVICE_UNAVAILABLE => (
            "Back in a moment",
            "Duku cannot reach its data right now. Nothing was changed; try again shortly.",
        ),
        status if status.is_server_error() => (
            "Something went wrong",
            "It is not your fault, and it has been logged. Try again; if it stays, tell us the request below.",
        ),
        _ => ("That did not work", "Go back, look at what you entered, and try again."),
    };
    message(status, title, text)
}

impl Message {
    /// A way on, shown as a button.
    pub fn link(mut self, label: impl Into<String>, href: impl Into<String>) -> Self {
        self.link = Some((label.into(), href.into()));
        self
    }

    /// The name under which the logs know the request.
    pub fn request_id(mut self, id: impl Into<String>) -> Self {
        self.request_id = Some(id.into());
        self
    }

    /// The page as an answer.
    pub fn respond(&self) -> Response<Body> {
        html(self.status, self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_says_what_happened_and_where_to_go() {
        let page = message_for(StatusCode::NOT_FOUND).link("Sign in", "/login").request_id("01jd<x>");
        let text = page.render().unwrap();
        assert!(text.contains("<h1>Page not found</h1>"));
        assert!(text.contains("href=\"/login\""));
        assert!(text.contains("01jd&#60;x&#62;"));
        assert_eq!(page.respond().status(), 404);
    }

    #[test]
    fn every_status_has_words() {
        for code in 400..600 {
            let status = StatusCode::from_u16(code).unwrap();
            assert!(!message_for(status).title.is_empty());
        }
    }
}
