//! Random lives of keys, walked through the service beside a model that is simple enough to be right.

use crate::fixture::{DAY, Fixture, HOUR, Pair, Reply, at, exchange, policy, rejection_in, time};
use proptest::prelude::*;
use service::{
    Policy, Rejection,
    keys::{GenerateKey, RotateKey},
};
use testkit::Engine;

const LIMIT: usize = 3;

#[derive(Debug, Clone)]
enum Step {
    Generate { days: i64 },
    Rotate { key: usize, grace_seconds: i64, end_issued_tokens: bool },
    EndGrace { key: usize },
    Revoke { key: usize },
    IssueToken { key: usize },
    Wait { seconds: i64 },
}

fn step() -> impl Strategy<Value = Step> {
    let key = 0..8_usize;
    let grace = prop::sample::select(vec![0, HOUR, DAY, 7 * DAY]);
    prop_oneof![
        3 => (1..=3_i64).prop_map(|days| Step::Generate { days }),
        3 => (key.clone(), grace, any::<bool>()).prop_map(|(key, grace_seconds, end_issued_tokens)| {
            Step::Rotate { key, grace_seconds, end_issued_tokens }
        }),
        1 => key.clone().prop_map(|key| Step::EndGrace { key }),
        1 => key.clone().prop_map(|key| Step::Revoke { key }),
        3 => key.prop_map(|key| Step::IssueToken { key }),
        3 => prop::sample::select(vec![0, 1, 299, 300, HOUR, DAY - 1, DAY, 2 * DAY])
            .prop_map(|seconds| Step::Wait { seconds }),
    ]
}

/// What a key must be.
struct Key {
    id: String,
    lifetime: i64,
    expires: i64,
    /// Every secret that it ever had, the last one being the current one, and from when on each is rejected.
    secrets: Vec<(String, i64)>,
    /// Until when the last but one works.
    grace: i64,
    epoch: u32,
    revoked: Option<i64>,
    /// Token, its key's epoch, its end.
    tokens: Vec<(String, u32, i64)>,
}

impl Key {
    fn is_active(&self, now: i64) -> bool {
        self.revoked.is_none() && now < self.expires
    }

    fn end_grace(&mut self, now: i64) {
        let previous = self.secrets.len() - 2;
        self.secrets[previous].1 = now;
        self.grace = 0;
    }

    /// What whoever presents secret number `index` is told; `Ok` if a token.
    fn answer(&self, index: usize, now: i64) -> Result<(), Reply> {
        let current = index + 1 == self.secrets.len();
        let graced = index + 2 == self.secrets.len() && now < self.grace;
        match self.revoked {
            Some(when) if current => Err(Reply::Revoked(time(when))),
            Some(_) => Err(Reply::Unknown),
            None if current && now < self.expires => Ok(()),
            None if current => Err(Reply::Expired(time(self.expires))),
            None if graced && now < self.expires => Ok(()),
            None => Err(Reply::Rotated(time(self.secrets[index].1))),
        }
    }
}

struct Walk {
    fixture: Fixture,
    now: i64,
    keys: Vec<Key>,
}

impl Walk {
    fn active(&self) -> usize {
        self.keys.iter().filter(|key| key.is_active(self.now)).count()
    }

    async fn take(&mut self, step: Step) {
        match step {
            Step::Wait { seconds } => self.now += seconds,
            Step::Generate { days } => self.generate(days).await,
            Step::Rotate { key, grace_seconds, end_issued_tokens } if !self.keys.is_empty() => {
                let key = key % self.keys.len();
                self.rotate(key, RotateKey { grace_seconds, end_issued_tokens }).await;
            }
            Step::EndGrace { key } if !self.keys.is_empty() => self.end_grace(key % self.keys.len()).await,
            Step::Revoke { key } if !self.keys.is_empty() => self.revoke(key % self.keys.len()).await,
            Step::IssueToken { key } if !self.keys.is_empty() => {
                self.issue_token(key % self.keys.len()).await;
            }
            _ => {}
        }
    }

    async fn generate(&mut self, days: i64) {
        let input = GenerateKey { label: "CI".into(), expires_in_days: Some(days) };
        let answer = self.fixture.service.keys().generate(&at(self.now), &self.fixture.admin, &input).await;
        if self.active() == LIMIT {
            assert!(matches!(rejection_in(answer), Rejection::LimitReached { limit: LIMIT, .. }));
            return;
        }
        let pair = Pair::from(answer.unwrap());
        let lifetime = days * DAY;
        self.keys.push(Key {
            id: pair.id,
            lifetime,
            expires: self.now + lifetime,
            secrets: vec![(pair.secret, 0)],
            grace: 0,
            epoch: 0,
            revoked: None,
            tokens: Vec::new(),
        });
    }

