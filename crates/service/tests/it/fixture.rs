//! An installation with two organisations, their people, and those who ask in their names.

use domain::{Organisation, Role, Timestamp};
use jose::MasterKey;
use service::{
    Error, Policy, Principal, Rejection, RequestContext, Service,
    keys::{GenerateKey, GeneratedKey, RotateKey},
    tokens::{
        TokenRejection,
        client_authentication::{ClientRejection, Credential},
        issuance::{IssuanceRejection, IssuedToken},
    },
};
use std::sync::{Arc, LazyLock};
use testkit::{Database, Engine, SeededEntropy, TestClock};

/// Runs each named promise on both engines, as `name::sqlite` and `name::postgres`.
macro_rules! on_both_engines {
    ($($name:ident),* $(,)?) => {$(
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::$name(crate::fixture::Fixture::on(testkit::Engine::Sqlite).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                super::$name(crate::fixture::Fixture::on(testkit::Engine::Postgres).await).await;
            }
        }
    )*};
}
pub(crate) use on_both_engines;

pub(crate) const ISSUER: &str = "https://auth.example/realms/duku";
pub(crate) const AUDIENCE: &str = "https://platform.example/graphql";
pub(crate) const ADA: &str = "ada@acme.example";
pub(crate) const MAX: &str = "max@acme.example";
pub(crate) const EVE: &str = "eve@globex.example";
pub(crate) const HOUR: i64 = 3600;
pub(crate) const DAY: i64 = 24 * HOUR;

/// One source for all: no two services of a test draw the same bytes.
static ENTROPY: LazyLock<Arc<SeededEntropy>> = LazyLock::new(|| Arc::new(SeededEntropy::new(11)));

pub(crate) struct Fixture {
    pub(crate) database: Database,
    pub(crate) service: Service,
    pub(crate) master_key: MasterKey,
    pub(crate) acme: Organisation,
    /// Acme's operator, who may all that an Admin may.
    pub(crate) operator: Principal,
    /// Ada, Admin of Acme.
    pub(crate) admin: Principal,
    /// Max, Member of Acme.
    pub(crate) member: Principal,
    /// Eve, Admin of Globex.
    pub(crate) outsider: Principal,
}

/// A key's pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) id: String,
    pub(crate) secret: String,
}

impl From<GeneratedKey> for Pair {
    fn from(generated: GeneratedKey) -> Self {
        Self { id: generated.key.id.as_str().to_owned(), secret: generated.secret.expose().to_owned() }
    }
}

impl Pair {
    pub(crate) fn credential(&self) -> Credential<'_> {
        Credential { client_id: &self.id, client_secret: &self.secret }
    }
}

/// Without limits on failures and attempts: tests make many. They travel in time, and nothing confirms that.
pub(crate) fn policy() -> Policy {
    Policy {
        failures_per_client: 0,
        failures_per_address: 0,
        sign_ins_per_person: 0,
        sign_ins_per_address: 0,
        clock_tolerance_seconds: i64::MAX,
        ..Policy::new(ISSUER, AUDIENCE)
    }
}

pub(crate) fn entropy() -> Arc<SeededEntropy> {
    ENTROPY.clone()
}

/// `seconds` after the start of the test's time.
pub(crate) fn time(seconds: i64) -> Timestamp {
    TestClock::START.plus_seconds(seconds)
}

/// A request that came from the network then.
pub(crate) fn at(seconds: i64) -> RequestContext {
    from("192.0.2.7", seconds)
}

pub(crate) fn from(address: &str, seconds: i64) -> RequestContext {
    RequestContext {
        address: Some(address.parse().unwrap()),
        ..RequestContext::background(time(seconds), "test")
    }
}

pub(crate) const NO_GRACE: RotateKey = RotateKey { grace_seconds: 0, end_issued_tokens: false };

impl Fixture {
    pub(crate) async fn on(engine: Engine) -> Self {
        Self::with(engine, policy()).await
    }

    pub(crate) async fn with(engine: Engine, policy: Policy) -> Self {
        let database = Database::fresh(engine).await;
        let master_key = MasterKey::generate(&*entropy());
        let service = open(&database, &master_key, policy, 0).await;
        let acme = service.organisations().create(&at(0), "root", "Acme", ADA, None).await.unwrap();
        let globex = service.organisations().create(&at(0), "root", "Globex", EVE, None).await.unwrap();
        let operator = Principal::operator("root", &acme);
        service.users().add_member(&at(0), &operator, MAX, Role::Member).await.unwrap();
        let mut people = Vec::new();
        for (email, organisation) in [(ADA, &acme), (MAX, &acme), (EVE, &globex)] {
            // Made in the far future, so that their proof is young however far a test travels.
            let later = at(100 * 365 * DAY);
            let token =
                service.tokens().issue_for_user(&later, "root", email, Some(organisation)).await.unwrap();
            people.push(service.tokens().authenticate(&later, &token).await.unwrap());
        }
        let [admin, member, outsider] = people.try_into().unwrap();
        Self { database, service, master_key, acme, operator, admin, member, outsider }
    }

