use super::*;
use crate::{Entropy, Name};
use proptest::prelude::*;

struct Zero;
impl Entropy for Zero {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

const START: Timestamp = Timestamp::from_seconds(1_800_000_000);

fn secret(number: u8) -> StoredSecret {
    StoredSecret { digest: SecretDigest([number; 32]), hint: "abcd".into() }
}

fn key(days: i64) -> ApiKey {
    let organisation = Organisation {
        id: OrganisationId::generate(START, &Zero),
        name: Name::parse("Acme").unwrap(),
        key_policy: KeyPolicy::INITIAL,
        created_at: START,
        require_second_factor: false,
        secretless_only: false,
    };
    let new = NewKey {
        id: KeyId::generate(START, &Zero),
        label: Label::parse("CI").unwrap(),
        secret: secret(0),
        lifetime: Lifetime::from_days(days).unwrap(),
        created_by: "ada@example.org".into(),
    };
    ApiKey::generate(claim_slot(9, 10).unwrap(), &organisation, new, START)
}

fn rotation(number: u8, grace_seconds: i64, end_issued_tokens: bool) -> Rotation {
    Rotation {
        secret: secret(number),
        grace: GracePeriod::from_seconds(grace_seconds).unwrap(),
        end_issued_tokens,
    }
}

/// Which of the key's secrets `number` is, as the service's comparison would find.
fn present(key: &ApiKey, number: u8) -> SecretMatch {
    let digest = SecretDigest([number; 32]);
    if key.secret.digest == digest {
        SecretMatch::Current
    } else if key.grace.is_some_and(|grace| grace.digest == digest) {
        SecretMatch::Previous
    } else {
        SecretMatch::Other
    }
}

#[test]
fn the_eleventh_key_finds_no_slot() {
    assert!(claim_slot(9, 10).is_ok());
    assert_eq!(claim_slot(10, 10).unwrap_err(), NoFreeSlot { limit: 10 });
}

#[test]
fn a_token_never_outlives_its_key() {
    let key = key(1);
    let last = key.expires_at.plus_seconds(-10);
    assert_eq!(key.credential_state().token_window(START, 300).seconds(), 300);
    assert_eq!(key.credential_state().token_window(last, 300).seconds(), 10);
    assert_eq!(key.credential_state().token_window(last, 300).expires_at, key.expires_at.seconds());
}

#[test]
fn an_expired_secret_gets_no_grace_when_the_key_comes_back() {
    let key = key(1);
    let later = key.expires_at.plus_seconds(5);
    let KeyState::Expired(expired) = key.at(later) else { panic!("still active") };
    let back =
        expired.revive(claim_slot(0, 10).unwrap(), rotation(1, 3600, false), KeyPolicy::INITIAL, later);
    assert_eq!(back.key.grace, None);
    assert_eq!(
        back.key.credential_state().check(SecretMatch::Current, later),
        CredentialCheck::Granted { by_grace: false }
    );
}

#[test]
fn a_lowered_maximum_shortens_the_next_life() {
    let policy = KeyPolicy::new(Lifetime::from_days(7).unwrap(), Lifetime::from_days(30).unwrap()).unwrap();
    let KeyState::Active(active) = key(90).at(START) else { panic!("expired") };
    let rotated = active.rotate(rotation(1, 0, false), policy, START);
    assert_eq!(rotated.key.lifetime.days(), 30);
    assert_eq!(rotated.key.expires_at, START.plus_seconds(30 * 86_400));
}

#[derive(Debug, Clone)]
enum Step {
    Wait(i64),
    Rotate { grace_seconds: i64, end_issued_tokens: bool },
    EndGrace,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0i64..40 * 86_400_000).prop_map(Step::Wait),
        (0i64..=GracePeriod::MAXIMUM_SECONDS, any::<bool>())
            .prop_map(|(grace_seconds, end_issued_tokens)| Step::Rotate { grace_seconds, end_issued_tokens }),
        Just(Step::EndGrace),
    ]
}

proptest! {
    /// Walks a whole life and holds, after each step, what the product promises of it.
    #[test]
    fn a_keys_life_keeps_its_promises(days in 1i64..=365, steps in prop::collection::vec(step(), 1..30)) {
        let mut now = START;
        let mut key = key(days);
        let mut newest = 0u8;
        let mut grace: Option<(u8, Timestamp)> = None;
        let mut epochs = vec![key.token_epoch];
        for step in steps {
            match step {
                Step::Wait(ms) => now = Timestamp::from_ms(now.ms() + ms),
                Step::EndGrace => {
                    key = key.end_grace();
                    grace = None;
                }
                Step::Rotate { grace_seconds, end_issued_tokens } => {
                    let before = key.clone();
                    let was_active = before.is_active(now);
                    let change = rotation(newest + 1, grace_seconds, end_issued_tokens);
                    let rotated = match key.at(now) {
                        KeyState::Active(active) => active.rotate(change, KeyPolicy::INITIAL, now),
                        KeyState::Expired(expired) => {
                            expired.revive(claim_slot(0, 10).unwrap(), change, KeyPolicy::INITIAL, now)
                        }
                    };
                    prop_assert_eq!(rotated.retired.digest, before.secret.digest);
                    prop_assert_eq!(&rotated.key.id, &before.id);
                    prop_assert_eq!(rotated.key.expires_at, now.to_whole_second().plus_seconds(days * 86_400));
                    key = rotated.key;
                    let until = now.plus_seconds(grace_seconds).min(before.expires_at).min(key.expires_at);
                    grace = (was_active && until > now).then_some((newest, until));
                    prop_assert_eq!(rotated.retired.at, grace.map_or(now, |(_, until)| until));
                    if end_issued_tokens {
                        epochs.push(key.token_epoch);
                    }
                    newest += 1;
                }
            }
            let active = now < key.expires_at;
            for number in 0..=newest {
                let expected = if number == newest {
                    if active { CredentialCheck::Granted { by_grace: false } } else { CredentialCheck::Expired(key.expires_at) }
                } else {
                    match grace {
                        Some((previous, until)) if previous == number && now < until => CredentialCheck::Granted { by_grace: true },
                        _ => CredentialCheck::Rejected,
                    }
                };
                prop_assert_eq!(key.credential_state().check(present(&key, number), now), expected);
            }
            for epoch in &epochs {
                let newest_epoch = *epoch == key.token_epoch;
                prop_assert_eq!(key.credential_state().check_token_epoch(*epoch, now).is_ok(), active && newest_epoch);
            }
            if active {
                let window = key.credential_state().token_window(now, 300);
                prop_assert!(window.seconds() >= 1 && window.seconds() <= 300);
                prop_assert!(window.expires_at <= key.expires_at.seconds());
            }
        }
        let tombstone = key.clone().revoke(now);
        prop_assert_eq!((tombstone.digest, tombstone.cause), (key.secret.digest, Retirement::Revoked));
    }
}
