//! Organisations: making, finding, renaming, key policy.

use crate::{
    Error, Organisations, Principal, PrincipalKind, Rejection, RequestContext, Result, audit::Entry,
};
use domain::{
    Capability, Email, Invalid, KeyPolicy, Lifetime, Name, Organisation, OrganisationId, Role,
    audit::{Action, SYSTEM_CHAIN},
    authority::ManageOrganisation,
};
use serde_json::json;
use store::{OrganisationTransaction, StoreError, Transaction};

/// What an Admin may set of the organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganisationSettings {
    /// The name, not yet checked.
    pub name: String,
    /// What a key gets if the Admin picks nothing, in days.
    pub default_days: i64,
    /// The longest lifetime that an Admin may pick, in days.
    pub maximum_days: i64,
    /// Whether its people need a second factor.
    pub require_second_factor: bool,
    /// Whether its keys get no new secrets.
    pub secretless_only: bool,
}

impl OrganisationSettings {
    /// The settings of an organisation as it is.
    pub fn of(organisation: &Organisation) -> Self {
        Self {
            name: organisation.name.as_str().to_owned(),
            default_days: organisation.key_policy.default.days(),
            maximum_days: organisation.key_policy.maximum.days(),
            require_second_factor: organisation.require_second_factor,
            secretless_only: organisation.secretless_only,
        }
    }
}

/// An organisation with its first Admin, checked and not yet stored.
pub(crate) struct NewOrganisation {
    pub(crate) organisation: Organisation,
    email: Email,
    password_hash: Option<String>,
    principal: Principal,
}

impl NewOrganisation {
    /// Lets the audit log say that the Admin came by the setup link.
    pub(crate) fn by_setup_link(&mut self) {
        self.principal =
            Principal::operator(format!("{}, by the setup link", self.email), &self.organisation);
    }
}

