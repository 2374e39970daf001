//! Organisations.

use crate::{
    OrganisationTransaction, Reader, Result, Transaction,
    engine::{Row, params, read, statements},
};
use domain::{KeyPolicy, Name, Organisation, OrganisationId, authority::ManageOrganisation};

statements! {
    INSERT = "INSERT INTO organisations (id, name, default_lifetime_seconds, maximum_lifetime_seconds, created_at_ms) \
        VALUES ($1, $2, $3, $4, $5)";
    FIND = "SELECT id, name, default_lifetime_seconds, maximum_lifetime_seconds, created_at_ms, require_second_factor, \
        secretless_only \
        FROM organisations WHERE id = $1";
    FIND_BY_NAME = "SELECT id, name, default_lifetime_seconds, maximum_lifetime_seconds, created_at_ms, require_second_factor, \
        secretless_only \
        FROM organisations WHERE name = $1";
    LIST = "SELECT id, name, default_lifetime_seconds, maximum_lifetime_seconds, created_at_ms, require_second_factor, \
        secretless_only \
        FROM organisations WHERE id > $1 ORDER BY id LIMIT $2";
    LOCK = "UPDATE organisations SET name = name WHERE id = $1";
    RENAME = "UPDATE organisations SET name = $2 WHERE id = $1";
    RENAME_IN_KEYS = "UPDATE api_keys SET organisation_name = $2 WHERE organisation_id = $1";
    REQUIRE_SECOND_FACTOR = "UPDATE organisations SET require_second_factor = $2 WHERE id = $1";
    SECRETLESS_ONLY = "UPDATE organisations SET secretless_only = $2 WHERE id = $1";
    SET_POLICY = "UPDATE organisations SET default_lifetime_seconds = $2, maximum_lifetime_seconds = $3 WHERE id = $1";
}

fn organisation(row: &Row<'_>) -> Result<Organisation> {
    read!(row => Organisation {
        id, name, key_policy: KeyPolicy { default: row.next()?, maximum: row.next()? }, created_at,
        require_second_factor, secretless_only,
    })
}

impl Reader {
    /// The organisation with this id.
    pub async fn find_organisation(&mut self, id: &OrganisationId) -> Result<Option<Organisation>> {
        self.find(FIND, params![id.as_str()], organisation).await
    }

    /// The organisation with exactly this name.
    pub async fn find_organisation_by_name(&mut self, name: &str) -> Result<Option<Organisation>> {
        self.find(FIND_BY_NAME, params![name], organisation).await
    }

    /// Up to `first` organisations whose ids come after `after`, oldest first.
    pub async fn organisations(
        &mut self,
        after: Option<&OrganisationId>,
        first: i64,
    ) -> Result<Vec<Organisation>> {
        self.query(LIST, params![after.map_or("", OrganisationId::as_str), first], organisation).await
    }
}

impl Transaction {
    /// Adds an organisation. [`StoreError::Taken`] if its name is.
    pub async fn insert_organisation(&mut self, new: &Organisation) -> Result<()> {
        let (default, maximum) = (new.key_policy.default.seconds(), new.key_policy.maximum.seconds());
        let params = params![new.id.as_str(), new.name.as_str(), default, maximum, new.created_at];
        self.execute(INSERT, params).await.map(drop)
    }

    /// Reads the organisation and keeps every other transaction from changing its keys and people until this one ends.
    pub async fn lock_organisation(&mut self, id: &OrganisationId) -> Result<Option<Organisation>> {
        self.execute(LOCK, params![id.as_str()]).await?;
        self.find_organisation(id).await
    }
}

impl OrganisationTransaction<ManageOrganisation> {
    /// Renames the organisation, also where its keys repeat the name.
    pub async fn rename_organisation(&mut self, name: &Name) -> Result<()> {
        let id = self.id().clone();
        self.execute(RENAME, params![id.as_str(), name.as_str()]).await?;
        self.execute(RENAME_IN_KEYS, params![id.as_str(), name.as_str()]).await.map(drop)
    }

    /// Changes how long the organisation's keys live.
    pub async fn set_key_policy(&mut self, policy: KeyPolicy) -> Result<()> {
        let params = params![self.id().as_str(), policy.default.seconds(), policy.maximum.seconds()];
        self.execute(SET_POLICY, params).await.map(drop)
    }

    /// Decides whether the organisation's people need a second factor.
    pub async fn require_second_factor(&mut self, required: bool) -> Result<()> {
        let params = params![self.id().as_str(), i64::from(required)];
        self.execute(REQUIRE_SECOND_FACTOR, params).await.map(drop)
    }

    /// Decides whether the organisation's keys may have secrets.
    pub async fn set_secretless_only(&mut self, only: bool) -> Result<()> {
        let params = params![self.id().as_str(), i64::from(only)];
        self.execute(SECRETLESS_ONLY, params).await.map(drop)
    }
}
