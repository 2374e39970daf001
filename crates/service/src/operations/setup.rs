//! The first start: a one-time link with which somebody makes the first organisation and becomes its Admin.

use crate::{OpaqueToken, Operations, Rejection, RequestContext, Result};
use domain::{LinkPurpose, LinkState, Organisation};
use zeroize::Zeroizing;

impl Operations<'_> {
    /// Makes a setup link if there is no organisation yet; earlier ones work no more.
    pub async fn make_setup_link(self, ctx: &RequestContext) -> Result<Option<Zeroizing<String>>> {
        let mut transaction = self.0.store.begin().await?;
        transaction.lock_setup().await?;
        if transaction.count_organisations().await? > 0 {
            return Ok(None);
        }
        let link = OpaqueToken::generate(self.0.entropy());
        transaction.consume_setup_links(ctx.now).await?;
        let expires_at = ctx.now.plus_seconds(self.0.policy.setup_lifetime_seconds);
        transaction.insert_setup_link(link.digest(), ctx.now, expires_at).await?;
        transaction.commit().await?;
        Ok(Some(self.0.link("setup", &link)))
    }

    /// Whether there is no organisation yet, so that nobody can sign in.
    pub async fn needs_setup(self) -> Result<bool> {
        Ok(self.0.store.reader().await?.organisations(None, 1).await?.is_empty())
    }

    /// Whether a setup link can be used.
    pub async fn find_setup_link(self, ctx: &RequestContext, link: &str) -> Result<LinkState<()>> {
        let mut reader = self.0.store.reader().await?;
        let Some(found) = reader.find_link(jose::digest(link), LinkPurpose::Setup).await? else {
            return Ok(LinkState::Unknown);
        };
        Ok(found.setup(reader.count_organisations().await? > 0, ctx.now))
    }

    /// Makes the first organisation with its Admin, by a setup link, which works once.
    ///
    /// # Errors
    /// The link does not work (any more), an input is wrong, or the store fails.
    pub async fn set_up(
        self,
        ctx: &RequestContext,
        link: &str,
        organisation: &str,
        email: &str,
        password: &str,
    ) -> Result<Organisation> {
        let over = || Rejection::Conflict("this setup link has been used or is too old".into());
        if !matches!(self.find_setup_link(ctx, link).await?, LinkState::Open(())) {
            return Err(over().into());
        }
        let mut draft =
            self.0.organisations().draft_organisation(ctx, organisation, email, Some(password)).await?;
        draft.by_setup_link();
        let mut transaction = self.0.store.begin().await?;
        transaction.lock_setup().await?;
        if !transaction.consume_setup_link(jose::digest(link), ctx.now).await?
            || transaction.count_organisations().await? > 0
        {
            return Err(over().into());
        }
        self.0.organisations().insert_draft(transaction, ctx, &draft).await?;
        Ok(draft.organisation)
    }
}
