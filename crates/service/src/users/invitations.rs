//! Invitations by link: made by an Admin, copied or mailed, taken once.

use crate::{
    CurrentUser, Error, OpaqueToken, Principal, Rejection, RequestContext, Result, Users,
    audit::Entry,
    operations::mail::{Mail, Mailed},
};
use domain::{
    Capability, Email, Ended, Invitation, InvitationId, LinkState, Role, Session, SessionClaim,
    audit::Action, authority::ManageMembers,
};
use serde_json::json;
use store::{StoreError, Transaction};
use zeroize::Zeroizing;

/// An invitation that was made: the only time that its link is known.
#[derive(Debug)]
pub struct Invited {
    /// The invitation.
    pub invitation: Invitation,
    /// The link, to be handed to the person.
    pub link: Zeroizing<String>,
    /// Whether it was mailed.
    pub mailed: Mailed,
}

impl Users<'_> {
    /// Invites a person. An open invitation of the same person ends. The link is mailed where mail is set up; if that
    /// fails, the invitation stands all the same, and the mail is tried again.
    ///
    /// # Errors
    /// The principal is no Admin, the address is wrong, the person is a member already, or the store fails.
    pub async fn invite(
        self,
        ctx: &RequestContext,
        principal: &Principal,
        email: &str,
        role: Role,
    ) -> Result<Invited> {
        principal.authorise(Capability::ManageMembers)?;
        let email = Email::parse(email)?;
        let link = OpaqueToken::generate(self.0.entropy());
        let mut transaction = self.0.begin_as::<ManageMembers>(ctx, principal).await?;
        let organisation = transaction.organisation().clone();
        if transaction.members(&organisation.id).await?.iter().any(|member| member.email == email) {
            return Err(Rejection::Conflict(format!("{email} is a member already")).into());
        }
        let invitation = Invitation {
            id: InvitationId::generate(ctx.now, self.0.entropy()),
            organisation_id: organisation.id.clone(),
            organisation_name: organisation.name.as_str().to_owned(),
            email,
            role,
            created_at: ctx.now,
            created_by: principal.actor().name,
            inviter: principal.user_id().cloned(),
            expires_at: ctx.now.plus_seconds(self.0.policy.invitation_lifetime_seconds),
            end: None,
        };
        transaction.insert_invitation(&invitation, link.digest()).await?;
        // Counted afterwards: a new invitation of the same person takes the place of the former one.
        let limit = self.0.policy.open_invitations_per_organisation;
        if transaction.count_open_invitations().await? > limit {
            let setting = "open_invitations_per_organisation";
            return Err(Rejection::TooMuchStored { what: "open invitations", limit, setting }.into());
        }
        let details = json!({ "role": role.as_str() });
        self.audit_invitation(&mut transaction, ctx, principal, Action::MemberInvited, &invitation, details)
            .await?;
        let link = self.0.link("invite", &link);
        let mail = invitation_mail(&invitation, &link);
        let mailed = self.0.commit_and_mail(transaction, ctx, &mail).await?;
        Ok(Invited { invitation, link, mailed })
    }

    /// The organisation's invitations that nobody has taken or taken back; expired ones are among them.
    ///
    /// # Errors
    /// The principal is no Admin, or the store fails.
    pub async fn list_invitations(self, principal: &Principal) -> Result<Vec<Invitation>> {
        principal.authorise(Capability::ManageMembers)?;
        Ok(self.0.store.reader().await?.open_invitations(&principal.organisation_id).await?)
    }

    /// Takes an invitation back: its link works no more.
    ///
    /// # Errors
    /// The principal is no Admin, the invitation is not there or has ended, or the store fails.
    pub async fn revoke_invitation(
        self,
        ctx: &RequestContext,
        principal: &Principal,
        id: &str,
    ) -> Result<Invitation> {
        principal.authorise(Capability::ManageMembers)?;
        let missing = || Rejection::NotFound { kind: "invitation", id: id.to_owned() };
        let parsed = InvitationId::parse(id).map_err(|_| missing())?;
        let mut transaction = self.0.begin_as::<ManageMembers>(ctx, principal).await?;
        let organisation = &principal.organisation_id;
        let found = transaction.find_invitation_by_id(organisation, &parsed).await?.ok_or_else(missing)?;
        if !transaction.revoke_invitation(&parsed, ctx.now).await? {
            let message = format!("the invitation of {} has ended already", found.email);
            return Err(Rejection::Conflict(message).into());
        }
        let action = Action::InvitationRevoked;
        self.audit_invitation(&mut transaction, ctx, principal, action, &found, json!({})).await?;
        transaction.commit().await?;
        Ok(found)
    }

    /// What an invitation's link leads to. It does not tell whether the invited address is known here.
    pub async fn find_invitation(self, ctx: &RequestContext, link: &str) -> Result<LinkState<Invitation>> {
        let mut reader = self.0.store.reader().await?;
        let Some(invitation) = reader.find_invitation(jose::digest(link)).await? else {
            return Ok(LinkState::Unknown);
        };
        let inviter_may_invite = reader.inviter_is_admin(&invitation).await?;
        Ok(invitation.state(inviter_may_invite, ctx.now))
    }

    /// Whether the signed-in person is the one who took an invitation.
    pub async fn has_joined_by(self, link: &str, user: &CurrentUser) -> Result<bool> {
        let found = self.0.store.reader().await?.find_invitation(jose::digest(link)).await?;
        Ok(found.is_some_and(|invitation| invitation.was_accepted_by(&user.email)))
    }

    /// Takes an invitation: somebody who is new here chooses a password, everybody else is signed in as the invited address.
    ///
    /// # Errors
    /// The link does not work (any more), the password is rejected, the invited person is known here and not signed in, or
    /// another person is, or the store fails.
    pub async fn accept_invitation(
        self,
        ctx: &RequestContext,
        link: &str,
        by: InvitationProof<'_>,
    ) -> Result<Accepted> {
        let over =
            || Rejection::Conflict("this invitation has been used or is too old: ask for a new one".into());
        let LinkState::Open(seen) = self.find_invitation(ctx, link).await? else {
            return Err(over().into());
        };
        let password_hash = match by {
            InvitationProof::Password(password) => {
                Some(self.hash_password(password, Some(&seen.email)).await?)
            }
            InvitationProof::CurrentUser(user) if user.email == seen.email => None,
            InvitationProof::CurrentUser(user) => {
                let message = format!(
                    "this invitation is for {}, and you are signed in as {}: sign out first",
                    seen.email, user.email
                );
                return Err(Rejection::Forbidden(message).into());
            }
        };
        let transaction = self.0.store.begin().await?;
        let accepted = transaction.accept_invitation(jose::digest(link), ctx.now).await?;
        let (invitation, mut transaction) = accepted.ok_or_else(over)?;
        match by {
            InvitationProof::CurrentUser(user) => {
                let Session { id, user_id, .. } = user.session.clone();
                let claim = SessionClaim { session_id: id, user_id };
                if !transaction.hold_session(&claim, ctx.now).await? {
                    return Err(Ended::SessionEnded.into());
                }
            }
            InvitationProof::Password(_) => {
                let new = self.new_user(ctx, &invitation.email, password_hash);
                match transaction.insert_user(&new).await {
                    Ok(()) => {}
                    // The link shows that somebody was invited, not that whoever holds it is this person.
                    Err(StoreError::Taken) => return Ok(Accepted::SignInFirst(invitation)),
                    Err(error) => return Err(error.into()),
                }
            }
        }
        let principal = Principal::invited(&invitation.email, transaction.organisation());
        let member = self.join(&mut transaction, ctx, &principal, &invitation.email, invitation.role).await?;
        transaction.commit().await?;
        tracing::info!(person = %member.id, organisation = %invitation.organisation_id, "joined by invitation");
        if let InvitationProof::CurrentUser(user) = by {
            // The person has joined, also if the session has ended since.
            let switched = self.switch_organisation(ctx, user, invitation.organisation_id.as_str()).await;
            if let Err(failure @ (Error::Store(_) | Error::Internal(_))) = switched {
                return Err(failure);
            }
        }
        Ok(Accepted::Joined(invitation))
    }

    async fn audit_invitation(
        self,
        transaction: &mut Transaction,
        ctx: &RequestContext,
        principal: &Principal,
        action: Action,
        invitation: &Invitation,
        details: serde_json::Value,
    ) -> Result<()> {
        let entry = Entry {
            action,
            object_id: invitation.id.as_str(),
            object_name: invitation.email.as_str(),
            details,
        };
        self.0.audit(transaction, ctx, principal, entry).await
    }
}

/// How an invited person proves to be the one.
#[derive(Clone, Copy)]
pub enum InvitationProof<'a> {
    /// By the link alone, choosing a first password.
    Password(&'a str),
    /// By being signed in.
    CurrentUser(&'a CurrentUser),
}

/// What became of an invitation that somebody took.
#[derive(Debug)]
pub enum Accepted {
    /// The person is a member now.
    Joined(Invitation),
    /// The invited address is known here: nothing was changed, the person has to sign in and open the link again.
    SignInFirst(Invitation),
}

fn invitation_mail(invitation: &Invitation, link: &str) -> Mail {
    let Invitation { organisation_name, created_by, role, expires_at, .. } = invitation;
    let role = match role {
        Role::Admin => "an Admin",
        Role::Member => "a Member",
    };
    Mail {
        to: invitation.email.clone(),
        subject: format!("{created_by} invites you to {organisation_name}"),
        text: format!(
            "{created_by} invites you to work in {organisation_name} on Duku, as {role}.\n\n\
             Accept here:\n{link}\n\n\
             The link works once, until {expires_at}. If you do not know what this is, do nothing.\n"
        ),
    }
}
