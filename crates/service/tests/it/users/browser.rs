//! People at their browsers and command lines, and the post that they get.

use crate::fixture::{Fixture, at, time};
use domain::SessionKind;
use jose::totp::TotpSecret;
use service::{
    CurrentUser, RequestContext, Service,
    operations::mail::{Mail, MailError, Mailer},
    tokens::user_tokens::UserTokens,
    users::{
        authorization_codes::{COMMAND_LINE, CodeRejection, CodeRequest, CodeTokens, VIEWPORT},
        devices::PollRejection,
        sign_in::{Attempt, SignInRejection, SignedIn},
    },
};
use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

pub(crate) const PASSWORD: &str = "correct horse battery staple";
pub(crate) const OTHER_PASSWORD: &str = "staple battery horse correct";
pub(crate) const VERIFIER: &str = "a-verifier-of-forty-three-characters-or-more";
static HASH: LazyLock<String> = LazyLock::new(|| jose::password::hash(PASSWORD, [7; 16]).unwrap());

/// Gives the person a password, without an entry in the audit log.
pub(crate) async fn has_password(fixture: &Fixture, email: &str) {
    let hash = &*HASH;
    let sql = format!(
        "UPDATE users SET password_hash = '{hash}' WHERE email = '{email}' AND password_hash IS NULL"
    );
    fixture.database.sql(&sql).await;
}

pub(crate) async fn try_sign_in(
    service: &Service,
    ctx: &RequestContext,
    email: &str,
    password: &str,
) -> Result<SignedIn, SignInRejection> {
    service.users().sign_in(ctx, Attempt { email, password, device: "Firefox" }, None).await
}

pub(crate) async fn sign_in(service: &Service, seconds: i64, email: &str) -> SignedIn {
    try_sign_in(service, &at(seconds), email, PASSWORD).await.unwrap()
}

pub(crate) fn challenge() -> String {
    jose::base64url::encode(&jose::sha256(VERIFIER.as_bytes()))
}

/// A code of Viewport's for a browser that has signed in.
pub(crate) async fn code(service: &Service, seconds: i64, signed_in: &SignedIn) -> String {
    let (redirect_uri, challenge) = (service.users().viewport_redirect_uri(), challenge());
    let request = CodeRequest {
        client_id: VIEWPORT,
        redirect_uri: &redirect_uri,
        challenge: &challenge,
        scope: "openid",
        nonce: None,
    };
    let code = service.users().issue_code(&at(seconds), &signed_in.session, request).await.unwrap();
    code.expose().to_owned()
}

pub(crate) async fn sign_in_to_viewport(
    service: &Service,
    seconds: i64,
    code: &str,
) -> Result<String, CodeRejection> {
    let viewport_session =
        service.users().sign_in_to_viewport(&at(seconds), code, VERIFIER, "Firefox").await?;
    Ok(viewport_session.cookie.expose().to_owned())
}

/// An access token for a browser that has signed in, as a public client gets it.
pub(crate) async fn browser_token(service: &Service, seconds: i64, signed_in: &SignedIn) -> CodeTokens {
    let code = code(service, seconds, signed_in).await;
    let redirect_uri = service.users().viewport_redirect_uri();
    service.users().issue_code_tokens(&at(seconds), &code, VIEWPORT, &redirect_uri, VERIFIER).await.unwrap()
}

/// A person in Viewport.
pub(crate) struct Guest {
    pub(crate) signed_in: SignedIn,
    /// Viewport's cookie.
    pub(crate) cookie: String,
}

impl Guest {
    pub(crate) async fn of(fixture: &Fixture, seconds: i64, email: &str) -> Self {
        has_password(fixture, email).await;
        let signed_in = sign_in(&fixture.service, seconds, email).await;
        Self::with(fixture, seconds, signed_in).await
    }

    pub(crate) async fn with(fixture: &Fixture, seconds: i64, signed_in: SignedIn) -> Self {
        let code = code(&fixture.service, seconds, &signed_in).await;
        let cookie = sign_in_to_viewport(&fixture.service, seconds, &code).await.unwrap();
        Self { signed_in, cookie }
    }

    /// The person as a request sees them then.
    pub(crate) async fn user(&self, service: &Service, seconds: i64) -> CurrentUser {
        self.look(service, seconds).await.unwrap()
    }

    pub(crate) async fn look(&self, service: &Service, seconds: i64) -> Option<CurrentUser> {
        service.users().find_current_user(&at(seconds), &self.cookie).await.unwrap()
    }

