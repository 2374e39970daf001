//! The one page that shows a secret, after a key was generated or rotated.

use crate::frame::{
    answer::Answer,
    page_context::{MemberPage, show},
};
use http::StatusCode;
use pages::{Chrome, Section, Time};
use service::keys::GeneratedKey;

/// Why there is a secret to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Occasion {
    Generated,
    Rotated,
}

#[derive(askama::Template)]
#[template(path = "keys/once.html", blocks = ["content"])]
pub(super) struct ShownOnce<'a> {
    pub(super) chrome: Chrome,
    pub(super) occasion: Occasion,
    pub(super) id: &'a str,
    pub(super) label: &'a str,
    pub(super) secret: &'a str,
    pub(super) combined: &'a str,
    pub(super) expires: Time,
    pub(super) grace: Option<Time>,
    pub(super) token_url: String,
    pub(super) graphql_url: &'a str,
    /// Milliseconds: only a use from here on is the first one.
    pub(super) since: i64,
}

pub(crate) async fn show(context: &MemberPage, occasion: Occasion, generated: &GeneratedKey) -> Answer {
    let GeneratedKey { key, secret } = generated;
    let combined = zeroize::Zeroizing::new(generated.combined());
    let title = match occasion {
        Occasion::Generated => format!("{} is ready", key.label),
        Occasion::Rotated => format!("{} has a new secret", key.label),
    };
    let policy = context.service().policy();
    let page = ShownOnce {
        chrome: context.chrome(title, Section::ApiKeys).await?,
        occasion,
        id: key.id.as_str(),
        label: key.label.as_str(),
        secret: secret.expose(),
        combined: &combined,
        expires: pages::date(key.expires_at),
        grace: key.running_grace(context.ctx.now).map(|grace| pages::moment(grace.until)),
        token_url: context.viewport.protocol("token"),
        graphql_url: &policy.audience,
        since: context.ctx.now.ms(),
    };
    Ok(show!(context, page))
}

#[derive(askama::Template)]
#[template(path = "keys/sent_before.html", blocks = ["content"])]
pub(super) struct SentBefore {
    pub(super) chrome: Chrome,
    pub(super) id: String,
}

/// A form that came twice was carried out once, and its secret went to the first answer.
pub(crate) async fn sent_before(context: &MemberPage, id: &str) -> Answer {
    let page = SentBefore {
        chrome: context.chrome("This was done already", Section::ApiKeys).await?,
        id: id.to_owned(),
    };
    Ok(show!(context, StatusCode::CONFLICT, page))
}
