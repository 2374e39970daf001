//! Work that no request asks for. Every node may do all of it: each job is safe to do twice.

use crate::{Ctx, Failure, Service};

/// A revoked token is remembered beyond its expiry, in case the clock that says so is set back.
const REVOCATION_SLACK_SECONDS: i64 = 86_400;

impl Service {
    /// What is due every minute: signing keys, quiet clients, expired revocations, the gauge of Active keys.
    ///
    /// # Errors
    /// The store fails; the next minute tries again.
    pub async fn every_minute(&self, ctx: &Ctx) -> Result<(), Failure> {
        self.0.limits.forget_quiet();
        self.keep_signing_keys(ctx).await?;
        let mut session = self.0.store.begin().await?;
        session.forget_expired_tokens(ctx.now.plus_seconds(-REVOCATION_SLACK_SECONDS)).await?;
        session.commit().await?;
        let active = self.0.store.reader().await?.count_all_active_keys(ctx.now).await?;
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float, exact up to 2^53 keys")]
        metrics::gauge!("duku_active_keys").set(active as f64);
        Ok(())
    }

    /// What is due every day: use counters that nobody looks at any more.
    ///
    /// # Errors
    /// The store fails; the next day tries again.
    pub async fn every_day(&self, ctx: &Ctx) -> Result<(), Failure> {
        let days = self.0.policy.usage_days;
        let mut session = self.0.store.begin().await?;
        let forgotten =
            session.prune_usage(ctx.now.day() - days, ctx.now.plus_seconds(-days * 86_400)).await?;
        session.commit().await?;
        tracing::debug!(forgotten, "pruned use counters");
        Ok(())
    }
}
