//! Work that no request asks for. Every node may do all of it: each job is safe to do twice.
//!
//! What cannot be undone is done only while the clock is confirmed (see `clock`), and in batches, so that requests get
//! their turn in between.

use crate::{Error, Operations, RequestContext, Result};
use domain::Timestamp;
use std::time::Duration;
use store::{DayPosition, Outdated, SourcePosition};

/// A revoked token and a used assertion are remembered beyond their expiry, in case the clock that says so is set back.
const REVOCATION_SLACK_SECONDS: i64 = 86_400;
/// For how long links and forms that are over are remembered, so that whoever comes with one is told what happened.
const KEPT_LINK_SECONDS: i64 = 30 * 86_400;
/// The same for codes.
const KEPT_CODE_SECONDS: i64 = 86_400;
/// How many rows one transaction forgets, or looks at.
const BATCH: i64 = 500;
/// Between two batches others may write.
const PAUSE: Duration = Duration::from_millis(5);

/// Runs jobs one after the other; one that fails hinders no other. The first failure is the outcome.
#[derive(Default)]
struct Jobs(Option<Error>);

impl Jobs {
    fn note<T>(&mut self, outcome: Result<T>) {
        if let Err(error) = outcome {
            self.0.get_or_insert(error);
        }
    }

    fn outcome(self) -> Result<()> {
        self.0.map_or(Ok(()), Err)
    }
}

impl Operations<'_> {
    /// What is due every minute: signing keys, what has expired, warnings of expiry, the gauges of Active keys and of the last backup.
    ///
    /// # Errors
    /// The store fails; the next minute tries again.
    pub async fn every_minute(self, ctx: &RequestContext) -> Result<()> {
        let mut jobs = Jobs::default();
        if self.confirm_clock(ctx).await? {
            jobs.note(self.0.tokens().keep_signing_keys(ctx).await);
            jobs.note(self.forget_revocations(ctx.now.plus_seconds(-REVOCATION_SLACK_SECONDS)).await);
            for what in [Outdated::SessionsOfEnded, Outdated::Sessions, Outdated::Ceremonies] {
                jobs.note(self.forget(what, ctx.now).await);
            }
            jobs.note(
                self.forget(Outdated::Assertions, ctx.now.plus_seconds(-REVOCATION_SLACK_SECONDS))
                    .await
                    .map(drop),
            );
            jobs.note(self.0.keys().warn_of_expiry(ctx).await);
        }
        jobs.note(self.gauge(ctx).await);
        jobs.outcome()
    }

    async fn gauge(self, ctx: &RequestContext) -> Result<()> {
        let active = self.0.store.reader().await?.count_all_active_keys(ctx.now).await?;
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float, exact up to 2^53 keys")]
        metrics::gauge!("duku_active_keys").set(active as f64);
        if let Some(at) = crate::operations::backups::last_backup(&self.0.store).await? {
            #[expect(clippy::cast_precision_loss, reason = "seconds of this age are exact in a float")]
            metrics::gauge!("duku_last_backup_timestamp_seconds").set(at.seconds() as f64);
        }
        Ok(())
    }

    /// What is due every day: use counters, links, codes and forms that nobody looks at any more, mail that cannot be sent.
    /// False if the clock is not confirmed, so that it is still to be done.
    pub async fn every_day(self, ctx: &RequestContext) -> Result<bool> {
        if !self.clock_is_confirmed(ctx).await? {
            return Ok(false);
        }
        let days = self.0.policy.usage_days;
        let mut jobs = Jobs::default();
        jobs.note(self.forget_days(ctx.now.day() - days).await);
        jobs.note(self.forget_sources(ctx.now.plus_seconds(-days * 86_400)).await);
        for (what, kept_seconds) in [
            (Outdated::Codes, KEPT_CODE_SECONDS),
            (Outdated::Devices, KEPT_CODE_SECONDS),
            (Outdated::Invitations, KEPT_LINK_SECONDS),
            (Outdated::Links, KEPT_LINK_SECONDS),
            (Outdated::Notices, KEPT_LINK_SECONDS),
            (Outdated::Forms, KEPT_LINK_SECONDS),
        ] {
            jobs.note(self.forget(what, ctx.now.plus_seconds(-kept_seconds)).await);
        }
        jobs.note(self.0.give_up_mail(ctx).await);
        jobs.outcome().map(|()| true)
    }

    async fn forget_revocations(self, until: Timestamp) -> Result<()> {
        loop {
            let mut transaction = self.0.store.begin().await?;
            let forgotten = transaction.forget_revocations(until, BATCH).await?;
            transaction.commit().await?;
            if is_last(forgotten) {
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Forgets all of what was over at `until`; answers how many.
    pub(crate) async fn forget(self, what: Outdated, until: Timestamp) -> Result<u64> {
        let mut all = 0;
        loop {
            let mut transaction = self.0.store.begin().await?;
            let forgotten = transaction.forget(what, until, BATCH).await?;
            transaction.commit().await?;
            all += forgotten;
            if is_last(forgotten) {
                return Ok(all);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn forget_days(self, day: i64) -> Result<()> {
        let mut next = Some(DayPosition::default());
        while let Some(from) = next {
            let mut transaction = self.0.store.begin().await?;
            next = transaction.forget_days(&from, BATCH, day).await?.1;
            transaction.commit().await?;
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    async fn forget_sources(self, since: Timestamp) -> Result<()> {
        let mut next = Some(SourcePosition::default());
        while let Some(from) = next {
            let mut transaction = self.0.store.begin().await?;
            next = transaction.forget_sources(&from, BATCH, since).await?.1;
            transaction.commit().await?;
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }
}

const fn is_last(forgotten: u64) -> bool {
    forgotten < BATCH.unsigned_abs()
}