    pub(crate) async fn is_in(&self, service: &Service, seconds: i64) -> bool {
        self.look(service, seconds).await.is_some()
    }
}

/// Sets a second factor up; answers with the phone and the recovery codes.
pub(crate) async fn enrol(fixture: &Fixture, seconds: i64, guest: &Guest) -> (TotpSecret, Vec<String>) {
    let user = guest.user(&fixture.service, seconds).await;
    let enrolment = fixture.service.users().begin_second_factor(&at(seconds), &user).await.unwrap();
    let phone = phone(&enrolment.secret);
    let code = phone.code_at(time(seconds));
    let codes = fixture.service.users().confirm_second_factor(&at(seconds), &user, &code).await.unwrap();
    (phone, codes)
}

/// What a phone makes of the secret that is typed into it.
pub(crate) fn phone(base32: &str) -> TotpSecret {
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0, 0u32);
    for letter in base32.chars() {
        held = (held << 5) | u32::try_from(alphabet.find(letter).unwrap()).unwrap();
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((held >> bits) & 0xff).unwrap());
        }
        held &= 0xffff;
    }
    TotpSecret::from_bytes(&bytes).unwrap()
}

/// Signs in with password and second factor.
pub(crate) async fn sign_in_with(service: &Service, seconds: i64, email: &str, code: &str) -> SignedIn {
    let pending = sign_in(service, seconds, email).await;
    assert_eq!(pending.session.kind, SessionKind::Pending);
    service.users().give_second_factor(&at(seconds), pending.cookie.expose(), code).await.unwrap()
}

/// A device that the guest approves.
pub(crate) async fn command_line(service: &Service, seconds: i64, guest: &Guest) -> UserTokens {
    let start = service.users().start_device(&at(seconds), COMMAND_LINE, "", "laptop").await.unwrap();
    let user = guest.user(service, seconds).await;
    service.users().decide_device(&at(seconds), &user, &start.user_code, true).await.unwrap();
    service.users().poll_device(&at(seconds), COMMAND_LINE, start.device_code.expose()).await.unwrap()
}

pub(crate) async fn refresh(
    service: &Service,
    seconds: i64,
    token: &str,
) -> Result<UserTokens, PollRejection> {
    service.users().refresh(&at(seconds), COMMAND_LINE, token).await
}

pub(crate) fn refresh_token(tokens: &UserTokens) -> String {
    tokens.refresh.as_ref().unwrap().0.expose().to_owned()
}

/// A mail server that keeps what it takes.
#[derive(Default)]
pub(crate) struct Post {
    pub(crate) taken: Mutex<Vec<Mail>>,
    pub(crate) attempts: AtomicUsize,
    pub(crate) down: AtomicBool,
}

impl Post {
    pub(crate) fn of(service: &Service) -> Arc<Self> {
        let post = Arc::new(Self::default());
        service.operations().use_mailer(post.clone());
        post
    }

    pub(crate) fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    pub(crate) fn attempts(&self) -> usize {
        self.attempts.load(Ordering::SeqCst)
    }

    pub(crate) fn mails(&self) -> Vec<Mail> {
        self.taken.lock().unwrap().clone()
    }

    pub(crate) fn subjects(&self) -> Vec<String> {
        self.mails().into_iter().map(|mail| mail.subject).collect()
    }
}

impl Mailer for Post {
    fn send<'a>(
        &'a self,
        mail: &'a Mail,
    ) -> Pin<Box<dyn Future<Output = Result<(), MailError>> + Send + 'a>> {
        Box::pin(async move {
            self.attempts.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            if self.down.load(Ordering::SeqCst) {
                return Err(MailError(format!("550 <{}>: no such mailbox", mail.to)));
            }
            self.taken.lock().unwrap().push(mail.clone());
            Ok(())
        })
    }
}

/// The secret at the end of the link in a mail or an answer.
pub(crate) fn secret_of(text: &str, page: &str) -> String {
    let (_, rest) = text.split_once(&format!("/{page}/")).unwrap();
    rest.split_whitespace().next().unwrap().to_owned()
}

/// Somebody asks for a link to set a password, and it is mailed.
pub(crate) async fn asks_for_link(service: &Service, seconds: i64, email: &str) {
    let email = service.users().request_password_reset(&at(seconds), email).unwrap();
    service.users().mail_reset_link(&at(seconds), email).await.unwrap();
}
