//! Which forms were carried out, so that one that is sent twice makes one secret.

use crate::{
    OrganisationTransaction, Reader, Result,
    engine::{only_column, params, statements},
};
use domain::{Timestamp, UserId, authority::ManageKeys};

statements! {
    SEND_FORM = "INSERT INTO sent_forms (id, user_id, object_id, sent_at_ms) VALUES ($1, $2, $3, $4) \
        ON CONFLICT (id) DO NOTHING";
    SENT_FORM = "SELECT object_id FROM sent_forms WHERE id = $1 AND user_id = $2";
}

impl Reader {
    /// What a form of the user was carried out on, if it was.
    pub async fn find_sent_form(&mut self, form: &str, user: &UserId) -> Result<Option<String>> {
        self.find(SENT_FORM, params![form, user.as_str()], only_column).await
    }
}

impl OrganisationTransaction<ManageKeys> {
    /// Notes that a form is carried out on `object_id`. False if it was carried out before.
    pub async fn note_sent_form(
        &mut self,
        form: &str,
        user: &UserId,
        object_id: &str,
        now: Timestamp,
    ) -> Result<bool> {
        Ok(self.execute(SEND_FORM, params![form, user.as_str(), object_id, now]).await? == 1)
    }
}
