//! Use counters and "last used", gathered in memory and written in batches, so that a request never waits for them.

use crate::{Keys, RequestContext, Result, audit::Entry};
use domain::{
    KeyId, KeyOverview, KeyUse, OrganisationId, RecentSource, SecretDigest, Timestamp,
    api_key::{
        RetiredSecret,
        usage::{DeadSecretUse, Exchange},
    },
    audit::Action,
    workload::RunLink,
};
use serde_json::json;
use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The most keys that one transaction counts.
const BATCH: usize = 500;
/// The most addresses of one key that one batch notes.
const ADDRESSES: usize = 64;
/// A key's surplus addresses are forgotten at one of so many flushes: a flush is short, and the surplus stays small.
const TURNS: u64 = 8;
/// A dead secret is audited again only after it has been quiet for so long; the counter counts each.
const AUDIT_AGAIN_SECONDS: i64 = 3600;

/// What one use of a key was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Use {
    Exchange { by_grace: bool, secret: SecretDigest, run: Option<RunLink> },
    ApiCall,
}

#[derive(Debug, Default)]
struct Pending {
    days: BTreeMap<i64, KeyUse>,
    /// By address, and whether it was the previous secret. In an order, so that nodes write rows in the same one.
    sources: BTreeMap<(IpAddr, bool), LastUse>,
}

/// When an address was last seen, when it was last issued a token, and the program there.
#[derive(Debug, Clone)]
struct LastUse {
    at: Timestamp,
    exchange: Option<Exchange>,
    run: Option<RunLink>,
    user_agent: Option<String>,
}

/// The newest use of a key, and the newest token that it fetched outside a grace.
#[derive(Debug, Clone)]
struct Newest {
    used: (IpAddr, Timestamp),
    exchange: Option<(IpAddr, Exchange)>,
    run: Option<RunLink>,
}

#[derive(Debug)]
struct Dead {
    organisation: OrganisationId,
    times: i64,
    at: Timestamp,
    address: Option<IpAddr>,
}

/// A former secret, by its key and digest.
type DeadSecret = (KeyId, [u8; 32]);

/// What has happened since the last batch.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    keys: Mutex<HashMap<KeyId, Pending>>,
    dead: Mutex<HashMap<DeadSecret, Dead>>,
    /// What the last batch took, which may be on its way to the store still.
    taken: Mutex<HashMap<KeyId, Newest>>,
    /// One batch at a time: whoever flushes last waits for what is being written. Counts the flushes.
    flushing: tokio::sync::Mutex<u64>,
}

/// What a batch took and has not written yet. It goes back when the batch ends, however that is.
struct Unwritten<'a> {
    recorder: &'a Recorder,
    keys: Vec<(KeyId, Pending)>,
    dead: Vec<(DeadSecret, Dead)>,
}

/// A panic cannot leave these maps half-changed, so a poisoned lock is as good as any.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Recorder {
    /// Notes one use of a key.
    pub(crate) fn note(&self, key: &KeyId, ctx: &RequestContext, what: Use) {
        let mut keys = lock(&self.keys);
        let pending = match keys.get_mut(key) {
            Some(pending) => pending,
            None => keys.entry(key.clone()).or_default(),
        };
        let counts = pending.day(ctx.now.day());
        match what {
            Use::Exchange { by_grace, .. } => {
                counts.exchanges += 1;
                counts.grace_exchanges += i64::from(by_grace);
            }
            Use::ApiCall => counts.api_calls += 1,
        }
        if let Some(address) = ctx.address {
            let (by_grace, exchange, run) = match what {
                Use::Exchange { by_grace, secret, run } => {
                    (by_grace, Some(Exchange { at: ctx.now, secret }), run)
                }
                Use::ApiCall => (false, None, None),
            };
            pending.note_source((address, by_grace), ctx.now, exchange, run, ctx.user_agent.as_deref());
        }
    }

    /// Notes that a former secret turned up.
    pub(crate) fn note_dead(&self, retired: &RetiredSecret, ctx: &RequestContext) {
        let mut dead = lock(&self.dead);
        let seen = dead.entry((retired.key_id.clone(), retired.digest.0)).or_insert_with(|| Dead {
            organisation: retired.organisation_id.clone(),
            times: 0,
            at: ctx.now,
            address: None,
        });
        seen.times += 1;
        seen.at = ctx.now;
        seen.address = ctx.address.or(seen.address);
    }

    /// Adds what is not written yet to what was read, so that "last used" is true to the second.
    pub(crate) fn add_pending(&self, overview: &mut KeyOverview) {
        // In this order, so that a batch that starts in between hides nothing.
        let pending = lock(&self.keys).get(&overview.key.id).and_then(Pending::newest);
        let taken = lock(&self.taken).get(&overview.key.id).cloned();
        for Newest { used: (address, at), exchange, run } in [taken, pending].into_iter().flatten() {
            overview.last_run = run.or_else(|| overview.last_run.take());
            if overview.last_used_at.is_none_or(|last| last < at) {
                overview.last_used_at = Some(at);
                overview.last_used_from = Some(address.to_string());
            }
            if let Some((address, Exchange { at, secret })) = exchange
                && secret == overview.key.secret.digest
                && overview.secret_used_at.is_none_or(|last| last < at)
            {
                overview.secret_used_at = Some(at);
                overview.secret_used_from = Some(address.to_string());
            }
        }
    }

    fn take(&self) -> Unwritten<'_> {
        let mut waiting = lock(&self.keys);
        let mut keys: Vec<_> = std::mem::take(&mut *waiting).into_iter().collect();
        if !keys.is_empty() {
            *lock(&self.taken) =
                keys.iter().filter_map(|(key, pending)| Some((key.clone(), pending.newest()?))).collect();
        }
        drop(waiting);
        // Nodes that write the same keys in the same order cannot block each other in a circle.
        keys.sort_by(|(a, _), (b, _)| a.cmp(b));
        let dead = std::mem::take(&mut *lock(&self.dead)).into_iter().collect();
        Unwritten { recorder: self, keys, dead }
    }
}

