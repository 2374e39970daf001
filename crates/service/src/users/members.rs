//! People and their roles. An organisation always keeps at least one Admin.

use crate::{Error, Principal, Rejection, RequestContext, Result, Users, audit::Entry};
use domain::{Capability, Email, Member, Role, User, UserId, audit::Action, authority::ManageMembers};
use serde_json::json;
use store::{MayAddMembers, OrganisationTransaction, Reader, StoreError, Transaction};

impl Users<'_> {
    /// The organisation's people, in the order in which they were added.
    ///
    /// # Errors
    /// The principal is no Admin, or the store fails.
    pub async fn list_members(self, principal: &Principal) -> Result<Vec<Member>> {
        principal.authorise(Capability::ManageMembers)?;
        Ok(self.0.store.reader().await?.members(&principal.organisation_id).await?)
    }

    /// The addresses of the organisation's Admins, whom anybody in it may know: they are who to ask.
    pub async fn admins(self, principal: &Principal) -> Result<Vec<Email>> {
        principal.authorise(Capability::ViewProducts)?;
        Ok(self.0.store.reader().await?.admin_addresses(&principal.organisation_id).await?)
    }

    /// Adds a person, making the person known if needed.
    ///
    /// # Errors
    /// The principal is no Admin, the address is wrong, the person is a member already, or the store fails.
    pub async fn add_member(
        self,
        ctx: &RequestContext,
        principal: &Principal,
        email: &str,
        role: Role,
    ) -> Result<Member> {
        principal.authorise(Capability::ManageMembers)?;
        let email = Email::parse(email)?;
        let mut transaction = self.0.begin_as::<ManageMembers>(ctx, principal).await?;
        let member = self.join(&mut transaction, ctx, principal, &email, role).await?;
        transaction.commit().await?;
        Ok(member)
    }

    /// Changes a member's role.
    ///
    /// # Errors
    /// The principal is no Admin, the person is no member, it would leave no Admin, or the store fails.
    pub async fn change_role(
        self,
        ctx: &RequestContext,
        principal: &Principal,
        email: &str,
        role: Role,
    ) -> Result<Member> {
        self.change_role_from(ctx, principal, email, None, role).await
    }

    /// Changes a member's role if it still is the one that the Admin saw; `seen` is none where nobody looked.
    ///
    /// # Errors
    /// As [`Self::change_role`], and somebody else has changed the role meanwhile.
    pub async fn change_role_from(
        self,
        ctx: &RequestContext,
        principal: &Principal,
        email: &str,
        seen: Option<Role>,
        role: Role,
    ) -> Result<Member> {
        let mut transaction = self.0.begin_as::<ManageMembers>(ctx, principal).await?;
        let member = find_member(&mut transaction, principal, email).await?;
        if seen.is_some_and(|seen| seen != member.role) {
            let message =
                format!("somebody changed the role of {} to {} meanwhile", member.email, member.role);
            return Err(Rejection::Conflict(message).into());
        }
        transaction.set_role(&member.id, role, ctx.now).await?;
        reject_without_admin(&mut transaction, principal).await?;
        let details = json!({ "before": member.role.as_str(), "role": role.as_str() });
        self.audit_member(&mut transaction, ctx, principal, Action::MemberRoleChanged, &member, details)
            .await?;
        transaction.commit().await?;
        Ok(Member { role, ..member })
    }

    /// Removes a member; the person's access tokens end at once, and for good.
    ///
    /// # Errors
    /// The principal is no Admin, the person is no member, it would leave no Admin, or the store fails.
    pub async fn remove_member(self, ctx: &RequestContext, principal: &Principal, email: &str) -> Result<()> {
        let mut transaction = self.0.begin_as::<ManageMembers>(ctx, principal).await?;
        let member = find_member(&mut transaction, principal, email).await?;
        transaction.remove_member(&member.id, ctx.now).await?;
        reject_without_admin(&mut transaction, principal).await?;
        self.audit_member(&mut transaction, ctx, principal, Action::MemberRemoved, &member, json!({}))
            .await?;
        Ok(transaction.commit().await?)
    }

    /// Makes a person a member within the caller's transaction.
    pub(crate) async fn join<P: MayAddMembers>(
        self,
        transaction: &mut OrganisationTransaction<P>,
        ctx: &RequestContext,
        principal: &Principal,
        email: &Email,
        role: Role,
    ) -> Result<Member> {
        let limit = self.0.policy.members_per_organisation;
        if transaction.count_members(&principal.organisation_id).await? >= limit {
            return Err(Rejection::TooMuchStored {
                what: "members",
                limit,
                setting: "members_per_organisation",
            }
            .into());
        }
        let id = self.know(transaction, ctx, email).await?;
        transaction.add_member(&id, role, ctx.now).await.map_err(|error| match error {
            StoreError::Taken => Rejection::Conflict(format!("{email} is a member already")).into(),
            other => Error::from(other),
        })?;
        // A link that is still open would let the person back in after being removed.
        transaction.replace_invitation(email, ctx.now).await?;
        let member = Member { id, email: email.clone(), role, since: ctx.now, second_factor: false };
        let details = json!({ "role": role.as_str() });
        self.audit_member(transaction, ctx, principal, Action::MemberAdded, &member, details).await?;
        Ok(member)
    }

    /// The id of the person with this address, who is made known if nobody else does it at the same time.
    async fn know<P: MayAddMembers>(
        self,
        transaction: &mut OrganisationTransaction<P>,
        ctx: &RequestContext,
        email: &Email,
    ) -> Result<UserId> {
        if let Some(known) = transaction.find_user(email).await? {
            return Ok(known.id);
        }
        let user = self.new_user(ctx, email, None);
        match transaction.insert_user(&user).await {
            Ok(()) => Ok(user.id),
            Err(StoreError::Taken) => {
                let known = transaction.find_user(email).await?;
                Ok(known.ok_or_else(|| Error::internal("a person who is known and is not there"))?.id)
            }
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) fn new_user(self, ctx: &RequestContext, email: &Email, password_hash: Option<String>) -> User {
        let id = UserId::generate(ctx.now, self.0.entropy());
        User::new(id, email.clone(), password_hash, ctx.now)
    }

    async fn audit_member(
        self,
        transaction: &mut Transaction,
        ctx: &RequestContext,
        principal: &Principal,
        action: Action,
        member: &Member,
        details: serde_json::Value,
    ) -> Result<()> {
        let entry =
            Entry { action, object_id: member.id.as_str(), object_name: member.email.as_str(), details };
        self.0.audit(transaction, ctx, principal, entry).await
    }
}

async fn find_member(reader: &mut Reader, principal: &Principal, email: &str) -> Result<Member> {
    let email = Email::parse(email)?;
    let members = reader.members(&principal.organisation_id).await?;
    let found = members.into_iter().find(|member| member.email == email);
    Ok(found.ok_or_else(|| Rejection::NotFound { kind: "member", id: email.as_str().to_owned() })?)
}

async fn reject_without_admin(reader: &mut Reader, principal: &Principal) -> Result<()> {
    if reader.count_admins(&principal.organisation_id).await? > 0 {
        return Ok(());
    }
    Err(Rejection::Conflict("an organisation keeps at least one Admin: make someone else Admin first".into())
        .into())
}
