//! What Admins should notice: keys that expire, dead secrets that turn up, and the mails about keys.

use crate::{Keys, RequestContext, Result};
use domain::{ApiKey, KeyId, KeyOverview, Timestamp};
use store::Transaction;

/// How many days before a key's expiry its Admins are warned; 0 is when it has expired.
pub const WARNING_DAYS: [i64; 4] = [0, 1, 7, 14];
const DAY_SECONDS: i64 = 86_400;

/// One thing that an Admin should look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyNotice {
    /// The key.
    pub key: KeyId,
    /// Its label.
    pub label: String,
    /// What is the matter.
    pub matter: NoticeReason,
}

/// What is the matter with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeReason {
    /// It expires then, within 14 days.
    ExpiresSoon(Timestamp),
    /// It expired then, within the last 14 days.
    Expired(Timestamp),
    /// A former secret of it turned up then, within the last 14 days, and so many times in all.
    DeadSecret(Timestamp, i64),
}

/// What an Admin should look at, most urgent first.
pub fn attention(keys: &[KeyOverview], now: Timestamp) -> Vec<KeyNotice> {
    let recent = now.plus_seconds(-14 * DAY_SECONDS);
    let mut found = Vec::new();
    for overview in keys {
        let key = &overview.key;
        let note = |matter| KeyNotice { key: key.id.clone(), label: key.label.as_str().to_owned(), matter };
        if let Some(at) = overview.dead_secret_seen_at.filter(|at| *at > recent) {
            found.push(note(NoticeReason::DeadSecret(at, overview.dead_secret_uses)));
        }
        if key.expires_at <= now && key.expires_at > recent {
            found.push(note(NoticeReason::Expired(key.expires_at)));
        } else if key.expires_at > now && warning_due(key, now).is_some() {
            found.push(note(NoticeReason::ExpiresSoon(key.expires_at)));
        }
    }
    found.sort_by_key(|attention| match attention.matter {
        NoticeReason::DeadSecret(at, _) => (0, -at.ms()),
        NoticeReason::Expired(at) => (1, -at.ms()),
        NoticeReason::ExpiresSoon(at) => (2, at.ms()),
    });
    found
}

/// The most urgent warning that is due for a key: how many days before its expiry it stands. A warning that would have
/// been due when the key was made says nothing new.
fn warning_due(key: &ApiKey, now: Timestamp) -> Option<i64> {
    WARNING_DAYS.into_iter().find(|days| {
        let lead = days * DAY_SECONDS;
        now >= key.expires_at.plus_seconds(-lead) && lead < key.lifetime.seconds()
    })
}

impl Keys<'_> {
    /// Mails the Admins about keys that expire in 14, 7 and 1 days and about those that have expired; each once.
    ///
    /// # Errors
    /// The store fails; the next minute tries again.
    pub(crate) async fn warn_of_expiry(self, ctx: &RequestContext) -> Result<()> {
        if !self.0.operations().sends_mail() {
            return Ok(());
        }
        let (from, to) = (ctx.now.plus_seconds(-DAY_SECONDS), ctx.now.plus_seconds(14 * DAY_SECONDS));
        let keys = self.0.store.reader().await?.keys_expiring(from, to).await?;
        for (key, given) in keys {
            let Some(days) = warning_due(&key, ctx.now) else { continue };
            if given.is_some_and(|given| given <= days) {
                // Known by reading: most keys were warned about long before this minute, and writers are few.
                continue;
            }
            let mut transaction = self.0.store.begin().await?;
            if transaction.note_key_notice(&key.id, key.expires_at, days).await? {
                let (subject, text) = self.expiry_mail(&key, days);
                self.0
                    .queue_mail_to_admins(&mut transaction, ctx, &key.organisation_id, &subject, &text)
                    .await?;
                transaction.commit().await?;
            }
        }
        Ok(())
    }

    fn expiry_mail(self, key: &ApiKey, days: i64) -> (String, String) {
        let label = &key.label;
        let when = match days {
            0 => "has expired".to_owned(),
            1 => "expires within a day".to_owned(),
            days => format!("expires within {days} days"),
        };
        let text = format!(
            "The API key {label} ({}) of {} {when}: {}.\n\n\
             Rotate it to renew it; the Client ID stays, the secret changes:\n{}\n",
            key.id,
            key.organisation_name,
            key.expires_at,
            self.key_page(&key.id)
        );
        (format!("API key {label} {when}"), text)
    }

    /// Mails the Admins what was done to a key, in the caller's transaction.
    pub(crate) async fn tell_of_key(
        self,
        transaction: &mut Transaction,
        ctx: &RequestContext,
        key: &ApiKey,
        what: &str,
        by: &str,
    ) -> Result<()> {
        let RequestContext { now, address, .. } = ctx;
        let from = address.map_or_else(String::new, |address| format!(" from {address}"));
        let text = format!(
            "{by} {what} the API key {} ({}) of {} at {now}{from}.\n\n\
             If nobody should have done that, look at your keys now: {}/settings/api-keys\n",
            key.label, key.id, key.organisation_name, self.0.policy.viewport
        );
        let subject = format!("API key {} was {what}", key.label);
        self.0.queue_mail_to_admins(transaction, ctx, &key.organisation_id, &subject, &text).await
    }

    /// Mails the Admins that a former secret turned up, in the caller's transaction.
    pub(crate) async fn tell_of_dead_secret(
        self,
        transaction: &mut Transaction,
        ctx: &RequestContext,
        organisation: &domain::OrganisationId,
        key: &KeyId,
        label: &str,
    ) -> Result<()> {
        // A revoked key has no page any more.
        let (name, page) = if label.is_empty() {
            ("a revoked key", format!("{}/settings/audit?object={key}", self.0.policy.viewport))
        } else {
            (label, self.key_page(key))
        };
        let from = ctx.address.map_or_else(|| "an unknown address".to_owned(), |address| address.to_string());
        let text = format!(
            "A former secret of the API key {name} ({key}) was used at {} from {from}, and rejected.\n\n\
             It is a pipeline that was forgotten, or a secret that leaked. If you do not know the address, \
             look into it:\n{page}\n",
            ctx.now
        );
        let subject = format!("A former secret of {name} was used");
        self.0.queue_mail_to_admins(transaction, ctx, organisation, &subject, &text).await
    }

    fn key_page(self, key: &KeyId) -> String {
        format!("{}/settings/api-keys/{key}", self.0.policy.viewport)
    }
}
