//! Invitations by link: made by an Admin, copied or mailed, taken once.

use crate::{
    Ctx, Failure, Handle, Principal, Reject, Service, Visitor,
    audit::Entry,
    keys::lock_organisation,
    mail::{Mail, Mailed},
    passwords::LinkState,
};
use domain::{Capability, Email, InvitationId, Role, audit::Action};
use serde_json::json;
use store::{Invitation, InvitationEnd, Session};
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

/// An invitation as the invited person sees it.
#[derive(Debug)]
pub struct OpenInvitation {
    /// The invitation.
    pub invitation: Invitation,
    /// Whether the person has a password already, and so signs in instead of choosing one.
    pub has_password: bool,
}

impl Service {
    /// Invites a person. An open invitation of the same person ends. The link is mailed where mail is set up; if that
    /// fails, the invitation stands all the same, and the mail is tried again.
    ///
    /// # Errors
    /// The principal is no Admin, the address is wrong, the person is a member already, or the store fails.
    pub async fn invite(
        &self,
        ctx: &Ctx,
        principal: &Principal,
        email: &str,
        role: Role,
    ) -> Result<Invited, Failure> {
        principal.authorise(Capability::ManageMembers)?;
        let email = Email::parse(email)?;
        let link = Handle::generate(self.entropy());
        let mut session = self.0.store.begin().await?;
        let organisation = lock_organisation(&mut session, principal).await?;
        if session.members(&organisation.id).await?.iter().any(|member| member.email == email) {
            return Err(Reject::Conflict(format!("{email} is a member already")).into());
        }
        let invitation = Invitation {
            id: InvitationId::generate(ctx.now, self.entropy()),
            organisation_id: organisation.id.clone(),
            organisation_name: organisation.name.as_str().to_owned(),
            email,
            role,
            created_at: ctx.now,
            created_by: principal.actor().name,
            expires_at: ctx.now.plus_seconds(self.0.policy.invitation_lifetime_seconds),
            end: None,
        };
        session.insert_invitation(&invitation, link.digest()).await?;
        let details = json!({ "role": role.as_str() });
        self.audit_invitation(&mut session, ctx, principal, Action::MemberInvited, &invitation, details)
            .await?;
        let link = self.link("invite", &link);
        let mail = invitation_mail(&invitation, &link);
        let mailed = self.commit_and_mail(session, ctx, &mail).await?;
        Ok(Invited { invitation, link, mailed })
    }

    /// The organisation's invitations that nobody has taken or taken back; expired ones are among them.
    ///
    /// # Errors
    /// The principal is no Admin, or the store fails.
    pub async fn list_invitations(&self, principal: &Principal) -> Result<Vec<Invitation>, Failure> {
        principal.authorise(Capability::ManageMembers)?;
        Ok(self.0.store.reader().await?.open_invitations(&principal.organisation_id).await?)
    }

    /// Takes an invitation back: its link works no more.
    ///
    /// # Errors
    /// The principal is no Admin, the invitation is not there or has ended, or the store fails.
    pub async fn revoke_invitation(
        &self,
        ctx: &Ctx,
        principal: &Principal,
        id: &str,
    ) -> Result<Invitation, Failure> {
        principal.authorise(Capability::ManageMembers)?;
        let missing = || Reject::NotFound { kind: "invitation", id: id.to_owned() };
        let parsed = InvitationId::parse(id).map_err(|_| missing())?;
        let organisation = &principal.organisation_id;
        let mut session = self.0.store.begin().await?;
        let found = session.find_invitation_by_id(organisation, &parsed).await?.ok_or_else(missing)?;
        if !session.end_invitation(organisation, &parsed, InvitationEnd::Revoked, ctx.now).await? {
            let message = format!("the invitation of {} has ended already", found.email);
            return Err(Reject::Conflict(message).into());
        }
        let action = Action::InvitationRevoked;
        self.audit_invitation(&mut session, ctx, principal, action, &found, json!({})).await?;
        session.commit().await?;
        Ok(found)
    }

    /// What an invitation's link leads to.
    ///
    /// # Errors
    /// The store fails.
    pub async fn find_invitation(&self, ctx: &Ctx, link: &str) -> Result<LinkState<OpenInvitation>, Failure> {
        let mut session = self.0.store.reader().await?;
        let Some(invitation) = session.find_invitation(jose::digest(link)).await? else {
            return Ok(LinkState::Unknown);
        };
        if invitation.end.is_some() {
            return Ok(LinkState::Used);
        }
        if invitation.expires_at <= ctx.now {
            return Ok(LinkState::Expired);
        }
        let person = session.find_person(&invitation.email).await?;
        let has_password = person.is_some_and(|person| person.password_hash.is_some());
        Ok(LinkState::Open(OpenInvitation { invitation, has_password }))
    }

    /// Takes an invitation: a person who has no password chooses one, one who has is signed in as the invited address.
    ///
    /// # Errors
    /// The link does not work (any more), the password is refused, another person is signed in, or the store fails.
    pub async fn accept_invitation(
        &self,
        ctx: &Ctx,
        link: &str,
        by: Acceptance<'_>,
    ) -> Result<Invitation, Failure> {
        let over =
            || Reject::Conflict("this invitation has been used or is too old: ask for a new one".into());
        let LinkState::Open(open) = self.find_invitation(ctx, link).await? else { return Err(over().into()) };
        let OpenInvitation { invitation, has_password } = open;
        let password_hash = match by {
            Acceptance::Password(_) if has_password => {
                return Err(Reject::Conflict(format!(
                    "{} has a password already: sign in first",
                    invitation.email
                ))
                .into());
            }
            Acceptance::Password(password) => {
                Some(self.hash_password(password, Some(&invitation.email)).await?)
            }
            Acceptance::Visitor(visitor) if visitor.email == invitation.email => None,
            Acceptance::Visitor(visitor) => {
                let message = format!(
                    "this invitation is for {}, and you are signed in as {}: sign out first",
                    invitation.email, visitor.email
                );
                return Err(Reject::Forbidden(message).into());
            }
        };
        let mut session = self.0.store.begin().await?;
        let organisation = session.lock_organisation(&invitation.organisation_id).await?.ok_or_else(over)?;
        let ended = session
            .end_invitation(&invitation.organisation_id, &invitation.id, InvitationEnd::Accepted, ctx.now)
            .await?;
        if !ended {
            return Err(over().into());
        }
        if let Acceptance::Visitor(visitor) = by {
            // Before the audit log's end is locked, as everywhere: the person's rows come first.
            session.switch_session(&visitor.session, &organisation.id).await?;
        }
        let principal = Principal::invited(&invitation.email, &organisation);
        let member = self
            .join(&mut session, ctx, &principal, &invitation.email, password_hash, invitation.role)
            .await?;
        session.commit().await?;
        tracing::info!(person = %member.id, organisation = %organisation.id, "joined by invitation");
        Ok(invitation)
    }

    async fn audit_invitation(
        &self,
        session: &mut Session,
        ctx: &Ctx,
        principal: &Principal,
        action: Action,
        invitation: &Invitation,
        details: serde_json::Value,
    ) -> Result<(), Failure> {
        let entry = Entry {
            action,
            object_id: invitation.id.as_str(),
            object_name: invitation.email.as_str(),
            details,
        };
        self.audit(session, ctx, principal, entry).await
    }
}

/// How an invited person proves to be the one.
#[derive(Clone, Copy)]
pub enum Acceptance<'a> {
    /// By the link alone, choosing a first password.
    Password(&'a str),
    /// By being signed in.
    Visitor(&'a Visitor),
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
