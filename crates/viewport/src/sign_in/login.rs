//! Signing in: off to the authorization server with a PKCE challenge, and back with a code (RFC 6749 §4.1, RFC 7636).

use crate::{
    Viewport,
    frame::{
        answer::{self, Answer},
        page_context::PageRequest,
        return_to::own_page,
    },
};
use axum::extract::{RawQuery, State};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use service::users::{
    authorization_codes::{CodeRejection, CodeRequest, VIEWPORT},
    sign_in::Attempt,
};
use url::form_urlencoded;
use web::{Cookie, Form};

/// How long a person may take at the authorization server, in seconds.
const DEPARTURE_SECONDS: i64 = 3600;

/// How much of a cookie pending sign-ins may take, in bytes; browsers keep 4,096.
const DEPARTURES_BYTES: usize = 3500;

/// What the browser takes along to the authorization server and back, in a cookie of its own: it binds the answer to this
/// browser (RFC 9700 §4.7) and says where to go then. Several tabs may be under way.
struct PendingLogin {
    state: String,
    verifier: String,
    next: String,
}

impl PendingLogin {
    fn of(viewport: &Viewport, next: &str) -> Self {
        let draw = || viewport.service().tokens().generate_opaque_token().expose().to_owned();
        Self { state: draw(), verifier: draw(), next: next.to_owned() }
    }

    fn to_cookie(&self) -> String {
        format!("{}.{}.{}", self.state, self.verifier, jose::base64url::encode(self.next.as_bytes()))
    }

    fn read(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let (state, verifier, next) = (parts.next()?, parts.next()?, parts.next()?);
        let next = String::from_utf8(jose::base64url::decode(next)?).ok()?;
        Some(Self {
            state: state.to_owned(),
            verifier: verifier.to_owned(),
            next: own_page(Some(&next)).to_owned(),
        })
    }

    fn challenge(&self) -> String {
        jose::base64url::encode(&jose::sha256(self.verifier.as_bytes()))
    }
}

fn pending_login_cookie(viewport: &Viewport) -> Cookie {
    Cookie::pending_login(viewport.0.secure)
}

/// Those of all tabs, the newest first.
fn pending_logins(viewport: &Viewport, headers: &HeaderMap) -> Vec<PendingLogin> {
    let cookie = pending_login_cookie(viewport).read(headers).unwrap_or_default();
    cookie.split('~').filter_map(PendingLogin::read).collect()
}

/// The newest of them, as many as a cookie can hold; none of them clears it.
fn keep(viewport: &Viewport, pending_logins: &[PendingLogin]) -> Option<HeaderValue> {
    let mut text = String::new();
    for pending_login in pending_logins.iter().map(PendingLogin::to_cookie) {
        if text.len() + pending_login.len() >= DEPARTURES_BYTES {
            break;
        }
        if !text.is_empty() {
            text.push('~');
        }
        text.push_str(&pending_login);
    }
    let cookie = pending_login_cookie(viewport);
    if text.is_empty() { cookie.clear() } else { cookie.set(&text, Some(DEPARTURE_SECONDS)) }
}

/// The parameter of a pending sign-in that was sent on to Viewport's own host.
const AT_HOME: &str = "at_home";

/// Whether the browser asked by another name of this server, like `localhost` or the API's host.
fn is_elsewhere(viewport: &Viewport, headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    host.is_some_and(|host| !host.eq_ignore_ascii_case(viewport.authority()))
}