impl Organisations<'_> {
    /// Makes an organisation with its first Admin, on an operator's word.
    ///
    /// # Errors
    /// An input is wrong, the name is taken, the person has a password already, or the store fails.
    pub async fn create(
        self,
        ctx: &RequestContext,
        operator: &str,
        name: &str,
        admin_email: &str,
        password: Option<&str>,
    ) -> Result<Organisation> {
        let mut draft = self.draft_organisation(ctx, name, admin_email, password).await?;
        draft.principal = Principal::operator(operator, &draft.organisation);
        let transaction = self.0.store.begin().await?;
        self.insert_draft(transaction, ctx, &draft).await?;
        Ok(draft.organisation)
    }

    pub(crate) async fn draft_organisation(
        self,
        ctx: &RequestContext,
        name: &str,
        admin_email: &str,
        password: Option<&str>,
    ) -> Result<NewOrganisation> {
        let organisation = Organisation {
            id: OrganisationId::generate(ctx.now, self.0.entropy()),
            name: organisation_name(name)?,
            key_policy: KeyPolicy::INITIAL,
            created_at: ctx.now,
            require_second_factor: false,
            secretless_only: false,
        };
        let email = Email::parse(admin_email)?;
        let password_hash = match password {
            Some(password) => Some(self.0.users().hash_password(password, Some(&email)).await?),
            None => None,
        };
        let principal = Principal::operator("operator", &organisation);
        Ok(NewOrganisation { organisation, email, password_hash, principal })
    }

    /// Stores a draft and commits the caller's transaction. No setup link works from then on.
    pub(crate) async fn insert_draft(
        self,
        transaction: Transaction,
        ctx: &RequestContext,
        draft: &NewOrganisation,
    ) -> Result<()> {
        let NewOrganisation { organisation, email, password_hash, principal } = draft;
        let founded = transaction.found_organisation(organisation.clone()).await;
        let mut transaction = founded.map_err(|error| taken(&organisation.name, error))?;
        transaction.consume_setup_links(ctx.now).await?;
        let entry = Entry {
            action: Action::OrganisationCreated,
            object_id: organisation.id.as_str(),
            object_name: organisation.name.as_str(),
            details: json!({}),
        };
        self.0.audit(&mut transaction, ctx, principal, entry).await?;
        let admin = self.0.users().join(&mut transaction, ctx, principal, email, Role::Admin).await?;
        if let Some(hash) = password_hash
            && !transaction.set_first_password(&admin.id, hash).await?
        {
            return Err(Rejection::Conflict(format!(
                "{email} has a password already: leave the password out to make the same person a member here"
            ))
            .into());
        }
        Ok(transaction.commit().await?)
    }

    /// The organisation that an operator means: by id, or by its exact name.
    ///
    /// # Errors
    /// There is none, or the store fails.
    pub async fn find(self, id_or_name: &str) -> Result<Organisation> {
        let mut reader = self.0.store.reader().await?;
        let found = match OrganisationId::parse(id_or_name) {
            Ok(id) => reader.find_organisation(&id).await?,
            Err(_) => reader.find_organisation_by_name(id_or_name.trim()).await?,
        };
        let missing = || {
            let name: String = id_or_name.chars().take(64).collect();
            Rejection::Conflict(format!("there is no organisation {name}: `duku admin org list` shows them"))
        };
        Ok(found.ok_or_else(missing)?)
    }

    /// Up to 1,000 organisations after `after`, oldest first.
    pub async fn list(self, after: Option<&OrganisationId>) -> Result<Vec<Organisation>> {
        Ok(self.0.store.reader().await?.organisations(after, self.0.policy.page_maximum).await?)
    }

    /// The principal's own organisation.
    pub async fn get(self, principal: &Principal) -> Result<Organisation> {
        let found = self.0.store.reader().await?.find_organisation(&principal.organisation_id).await?;
        found.ok_or_else(|| Error::internal("a principal without an organisation"))
    }

    /// Renames the principal's organisation; tokens issued from then on carry the new name.
    ///
    /// # Errors
    /// The principal is no Admin, the name is wrong or taken, or the store fails.
    pub async fn rename(self, ctx: &RequestContext, principal: &Principal, name: &str) -> Result<()> {
        principal.authorise(Capability::ManageOrganisation)?;
        let name = organisation_name(name)?;
        let mut transaction = self.0.begin_as::<ManageOrganisation>(ctx, principal).await?;
        let before = transaction.organisation().clone();
        self.rename_to(&mut transaction, ctx, principal, &before, &name).await?;
        Ok(transaction.commit().await?)
    }

    async fn rename_to(
        self,
        transaction: &mut OrganisationTransaction<ManageOrganisation>,
        ctx: &RequestContext,
        principal: &Principal,
        before: &Organisation,
        name: &Name,
    ) -> Result<()> {
        transaction.rename_organisation(name).await.map_err(|error| taken(name, error))?;
        let entry = Entry {
            action: Action::OrganisationRenamed,
            object_id: before.id.as_str(),
            object_name: name.as_str(),
            details: json!({ "before": before.name.as_str() }),
        };
        self.0.audit(transaction, ctx, principal, entry).await
    }

    /// Changes what is different in the principal's organisation, if it still is as the Admin saw it.
    ///
    /// # Errors
    /// The principal is no Admin, an input is wrong, somebody changed the settings meanwhile, the Admin who requires a
    /// second factor has none, or the store fails.
    pub async fn change_settings(
        self,
        ctx: &RequestContext,
        principal: &Principal,
        seen: &OrganisationSettings,
        new: &OrganisationSettings,
    ) -> Result<()> {
        principal.authorise(Capability::ManageOrganisation)?;
        let name = organisation_name(&new.name)?;
        let policy =
            KeyPolicy::new(Lifetime::from_days(new.default_days)?, Lifetime::from_days(new.maximum_days)?)?;
        let mut transaction = self.0.begin_as::<ManageOrganisation>(ctx, principal).await?;
        let before = transaction.organisation().clone();
        if OrganisationSettings::of(&before) != *seen {
            let message = "somebody changed these settings meanwhile: look at them again";
            return Err(Rejection::Conflict(message.into()).into());
        }
        if name != before.name {
            self.rename_to(&mut transaction, ctx, principal, &before, &name).await?;
        }
        if policy != before.key_policy {
            self.set_policy(&mut transaction, ctx, principal, &before, policy).await?;
        }
        if new.require_second_factor != before.require_second_factor {
            let required = new.require_second_factor;
            self.require_second_factor(&mut transaction, ctx, principal, &before, required).await?;
        }
        if new.secretless_only != before.secretless_only {
            transaction.set_secretless_only(new.secretless_only).await?;
            let entry = Entry {
                action: Action::SecretPolicyChanged,
                object_id: before.id.as_str(),
                object_name: before.name.as_str(),
                details: json!({ "secretless_only": new.secretless_only }),
            };
            self.0.audit(&mut transaction, ctx, principal, entry).await?;
        }
        Ok(transaction.commit().await?)
    }

    async fn require_second_factor(
        self,
        transaction: &mut OrganisationTransaction<ManageOrganisation>,
        ctx: &RequestContext,
        principal: &Principal,
        organisation: &Organisation,
        required: bool,
    ) -> Result<()> {
        if let (true, PrincipalKind::User { id, .. }) = (required, &principal.holder) {
            let own = transaction.find_second_factor(id).await?.and_then(|factor| factor.confirmed_at);
            if own.is_none() {
                let message = "set up your own second factor first, or you would lock yourself out";
                return Err(Rejection::Conflict(message.into()).into());
            }
        }
        transaction.require_second_factor(required).await?;
        let entry = Entry {
            action: Action::SecondFactorPolicyChanged,
            object_id: organisation.id.as_str(),
            object_name: organisation.name.as_str(),
            details: json!({ "required": required }),
        };
        self.0.audit(transaction, ctx, principal, entry).await
    }

    /// Changes how long new and rotated keys of the principal's organisation live.
    ///
    /// # Errors
    /// The principal is no Admin, a lifetime is wrong, or the store fails.
    pub async fn set_key_policy(
        self,
        ctx: &RequestContext,
        principal: &Principal,
        default_days: i64,
        maximum_days: i64,
    ) -> Result<()> {
        principal.authorise(Capability::ManageOrganisation)?;
        let policy = KeyPolicy::new(Lifetime::from_days(default_days)?, Lifetime::from_days(maximum_days)?)?;
        let mut transaction = self.0.begin_as::<ManageOrganisation>(ctx, principal).await?;
        let organisation = transaction.organisation().clone();
        self.set_policy(&mut transaction, ctx, principal, &organisation, policy).await?;
        Ok(transaction.commit().await?)
    }

    async fn set_policy(
        self,
        transaction: &mut OrganisationTransaction<ManageOrganisation>,
        ctx: &RequestContext,
        principal: &Principal,
        organisation: &Organisation,
        policy: KeyPolicy,
    ) -> Result<()> {
        transaction.set_key_policy(policy).await?;
        let entry = Entry {
            action: Action::KeyPolicyChanged,
            object_id: organisation.id.as_str(),
            object_name: organisation.name.as_str(),
            details: json!({ "default_days": policy.default.days(), "maximum_days": policy.maximum.days() }),
        };
        self.0.audit(transaction, ctx, principal, entry).await
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

fn taken(name: &Name, error: StoreError) -> Error {
    match error {
        StoreError::Taken => {
            Rejection::Conflict(format!("there is an organisation called {name} already")).into()
        }
        other => other.into(),
    }
}
