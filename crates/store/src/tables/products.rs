//! Products and targets. Lists are pages by id, so each page costs the same.

use crate::{
    OrganisationTransaction, Reader, Result, StoreError,
    engine::{Row, only_column, params, read, statements},
};
use domain::{
    OrganisationId, Subject, SubjectId, Target, TargetId,
    authority::ChangeProducts,
    product::{SubjectDetails, TargetDetails, secrets},
};

macro_rules! subject_columns {
    () => {
        "id, organisation_id, name, description, base_url, created_at_ms, updated_at_ms"
    };
}
macro_rules! target_columns {
    () => {
        "id, organisation_id, subject_id, build_key, name, description, version, environment, build_number, \
         build_url, metadata, created_at_ms, updated_at_ms"
    };
}

statements! {
    INSERT_SUBJECT = concat!("INSERT INTO subjects (", subject_columns!(), ") VALUES ($1, $2, $3, $4, $5, $6, $7)");
    FIND_SUBJECT = concat!("SELECT ", subject_columns!(), " FROM subjects WHERE id = $1 AND organisation_id = $2");
    LIST_SUBJECTS = concat!(
        "SELECT ", subject_columns!(), " FROM subjects WHERE organisation_id = $1 AND id > $2 ORDER BY id LIMIT $3"
    );
    UPDATE_SUBJECT = "UPDATE subjects SET name = $3, description = $4, base_url = $5, updated_at_ms = $6 \
        WHERE id = $1 AND organisation_id = $2";
    DELETE_SUBJECT = "DELETE FROM subjects WHERE id = $1 AND organisation_id = $2";
    DELETE_TARGET = "DELETE FROM targets WHERE id = $1 AND organisation_id = $2";
    COUNT_SUBJECTS = "SELECT COUNT(*) FROM subjects WHERE organisation_id = $1";
    COUNT_TARGETS = "SELECT COUNT(*) FROM targets WHERE subject_id = $1 AND organisation_id = $2";
    DELETE_TARGETS = "DELETE FROM targets WHERE subject_id = $1 AND organisation_id = $2";
    LOCK_SUBJECT = "UPDATE subjects SET name = name WHERE id = $1 AND organisation_id = $2";
    FIND_TARGET = concat!("SELECT ", target_columns!(), " FROM targets WHERE id = $1 AND organisation_id = $2");
    FIND_TARGET_BY_BUILD_KEY = concat!(
        "SELECT ", target_columns!(), " FROM targets WHERE subject_id = $1 AND build_key = $2 AND organisation_id = $3"
    );
    LIST_TARGETS = concat!(
        "SELECT ", target_columns!(), " FROM targets WHERE organisation_id = $1 AND id > $2 ORDER BY id LIMIT $3"
    );
    LIST_TARGETS_OF_SUBJECT = concat!(
        "SELECT ", target_columns!(), " FROM targets \
         WHERE subject_id = $1 AND organisation_id = $2 AND id > $3 ORDER BY id LIMIT $4"
    );
    SUBJECTS_BY_IDS = concat!(
        "SELECT ", subject_columns!(), " FROM subjects WHERE organisation_id = $1 \
         AND id IN (SELECT value FROM json_each($2))"
    );
    // Of each product so many targets by the index: the inner list ends there, however many the product has.
    TARGETS_OF_SUBJECTS = concat!(
        "SELECT ", target_columns!(), " FROM targets WHERE id IN ( \
         SELECT t.id FROM json_each($1) AS s JOIN targets AS t ON t.id IN ( \
         SELECT i.id FROM targets AS i WHERE i.subject_id = s.value AND i.organisation_id = $2 AND i.id > $3 \
         ORDER BY i.id LIMIT $4)) ORDER BY subject_id, id"
    );
    INSERT_TARGET = concat!(
        "INSERT INTO targets (", target_columns!(), ") \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
    );
    UPDATE_TARGET = "UPDATE targets SET name = $3, description = $4, version = $5, environment = $6, \
        build_number = $7, build_url = $8, metadata = $9, updated_at_ms = $10 WHERE id = $1 AND organisation_id = $2";
    TARGET_SECRETS = "SELECT sealed_secrets FROM targets WHERE id = $1 AND organisation_id = $2";
    KEEP_TARGET_SECRETS = "UPDATE targets SET sealed_secrets = $3 WHERE id = $1 AND organisation_id = $2";
}

/// Where PostgreSQL's dialect differs: it has arrays for lists of ids, and LATERAL.
pub(crate) mod on_postgres {
    use super::statements;