/// `GET /login?next=…`: straight on if somebody is signed in already, unless a fresh proof is asked for.
pub(crate) async fn begin_sign_in(
    State(viewport): State<Viewport>,
    request: PageRequest,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Answer {
    let query = query.unwrap_or_default();
    let asked = Form::parse(query.as_bytes()).ok();
    let parameter = |name| asked.as_ref().and_then(|asked| asked.get(name));
    // The way back leads to Viewport's own host, which alone can read what is set here. Once only: behind a proxy that
    // writes a host of its own, every request looks like one to another host.
    if asked.is_some() && parameter(AT_HOME).is_none() && is_elsewhere(&viewport, &headers) {
        let query = form_urlencoded::Serializer::new(query).append_pair(AT_HOME, "1").finish();
        return request.go(&format!("{}/login?{query}", viewport.service().policy().viewport));
    }
    if request.outcome(request.service().operations().needs_setup().await)? {
        return request.go("/setup");
    }
    let next = own_page(parameter("next"));
    let max_age = parameter("max_age").filter(|age| age.bytes().all(|digit| digit.is_ascii_digit()));
    if max_age.is_none() && request.user().await?.is_some() {
        return request.go(next);
    }
    let pending_login = PendingLogin::of(&viewport, next);
    let mut sent = form_urlencoded::Serializer::new(String::new());
    sent.append_pair("client_id", VIEWPORT)
        .append_pair("redirect_uri", &viewport.service().users().viewport_redirect_uri())
        .append_pair("response_type", "code")
        .append_pair("scope", "openid")
        .append_pair("state", &pending_login.state)
        .append_pair("code_challenge", &pending_login.challenge())
        .append_pair("code_challenge_method", "S256");
    for (name, value) in [("max_age", max_age), ("login_hint", parameter("login_hint"))] {
        value.map(|value| sent.append_pair(name, value));
    }
    let page = format!("{}?{}", viewport.protocol("auth"), sent.finish());
    let mut under_way = pending_logins(&viewport, &headers);
    under_way.insert(0, pending_login);
    let cookie = keep(&viewport, &under_way);
    Ok(answer::with_cookie(answer::see_other(request.partial, &page), cookie))
}

/// `GET /login/callback?code=…&state=…&iss=…`
pub(crate) async fn finish_sign_in(
    State(viewport): State<Viewport>,
    request: PageRequest,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Answer {
    let query = query.unwrap_or_default();
    let asked = Form::parse(query.as_bytes()).map_err(|_| begin_again("The answer could not be read."))?;
    let mut under_way = pending_logins(&viewport, &headers);
    let found = under_way.iter().position(|pending_login| asked.get("state") == Some(&pending_login.state));
    let Some(pending_login) = found.map(|index| under_way.remove(index)) else {
        // The address was opened from the history, or too many other tabs came after.
        return match request.user().await? {
            Some(_) => request.go("/"),
            None => Err(begin_again("It was begun in another browser, or too long ago.")),
        };
    };
    if asked.get("iss") != Some(&viewport.service().policy().issuer) {
        return Err(begin_again("The answer came from another authorization server."));
    }
    if let Some(error) = asked.get("error") {
        tracing::info!(error, "the authorization response is an error");
        return Err(begin_again("The authorization server answered with an error."));
    }
    let code = asked.get("code").unwrap_or_default();
    let device = request.ctx.device();
    let viewport_session = viewport
        .service()
        .users()
        .sign_in_to_viewport(&request.ctx, code, &pending_login.verifier, device)
        .await;
    let viewport_session = viewport_session.map_err(|rejection| match rejection {
        CodeRejection::Invalid(why) => begin_again(&answer::sentence(why)),
        CodeRejection::TooManyFailures(seconds) => answer::too_many(seconds),
        CodeRejection::Error(failure) => request.failed(&failure),
    })?;
    let session = session_cookie(&viewport, viewport_session.cookie.expose());
    let answered = answer::with_cookie(answer::see_other(false, &pending_login.next), session);
    Ok(answer::with_cookie(answered, keep(&viewport, &under_way)))
}

/// Signs a person in who has set this password a moment ago: the same steps as by way of the authorization server, without
/// a browser in between. None if that does not work; the sign-in page is there for it.
pub(super) async fn with_password(request: &PageRequest, email: &str, password: &str) -> Option<HeaderValue> {
    let (viewport, ctx, device) = (&request.viewport, &request.ctx, request.ctx.device());
    let users = viewport.service().users();
    let signed_in = users.sign_in(ctx, Attempt { email, password, device }, None).await.ok()?;
    if signed_in.is_pending() {
        return None;
    }
    let pending_login = PendingLogin::of(viewport, "/");
    let code = CodeRequest {
        client_id: VIEWPORT,
        redirect_uri: &users.viewport_redirect_uri(),
        challenge: &pending_login.challenge(),
        scope: "openid",
        nonce: None,
    };
    let code = users.issue_code(ctx, &signed_in.session, code).await.ok()?;
    let session =
        users.sign_in_to_viewport(ctx, code.expose(), &pending_login.verifier, device).await.ok()?;
    session_cookie(viewport, session.cookie.expose())
}

/// The session is prolonged by being used; the cookie lasts as long as that can go on.
fn session_cookie(viewport: &Viewport, secret: &str) -> Option<HeaderValue> {
    viewport.session_cookie().set(secret, Some(viewport.service().policy().session_lifetime_seconds))
}

fn begin_again(why: &str) -> http::Response<axum::body::Body> {
    let text = format!("{why} Nothing is lost; sign in once more.");
    pages::message(StatusCode::BAD_REQUEST, "The sign-in did not finish", text)
        .link("Sign in", "/login")
        .respond()
}
