//! Links that work once: invitations, password resets, the setup of the first organisation.

use crate::{
    OrganisationTransaction, Reader, Result, Transaction, UserTransaction,
    engine::{Row, only_column, params, read, statements},
};
use domain::{
    Email, Invitation, InvitationEnd, InvitationId, LinkPurpose, OneTimeLink, OrganisationId, SecretDigest,
    Timestamp, UserId, authority::ManageMembers,
};

macro_rules! invitation_columns {
    () => {
        "i.id, i.organisation_id, o.name, i.email, i.role, i.created_at_ms, i.created_by, i.expires_at_ms, \
         i.ended_at_ms, i.outcome, i.inviter_id FROM invitations i JOIN organisations o ON o.id = i.organisation_id"
    };
}

statements! {
    INVITE = "INSERT INTO invitations (id, organisation_id, email, role, digest, created_at_ms, created_by, expires_at_ms, \
        inviter_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    END_INVITATIONS_BY = "UPDATE invitations SET ended_at_ms = $3, outcome = 'revoked' \
        WHERE organisation_id = $1 AND inviter_id = $2 AND ended_at_ms IS NULL";
    COUNT_OPEN_INVITATIONS = "SELECT COUNT(*) FROM invitations WHERE organisation_id = $1 AND ended_at_ms IS NULL";
    REPLACE = "UPDATE invitations SET ended_at_ms = $3, outcome = 'replaced' \
        WHERE organisation_id = $1 AND email = $2 AND ended_at_ms IS NULL";
    FIND_INVITATION = concat!("SELECT ", invitation_columns!(), " WHERE i.digest = $1");
    INVITATION_BY_ID = concat!("SELECT ", invitation_columns!(), " WHERE i.organisation_id = $1 AND i.id = $2");
    OPEN_INVITATIONS = concat!(
        "SELECT ", invitation_columns!(), " WHERE i.organisation_id = $1 AND i.ended_at_ms IS NULL ORDER BY i.id"
    );
    END_INVITATION = "UPDATE invitations SET ended_at_ms = $3, outcome = $4 \
        WHERE id = $1 AND organisation_id = $2 AND ended_at_ms IS NULL";
    ADD_LINK = "INSERT INTO one_time_links (digest, purpose, user_id, created_at_ms, expires_at_ms) \
        VALUES ($1, $2, $3, $4, $5)";
    FIND_LINK = "SELECT l.user_id, u.email, l.expires_at_ms, l.consumed_at_ms FROM one_time_links l \
        LEFT JOIN users u ON u.id = l.user_id WHERE l.digest = $1 AND l.purpose = $2";
    CONSUME_SETUP = "UPDATE one_time_links SET consumed_at_ms = $2 \
        WHERE digest = $1 AND purpose = 'setup' AND consumed_at_ms IS NULL AND expires_at_ms > $2";
    CONSUME_RESET = "UPDATE one_time_links SET consumed_at_ms = $3 \
        WHERE digest = $1 AND purpose = 'reset' AND user_id = $2 AND consumed_at_ms IS NULL AND expires_at_ms > $3";
    CONSUME_LINKS_OF = "UPDATE one_time_links SET consumed_at_ms = $2 WHERE user_id = $1 AND consumed_at_ms IS NULL";
    CONSUME_SETUPS = "UPDATE one_time_links SET consumed_at_ms = $1 WHERE purpose = 'setup' AND consumed_at_ms IS NULL";
    COUNT_ORGANISATIONS = "SELECT COUNT(*) FROM organisations";
}

fn invitation(row: &Row<'_>) -> Result<Invitation> {
    read!(row => Invitation {
        id, organisation_id, organisation_name, email, role, created_at, created_by, expires_at,
        end: row.next::<Option<Timestamp>>()?.zip(row.next()?), inviter,
    })
}

impl Reader {
    /// The invitation with this digest, open or not.
    pub async fn find_invitation(&mut self, digest: SecretDigest) -> Result<Option<Invitation>> {
        self.find(FIND_INVITATION, params![digest], invitation).await
    }

    /// The organisation's invitation with this id, open or not.
    pub async fn find_invitation_by_id(
        &mut self,
        organisation: &OrganisationId,
        id: &InvitationId,
    ) -> Result<Option<Invitation>> {
        self.find(INVITATION_BY_ID, params![organisation.as_str(), id.as_str()], invitation).await
    }

    /// The organisation's invitations that nobody has taken or ended, oldest first; expired ones are among them.
    pub async fn open_invitations(&mut self, organisation: &OrganisationId) -> Result<Vec<Invitation>> {
        self.query(OPEN_INVITATIONS, params![organisation.as_str()], invitation).await
    }

