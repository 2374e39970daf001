//! Mail to people. What a mail says is decided here; how it travels is the composition root's business.

use domain::Email;
use std::{future::Future, pin::Pin};

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
