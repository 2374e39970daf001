//! Mail over SMTP (RFC 5321), in the Internet Message Format (RFC 5322).

use crate::{
    app::Ambient,
    command_error::CommandError,
    settings::{MailServer, Protection, Settings},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use domain::entropy;
use lettre::{
    Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{
        Mailbox,
        header::{ContentType, HeaderName, HeaderValue},
    },
    transport::smtp::{
        authentication::Credentials,
        client::{Tls, TlsParameters},
        extension::ClientId,
    },
};
use service::operations::mail::{Mail, MailError, Mailer};
use std::{
    pin::Pin,
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};
use zeroize::Zeroizing;

/// Hands mails to one mail server, each over a connection of its own.
pub struct SmtpMailer {
    server: MailServer,
    transport: AsyncSmtpTransport<Tokio1Executor>,
    ambient: Ambient,
}

/// What sends mail by the settings; nothing if they name no mail server.
pub fn mailer(settings: &Settings, ambient: &Ambient) -> Result<Option<Arc<dyn Mailer>>, CommandError> {
    let Some(server) = MailServer::resolve(settings)? else { return Ok(None) };
    Ok(Some(Arc::new(SmtpMailer::new(server, ambient.clone())?)))
}

impl SmtpMailer {
    /// A mailer for `server`; it connects when there is something to send.
    ///
    /// # Errors
    /// The host cannot be a certificate's name, or the system's certificates cannot be read.
    pub fn new(server: MailServer, ambient: Ambient) -> Result<Self, CommandError> {
        let tls = || {
            TlsParameters::new(server.host.clone()).map_err(|error| {
                CommandError::new(format!("cannot prepare TLS with the mail server {}: {error}", server.host))
            })
        };
        let protection = match server.protection {
            Protection::StartTls => Tls::Required(tls()?),
            Protection::Tls => Tls::Wrapper(tls()?),
            Protection::None => Tls::None,
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&server.host)
            .port(server.port)
            .tls(protection)
            .timeout(Some(server.timeout))
            .hello_name(ClientId::Domain(server.from.email.domain().to_owned()));
        if let Some((user, password)) = &server.login {
            builder = builder.credentials(Credentials::new(user.clone(), password.as_str().to_owned()));
        }
        Ok(Self { transport: builder.build(), server, ambient })
    }

    /// Whether the mail server answers, and takes the password if there is one. No mail is sent.
    ///
    /// # Errors
    /// It does not; the message does not hold the password.
    pub async fn answers(&self) -> Result<(), MailError> {
        let MailServer { host, port, timeout, .. } = &self.server;
        let rejection = |why: &str| {
            MailError(format!("{host}:{port} cannot be used: {}", one_line(&self.without_password(why))))
        };
        match tokio::time::timeout(*timeout, self.transport.test_connection()).await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => Err(rejection("it hung up")),
            Ok(Err(error)) => Err(rejection(&cause(&error))),
            Err(_) => Err(rejection(&format!("it did not answer within {} s", timeout.as_secs()))),
        }
    }

    fn message(&self, mail: &Mail) -> Result<Message, MailError> {
        let to: Address = mail.to.as_str().parse().map_err(|_| {
            MailError(format!("{} is no address that mail can be sent to: correct it", mail.to))
        })?;
        let now = u64::try_from(self.ambient.clock.now().ms()).unwrap_or(0);
        let unique = jose::hex(&entropy::random::<16>(&*self.ambient.entropy));
        let message = Message::builder()
            .date(UNIX_EPOCH + Duration::from_millis(now))
            .from(self.server.from.clone())
            .to(Mailbox::new(None, to))
            .subject(one_line(&mail.subject))
            .message_id(Some(format!("<{unique}@{}>", self.server.from.email.domain())))
            .header(ContentType::TEXT_PLAIN)
            .body(mail.text.trim_end().to_owned());
        let mut message = message
            .map_err(|error| MailError(format!("the mail to {} cannot be written: {error}", mail.to)))?;
        // Programs that answer mail leave this one alone (RFC 3834 §5).
        let name = HeaderName::new_from_ascii_str("Auto-Submitted");
        message.headers_mut().insert_raw(HeaderValue::new(name, "auto-generated".to_owned()));
        Ok(message)
    }

    fn failure(&self, cause: &str) -> MailError {
        let MailServer { host, port, .. } = &self.server;
        let cause = one_line(&self.without_password(cause));
        MailError(format!("the mail server {host}:{port} did not take the mail: {cause}"))
    }

    /// A server may quote what it was sent, and that can be the password in one of its forms.
    fn without_password(&self, text: &str) -> String {
        let Some((user, password)) = &self.server.login else { return text.to_owned() };
        let plain = Zeroizing::new(format!("\0{user}\0{}", password.as_str()));
        let forms = [
            Zeroizing::new(BASE64_STANDARD.encode(plain.as_bytes())),
            Zeroizing::new(BASE64_STANDARD.encode(password.as_bytes())),
            password.clone(),
        ];
        forms.iter().fold(text.to_owned(), |text, form| text.replace(form.as_str(), "[password]"))
    }
}

/// Header fields and log entries are lines: control characters, line breaks among them, become blanks.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().trim().to_owned()
}

impl Mailer for SmtpMailer {
    fn send<'a>(
        &'a self,
        mail: &'a Mail,
    ) -> Pin<Box<dyn Future<Output = Result<(), MailError>> + Send + 'a>> {
        Box::pin(async move {
            let message = self.message(mail)?;
            match tokio::time::timeout(self.server.timeout, self.transport.send(message)).await {
                Ok(Ok(_)) => Ok(()),
                Ok(Err(error)) => Err(self.failure(&cause(&error))),
                Err(_) => {
                    let seconds = self.server.timeout.as_secs();
                    Err(self.failure(&format!("it did not answer within {seconds} s")))
                }
            }
        })
    }
}

/// An error with what is behind it, once each: the library's own text often holds its source already.
fn cause(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let more = inner.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = inner.source();
    }
    text
}

#[cfg(test)]
mod tests;
