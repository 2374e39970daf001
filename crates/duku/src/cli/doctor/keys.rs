//! The master key and the signing keys: are they there, do they fit the data, and does the next one come in time?

use super::{
    Findings, access,
    data::{Data, RESTORE},
};
use crate::{
    app::Ambient,
    cli::{admin::urls, backup::check::ago},
    command_error::CommandError,
    master_key::{self, MasterKeyError},
    settings::Settings,
};
use domain::Timestamp;
use service::{Service, tokens::signing_keys::SigningKeyInfo};
use std::{io::ErrorKind, sync::Arc};
use store::Store;

const DAY_SECONDS: i64 = 86_400;

pub(super) async fn check(findings: &mut Findings, settings: &Settings, ambient: &Ambient, data: &Data) {
    let place = master_key::place(settings);
    let store = data.store();
    let sealed = match store {
        Some(store) => service::sealed_under(store).await.unwrap_or_default(),
        None => None,
    };
    let key = match master_key::present(settings) {
        Ok(key) => key,
        Err(error) => {
            let (message, cure) = told(&error, sealed.as_deref());
            return findings.fail("master key", message, cure);
        }
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
            let fits = match data {
                Data::Broken => "was not compared with the data",
                _ if sealed.is_some() => "fits the data",
                _ => "is ready for fresh data",
            };
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
        (None, None) if matches!(data, Data::Broken) => {
            return findings.warn(
                "master key",
                format!("there is none in {place}, and the data do not say which one they need"),
                "bring the key back from where its copy is kept, then mend the data",
            );
        }
        (None, None) => {
            return findings.ok("master key", format!("none yet: the first start makes one in {place}"));
        }
    };
    let Some(store) = store else { return };
    match signing_keys(settings, ambient, store, key).await {
        Ok(keys) if keys.iter().any(|key| key.error.is_some()) => tell_unusable(findings, &keys),
        Ok(keys) => tell(findings, settings, ambient.clock.now(), &keys),
        Err(error) => findings.fail("signing keys", error.to_string(), RESTORE),
    }
}

/// What is wrong with the master key, and its cure; `sealed` is the fingerprint of the one that the data need.
fn told(error: &MasterKeyError, sealed: Option<&str>) -> (String, String) {
    let wanted = match sealed {
        Some(fingerprint) => format!("the one with the fingerprint {fingerprint}, from where its copy is kept"),
        None => "32 random bytes in base64 or hex; for old data the key that they were sealed under, never a new one".to_owned(),
    };
    let cure = match error {
        MasterKeyError::Exposed(path) => format!("chmod 600 {}", path.display()),
        MasterKeyError::Directory(path) => format!(
            "rmdir {0}, and put the file of the master key there with mode 0600: {wanted}. A container runtime made the directory, if the \
             file was not there when it was mounted",
            path.display()
        ),
        MasterKeyError::Unreadable(path, cause) if cause.kind() == ErrorKind::PermissionDenied => {
            let (message, cure) = access::wrong_user(path);
            return (format!("cannot read the master key: {message}"), cure);
        }
        MasterKeyError::Unreadable(path, _) | MasterKeyError::Malformed(path, _) => {
            format!("put the right master key into {} with mode 0600: {wanted}", path.display())
        }
        MasterKeyError::Variable(_) => format!("set DUKU_MASTER_KEY to the right master key: {wanted}"),
    };
    (error.to_string(), cure)
}

fn tell_unusable(findings: &mut Findings, keys: &[SigningKeyInfo]) {
    for key in keys {
        let Some(error) = &key.error else { continue };
        findings.fail(
            "signing keys",
            format!("{error}: the server does not start on it"),
            format!(
                "duku admin signing-key withdraw {}: its tokens are rejected then, clients get new ones; if it was to sign now, a new key \
                 takes its place",
                key.kid
            ),
        );
    }
}

/// Every signing key, each unsealed once. Where there are none, none is made.
async fn signing_keys(
    settings: &Settings,
    ambient: &Ambient,
    store: &Store,
    key: jose::MasterKey,
) -> Result<Vec<SigningKeyInfo>, CommandError> {
    if store.reader().await?.signing_keys().await?.is_empty() {
        return Ok(Vec::new());
    }
    let urls = urls(settings, store).await?;
    let (entropy, ctx) = (Arc::clone(&ambient.entropy), ambient.background("doctor"));
    let service = Service::open_for_repair(store.clone(), key, settings.policy(&urls)?, entropy).await?;
    Ok(service.tokens().list_signing_keys(&ctx).await?)
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
