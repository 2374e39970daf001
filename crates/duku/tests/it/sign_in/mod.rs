//! People at the authorization server: signing in with a browser, signing out, approving a device.

mod browser;
mod codes;
mod device;
mod pages;
mod prompts;
mod second_factor;

use crate::app::App;
use browser::Browser;
use duku::settings::{GivenSettings, Switch};
use jose::base64url;
use serde_json::Value;
use service::CurrentUser;
use testkit::{Answer, Engine};

const ADA: &str = "ada@example.org";
const PASSWORD: &str = "correct horse battery staple";
/// A verifier of RFC 7636 §4.1.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const WRONG: &str = "The email address or password is incorrect.";

fn challenge() -> String {
    base64url::encode(&jose::sha256(VERIFIER.as_bytes()))
}

fn claims(token: &str) -> Value {
    serde_json::from_slice(&base64url::decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

/// An installation where Ada has a password and nobody counts attempts.
async fn start(engine: Engine) -> App {
    start_with(engine, GivenSettings { rate_limit: Some(Switch::Off), ..GivenSettings::default() }).await
}

async fn start_with(engine: Engine, given: GivenSettings) -> App {
    let app = App::start_with(engine, given).await;
    give_password(&app, ADA).await;
    app
}

async fn give_password(app: &App, email: &str) {
    let link = app.service.users().make_reset_link(&app.ctx(), "test", email).await.unwrap();
    let secret = link.rsplit('/').next().unwrap();
    app.service.users().reset_password(&app.ctx(), secret, PASSWORD).await.unwrap();
}

/// The parameters of a sound request.
fn sound(app: &App) -> Vec<(&'static str, String)> {
    vec![
        ("client_id", "viewport".to_owned()),
        ("redirect_uri", format!("{}/login/callback", app.api.url)),
        ("response_type", "code".to_owned()),
        ("scope", "openid".to_owned()),
        ("state", "st&te=1 ü".to_owned()),
        ("code_challenge", challenge()),
        ("code_challenge_method", "S256".to_owned()),
    ]
}

/// The address of a request with changes: a parameter of the same name is replaced, by nothing for an empty value.
fn request(app: &App, changes: &[(&'static str, &str)]) -> String {
    let mut parameters = sound(app);
    for (name, value) in changes {
        parameters.retain(|(known, _)| known != name);
        parameters.push((name, (*value).to_owned()));
    }
    parameters.retain(|(_, value)| !value.is_empty());
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    format!("{}?{query}", app.api.protocol("auth"))
}

/// What came back to the client, after making sure that it is the client's own address, `iss` and `state`.
#[track_caller]
fn back(app: &App, answer: &Answer) -> Value {
    assert_eq!(answer.status, 303, "{}", answer.text);
    assert_eq!(answer.header("cache-control"), "no-store");
    let location = url::Url::parse(answer.header("location")).unwrap();
    let (address, _) = location.as_str().split_once('?').unwrap();
    assert_eq!(address, format!("{}/login/callback", app.api.url));
    let came: Value =
        location.query_pairs().into_owned().map(|(name, value)| (name, Value::String(value))).collect();
    assert_eq!(came["iss"], format!("{}/realms/duku", app.api.url));
    assert_eq!(came["state"], "st&te=1 ü");
    came
}

#[track_caller]
fn code(app: &App, answer: &Answer) -> String {
    back(app, answer)["code"].as_str().unwrap_or_else(|| panic!("no code: {:?}", answer.headers)).to_owned()
}

#[track_caller]
fn denied(app: &App, answer: &Answer) -> String {
    let came = back(app, answer);
    assert!(came.get("code").is_none(), "{came}");
    assert!(!came["error_description"].as_str().unwrap().is_empty());
    came["error"].as_str().unwrap().to_owned()
}

/// A browser in which Ada has signed in, and the code that it got.
async fn signed_in(app: &App) -> (Browser, String) {
    let mut browser = Browser::new(app);
    let answer = browser.sign_in(&request(app, &[]), ADA, PASSWORD).await;
    let code = code(app, &answer);
    (browser, code)
}

/// Posts a form to the token endpoint.
async fn token(app: &App, form: &[(&str, &str)]) -> Answer {
    Answer::of(app.api.client().post(app.api.protocol("token")).form(form)).await
}

async fn exchange(app: &App, code: &str) -> Answer {
    let redirect_uri = format!("{}/login/callback", app.api.url);
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", "viewport"),
        ("code", code),
        ("redirect_uri", &redirect_uri),
        ("code_verifier", VERIFIER),
    ];
    token(app, &form).await
}

/// Ada in Viewport, by a sign-in of her own.
async fn user(app: &App) -> CurrentUser {
    let (_, code) = signed_in(app).await;
    let viewport_session =
        app.service.users().sign_in_to_viewport(&app.ctx(), &code, VERIFIER, "test").await.unwrap();
    app.service
        .users()
        .find_current_user(&app.ctx(), viewport_session.cookie.expose())
        .await
        .unwrap()
        .unwrap()
}
