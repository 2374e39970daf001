//! Organisations: making, finding, renaming, key policy.

use crate::{Ctx, Failure, Principal, Reject, Service, audit::Entry, keys::lock_organisation};
use domain::{
    Capability, Email, Invalid, KeyPolicy, Lifetime, Name, Organisation, OrganisationId, Role,
    audit::{Action, SYSTEM_CHAIN},
};
use jose::password;
use serde_json::json;
use store::StoreError;

pub use domain::{PASSWORD_MAXIMUM, PASSWORD_MINIMUM};

impl Service {
    /// Makes an organisation with its first Admin, on an operator's word.
    ///
    /// # Errors
    /// An input is wrong, the name is taken, the person has a password already, or the store fails.
    pub async fn create_organisation(
        &self,
        ctx: &Ctx,
        operator: &str,
        name: &str,
        admin_email: &str,
        password: Option<&str>,
    ) -> Result<Organisation, Failure> {
        let organisation = Organisation {
            id: OrganisationId::generate(ctx.now, self.entropy()),
            name: organisation_name(name)?,
            key_policy: KeyPolicy::INITIAL,
            created_at: ctx.now,
        };
        let email = Email::parse(admin_email)?;
        let password_hash = match password {
            Some(password) => Some(self.hash_password(password, &email).await?),
            None => None,
        };
        let mut session = self.0.store.begin().await?;
        session.insert_organisation(&organisation).await.map_err(|error| taken(&organisation.name, error))?;
        let principal = Principal::operator(operator, &organisation);
        let entry = Entry {
            action: Action::OrganisationCreated,
            object_id: organisation.id.as_str(),
            object_name: organisation.name.as_str(),
            details: json!({}),
        };
        self.audit(&mut session, ctx, &principal, entry).await?;
        self.join(&mut session, ctx, &principal, &email, password_hash, Role::Admin).await?;
        session.commit().await?;
        Ok(organisation)
    }

    /// The organisation that an operator means: by id, or by its exact name.
    ///
    /// # Errors
    /// There is none, or the store fails.
    pub async fn find_organisation(&self, id_or_name: &str) -> Result<Organisation, Failure> {
        let mut session = self.0.store.reader().await?;
        let found = match OrganisationId::parse(id_or_name) {
            Ok(id) => session.find_organisation(&id).await?,
            Err(_) => session.find_organisation_by_name(id_or_name.trim()).await?,
        };
        let missing = || {
            let name: String = id_or_name.chars().take(64).collect();
            Reject::Conflict(format!("there is no organisation {name}: `duku admin org list` shows them"))
        };
        Ok(found.ok_or_else(missing)?)
    }

    /// Up to 1,000 organisations after `after`, oldest first.
    ///
    /// # Errors
    /// The store fails.
    pub async fn list_organisations(
        &self,
        after: Option<&OrganisationId>,
    ) -> Result<Vec<Organisation>, Failure> {
        Ok(self.0.store.reader().await?.organisations(after, self.0.policy.page_maximum).await?)
    }

    /// The principal's own organisation.
    ///
    /// # Errors
    /// The store fails.
    pub async fn organisation(&self, principal: &Principal) -> Result<Organisation, Failure> {
        let found = self.0.store.reader().await?.find_organisation(&principal.organisation_id).await?;
        found.ok_or_else(|| Failure::internal("a principal without an organisation"))
    }

    /// Renames the principal's organisation; tokens bought from then on carry the new name.
    ///
    /// # Errors
    /// The principal is no Admin, the name is wrong or taken, or the store fails.
    pub async fn rename_organisation(
        &self,
        ctx: &Ctx,
        principal: &Principal,
        name: &str,
    ) -> Result<(), Failure> {
        principal.authorise(Capability::ManageOrganisation)?;
        let name = organisation_name(name)?;
        let mut session = self.0.store.begin().await?;
        let before = lock_organisation(&mut session, principal).await?;
        session.rename_organisation(&before.id, &name).await.map_err(|error| taken(&name, error))?;
        let entry = Entry {
            action: Action::OrganisationRenamed,
            object_id: before.id.as_str(),
            object_name: name.as_str(),
            details: json!({ "before": before.name.as_str() }),
        };
        self.audit(&mut session, ctx, principal, entry).await?;
        Ok(session.commit().await?)
    }

    /// Changes how long new and rotated keys of the principal's organisation live.
    ///
    /// # Errors
    /// The principal is no Admin, a lifetime is wrong, or the store fails.
    pub async fn set_key_policy(
        &self,
        ctx: &Ctx,
        principal: &Principal,
        default_days: i64,
        maximum_days: i64,
    ) -> Result<(), Failure> {
        principal.authorise(Capability::ManageOrganisation)?;
        let policy = KeyPolicy::new(Lifetime::from_days(default_days)?, Lifetime::from_days(maximum_days)?)?;
        let mut session = self.0.store.begin().await?;
        let organisation = lock_organisation(&mut session, principal).await?;
        session.set_key_policy(&organisation.id, policy).await?;
        let entry = Entry {
            action: Action::KeyPolicyChanged,
            object_id: organisation.id.as_str(),
            object_name: organisation.name.as_str(),
            details: json!({ "default_days": default_days, "maximum_days": maximum_days }),
        };
        self.audit(&mut session, ctx, principal, entry).await?;
        Ok(session.commit().await?)
    }

    /// The hash of a person's new password, after it was checked.
    pub(crate) async fn hash_password(&self, password: &str, email: &Email) -> Result<String, Failure> {
        domain::check_password(password, PASSWORD_MINIMUM, Some(email))?;
        let salt = domain::environment::random::<16>(self.entropy());
        let password = zeroize::Zeroizing::new(password.to_owned());
        let hashed = tokio::task::spawn_blocking(move || password::hash(&password, salt)).await;
        hashed.map_err(Failure::internal)?.map_err(Failure::internal)
    }
}

/// A name that cannot be mistaken for an id or for the chain of the audit log that belongs to no organisation.
fn organisation_name(text: &str) -> Result<Name, Invalid> {
    let name = Name::parse(text)?;
    if name.as_str() == SYSTEM_CHAIN || OrganisationId::parse(name.as_str()).is_ok() {
        return Err(Invalid::new("name", format!("{name} means something else already; choose another")));
    }
    Ok(name)
}

fn taken(name: &Name, error: StoreError) -> Failure {
    match error {
        StoreError::Taken => {
            Reject::Conflict(format!("there is an organisation called {name} already")).into()
        }
        other => other.into(),
    }
}