    /// A second node on the same data.
    pub(crate) async fn another_node(&self, seconds: i64) -> Service {
        open(&self.database, &self.master_key, self.service.policy().clone(), seconds).await
    }

    /// An Active key of Acme.
    pub(crate) async fn generate(&self, seconds: i64) -> Pair {
        generate(&self.service, &self.admin, seconds).await.unwrap()
    }

    pub(crate) async fn rotate(&self, seconds: i64, pair: &Pair, input: RotateKey) -> Pair {
        self.service.keys().rotate(&at(seconds), &self.admin, &pair.id, input).await.unwrap().into()
    }

    pub(crate) async fn revoke(&self, seconds: i64, pair: &Pair) {
        self.service.keys().revoke(&at(seconds), &self.admin, &pair.id).await.unwrap();
    }

    /// A token for a pair that must be good.
    pub(crate) async fn issue_token(&self, seconds: i64, pair: &Pair) -> String {
        exchange(&self.service, seconds, pair).await.unwrap().access_token
    }

    pub(crate) async fn rejection(&self, seconds: i64, pair: &Pair) -> Reply {
        exchange(&self.service, seconds, pair).await.unwrap_err()
    }

    pub(crate) async fn accepts(&self, seconds: i64, token: &str) -> bool {
        accepts(&self.service, seconds, token).await
    }

    /// Every action of Acme's log since entry number `after`.
    pub(crate) async fn actions_after(&self, after: i64) -> Vec<String> {
        let events = self.service.audit_log().export(self.acme.id.as_str(), after).await.unwrap();
        events.into_iter().map(|event| event.action).collect()
    }

    /// How many entries Acme's log has.
    pub(crate) async fn entries(&self) -> i64 {
        i64::try_from(self.actions_after(0).await.len()).unwrap()
    }
}

pub(crate) async fn open(
    database: &Database,
    master_key: &MasterKey,
    policy: Policy,
    seconds: i64,
) -> Service {
    Service::open(database.store().await, master_key.clone(), policy, entropy(), &at(seconds)).await.unwrap()
}

pub(crate) async fn generate(service: &Service, principal: &Principal, seconds: i64) -> Result<Pair, Error> {
    let input = GenerateKey { label: "CI".into(), expires_in_days: Some(30) };
    service.keys().generate(&at(seconds), principal, &input).await.map(Pair::from)
}

/// What a client is told that is not authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reply {
    Unknown,
    Expired(Timestamp),
    Rotated(Timestamp),
    Revoked(Timestamp),
    Wait(u64),
}

pub(crate) fn told(rejection: ClientRejection) -> Reply {
    match rejection {
        ClientRejection::Unknown => Reply::Unknown,
        ClientRejection::Expired(at) => Reply::Expired(at),
        ClientRejection::Rotated(at) => Reply::Rotated(at),
        ClientRejection::Revoked(at) => Reply::Revoked(at),
        ClientRejection::TooManyFailures(seconds) => Reply::Wait(seconds),
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn exchange(service: &Service, seconds: i64, pair: &Pair) -> Result<IssuedToken, Reply> {
    exchange_with(service, &at(seconds), pair).await
}

pub(crate) async fn exchange_with(
    service: &Service,
    ctx: &RequestContext,
    pair: &Pair,
) -> Result<IssuedToken, Reply> {
    service.tokens().issue_for_client(ctx, pair.credential(), "").await.map_err(|rejection| match rejection {
        IssuanceRejection::Client(rejection) => told(rejection),
        IssuanceRejection::Scope(scope) => panic!("{scope:?}"),
    })
}

pub(crate) async fn accepts(service: &Service, seconds: i64, token: &str) -> bool {
    match service.tokens().authenticate(&at(seconds), token).await {
        Ok(_) => true,
        Err(TokenRejection::Invalid(_) | TokenRejection::Ended(_)) => false,
        Err(other) => panic!("{other:?}"),
    }
}

/// Why a token is not accepted.
pub(crate) async fn reason(service: &Service, seconds: i64, token: &str) -> String {
    match service.tokens().authenticate(&at(seconds), token).await {
        Err(TokenRejection::Invalid(why)) => why,
        Err(TokenRejection::Ended(ended)) => ended.message(),
        other => panic!("{other:?}"),
    }
}

/// The rejection that a use case answered with.
#[track_caller]
pub(crate) fn rejection_in<T: std::fmt::Debug>(answer: Result<T, Error>) -> Rejection {
    match answer {
        Err(Error::Rejection(reject)) => reject,
        other => panic!("{other:?}"),
    }
}
