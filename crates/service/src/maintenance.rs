//! Work that no request asks for. Every node may do all of it: each job is safe to do twice.

use crate::{Ctx, Failure, Service};

/// A revoked token is remembered beyond its expiry, in case the clock that says so is set back.
const REVOCATION_SLACK_SECONDS: i64 = 86_400;
/// For how long links and forms that are over are remembered, in seconds: 30 days.
const KEPT_LINK_SECONDS: i64 = 30 * 86_400;

impl Service {
    /// What is due every minute: signing keys, expired revocations and sessions, warnings of expiry, the gauges of Active keys and of the last backup.
    ///
    /// # Errors
    /// The store fails; the next minute tries again.
    pub async fn every_minute(&self, ctx: &Ctx) -> Result<(), Failure> {
        self.keep_signing_keys(ctx).await?;
        let mut session = self.0.store.begin().await?;
        session.forget_expired_tokens(ctx.now.plus_seconds(-REVOCATION_SLACK_SECONDS)).await?;
        session.forget_expired_sessions(ctx.now).await?;
        session.forget_ceremonies(ctx.now).await?;
        session.commit().await?;
        self.warn_of_expiry(ctx).await?;
        let active = self.0.store.reader().await?.count_all_active_keys(ctx.now).await?;
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float, exact up to 2^53 keys")]
        metrics::gauge!("duku_active_keys").set(active as f64);
        if let Some(at) = crate::backups::last_backup(&self.0.store).await? {
            #[expect(clippy::cast_precision_loss, reason = "seconds of this age are exact in a float")]
            metrics::gauge!("duku_last_backup_timestamp_seconds").set(at.seconds() as f64);
        }
        Ok(())
    }

    /// What is due every day: use counters, links, codes and forms that nobody looks at any more, mail that cannot be sent.
    ///
    /// # Errors
    /// The store fails; the next day tries again.
    pub async fn every_day(&self, ctx: &Ctx) -> Result<(), Failure> {
        let days = self.0.policy.usage_days;
        let mut session = self.0.store.begin().await?;
        let forgotten =
            session.prune_usage(ctx.now.day() - days, ctx.now.plus_seconds(-days * 86_400)).await?;
        session.commit().await?;
        self.forget_what_is_over(ctx).await?;
        self.give_up_mail(ctx).await?;
        tracing::debug!(forgotten, "pruned use counters");
        Ok(())
    }

    /// What is over is remembered for a while, so that whoever comes with an old link or code is told what happened.
    async fn forget_what_is_over(&self, ctx: &Ctx) -> Result<(), Failure> {
        let mut session = self.0.store.begin().await?;
        session.forget_codes(ctx.now.plus_seconds(-86_400)).await?;
        session.forget_links(ctx.now.plus_seconds(-KEPT_LINK_SECONDS)).await?;
        session.forget_sent_forms(ctx.now.plus_seconds(-KEPT_LINK_SECONDS)).await?;
        Ok(session.commit().await?)
    }
}
