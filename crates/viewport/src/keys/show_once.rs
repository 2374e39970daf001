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
    pub(super) generated: &'a GeneratedKey,
    pub(super) combined: &'a str,
    pub(super) grace: Option<Time>,
    pub(super) token_url: String,
    pub(super) graphql_url: &'a str,
}

pub(crate) async fn show(context: &MemberPage, occasion: Occasion, generated: &GeneratedKey) -> Answer {
    let key = &generated.key;
    let combined = zeroize::Zeroizing::new(generated.combined());
    let title = match occasion {
        Occasion::Generated => format!("{} is ready", key.label),
        Occasion::Rotated => format!("{} has a new secret", key.label),
    };
    let policy = context.service().policy();
    let page = ShownOnce {
        chrome: context.chrome(title, Section::ApiKeys).await?,
        occasion,
        generated,
        combined: &combined,
        grace: key.running_grace(context.ctx.now).map(|grace| pages::moment(&grace.until)),
        token_url: context.viewport.protocol("token"),
        graphql_url: &policy.audience,
    };
    Ok(show!(context, page))
}

#[derive(askama::Template)]
#[template(path = "keys/sent_before.html", blocks = ["content"])]
pub(super) struct SentBefore<'a> {
    pub(super) chrome: Chrome,
    pub(super) id: &'a str,
}

/// A form that came twice was carried out once, and its secret went to the first answer.
pub(crate) async fn sent_before(context: &MemberPage, id: &str) -> Answer {
    let page = SentBefore { chrome: context.chrome("This was done already", Section::ApiKeys).await?, id };
    Ok(show!(context, StatusCode::CONFLICT, page))
}