    /// The link with this digest, usable or not.
    pub async fn find_link(
        &mut self,
        digest: SecretDigest,
        purpose: LinkPurpose,
    ) -> Result<Option<OneTimeLink>> {
        self.find(FIND_LINK, params![digest, purpose.as_str()], |row| {
            Ok(OneTimeLink {
                user: row.next::<Option<UserId>>()?.zip(row.next()?),
                expires_at: row.next()?,
                consumed_at: row.next()?,
            })
        })
        .await
    }

    /// How many organisations there are.
    pub async fn count_organisations(&mut self) -> Result<i64> {
        Ok(self.find(COUNT_ORGANISATIONS, params![], only_column).await?.unwrap_or(0))
    }
}

impl Transaction {
    /// Uses up every setup link: only the newest start's link works, and none once there is an organisation.
    pub async fn consume_setup_links(&mut self, now: Timestamp) -> Result<()> {
        self.execute(CONSUME_SETUPS, params![now]).await.map(drop)
    }

    /// Adds a setup link.
    pub async fn insert_setup_link(
        &mut self,
        digest: SecretDigest,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<()> {
        let nobody: Option<&str> = None;
        let params = params![digest, LinkPurpose::Setup.as_str(), nobody, now, expires_at];
        self.execute(ADD_LINK, params).await.map(drop)
    }

    /// Uses a setup link up. False if it was used, is over, or was never there.
    pub async fn consume_setup_link(&mut self, digest: SecretDigest, now: Timestamp) -> Result<bool> {
        Ok(self.execute(CONSUME_SETUP, params![digest, now]).await? == 1)
    }

    /// Uses a user's reset link up. False if it was used, is over, another user's, or was never there.
    pub(crate) async fn consume_reset_link(
        &mut self,
        digest: SecretDigest,
        user: &UserId,
        now: Timestamp,
    ) -> Result<bool> {
        Ok(self.execute(CONSUME_RESET, params![digest, user.as_str(), now]).await? == 1)
    }
}

impl UserTransaction {
    /// Adds a link that sets a new password; earlier ones work no more.
    pub async fn insert_reset_link(
        &mut self,
        digest: SecretDigest,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<()> {
        self.consume_reset_links(now).await?;
        let params = params![digest, LinkPurpose::Reset.as_str(), Some(self.id().as_str()), now, expires_at];
        self.execute(ADD_LINK, params).await.map(drop)
    }

    /// Uses up every link that sets the user's password.
    pub async fn consume_reset_links(&mut self, now: Timestamp) -> Result<()> {
        let params = params![self.id().as_str(), now];
        self.execute(CONSUME_LINKS_OF, params).await.map(drop)
    }
}

impl<P> OrganisationTransaction<P> {
    /// Ends the organisation's open invitation of a user, who came by another way or gets a newer one.
    pub async fn replace_invitation(&mut self, email: &Email, now: Timestamp) -> Result<()> {
        let params = params![self.id().as_str(), email.as_str(), now];
        self.execute(REPLACE, params).await.map(drop)
    }

    pub(crate) async fn end_invitation_as(
        &mut self,
        id: &InvitationId,
        end: InvitationEnd,
        now: Timestamp,
    ) -> Result<bool> {
        let params = params![id.as_str(), self.id().as_str(), now, end.as_str()];
        Ok(self.execute(END_INVITATION, params).await? == 1)
    }

    /// Takes back every open invitation that a user made.
    pub(crate) async fn end_invitations_by(&mut self, user: &UserId, now: Timestamp) -> Result<()> {
        let params = params![self.id().as_str(), user.as_str(), now];
        self.execute(END_INVITATIONS_BY, params).await.map(drop)
    }
}

impl OrganisationTransaction<ManageMembers> {
    /// Adds an invitation; an open one for the same user ends.
    pub async fn insert_invitation(&mut self, new: &Invitation, digest: SecretDigest) -> Result<()> {
        self.require_own(&new.organisation_id)?;
        self.replace_invitation(&new.email, new.created_at).await?;
        let params = params![new =>
            id, organisation_id, email, role, (digest), created_at, created_by, expires_at, inviter,
        ];
        self.execute(INVITE, params).await.map(drop)
    }

    /// Takes an open invitation back. False if it had ended already.
    pub async fn revoke_invitation(&mut self, id: &InvitationId, now: Timestamp) -> Result<bool> {
        self.end_invitation_as(id, InvitationEnd::Revoked, now).await
    }

    /// How many invitations of the organisation are open; expired ones are among them.
    pub async fn count_open_invitations(&mut self) -> Result<i64> {
        let params = params![self.id().as_str()];
        Ok(self.find(COUNT_OPEN_INVITATIONS, params, only_column).await?.unwrap_or(0))
    }
}
