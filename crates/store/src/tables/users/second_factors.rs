//! Second factors: one sealed TOTP secret per user, and recovery codes as digests.

use crate::{
    Reader, Result, UserTransaction,
    engine::{only_column, params, read, statements},
};
use domain::{SecondFactor, SecretDigest, Timestamp, UserId};

statements! {
    BEGIN = "INSERT INTO second_factors (user_id, sealed_secret, created_at_ms, last_step) VALUES ($1, $2, $3, 0) \
        ON CONFLICT (user_id) DO UPDATE SET sealed_secret = $2, created_at_ms = $3, last_step = 0 \
        WHERE second_factors.confirmed_at_ms IS NULL AND second_factors.created_at_ms < $4";
    FIND = "SELECT sealed_secret, confirmed_at_ms, last_step FROM second_factors WHERE user_id = $1";
    USE_STEP = "UPDATE second_factors SET last_step = $2 WHERE user_id = $1 AND last_step < $2";
    CONFIRM = "UPDATE second_factors SET confirmed_at_ms = $2 WHERE user_id = $1 AND confirmed_at_ms IS NULL";
    ABANDON = "DELETE FROM second_factors WHERE user_id = $1 AND confirmed_at_ms IS NULL";
    REMOVE = "DELETE FROM second_factors WHERE user_id = $1";
    ADD_CODE = "INSERT INTO recovery_codes (user_id, digest) VALUES ($1, $2)";
    USE_CODE = "UPDATE recovery_codes SET used_at_ms = $3 WHERE user_id = $1 AND digest = $2 AND used_at_ms IS NULL";
    REMOVE_CODES = "DELETE FROM recovery_codes WHERE user_id = $1";
    COUNT_CODES = "SELECT COUNT(*) FROM recovery_codes WHERE user_id = $1 AND used_at_ms IS NULL";
}

impl Reader {
    /// The user's secret, confirmed or not.
    pub async fn find_second_factor(&mut self, user: &UserId) -> Result<Option<SecondFactor>> {
        self.find(
            FIND,
            params![user.as_str()],
            |row| read!(row => SecondFactor { sealed_secret, confirmed_at, last_step }),
        )
        .await
    }

    /// How many recovery codes are left.
    pub async fn count_recovery_codes(&mut self, user: &UserId) -> Result<i64> {
        Ok(self.find(COUNT_CODES, params![user.as_str()], only_column).await?.unwrap_or(0))
    }
}

impl UserTransaction {
    /// Stores a secret that is not confirmed yet. False if the user has one already that is confirmed, or was begun at
    /// `oldest` or later: it stays.
    pub async fn begin_second_factor(
        &mut self,
        sealed_secret: &[u8],
        now: Timestamp,
        oldest: Timestamp,
    ) -> Result<bool> {
        Ok(self.execute_own(BEGIN, params![sealed_secret, now, oldest]).await? == 1)
    }

    /// Uses up a time step. False if it, or a later one, was used already.
    pub async fn use_second_factor_step(&mut self, step: i64) -> Result<bool> {
        Ok(self.execute_own(USE_STEP, params![step]).await? == 1)
    }

    /// Notes that the user proved to have the secret. False if that was noted before.
    pub async fn confirm_second_factor(&mut self, now: Timestamp) -> Result<bool> {
        Ok(self.execute_own(CONFIRM, params![now]).await? == 1)
    }

    /// Forgets a secret that was not confirmed.
    pub async fn abandon_second_factor(&mut self) -> Result<()> {
        self.execute_own(ABANDON, params![]).await.map(drop)
    }

    /// Takes the second factor away, with its recovery codes. False if there was none.
    pub async fn remove_second_factor(&mut self) -> Result<bool> {
        self.execute_own(REMOVE_CODES, params![]).await?;
        Ok(self.execute_own(REMOVE, params![]).await? == 1)
    }

    /// Replaces the user's recovery codes.
    pub async fn replace_recovery_codes(&mut self, digests: &[SecretDigest]) -> Result<()> {
        self.execute_own(REMOVE_CODES, params![]).await?;
        for digest in digests {
            self.execute_own(ADD_CODE, params![*digest]).await?;
        }
        Ok(())
    }

    /// Uses up a recovery code. False if it is none of the user's, or was used.
    pub async fn use_recovery_code(&mut self, digest: SecretDigest, now: Timestamp) -> Result<bool> {
        Ok(self.execute_own(USE_CODE, params![digest, now]).await? == 1)
    }
}