    statements! {
        SUBJECTS_BY_IDS = concat!(
            "SELECT ", subject_columns!(), " FROM subjects WHERE organisation_id = $1 \
             AND id IN (SELECT jsonb_array_elements_text($2::text::jsonb))"
        );
        TARGETS_OF_SUBJECTS = concat!(
            "SELECT ", target_columns!(), " FROM (SELECT t.* FROM jsonb_array_elements_text($1::text::jsonb) AS s (id) \
             CROSS JOIN LATERAL (SELECT i.* FROM targets AS i WHERE i.subject_id = s.id AND i.organisation_id = $2 \
             AND i.id > $3 ORDER BY i.id LIMIT $4) AS t) AS found ORDER BY subject_id, id"
        );
    }
}

fn subject(row: &Row<'_>) -> Result<Subject> {
    read!(row => Subject {
        id, organisation_id,
        details: SubjectDetails { name: row.next()?, description: row.next()?, base_url: row.next()? },
        created_at, updated_at,
    })
}

/// Ids as a JSON array. Nothing in them needs to be escaped.
fn json_list(ids: &[SubjectId]) -> String {
    let quoted: Vec<String> = ids.iter().map(|id| format!("\"{id}\"")).collect();
    format!("[{}]", quoted.join(","))
}

fn metadata(text: Option<String>) -> Result<Option<serde_json::Value>> {
    let value = text.map(|text| serde_json::from_str(&text)).transpose();
    let mut value = value.map_err(|error| StoreError::corrupt(format!("metadata: {error}")))?;
    // Versions before 0.2 kept them in plain text.
    value.iter_mut().for_each(secrets::hide);
    Ok(value)
}

fn target(row: &Row<'_>) -> Result<Target> {
    Ok(Target {
        id: row.next()?,
        organisation_id: row.next()?,
        subject_id: row.next()?,
        details: TargetDetails {
            build_key: row.next()?,
            name: row.next()?,
            description: row.next()?,
            version: row.next()?,
            environment: row.next()?,
            build_number: row.next()?,
            build_url: row.next()?,
            metadata: metadata(row.next()?)?,
        },
        created_at: row.next()?,
        updated_at: row.next()?,
    })
}

impl Reader {
    /// The organisation's product with this id.
    pub async fn find_subject(
        &mut self,
        organisation: &OrganisationId,
        id: &SubjectId,
    ) -> Result<Option<Subject>> {
        self.find(FIND_SUBJECT, params![id.as_str(), organisation.as_str()], subject).await
    }

    /// Up to `first` of the organisation's products whose ids come after `after`, oldest first.
    pub async fn subjects(
        &mut self,
        organisation: &OrganisationId,
        after: Option<&SubjectId>,
        first: i64,
    ) -> Result<Vec<Subject>> {
        let params = params![organisation.as_str(), after.map_or("", SubjectId::as_str), first];
        self.query(LIST_SUBJECTS, params, subject).await
    }

    /// Those of these products that the organisation has, in no order.
    pub async fn subjects_by_ids(
        &mut self,
        organisation: &OrganisationId,
        ids: &[SubjectId],
    ) -> Result<Vec<Subject>> {
        let sql = if self.is_postgres() { on_postgres::SUBJECTS_BY_IDS } else { SUBJECTS_BY_IDS };
        self.query(sql, params![organisation.as_str(), json_list(ids)], subject).await
    }

    /// The organisation's target with this id.
    pub async fn find_target(
        &mut self,
        organisation: &OrganisationId,
        id: &TargetId,
    ) -> Result<Option<Target>> {
        self.find(FIND_TARGET, params![id.as_str(), organisation.as_str()], target).await
    }

    /// The product's target with this build key.
    pub async fn find_target_by_build_key(
        &mut self,
        organisation: &OrganisationId,
        subject: &SubjectId,
        build_key: &str,
    ) -> Result<Option<Target>> {
        let params = params![subject.as_str(), build_key, organisation.as_str()];
        self.find(FIND_TARGET_BY_BUILD_KEY, params, target).await
    }

    /// Up to `first` targets of the organisation, or of one product, whose ids come after `after`, oldest first.
    pub async fn targets(
        &mut self,
        organisation: &OrganisationId,
        subject: Option<&SubjectId>,
        after: Option<&TargetId>,
        first: i64,
    ) -> Result<Vec<Target>> {
        let after = after.map_or("", TargetId::as_str);
        match subject {
            Some(subject) => {
                let params = params![subject.as_str(), organisation.as_str(), after, first];
                self.query(LIST_TARGETS_OF_SUBJECT, params, target).await
            }
            None => self.query(LIST_TARGETS, params![organisation.as_str(), after, first], target).await,
        }
    }

