//! The device authorization grant (RFC 8628): the person approves in a browser, this command waits for it.

use super::{
    CLIENT_ID,
    credentials::{Session, Token},
};
use crate::{
    cli::{http, output::printable},
    command_error::CommandError,
};
use domain::Timestamp;
use reqwest::{Client, StatusCode};
use serde_json::Value;
use std::time::Duration;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// How many requests in a row may fail before waiting is given up.
const FAILURES: u32 = 3;
/// RFC 8628 §3.5: by how much `slow_down` lengthens the interval, and what it is if the server names none.
const FIVE_SECONDS: Duration = Duration::from_secs(5);

/// What the server gave to sign in with.
pub(super) struct Authorization {
    device_code: Token,
    pub(super) user_code: String,
    pub(super) verification_uri: String,
    /// The address with the code in it, if the server has one (RFC 8628 §3.3.1).
    pub(super) verification_uri_complete: Option<String>,
    pub(super) expires_in: Duration,
    interval: Duration,
}

impl Authorization {
    /// Asks for a code (RFC 8628 §3.1).
    pub(super) async fn request(client: &Client, url: &str) -> Result<Self, CommandError> {
        let (status, answer) = http::post_form(client, url, &[("client_id", CLIENT_ID)]).await?;
        if !status.is_success() {
            return Err(http::oauth_failure(status, &answer));
        }
        Self::parse(&answer).ok_or_else(|| {
            CommandError::new("the answer holds no code to sign in with: is --server a Duku server?")
        })
    }

    fn parse(answer: &Value) -> Option<Self> {
        let text = |name: &str| answer.get(name).and_then(Value::as_str);
        let seconds = |name: &str| answer.get(name).and_then(Value::as_u64).map(Duration::from_secs);
        Some(Self {
            device_code: Token::new(text("device_code")?),
            user_code: printable(text("user_code")?),
            verification_uri: page(text("verification_uri")?)?,
            verification_uri_complete: text("verification_uri_complete").and_then(page),
            expires_in: seconds("expires_in")?,
            interval: seconds("interval").unwrap_or(FIVE_SECONDS).max(Duration::from_secs(1)),
        })
    }

    /// Asks for the tokens until the person has approved (RFC 8628 §3.4 and §3.5). `sleep` waits between two requests.
    ///
    /// # Errors
    /// The user denied it, the code expired, or the server answers something else or cannot be reached three times in a row.
    pub(super) async fn wait(
        &self,
        client: &Client,
        url: &str,
        sleep: impl AsyncFn(Duration),
    ) -> Result<Value, CommandError> {
        let form =
            [("grant_type", GRANT), ("device_code", self.device_code.expose()), ("client_id", CLIENT_ID)];
        let (mut interval, mut waited, mut failures) = (self.interval, Duration::ZERO, 0);
        while waited < self.expires_in {
            sleep(interval).await;
            waited += interval;
            let (status, answer) = match http::post_form(client, url, &form).await {
                Ok(answer) => answer,
                Err(failure) if failures + 1 == FAILURES => return Err(failure),
                Err(_) => {
                    // The network or the server may be back soon; asking more rarely helps it (RFC 8628 §3.5).
                    failures += 1;
                    interval *= 2;
                    continue;
                }
            };
            failures = 0;
            match (status, answer.get("error").and_then(Value::as_str)) {
                (StatusCode::OK, _) => return Ok(answer),
                (_, Some("authorization_pending")) => {}
                (_, Some("slow_down")) => interval += FIVE_SECONDS,
                (_, Some("access_denied")) => {
                    return Err(CommandError::new("signing in was denied in the browser"));
                }
                (_, Some("expired_token")) => break,
                (status, _) => return Err(http::oauth_failure(status, &answer)),
            }
        }
        Err(CommandError::new(
            "the code has expired before it was entered: run `duku login` again for a new one",
        ))
    }
}

/// An address that a browser opens as a page of the web.
fn page(address: &str) -> Option<String> {
    let address = printable(address.trim());
    ["https://", "http://"].iter().any(|scheme| address.starts_with(scheme)).then_some(address)
}

