//! The master key and the signing keys: are they there, do they fit the data, and does the next one come in time?

use super::Findings;
use crate::{
    app::Ambient,
    cli::{admin::urls, copies::ago},
    failure::CommandFailure,
    master_key,
    settings::Settings,
};
use domain::Timestamp;
use service::{Service, signing::SigningKeyInfo};
use std::sync::Arc;
use store::Store;

const DAY_SECONDS: i64 = 86_400;

pub(super) async fn check(
    findings: &mut Findings,
    settings: &Settings,
    ambient: &Ambient,
    store: Option<&Store>,
) {
    let place = master_key::place(settings);
    let key = match master_key::present(settings) {
        Ok(key) => key,
        Err(error) => {
            let cure = "the file must have mode 0600 and hold 32 random bytes in base64 or hex; never make a new one for old data";
            return findings.fail("master key", error.to_string(), cure);
        }
    };
    let sealed = match store {
        Some(store) => service::sealed_under(store).await.unwrap_or_default(),
        None => None,
    };
    let key = match (key, sealed) {
        (Some(key), Some(expected)) if key.fingerprint() != expected => {
            return findings.fail(
                "master key",
                format!(
                    "the one in {place} has the fingerprint {}, the data are sealed under {expected}",
                    key.fingerprint()
                ),
                "put the key that belongs to these data there: the server does not start with another",
            );
        }
        (Some(key), sealed) => {
            let fits = if sealed.is_some() { "fits the data" } else { "is ready for fresh data" };
            findings.ok(
                "master key",
                format!(
                    "the one in {place}, fingerprint {}, {fits}; keep a copy elsewhere",
                    key.fingerprint()
                ),
            );
            key
        }
        (None, Some(expected)) => {
            return findings.fail(
                "master key",
                format!("there is none in {place}; the data are sealed under the one with the fingerprint {expected}"),
                "bring the key back from where its copy is kept: without it these data cannot be used",
            );
        }
        (None, None) => {
            return findings.ok("master key", format!("none yet: the first start makes one in {place}"));
        }
    };
    let Some(store) = store else { return };
    match signing_keys(settings, ambient, store, key).await {
        Ok(keys) => tell(findings, settings, ambient.clock.now(), &keys),
        Err(error) => findings.fail(
            "signing keys",
            error.to_string(),
            "withdraw the one that does not open (duku admin signing-key withdraw KID), or restore a backup",
        ),
    }
}

/// Every signing key, each unsealed once. Where there are none, none is made.
async fn signing_keys(
    settings: &Settings,
    ambient: &Ambient,
    store: &Store,
    key: jose::MasterKey,
) -> Result<Vec<SigningKeyInfo>, CommandFailure> {
    if store.reader().await?.signing_keys().await?.is_empty() {
        return Ok(Vec::new());
    }
    let urls = urls(settings, store).await?;
    let (entropy, ctx) = (Arc::clone(&ambient.entropy), ambient.background("doctor"));
    let service = Service::open(store.clone(), key, settings.policy(&urls)?, entropy, &ctx).await?;
    Ok(service.list_signing_keys(&ctx).await?)
}

fn tell(findings: &mut Findings, settings: &Settings, now: Timestamp, keys: &[SigningKeyInfo]) {
    let (Some(current), Some(newest)) = (keys.iter().find(|key| key.signs_now), keys.last()) else {
        return findings.ok("signing keys", "none yet: the first start makes one");
    };
    let algorithm = &current.algorithm;
    let next = newest.signs_from.plus_seconds(settings.signing_key_days * DAY_SECONDS);
    let said = format!(
        "{} published, all open; {algorithm} signs since {}, made {}",
        keys.len(),
        current.signs_from.to_whole_second(),
        ago(current.created_at, now)
    );
    if next.plus_seconds(DAY_SECONDS) < now {
        findings.warn(
            "signing keys",
            format!("{said}; the next was due {}", ago(next, now)),
            "a running server makes it within a minute: check that one runs, with the same settings",
        );
    } else {
        findings.ok("signing keys", format!("{said}; the next takes over at {}", next.to_whole_second()));
    }
}