    /// Of each of these products up to `first` targets whose ids come after `after`: by product, oldest first.
    pub async fn targets_of_subjects(
        &mut self,
        organisation: &OrganisationId,
        subjects: &[SubjectId],
        after: Option<&TargetId>,
        first: i64,
    ) -> Result<Vec<Target>> {
        let sql = if self.is_postgres() { on_postgres::TARGETS_OF_SUBJECTS } else { TARGETS_OF_SUBJECTS };
        let after = after.map_or("", TargetId::as_str);
        self.query(sql, params![json_list(subjects), organisation.as_str(), after, first], target).await
    }

    /// How many products the organisation has.
    pub async fn count_subjects(&mut self, organisation: &OrganisationId) -> Result<i64> {
        let params = params![organisation.as_str()];
        Ok(self.find(COUNT_SUBJECTS, params, only_column).await?.unwrap_or(0))
    }

    /// How many targets the product has.
    pub async fn count_targets(&mut self, organisation: &OrganisationId, subject: &SubjectId) -> Result<i64> {
        let params = params![subject.as_str(), organisation.as_str()];
        Ok(self.find(COUNT_TARGETS, params, only_column).await?.unwrap_or(0))
    }
}

impl OrganisationTransaction<ChangeProducts> {
    /// Adds a product.
    pub async fn insert_subject(&mut self, new: &Subject) -> Result<()> {
        self.require_own(&new.organisation_id)?;
        let params = params![new =>
            id, organisation_id, (new.details.name.as_str()), (new.details.description.as_deref()),
            (new.details.base_url.as_deref()), created_at, updated_at,
        ];
        self.execute(INSERT_SUBJECT, params).await.map(drop)
    }

    /// Stores a changed product. False if it is gone.
    pub async fn update_subject(&mut self, changed: &Subject) -> Result<bool> {
        self.require_own(&changed.organisation_id)?;
        let params = params![
            changed.id.as_str(),
            changed.organisation_id.as_str(),
            changed.details.name.as_str(),
            changed.details.description.as_deref(),
            changed.details.base_url.as_deref(),
            changed.updated_at,
        ];
        Ok(self.execute(UPDATE_SUBJECT, params).await? == 1)
    }

    /// The organisation's product with this id, keeping every other transaction from changing or deleting it until this one ends.
    pub async fn lock_subject(&mut self, id: &SubjectId) -> Result<Option<Subject>> {
        let organisation = self.id().clone();
        self.execute(LOCK_SUBJECT, params![id.as_str(), organisation.as_str()]).await?;
        self.find_subject(&organisation, id).await
    }

    /// Deletes a product with its targets; answers how many targets went along.
    pub async fn delete_subject(&mut self, id: &SubjectId) -> Result<u64> {
        let organisation = self.id().clone();
        let targets = self.execute(DELETE_TARGETS, params![id.as_str(), organisation.as_str()]).await?;
        self.execute(DELETE_SUBJECT, params![id.as_str(), organisation.as_str()]).await?;
        Ok(targets)
    }

    /// Adds a target.
    pub async fn insert_target(&mut self, new: &Target) -> Result<()> {
        self.require_own(&new.organisation_id)?;
        let details = &new.details;
        let params = params![details =>
            (new.id.as_str()), (new.organisation_id.as_str()), (new.subject_id.as_str()), build_key, name,
            description, version, environment, build_number, build_url,
            (details.metadata.as_ref().map(ToString::to_string)), (new.created_at), (new.updated_at),
        ];
        self.execute(INSERT_TARGET, params).await.map(drop)
    }

    /// Stores a changed target. False if it is gone.
    pub async fn update_target(&mut self, changed: &Target) -> Result<bool> {
        self.require_own(&changed.organisation_id)?;
        let details = &changed.details;
        let params = params![details =>
            (changed.id.as_str()), (changed.organisation_id.as_str()), name, description, version,
            environment, build_number, build_url, (details.metadata.as_ref().map(ToString::to_string)),
            (changed.updated_at),
        ];
        Ok(self.execute(UPDATE_TARGET, params).await? == 1)
    }

    /// The sealed secrets of a target, if it has any.
    pub async fn target_secrets(&mut self, id: &TargetId) -> Result<Option<Vec<u8>>> {
        let params = params![id.as_str(), self.id().as_str()];
        Ok(self.find(TARGET_SECRETS, params, only_column).await?.flatten())
    }

    /// Keeps the sealed secrets of a target in place of former ones. False if the target is gone.
    pub async fn keep_target_secrets(&mut self, id: &TargetId, sealed: Option<&[u8]>) -> Result<bool> {
        let params = params![id.as_str(), self.id().as_str(), sealed];
        Ok(self.execute(KEEP_TARGET_SECRETS, params).await? == 1)
    }

    /// Deletes a target. False if it is gone.
    pub async fn delete_target(&mut self, id: &TargetId) -> Result<bool> {
        let params = params![id.as_str(), self.id().as_str()];
        Ok(self.execute(DELETE_TARGET, params).await? == 1)
    }
}
