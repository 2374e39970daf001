//! Fresh stores, and rows to put into them.

use domain::{
    ApiKey, Claim, Email, KeyId, KeyPolicy, Label, Lifetime, Name, Organisation, OrganisationId,
    SecretDigest, SubjectId, TargetId, Timestamp, User, UserId,
    api_key::{NewKey, RetiredSecret, StoredSecret, claim_slot},
    authority::{CapabilityType, ManageKeys},
    product::{Subject, SubjectDetails, Target, UncheckedTarget},
};
use std::sync::LazyLock;
use store::{FoundOrganisation, Options, OrganisationTransaction, Reader, Store, StoreError, Transaction};
use testkit::{Database, Engine, SeededEntropy, TestClock};

/// Runs each named promise on both engines, as `name::sqlite` and `name::postgres`.
macro_rules! on_both_engines {
    ($($name:ident),* $(,)?) => {$(
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::$name(crate::data::Fresh::on(testkit::Engine::Sqlite).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                super::$name(crate::data::Fresh::on(testkit::Engine::Postgres).await).await;
            }
        }
    )*};
}
pub(crate) use on_both_engines;

pub(crate) const NOW: Timestamp = TestClock::START;

static ENTROPY: LazyLock<SeededEntropy> = LazyLock::new(|| SeededEntropy::new(7));

/// A database of the test's own, and a store on it.
pub(crate) struct Fresh {
    pub(crate) database: Database,
    pub(crate) store: Store,
}

impl Fresh {
    pub(crate) async fn on(engine: Engine) -> Self {
        let database = Database::fresh(engine).await;
        let store = open(&database).await.unwrap();
        Self { database, store }
    }

    /// A second store on the same data, as another process would have.
    pub(crate) async fn another_store(&self) -> Store {
        open(&self.database).await.unwrap()
    }

    /// What a revocation leaves, without a key's token to begin with.
    pub(crate) async fn revoke_token(&self, token_id: &str, expires_at: Timestamp) {
        let values = format!("('{token_id}', {})", expires_at.ms());
        self.database
            .sql(&format!("INSERT INTO revoked_tokens (token_id, expires_at_ms) VALUES {values}"))
            .await;
    }

    pub(crate) async fn read(&self) -> Reader {
        self.store.reader().await.unwrap()
    }

    pub(crate) async fn begin(&self) -> Transaction {
        self.store.begin().await.unwrap()
    }

    /// A transaction that may do in an organisation what `P` names, on an operator's word.
    pub(crate) async fn begin_for<P: CapabilityType>(
        &self,
        organisation: &OrganisationId,
    ) -> OrganisationTransaction<P> {
        let claim = Claim::Operator(organisation.clone());
        self.store.begin_as(&claim, NOW, NOW).await.unwrap().unwrap()
    }

    /// A transaction in which an organisation is made, for people who need one.
    pub(crate) async fn found(&self, name: &str) -> OrganisationTransaction<FoundOrganisation> {
        self.begin().await.found_organisation(organisation(name)).await.unwrap()
    }

    /// An organisation that is there already.
    pub(crate) async fn organisation(&self, name: &str) -> Organisation {
        let organisation = organisation(name);
        let mut transaction = self.begin().await;
        transaction.insert_organisation(&organisation).await.unwrap();
        transaction.commit().await.unwrap();
        organisation
    }

    /// A key that is there already.
    pub(crate) async fn key(&self, organisation: &Organisation) -> ApiKey {
        let key = key(organisation, 90);
        let mut transaction = self.begin_for::<ManageKeys>(&organisation.id).await;
        transaction.insert_key(&key).await.unwrap();
        transaction.commit().await.unwrap();
        key
    }
}

pub(crate) async fn open(database: &Database) -> Result<Store, StoreError> {
    Store::open(&Options::new(database.location())).await
}

pub(crate) fn organisation(name: &str) -> Organisation {
    Organisation {
        id: OrganisationId::generate(NOW, &*ENTROPY),
        name: Name::parse(name).unwrap(),
        key_policy: KeyPolicy::INITIAL,
        created_at: NOW,
        require_second_factor: false,
        secretless_only: false,
    }
}

pub(crate) fn key(organisation: &Organisation, days: i64) -> ApiKey {
    let new = NewKey {
        id: KeyId::generate(NOW, &*ENTROPY),
        label: Label::parse("GitHub Actions").unwrap(),
        secret: secret(),
        lifetime: Lifetime::from_days(days).unwrap(),
        created_by: "ada@example.org".into(),
    };
    ApiKey::generate(claim_slot(0, 1).unwrap(), organisation, new, NOW)
}

pub(crate) fn secret() -> StoredSecret {
    StoredSecret { digest: digest(), hint: "wxyz".into() }
}

/// A digest that was not there before.
pub(crate) fn digest() -> SecretDigest {
    SecretDigest(domain::entropy::random(&*ENTROPY))
}

/// The same key with another secret, and what is left of the one before.
pub(crate) fn rotated(key: &ApiKey, at: Timestamp) -> (ApiKey, RetiredSecret) {
    let retired = RetiredSecret {
        key_id: key.id.clone(),
        organisation_id: key.organisation_id.clone(),
        digest: key.secret.digest,
        at,
        cause: domain::api_key::Retirement::Rotated,
    };
    (ApiKey { secret: secret(), rotated_at: Some(at), ..key.clone() }, retired)
}

pub(crate) fn user(email: &str) -> User {
    User {
        id: UserId::generate(NOW, &*ENTROPY),
        email: Email::parse(email).unwrap(),
        password_hash: None,
        token_epoch: 0,
        created_at: NOW,
    }
}

pub(crate) fn subject(organisation: &Organisation, name: &str) -> Subject {
    Subject {
        id: SubjectId::generate(NOW, &*ENTROPY),
        organisation_id: organisation.id.clone(),
        details: SubjectDetails::parse(name, Some("Two\nlines"), Some("https://shop.example/")).unwrap(),
        created_at: NOW,
        updated_at: NOW,
    }
}

pub(crate) fn target(subject: &Subject, build_key: &str) -> Target {
    let details = UncheckedTarget {
        build_key: build_key.into(),
        name: "Staging".into(),
        description: Some("What the pipeline built".into()),
        version: "1.2.3".into(),
        environment: "staging".into(),
        build_number: Some(42),
        build_url: Some("https://ci.example/42".into()),
        metadata: Some(serde_json::json!({ "branch": "main", "größe": [1, 2.5, null] })),
    };
    Target {
        id: TargetId::generate(NOW, &*ENTROPY),
        organisation_id: subject.organisation_id.clone(),
        subject_id: subject.id.clone(),
        details: details.check().unwrap(),
        created_at: NOW,
        updated_at: NOW,
    }
}
