//! Passkeys, and the challenges that wait for an authenticator's answer.

use crate::{
    Reader, Result, Transaction, UserTransaction,
    engine::{Row, params, read, statements},
};
use domain::{CeremonyPurpose, Passkey, PasskeyCeremony, PasskeyId, SecretDigest, Timestamp, UserId};

macro_rules! passkey_columns {
    () => {
        "id, user_id, name, credential_id, credential, created_at_ms, last_used_at_ms"
    };
}

statements! {
    ADD = "INSERT INTO passkeys (id, user_id, name, credential_id, credential, created_at_ms) \
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (credential_id) DO NOTHING";
    OF_USER = concat!("SELECT ", passkey_columns!(), " FROM passkeys WHERE user_id = $1 ORDER BY id");
    FIND = concat!("SELECT ", passkey_columns!(), " FROM passkeys WHERE credential_id = $1");
    USED = "UPDATE passkeys SET credential = $3, last_used_at_ms = $4 WHERE id = $1 AND credential = $2";
    REMOVE = "DELETE FROM passkeys WHERE id = $1 AND user_id = $2";
    REMOVE_ALL = "DELETE FROM passkeys WHERE user_id = $1";
    BEGIN = "INSERT INTO passkey_ceremonies (digest, purpose, user_id, name, state, expires_at_ms) \
        VALUES ($1, $2, $3, $4, $5, $6)";
    BEGUN = "SELECT user_id, name, state FROM passkey_ceremonies WHERE digest = $1 AND purpose = $2 AND expires_at_ms > $3";
    TAKE = "DELETE FROM passkey_ceremonies WHERE digest = $1";
}

fn passkey(row: &Row<'_>) -> Result<Passkey> {
    read!(row => Passkey { id, user_id, name, credential_id, credential, created_at, last_used_at })
}

impl Reader {
    /// The user's passkeys, oldest first.
    pub async fn passkeys_of(&mut self, user: &UserId) -> Result<Vec<Passkey>> {
        self.query(OF_USER, params![user.as_str()], passkey).await
    }

    /// The passkey that an authenticator names so.
    pub async fn find_passkey(&mut self, credential_id: &[u8]) -> Result<Option<Passkey>> {
        self.find(FIND, params![credential_id], passkey).await
    }
}

impl Transaction {
    /// Keeps a challenge until its answer comes.
    pub async fn begin_ceremony(
        &mut self,
        digest: SecretDigest,
        purpose: CeremonyPurpose,
        ceremony: &PasskeyCeremony,
        expires_at: Timestamp,
    ) -> Result<()> {
        let params = params![
            digest,
            purpose.as_str(),
            ceremony.user_id.as_ref().map(UserId::as_str),
            ceremony.name.as_deref(),
            &ceremony.state,
            expires_at,
        ];
        self.execute(BEGIN, params).await.map(drop)
    }

    /// Takes a challenge, which no other answer can take then. None if it is unknown, over, or taken.
    pub async fn take_ceremony(
        &mut self,
        digest: SecretDigest,
        purpose: CeremonyPurpose,
        now: Timestamp,
    ) -> Result<Option<PasskeyCeremony>> {
        let begun = self
            .find(
                BEGUN,
                params![digest, purpose.as_str(), now],
                |row| read!(row => PasskeyCeremony { user_id, name, state }),
            )
            .await?;
        let Some(begun) = begun else { return Ok(None) };
        Ok((self.execute(TAKE, params![digest]).await? == 1).then_some(begun))
    }
}

impl UserTransaction {
    /// Adds a passkey. False if the credential is known already, whosever it is.
    pub async fn add_passkey(&mut self, new: &Passkey) -> Result<bool> {
        let params = params![new => id, (self.id().as_str()), name, credential_id, credential, created_at];
        Ok(self.execute(ADD, params).await? == 1)
    }

    /// Notes a use, and the credential as it is after it. False if another use changed it in between, or it is gone.
    pub async fn use_passkey(&mut self, before: &Passkey, after: &str, now: Timestamp) -> Result<bool> {
        let params = params![before.id.as_str(), &before.credential, after, now];
        Ok(self.execute(USED, params).await? == 1)
    }

    /// Removes one of the user's passkeys. False if there is none with this id.
    pub async fn remove_passkey(&mut self, id: &PasskeyId) -> Result<bool> {
        let params = params![id.as_str(), self.id().as_str()];
        Ok(self.execute(REMOVE, params).await? == 1)
    }

    /// Removes all of the user's passkeys; answers how many there were.
    pub async fn remove_passkeys(&mut self) -> Result<u64> {
        self.execute_own(REMOVE_ALL, params![]).await
    }
}
