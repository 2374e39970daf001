//! Mail to people. What a mail says is decided by the use cases; how it travels is the composition root's business.
//!
//! A mail is queued in the transaction of what it tells of, sealed, because a link in it is as good as a password. Every
//! node sends what is due; each mail is claimed by one of them at a time.

use crate::{Error, Inner, OpaqueToken, Operations, RequestContext, Result};
use domain::{Email, OrganisationId, QueuedMail, TokenId, users::mail::CLAIM_SECONDS};
use serde::{Deserialize, Serialize};
use std::{future::Future, pin::Pin, sync::Arc};
use store::{OrganisationTransaction, Outdated, Transaction};
use zeroize::Zeroizing;

/// One mail, plain text. It never holds a client secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// Who gets it.
    pub to: Email,
    /// Its subject, one line.
    pub subject: String,
    /// Its text.
    pub text: String,
}

/// Why a mail could not be sent: one sentence for the operator's log and the Admin's page. Never a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct MailError(pub String);

/// Something that sends mail.
pub trait Mailer: Send + Sync + 'static {
    /// Hands the mail to the mail server; done when that has taken it.
    fn send<'a>(&'a self, mail: &'a Mail)
    -> Pin<Box<dyn Future<Output = Result<(), MailError>> + Send + 'a>>;
}

/// What became of a mail that was to be sent at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mailed {
    /// This installation sends no mail.
    NotSetUp,
    /// The mail server has taken it.
    Sent,
    /// It has not, for this reason; it is tried again.
    Failed(String),
}

/// A mail as it is sealed.
#[derive(Serialize, Deserialize)]
struct MailContent {
    to: String,
    subject: String,
    text: String,
}

impl Operations<'_> {
    /// Sends mail by `mailer` from now on; the first one that is given stays.
    pub fn use_mailer(self, mailer: Arc<dyn Mailer>) {
        let _ = self.0.mailer.set(mailer);
    }

    /// Whether this installation sends mail.
    pub fn sends_mail(self) -> bool {
        self.0.mailer.get().is_some()
    }

    async fn note_outcome(self, id: &str, mail: &Mail, sent: &Result<(), MailError>) -> Result<()> {
        let mut transaction = self.0.store.begin().await?;
        match sent {
            Ok(()) => transaction.forget_mail(id).await?,
            Err(error) => {
                // Mail servers like to repeat who the mail is for, which the table does not tell.
                let error = error.to_string().to_lowercase().replace(mail.to.as_str(), "the recipient");
                transaction.note_mail_error(id, &error).await?;
            }
        }
        let outcome = if sent.is_ok() { "sent" } else { "failed" };
        metrics::counter!("duku_mails_total", "outcome" => outcome).increment(1);
        Ok(transaction.commit().await?)
    }

    /// Sends the mail that is due. What cannot be sent is tried again later and later, for three days.
    ///
    /// # Errors
    /// The store fails; a mail server that fails is logged and is no error.
    pub async fn send_due_mail(self, ctx: &RequestContext) -> Result<()> {
        let Some(mailer) = self.0.mailer.get() else { return Ok(()) };
        let due = self.0.store.reader().await?.due_mails(ctx.now).await?;
        for (queued, place) in due.into_iter().zip(1..) {
            let mut transaction = self.0.store.begin().await?;
            let ours = transaction.claim_mail(&queued, queued.next_attempt(place, ctx.now)).await?;
            transaction.commit().await?;
            if !ours {
                continue;
            }
            let mail = match self.unseal_mail(&queued) {
                Ok(mail) => mail,
                Err(error) => {
                    tracing::error!(mail = queued.id, %error, "a mail cannot be read; the others go on");
                    continue;
                }
            };
            let sent = mailer.send(&mail).await;
            if let Err(error) = &sent {
                tracing::warn!(mail = queued.id, attempts = queued.attempts + 1, %error, "a mail could not be sent; it is tried again");
            }
            self.note_outcome(&queued.id, &mail, &sent).await?;
        }
        Ok(())
    }

    fn unseal_mail(self, queued: &QueuedMail) -> Result<Mail> {
        let plain =
            self.0.master_key.open(&seal_context(&queued.id), &queued.sealed).map_err(Error::internal)?;
        let letter: MailContent = serde_json::from_slice(&plain).map_err(Error::internal)?;
        Ok(Mail { to: Email::parse(&letter.to)?, subject: letter.subject, text: letter.text })
    }
}

