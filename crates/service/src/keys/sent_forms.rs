//! Forms that make secrets. A browser may send one twice (a double click, a page that is sent anew): it is carried out once,
//! and whoever comes second is told so instead of getting another secret.

use crate::{
    Error, Keys, Principal, PrincipalKind, Rejection, RequestContext, Result,
    keys::{self, GenerateKey, GeneratedKey, RotateKey},
};
use domain::{Capability, KeyId, UserId, authority::ManageKeys};
use store::OrganisationTransaction;

/// What a form asks for.
#[derive(Debug, Clone, Copy)]
pub enum KeyForm<'a> {
    /// A new key.
    Generate(&'a GenerateKey),
    /// A new secret for the key with this id.
    Rotate(&'a str, RotateKey),
}

/// What became of a form that a browser sent.
#[derive(Debug)]
pub enum Sent {
    /// It was carried out now.
    Now(Box<GeneratedKey>),
    /// It was carried out before, on the key with this id: the secret went to that answer and to no other.
    Before(String),
}

impl Keys<'_> {
    /// Carries a form out unless it was before. `nonce` is the form's own one-time name.
    ///
    /// # Errors
    /// As [`Keys::generate`] and [`Keys::rotate`].
    pub async fn carry_out(
        self,
        ctx: &RequestContext,
        principal: &Principal,
        nonce: &str,
        form: KeyForm<'_>,
    ) -> Result<Sent> {
        let user = owner(principal)?;
        // It locks the organisation, so the second of two clicks sees what the first one did.
        let mut transaction = self.0.begin_as::<ManageKeys>(ctx, principal).await?;
        if let Some(before) = transaction.find_sent_form(nonce, user).await? {
            return Ok(Sent::Before(before));
        }
        let (generated, what) = match form {
            KeyForm::Generate(input) => {
                (self.generate_in(&mut transaction, ctx, principal, input).await?, "generated an API key")
            }
            KeyForm::Rotate(id, input) => {
                (self.rotate_in(&mut transaction, ctx, principal, id, input).await?, "rotated an API key")
            }
        };
        note(&mut transaction, ctx, nonce, user, &generated.key.id).await?;
        transaction.commit().await?;
        keys::log(&generated.key, what);
        Ok(Sent::Now(Box::new(generated)))
    }

    /// What a form of the person was carried out on, if it was.
    ///
    /// # Errors
    /// The principal is no Admin, or the store fails.
    pub async fn find_sent_form(self, principal: &Principal, nonce: &str) -> Result<Option<String>> {
        principal.authorise(Capability::ManageKeys)?;
        let user = owner(principal)?;
        Ok(self.0.store.reader().await?.find_sent_form(nonce, user).await?)
    }
}

/// Forms are a person's own; nobody else's browser can have sent one.
fn owner(principal: &Principal) -> Result<&UserId> {
    match &principal.holder {
        PrincipalKind::User { id, .. } => Ok(id),
        PrincipalKind::ApiKey { .. } | PrincipalKind::Operator { .. } => {
            Err(Error::internal("a form that no person sent"))
        }
    }
}

async fn note(
    transaction: &mut OrganisationTransaction<ManageKeys>,
    ctx: &RequestContext,
    nonce: &str,
    user: &UserId,
    key: &KeyId,
) -> Result<()> {
    if transaction.note_sent_form(nonce, user, key.as_str(), ctx.now).await? {
        return Ok(());
    }
    Err(Rejection::Conflict("this form was sent already: open it anew".into()).into())
}
