//! Use cases: authorise, decide, persist, audit.
//!
//! A use case takes a [`RequestContext`] (when and from where), a [`Principal`] (who) and plain values, and answers with its
//! outcome or a [`Error`]: a [`Rejection`] that the caller can mend, or an internal error that nobody outside sees. Every use case
//! fails if the store does.

pub mod attempt_limits;
pub mod audit;
mod authority;
pub mod errors;
pub mod keys;
pub mod operations;
pub mod organisations;
pub mod policy;
pub mod principal;
pub mod products;
pub mod tokens;
pub mod users;
pub mod workloads;

pub use domain::RequestContext;
pub use errors::{Error, Rejection};
pub use policy::Policy;
pub use principal::{Principal, PrincipalKind};
pub use store::{StoreError, on_same_behalf};
pub use tokens::opaque_token::OpaqueToken;
pub use users::current_user::CurrentUser;

pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

use domain::Entropy;
use jose::MasterKey;
use std::sync::{Arc, OnceLock};
use store::Store;

/// Every use case, on one store, by families. Cheap to clone.
#[derive(Clone)]
pub struct Service(Arc<Inner>);

/// What all families use: the store, keys and settings, and what their use cases share (beginning a transaction with
/// authority, the audit log's entries, mails).
struct Inner {
    store: Store,
    master_key: MasterKey,
    entropy: Arc<dyn Entropy>,
    policy: Policy,
    signing: tokens::signing_keys::SigningKeys,
    verified: tokens::VerifiedTokens,
    usage: keys::usage_recorder::Recorder,
    noted_ends: operations::audit_witness::NotedEnds,
    limits: attempt_limits::FailureLimits,
    meters: tokens::issuance::Meters,
    watch: operations::clock::ClockMonitor,
    /// A place for each password that is being checked, and one for each that is checked or waits.
    hashing: tokio::sync::Semaphore,
    hashing_seats: tokio::sync::Semaphore,
    issuers: workloads::Issuers,
    mailer: OnceLock<Arc<dyn operations::mail::Mailer>>,
}

/// The name under which the data remembers which master key it was sealed with.
const MASTER_KEY_FINGERPRINT: &str = "master_key_fingerprint";

/// Why the service cannot start on this data.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The data was sealed with another master key.
    #[error(
        "the master key does not fit the data: it was sealed under the key with fingerprint {expected}, this one has {given}; \
         set DUKU_MASTER_KEY or restore the master.key file that belongs to this data"
    )]
    WrongMasterKey {
        /// The fingerprint that the data remembers.
        expected: String,
        /// The fingerprint of the key that was given.
        given: String,
    },
    /// Anything else.
    #[error(transparent)]
    Error(#[from] Error),
}

impl Service {
    /// Opens the use cases on a store and makes the first signing key if there is none.
    ///
    /// # Errors
    /// The master key does not fit the data, or the store fails.
    pub async fn open(
        store: Store,
        master_key: MasterKey,
        policy: Policy,
        entropy: Arc<dyn Entropy>,
        ctx: &RequestContext,
    ) -> Result<Self, OpenError> {
        let service = Self::open_for_repair(store, master_key, policy, entropy).await?;
        service.tokens().ensure_signing_key(ctx).await?;
        Ok(service)
    }

    /// Opens the use cases without looking at the signing keys, for an operator who replaces one that cannot be used.
    ///
    /// # Errors
    /// The master key does not fit the data, or the store fails.
    pub async fn open_for_repair(
        store: Store,
        master_key: MasterKey,
        policy: Policy,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, OpenError> {
        check_master_key(&store, &master_key).await?;
        Ok(Self(Arc::new(Inner {
            limits: attempt_limits::FailureLimits::new(&policy),
            verified: tokens::VerifiedTokens::new(policy.verified_tokens),
            signing: tokens::signing_keys::SigningKeys::default(),
            usage: keys::usage_recorder::Recorder::default(),
            noted_ends: operations::audit_witness::NotedEnds::default(),
            meters: tokens::issuance::Meters::new(),
            watch: operations::clock::ClockMonitor::default(),
            hashing: tokio::sync::Semaphore::new(policy.password_checks.max(1)),
            hashing_seats: tokio::sync::Semaphore::new(
                policy.password_checks.max(1) * users::sign_in::WAITING,
            ),
            issuers: workloads::Issuers::default(),
            mailer: OnceLock::new(),
            store,
            master_key,
            entropy,
            policy,
        })))
    }

    /// The rules that this installation set.
    pub fn policy(&self) -> &Policy {
        &self.0.policy
    }

    /// Where the data lives, for what only the composition root does.
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// It does not.
    pub async fn ready(&self) -> Result<()> {
        Ok(self.0.store.ping().await?)
    }

    /// Makes sure that what a principal was authenticated with still counts, for an answer that takes long.
    ///
    /// # Errors
    /// It has ended, or the role is another one; or the store fails.
    pub async fn confirm(&self, ctx: &RequestContext, principal: &Principal) -> Result<()> {
        self.0.confirm(ctx, principal).await
    }
}

impl Inner {
    fn entropy(&self) -> &dyn Entropy {
        &*self.entropy
    }
}

/// Declares each family's entry, for surfaces and for the other families.
macro_rules! families {
    ($($(#[$doc:meta])* $entry:ident: $family:ident;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy)]
            pub struct $family<'a>(&'a Inner);
        )*

        impl Service {
            $(
                $(#[$doc])*
                pub fn $entry(&self) -> $family<'_> {
                    $family(&self.0)
                }
            )*
        }

        impl Inner {
            $(
                #[allow(dead_code, reason = "every family is at hand for every other")]
                fn $entry(&self) -> $family<'_> {
                    $family(self)
                }
            )*
        }
    };
}

families! {
    /// An API key's life: list, generate, rotate, revoke, and what its use was.
    keys: Keys;
    /// Access tokens and what signs them: issue, authenticate, introspect, revoke.
    tokens: Tokens;
    /// Users: sign-in, second factors, sessions, devices, invitations, members.
    users: Users;
    /// Organisations and their settings.
    organisations: Organisations;
    /// Products and their targets.
    products: Products;
    /// Reading and verifying the audit log.
    audit_log: AuditLog;
    /// What runs the installation: setup, mail, maintenance, backups.
    operations: Operations;
}

/// The fingerprint of the master key that the data was sealed with; none for fresh data.
pub async fn sealed_under(store: &Store) -> Result<Option<String>> {
    Ok(store.reader().await?.meta(MASTER_KEY_FINGERPRINT).await?)
}

async fn check_master_key(store: &Store, master_key: &MasterKey) -> Result<(), OpenError> {
    let given = master_key.fingerprint();
    let expected = if let Some(expected) = sealed_under(store).await? {
        expected
    } else {
        let mut transaction = store.begin().await.map_err(Error::from)?;
        transaction.set_meta_once(MASTER_KEY_FINGERPRINT, &given).await.map_err(Error::from)?;
        transaction.commit().await.map_err(Error::from)?;
        sealed_under(store).await?.unwrap_or_default()
    };
    if expected == given { Ok(()) } else { Err(OpenError::WrongMasterKey { expected, given }) }
}