impl Inner {
    /// A link into Viewport that holds a secret.
    pub(crate) fn link(&self, page: &str, secret: &OpaqueToken) -> Zeroizing<String> {
        Zeroizing::new(format!("{}/{page}/{}", self.policy.viewport, secret.expose()))
    }

    /// Queues a mail in the caller's transaction; nothing where no mail is sent.
    pub(crate) async fn queue_mail(
        &self,
        transaction: &mut Transaction,
        ctx: &RequestContext,
        mail: &Mail,
    ) -> Result<()> {
        if self.operations().sends_mail() {
            self.enqueue(transaction, ctx, mail, 0).await?;
        }
        Ok(())
    }

    /// Queues a mail to each Admin of an organisation in the caller's transaction.
    pub(crate) async fn queue_mail_to_admins(
        &self,
        transaction: &mut Transaction,
        ctx: &RequestContext,
        organisation: &OrganisationId,
        subject: &str,
        text: &str,
    ) -> Result<()> {
        if !self.operations().sends_mail() {
            return Ok(());
        }
        for to in transaction.admin_addresses(organisation).await? {
            let mail = Mail { to, subject: subject.to_owned(), text: text.to_owned() };
            self.enqueue(transaction, ctx, &mail, 0).await?;
        }
        Ok(())
    }

    async fn enqueue(
        &self,
        transaction: &mut Transaction,
        ctx: &RequestContext,
        mail: &Mail,
        delay_seconds: i64,
    ) -> Result<TokenId> {
        let id = TokenId::generate(ctx.now, self.entropy());
        let letter = MailContent {
            to: mail.to.as_str().to_owned(),
            subject: mail.subject.clone(),
            text: mail.text.clone(),
        };
        let plain = Zeroizing::new(serde_json::to_vec(&letter).map_err(Error::internal)?);
        let context = seal_context(id.as_str());
        let sealed = self.master_key.seal(&context, &plain, self.entropy()).map_err(Error::internal)?;
        transaction.queue_mail(&id, &sealed, ctx.now, ctx.now.plus_seconds(delay_seconds)).await?;
        Ok(id)
    }

    /// Commits the caller's transaction together with a mail, then tries to send it at once.
    pub(crate) async fn commit_and_mail<P>(
        &self,
        mut transaction: OrganisationTransaction<P>,
        ctx: &RequestContext,
        mail: &Mail,
    ) -> Result<Mailed> {
        let Some(mailer) = self.mailer.get() else {
            transaction.commit().await?;
            return Ok(Mailed::NotSetUp);
        };
        let id = self.enqueue(&mut transaction, ctx, mail, CLAIM_SECONDS).await?;
        transaction.commit().await?;
        let sent = mailer.send(mail).await;
        self.operations().note_outcome(id.as_str(), mail, &sent).await?;
        Ok(match sent {
            Ok(()) => Mailed::Sent,
            Err(error) => Mailed::Failed(error.to_string()),
        })
    }

    /// Gives up mail that could not be sent for three days.
    pub(crate) async fn give_up_mail(&self, ctx: &RequestContext) -> Result<()> {
        let given_up =
            self.operations().forget(Outdated::Mails, QueuedMail::given_up_before(ctx.now)).await?;
        if given_up > 0 {
            tracing::error!(
                given_up,
                "mail that could not be sent for three days was given up; check the SMTP settings"
            );
        }
        Ok(())
    }
}

fn seal_context(id: &str) -> String {
    format!("mail:{id}")
}