impl Drop for Unwritten<'_> {
    fn drop(&mut self) {
        let mut keys = lock(&self.recorder.keys);
        for (key, pending) in self.keys.drain(..) {
            keys.entry(key).or_default().add(pending);
        }
        let mut dead = lock(&self.recorder.dead);
        for (secret, seen) in self.dead.drain(..) {
            let times = seen.times;
            dead.entry(secret).and_modify(|newer| newer.times += times).or_insert(seen);
        }
    }
}

impl Pending {
    fn day(&mut self, day: i64) -> &mut KeyUse {
        self.days.entry(day).or_insert_with(|| KeyUse { day, ..KeyUse::default() })
    }

    /// Notes an address; when there are too many, the one that was quiet for longest goes.
    fn note_source(
        &mut self,
        source: (IpAddr, bool),
        at: Timestamp,
        exchange: Option<Exchange>,
        run: Option<RunLink>,
        user_agent: Option<&str>,
    ) {
        if self.sources.len() >= ADDRESSES && !self.sources.contains_key(&source) {
            let oldest = self.sources.iter().min_by_key(|(_, last)| last.at).map(|(source, _)| *source);
            oldest.and_then(|oldest| self.sources.remove(&oldest));
            self.day(at.day()).other_addresses += 1;
        }
        let newest = self.sources.entry(source).or_insert_with(|| LastUse {
            at,
            exchange,
            run: None,
            user_agent: None,
        });
        let is_newest_exchange =
            exchange.is_some_and(|new| newest.exchange.is_none_or(|old| old.at <= new.at));
        if run.is_some() && (is_newest_exchange || newest.run.is_none()) {
            newest.run = run;
        }
        newest.exchange = newest.exchange.into_iter().chain(exchange).max_by_key(|exchange| exchange.at);
        if newest.at <= at {
            newest.at = at;
            if newest.user_agent.as_deref() != user_agent {
                newest.user_agent = user_agent.map(str::to_owned);
            }
        }
    }

    fn counts(&self) -> impl Iterator<Item = KeyUse> {
        self.days.values().copied()
    }

    fn sources(&self) -> impl Iterator<Item = RecentSource> {
        self.sources.iter().map(|((address, previous_secret), last)| RecentSource {
            address: address.to_string(),
            previous_secret: *previous_secret,
            user_agent: last.user_agent.clone(),
            last_used_at: last.at,
            exchange: last.exchange,
            run: last.run.clone(),
        })
    }

    fn newest(&self) -> Option<Newest> {
        let (used, last) = self.sources.iter().max_by_key(|(_, last)| last.at)?;
        let by_current = self.sources.iter().filter(|((_, by_grace), _)| !by_grace);
        let exchanges = by_current.filter_map(|((address, _), last)| Some((*address, last.exchange?)));
        let runs = self.sources.values().filter(|last| last.run.is_some());
        let run = runs.max_by_key(|last| last.exchange.map(|exchange| exchange.at));
        Some(Newest {
            used: (used.0, last.at),
            exchange: exchanges.max_by_key(|(_, exchange)| exchange.at),
            run: run.and_then(|last| last.run.clone()),
        })
    }

