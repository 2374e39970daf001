//! Keys without a secret: what opens them, and everything that must not.

mod attacks;
mod issuers;
mod life;
mod public_keys;

use crate::fixture::{Fixture, ISSUER, at, time};
use domain::{
    ApiKey,
    workload::{ClaimName, Condition, Preset, RejectionReason},
};
use jose::assertion::AssertionAlgorithm;
use serde_json::{Value, json};
use service::{
    RequestContext, Service,
    keys::identities::{GenerateSecretlessKey, NewConditions, NewIdentity, NewWorkload},
    tokens::{
        assertion::PresentedAssertion,
        client_authentication::{ClientProof, ClientRejection},
        issuance::{IssuanceRejection, IssuedToken},
    },
    workloads::{FetchError, Fetched, IssuerFetcher},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    pin::Pin,
    sync::{Arc, Mutex},
};
use testkit::TestIssuer;

pub(crate) const GITHUB: &str = "https://token.actions.githubusercontent.com";

/// The documents that a node can fetch, and how often each was.
#[derive(Default)]
pub(crate) struct Internet {
    documents: Mutex<BTreeMap<String, Result<Fetched, String>>>,
    fetched: Mutex<BTreeMap<String, usize>>,
    delay: Mutex<std::time::Duration>,
}

impl Internet {
    pub(crate) fn publish(&self, issuer: &TestIssuer) {
        self.put(&issuer.discovery_url(), &issuer.discovery());
        self.put(&issuer.jwks_url(), &issuer.jwks());
    }

    pub(crate) fn put(&self, url: &str, document: &Value) {
        let fetched = Fetched { body: document.to_string().into_bytes(), max_age_seconds: Some(600) };
        self.documents.lock().unwrap().insert(url.to_owned(), Ok(fetched));
    }

    pub(crate) fn fail(&self, url: &str, why: &str) {
        self.documents.lock().unwrap().insert(url.to_owned(), Err(why.to_owned()));
    }

    pub(crate) fn slow_down(&self, delay: std::time::Duration) {
        *self.delay.lock().unwrap() = delay;
    }

    pub(crate) fn count(&self, url: &str) -> usize {
        self.fetched.lock().unwrap().get(url).copied().unwrap_or(0)
    }
}

impl IssuerFetcher for Internet {
    fn fetch<'a>(
        &'a self,
        url: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<Fetched, FetchError>> + Send + 'a>> {
        Box::pin(async move {
            *self.fetched.lock().unwrap().entry(url.to_owned()).or_default() += 1;
            let delay = *self.delay.lock().unwrap();
            tokio::time::sleep(delay).await;
            let found = self.documents.lock().unwrap().get(url).cloned();
            found.unwrap_or_else(|| Err("cannot be reached".to_owned())).map_err(FetchError)
        })
    }
}

/// An installation that can reach GitHub's stand-in.
pub(crate) struct World {
    pub(crate) fixture: Fixture,
    pub(crate) internet: Arc<Internet>,
    pub(crate) github: TestIssuer,
}

pub(crate) async fn world(fixture: Fixture) -> World {
    let internet = Arc::new(Internet::default());
    let github = TestIssuer::new(GITHUB, AssertionAlgorithm::Rs256);
    internet.publish(&github);
    fixture.service.tokens().use_issuer_fetcher(internet.clone());
    World { fixture, internet, github }
}

pub(crate) fn conditions(list: &[(&str, &str)]) -> Vec<Condition> {
    let made = |(name, value): &(&str, &str)| {
        let claim = ClaimName::parse(name).unwrap();
        if value.contains('*') { Condition::pattern(claim, value) } else { Condition::equals(claim, value) }
    };
    list.iter().map(|pair| made(pair).unwrap()).collect()
}

/// Deployments of acme/shop from main, by its one workflow.
pub(crate) fn shop() -> NewConditions {
    NewConditions {
        pins: conditions(&[("repository_id", "424242"), ("repository_owner_id", "2020")]),
        others: conditions(&[
            ("ref", "refs/heads/main"),
            ("workflow_ref", "acme/shop/.github/workflows/deploy.yml@refs/heads/main"),
        ]),
        accepted_dangers: BTreeSet::new(),
    }
}

pub(crate) fn on_github(conditions: Option<NewConditions>) -> NewIdentity {
    NewIdentity::Workload(NewWorkload {
        preset: Preset::GitHubActions,
        issuer: None,
        audience: None,
        key_set: None,
        conditions,
    })
}

pub(crate) fn new_key(identity: NewIdentity) -> GenerateSecretlessKey {
    GenerateSecretlessKey { label: "Deployments".into(), expires_in_days: Some(30), identity }
}

impl World {
    pub(crate) async fn key(&self, identity: NewIdentity) -> ApiKey {
        let keys = self.fixture.service.keys();
        keys.generate_without_secret(&at(0), &self.fixture.admin, new_key(identity)).await.unwrap()
    }

    /// A token of acme/shop's run, with changes.
    pub(crate) fn token(&self, seconds: i64, changes: &Value) -> String {
        self.github.token(Preset::GitHubActions, ISSUER, time(seconds), changes)
    }

    pub(crate) async fn exchange(
        &self,
        seconds: i64,
        key: &ApiKey,
        token: &str,
    ) -> Result<IssuedToken, ClientRejection> {
        exchange(&self.fixture.service, &at(seconds), key.id.as_str(), token).await
    }

    pub(crate) async fn accepts_fresh_token(&self, seconds: i64, key: &ApiKey) -> bool {
        self.exchange(seconds, key, &self.token(seconds, &json!({}))).await.is_ok()
    }
}

pub(crate) async fn exchange(
    service: &Service,
    ctx: &RequestContext,
    client_id: &str,
    token: &str,
) -> Result<IssuedToken, ClientRejection> {
    let proof = ClientProof::Assertion(PresentedAssertion {
        client_id: Some(client_id),
        token,
        is_client_assertion: true,
    });
    exchange_by(service, ctx, proof).await
}

pub(crate) async fn exchange_by(
    service: &Service,
    ctx: &RequestContext,
    proof: ClientProof<'_>,
) -> Result<IssuedToken, ClientRejection> {
    service.tokens().issue_for_client(ctx, proof, "").await.map_err(|rejection| match rejection {
        IssuanceRejection::Client(rejection) => rejection,
        IssuanceRejection::Scope(scope) => panic!("{scope:?}"),
    })
}

/// What whoever presents a token learns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// Nothing but that it is not accepted.
    Nothing,
    /// Which check failed.
    Why,
    /// That the key waits for an Admin.
    ToWait,
    /// That the issuer cannot be reached.
    ToTryAgain,
}

/// Why a token was rejected, and what its holder was told.
#[track_caller]
pub(crate) fn verdict(outcome: Result<IssuedToken, ClientRejection>) -> Option<(RejectionReason, Told)> {
    match outcome {
        Ok(_) => None,
        Err(ClientRejection::NotAccepted(reason)) => Some((reason, Told::Nothing)),
        Err(ClientRejection::Assertion(rejection)) => Some((rejection.reason, Told::Why)),
        Err(ClientRejection::Waiting) => Some((RejectionReason::Pins, Told::ToWait)),
        Err(ClientRejection::IssuerUnavailable(_)) => Some((RejectionReason::Signature, Told::ToTryAgain)),
        Err(other) => panic!("{other:?}"),
    }
}