    async fn rotate(&mut self, index: usize, input: RotateKey) {
        let (now, full) = (self.now, self.active() == LIMIT);
        let key = &mut self.keys[index];
        let answer = self.fixture.service.keys().rotate(&at(now), &self.fixture.admin, &key.id, input).await;
        if key.revoked.is_some() {
            assert!(matches!(rejection_in(answer), Rejection::NotFound { .. }));
            return;
        }
        if !key.is_active(now) && full {
            assert!(matches!(rejection_in(answer), Rejection::LimitReached { limit: LIMIT, .. }));
            return;
        }
        let pair = Pair::from(answer.unwrap());
        assert_eq!(pair.id, key.id);
        if now < key.grace {
            key.end_grace(now);
        }
        let before = key.expires;
        key.expires = now + key.lifetime;
        key.grace = (now + input.grace_seconds).min(before).min(key.expires);
        key.epoch += u32::from(input.end_issued_tokens);
        key.secrets.last_mut().unwrap().1 = key.grace.max(now);
        key.secrets.push((pair.secret, 0));
    }

    async fn end_grace(&mut self, index: usize) {
        let now = self.now;
        let key = &mut self.keys[index];
        let answer = self.fixture.service.keys().end_grace(&at(now), &self.fixture.admin, &key.id).await;
        if key.revoked.is_some() {
            assert!(matches!(rejection_in(answer), Rejection::NotFound { .. }));
        } else if now < key.grace && now < key.expires {
            assert_eq!(answer.unwrap().key.grace, None);
            key.end_grace(now);
        } else {
            assert!(matches!(rejection_in(answer), Rejection::Conflict(_)));
        }
    }

    async fn revoke(&mut self, index: usize) {
        let key = &mut self.keys[index];
        let answer = self.fixture.service.keys().revoke(&at(self.now), &self.fixture.admin, &key.id).await;
        if key.revoked.is_some() {
            assert!(matches!(rejection_in(answer), Rejection::NotFound { .. }));
        } else {
            assert_eq!(answer.unwrap().as_str(), key.id);
            key.revoked = Some(self.now);
        }
    }

    async fn issue_token(&mut self, index: usize) {
        let key = &mut self.keys[index];
        let pair = Pair { id: key.id.clone(), secret: key.secrets.last().unwrap().0.clone() };
        if let Ok(issued) = exchange(&self.fixture.service, self.now, &pair).await {
            let end = (self.now + 300).min(key.expires);
            assert_eq!(issued.window.expires_at, time(end).seconds());
            key.tokens.push((issued.access_token, key.epoch, end));
        }
    }

    /// Every secret and every token that ever was, against the model.
    async fn check(&self) {
        let now = self.now;
        for key in &self.keys {
            for (index, (secret, _)) in key.secrets.iter().enumerate() {
                let pair = Pair { id: key.id.clone(), secret: secret.clone() };
                let answer = exchange(&self.fixture.service, now, &pair).await.map(drop);
                assert_eq!(answer, key.answer(index, now), "secret {index} of {}", key.id);
            }
            for (token, epoch, end) in &key.tokens {
                let good = key.is_active(now) && *epoch == key.epoch && now < *end;
                assert_eq!(self.fixture.accepts(now, token).await, good, "a token of {}", key.id);
            }
        }
        let listed = self.fixture.service.keys().list(&self.fixture.admin).await.unwrap();
        let mut listed: Vec<_> =
            listed.iter().map(|seen| (seen.key.id.as_str(), seen.key.is_active(time(now)))).collect();
        let mut expected: Vec<_> = self
            .keys
            .iter()
            .filter(|key| key.revoked.is_none())
            .map(|key| (key.id.as_str(), key.is_active(now)))
            .collect();
        listed.sort_unstable();
        expected.sort_unstable();
        assert_eq!(listed, expected);
        assert!(self.active() <= LIMIT);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn a_keys_life_keeps_its_promises_whatever_order_things_happen_in(
        steps in prop::collection::vec(step(), 1..40)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let fixture = Fixture::with(Engine::Sqlite, Policy { active_keys: LIMIT, ..policy() }).await;
            let mut walk = Walk { fixture, now: 0, keys: Vec::new() };
            for step in steps {
                walk.take(step).await;
                walk.check().await;
            }
            walk.fixture.service.keys().flush_usage(&at(walk.now)).await.unwrap();
            let reports = walk.fixture.service.audit_log().verify(None).await.unwrap();
            assert!(reports.iter().all(|report| report.damage.is_none()), "{reports:?}");
        });
    }
}
