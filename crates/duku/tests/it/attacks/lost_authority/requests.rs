//! The request of a row, put together from what the fixture knows.

use super::{
    fixture::Case,
    http::{Request, code_form},
    rows::{Before, Change, Credential},
};

impl Case {
    /// What people call it: the row and what shows the authority.
    pub(super) fn told(&self) -> String {
        let Change { name, credential, before, .. } = self.change;
        match credential {
            Credential::Invitation => format!("{name} ({before:?}) | {credential:?}"),
            _ => format!("{name} | {credential:?}"),
        }
    }

    pub(super) fn replaced(&self, text: &str) -> String {
        self.values
            .iter()
            .fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
    }

    /// The row's request.
    pub(super) fn request(&self) -> Request {
        let Change { name, body, credential, .. } = self.change;
        let request = if name.starts_with("mutation ") {
            Request::graphql(&format!("mutation {{ {} }}", self.replaced(body)))
        } else if let Some(callback) = self.values.get("callback") {
            Request::get(callback.clone())
        } else {
            let code = code_form(self.values.get("code").map_or("", String::as_str));
            let hidden = self.values.get("hidden").map_or("", String::as_str);
            let hidden: Vec<(String, String)> =
                url::form_urlencoded::parse(hidden.as_bytes()).into_owned().collect();
            let typed: Vec<(String, String)> = if body == "{code_form}" {
                code.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
            } else {
                let pairs = body.split('&').map(|pair| pair.split_once('=').unwrap());
                pairs.map(|(name, value)| (name.to_owned(), self.replaced(value))).collect()
            };
            let mut fields: Vec<(&str, &str)> =
                hidden.iter().map(|(name, value)| (&**name, &**value)).collect();
            fields.retain(|(hidden, _)| !typed.iter().any(|(name, _)| name == hidden));
            fields.extend(typed.iter().map(|(name, value)| (&**name, &**value)));
            Request::form(self.replaced(&self.change.target()), &fields)
        };
        match credential {
            Credential::KeyToken => {
                request.with("authorization", format!("Bearer {}", self.values["key_token"]))
            }
            Credential::PersonToken => {
                request.with("authorization", format!("Bearer {}", self.values["person_token"]))
            }
            Credential::Cookie | Credential::Password | Credential::PendingSignIn => {
                request.with("cookie", self.cookies.clone())
            }
            Credential::Invitation if self.change.before == Before::InvitedUser => {
                request.with("cookie", self.cookies.clone())
            }
            Credential::AuthorizationCode if self.values.contains_key("callback") => {
                request.with("cookie", self.cookies.clone())
            }
            _ => request,
        }
    }
}