/// Reads a token answer (RFC 6749 §5.1) that was received at `now`.
pub(super) fn session(answer: &Value, realm: &str, now: Timestamp) -> Result<Session, CommandError> {
    let token = |name: &str| answer.get(name).and_then(Value::as_str).map(Token::new);
    let (access_token, refresh_token) =
        token("access_token").zip(token("refresh_token")).ok_or_else(|| {
            CommandError::new(
                "the answer holds no session: is --server a Duku server that people can sign in to?",
            )
        })?;
    let seconds = |name: &str| answer.get(name).and_then(Value::as_i64);
    let lifetime = seconds("expires_in").unwrap_or(0);
    let unused = seconds("refresh_expires_in").filter(|seconds| *seconds > 0);
    Ok(Session {
        realm: realm.to_owned(),
        access_token,
        access_token_expires_at: now.plus_seconds(lifetime).ms(),
        refresh_token,
        refresh_token_expires_at: unused.map(|seconds| now.plus_seconds(seconds).ms()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{Router, extract::State, routing::post};
    use serde_json::json;
    use std::{
        collections::VecDeque,
        sync::{Arc, Mutex},
    };
    use tokio::net::TcpListener;

    type Script = Arc<Mutex<VecDeque<(u16, Value)>>>;

    /// A token endpoint that gives one answer after the other.
    async fn server(answers: &[(u16, Value)]) -> String {
        let script: Script = Arc::new(Mutex::new(answers.iter().cloned().collect()));
        let next = async |State(script): State<Script>| {
            let (status, answer) = script.lock().unwrap().pop_front().unwrap();
            // A text in place of an object is sent as it is: an answer that is no JSON.
            let text = answer.as_str().map_or_else(|| answer.to_string(), str::to_owned);
            (StatusCode::from_u16(status).unwrap(), text)
        };
        let router = Router::new().route("/token", post(next)).with_state(script);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/token", listener.local_addr().unwrap());
        tokio::spawn(async { axum::serve(listener, router).await.unwrap() });
        url
    }

    /// What came of waiting, and the seconds between the requests.
    async fn wait(answers: &[(u16, Value)]) -> (Result<Value, String>, Vec<u64>) {
        let url = server(answers).await;
        let authorization = Authorization::parse(&json!({
            "device_code": "dc", "user_code": "WDJB-MJHT", "verification_uri": "http://x/device", "expires_in": 60, "interval": 4
        }))
        .unwrap();
        let slept = Mutex::new(Vec::new());
        let sleep = async |time: Duration| slept.lock().unwrap().push(time.as_secs());
        let outcome = authorization.wait(&http::client().unwrap(), &url, sleep).await;
        (outcome.map_err(|error| error.to_string()), slept.into_inner().unwrap())
    }

    fn error(code: &str) -> (u16, Value) {
        (400, json!({ "error": code, "error_description": "why" }))
    }

    #[tokio::test]
    async fn it_waits_as_the_server_asks_until_the_person_has_approved() {
        let pending = error("authorization_pending");
        let answers =
            [pending.clone(), error("slow_down"), pending, error("slow_down"), (200, json!({ "a": 1 }))];
        let (outcome, slept) = wait(&answers).await;
        assert_eq!((outcome, slept), (Ok(json!({ "a": 1 })), vec![4, 4, 9, 9, 14]));
    }

    #[tokio::test]
    async fn every_end_without_a_session_is_said() {
        let cases = [
            (error("access_denied"), "denied in the browser"),
            (error("expired_token"), "duku login"),
            (error("invalid_grant"), "why"),
            ((500, json!({})), "500"),
        ];
        for (answer, said) in cases {
            let (outcome, slept) = wait(&[answer]).await;
            let error = outcome.unwrap_err();
            assert!(error.contains(said) && slept.len() == 1, "{error}");
        }
        let (outcome, slept) = wait(&vec![error("authorization_pending"); 20]).await;
        assert!(outcome.unwrap_err().contains("expired"));
        assert_eq!(slept.iter().sum::<u64>(), 60, "it does not ask for longer than the code lives");
    }

    #[tokio::test]
    async fn a_server_that_stumbles_is_asked_again_and_one_that_is_gone_is_named() {
        let (broken, pending) = ((502, json!("a proxy's page")), error("authorization_pending"));
        let answers = [broken.clone(), broken.clone(), pending, broken.clone(), (200, json!({}))];
        let (outcome, slept) = wait(&answers).await;
        assert_eq!((outcome, slept), (Ok(json!({})), vec![4, 8, 16, 16, 32]));
        let (outcome, slept) = wait(&[broken.clone(), broken.clone(), broken]).await;
        assert!(outcome.unwrap_err().contains("502") && slept.len() == 3);
    }

    #[test]
    fn what_the_server_says_cannot_draw_on_the_terminal() {
        let answer = json!({ "device_code": "dc", "user_code": "\u{1b}[2JAB", "verification_uri": "http://x\r\n", "expires_in": 1 });
        let read = Authorization::parse(&answer).unwrap();
        assert_eq!(
            (&*read.user_code, &*read.verification_uri, read.interval),
            ("[2JAB", "http://x", FIVE_SECONDS)
        );
        assert!(Authorization::parse(&json!({ "user_code": "x" })).is_none());
    }
}