    fn add(&mut self, other: Self) {
        for counts in other.days.into_values() {
            let day = self.day(counts.day);
            day.exchanges += counts.exchanges;
            day.grace_exchanges += counts.grace_exchanges;
            day.api_calls += counts.api_calls;
            day.other_addresses += counts.other_addresses;
        }
        for (source, last) in other.sources {
            self.note_source(source, last.at, last.exchange, last.run, last.user_agent.as_deref());
        }
    }
}

fn of_each<'a, T, I: Iterator<Item = T>>(
    batch: &'a [(KeyId, Pending)],
    of: impl Fn(&'a Pending) -> I,
) -> Vec<(&'a KeyId, T)> {
    batch.iter().flat_map(|(key, pending)| of(pending).map(move |one| (key, one))).collect()
}

impl Keys<'_> {
    /// Writes what was gathered since the last time. What cannot be written is kept for the next time.
    pub async fn flush_usage(self, ctx: &RequestContext) -> Result<()> {
        let mut flushes = self.0.usage.flushing.lock().await;
        *flushes += 1;
        let mut unwritten = self.0.usage.take();
        while !unwritten.keys.is_empty() {
            let (batch, _) = unwritten.keys.split_at(unwritten.keys.len().min(BATCH));
            self.write_batch(batch).await?;
            // Whatever becomes of the rest, these are not written again.
            let count = batch.len();
            let written: Vec<_> = unwritten.keys.drain(..count).collect();
            self.forget_other_sources(&written, *flushes, ctx).await?;
        }
        while let Some(((key_id, digest), dead)) = unwritten.dead.last() {
            self.write_dead_secret(ctx, key_id, SecretDigest(*digest), dead).await?;
            unwritten.dead.pop();
        }
        Ok(())
    }

    async fn write_batch(self, batch: &[(KeyId, Pending)]) -> Result<()> {
        let mut transaction = self.0.store.begin().await?;
        transaction.count_key_uses(&of_each(batch, Pending::counts)).await?;
        transaction.note_key_sources(&of_each(batch, Pending::sources)).await?;
        Ok(transaction.commit().await?)
    }

    async fn forget_other_sources(
        self,
        batch: &[(KeyId, Pending)],
        flush: u64,
        ctx: &RequestContext,
    ) -> Result<()> {
        let turn = |key: &KeyId| key.as_str().bytes().map(u64::from).sum::<u64>() % TURNS == flush % TURNS;
        let keys: Vec<_> = batch.iter().map(|(key, _)| key).filter(|key| turn(key)).collect();
        if keys.is_empty() {
            return Ok(());
        }
        let mut transaction = self.0.store.begin().await?;
        transaction.forget_other_sources(&keys, ctx.now.day()).await?;
        Ok(transaction.commit().await?)
    }

    async fn write_dead_secret(
        self,
        ctx: &RequestContext,
        key_id: &KeyId,
        digest: SecretDigest,
        dead: &Dead,
    ) -> Result<()> {
        let mut transaction = self.0.store.begin().await?;
        let before = transaction.dead_secret_last_seen(key_id, digest).await?;
        let seen = DeadSecretUse {
            key_id: key_id.clone(),
            digest,
            times: dead.times,
            at: dead.at,
            address: dead.address.map(|address| address.to_string()),
        };
        let remembered = transaction.note_dead_secret(&seen).await?;
        if remembered && before.is_none_or(|last| dead.at > last.plus_seconds(AUDIT_AGAIN_SECONDS)) {
            let label = transaction
                .find_key(key_id)
                .await?
                .map_or_else(String::new, |key| key.label.as_str().to_owned());
            let ctx = RequestContext {
                address: dead.address,
                ..RequestContext::background(dead.at, &ctx.request_id)
            };
            let entry = Entry {
                action: Action::DeadSecretSeen,
                object_id: key_id.as_str(),
                object_name: &label,
                details: json!({ "times": dead.times }),
            };
            self.0.audit_as_system(&mut transaction, &ctx, dead.organisation.as_str(), entry).await?;
            self.tell_of_dead_secret(&mut transaction, &ctx, &dead.organisation, key_id, &label).await?;
            tracing::warn!(key = %key_id, organisation = %dead.organisation, times = dead.times, "a former secret of an API key was used");
        }
        Ok(transaction.commit().await?)
    }
}
