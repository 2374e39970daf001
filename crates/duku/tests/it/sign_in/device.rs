//! Devices that a user approves (RFC 8628), and their refresh tokens.

use super::{ADA, start, start_with, token, user};
use crate::{app::App, on_both};
use duku::settings::GivenSettings;
use serde_json::{Value, json};
use service::organisations::OrganisationSettings;
use testkit::{Answer, Engine};

on_both! {
    a_device_is_approved_by_a_person
    a_rejection_and_silence_are_told_apart
    a_refresh_token_changes_and_a_reused_one_ends_the_session
    signing_out_ends_the_command_lines_session
    only_the_command_line_may_ask
    a_second_factor_that_is_required_later_is_required_of_command_lines_too
    devices_that_ask_too_often_wait
}

const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";

async fn ask(app: &App, form: &[(&str, &str)]) -> Answer {
    let request =
        app.api.client().post(app.api.protocol("auth/device")).header("user-agent", "duku on a test");
    Answer::of(request.form(form)).await
}

async fn begin(app: &App) -> Value {
    let answer = ask(app, &[("client_id", "duku-cli")]).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("cache-control")),
        (200, "no-store"),
        "{}",
        answer.text
    );
    answer.json()
}

async fn poll(app: &App, begun: &Value) -> Answer {
    let code = begun["device_code"].as_str().unwrap();
    token(app, &[("grant_type", DEVICE), ("client_id", "duku-cli"), ("device_code", code)]).await
}

async fn decide(app: &App, begun: &Value, approved: bool) {
    let user = user(app).await;
    let code = begun["user_code"].as_str().unwrap();
    let found = app.service.users().find_device(&app.ctx(), &user, code).await.unwrap();
    assert_eq!(found.device, "duku on a test");
    app.service.users().decide_device(&app.ctx(), &user, code, approved).await.unwrap();
}

async fn refresh(app: &App, refresh_token: &str) -> Answer {
    let form = [("grant_type", "refresh_token"), ("client_id", "duku-cli"), ("refresh_token", refresh_token)];
    token(app, &form).await
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}"))
}

/// The tokens of a device that a user approved.
async fn approved(app: &App) -> Value {
    let begun = begin(app).await;
    decide(app, &begun, true).await;
    let answer = poll(app, &begun).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("cache-control")),
        (200, "no-store"),
        "{}",
        answer.text
    );
    answer.json()
}

async fn a_device_is_approved_by_a_person(engine: Engine) {
    let app = start(engine).await;
    let begun = begin(&app).await;
    let user_code = text(&begun, "user_code");
    assert_eq!((user_code.len(), &user_code[4..5]), (9, "-"));
    assert_eq!(begun["verification_uri"], format!("{}/device", app.api.url));
    assert_eq!(begun["verification_uri_complete"], format!("{}/device?user_code={user_code}", app.api.url));
    assert_eq!((&begun["expires_in"], &begun["interval"]), (&json!(600), &json!(5)));
    let pending = poll(&app, &begun).await;
    assert_eq!((pending.status.as_u16(), pending.error().as_str()), (400, "authorization_pending"));
    assert_eq!(poll(&app, &begun).await.error(), "slow_down");
    decide(&app, &begun, true).await;
    app.clock.advance_seconds(9);
    assert_eq!(poll(&app, &begun).await.error(), "slow_down", "5 seconds longer from then on");
    app.clock.advance_seconds(16);
    let issued = poll(&app, &begun).await.json();
    assert_eq!((&issued["scope"], &issued["refresh_expires_in"]), (&json!("openid"), &json!(30 * 86_400)));
    assert!(app.api.accepts(text(&issued, "access_token")).await);
    assert_eq!(super::claims(text(&issued, "access_token"))["client_id"], "duku-cli");
    app.clock.advance_seconds(60);
    assert_eq!(poll(&app, &begun).await.error(), "invalid_grant", "once");
    assert!(app.api.accepts(text(&issued, "access_token")).await);
}

async fn a_rejection_and_silence_are_told_apart(engine: Engine) {
    let app = start(engine).await;
    let begun = begin(&app).await;
    decide(&app, &begun, false).await;
    assert_eq!(poll(&app, &begun).await.error(), "access_denied");
    let begun = begin(&app).await;
    app.clock.advance_seconds(600);
    assert_eq!(poll(&app, &begun).await.error(), "expired_token");
    assert_eq!(poll(&app, &json!({ "device_code": "guessed" })).await.error(), "invalid_grant");
    assert_eq!(poll(&app, &json!({ "device_code": "" })).await.error(), "invalid_request");
}

async fn a_refresh_token_changes_and_a_reused_one_ends_the_session(engine: Engine) {
    let app = start(engine).await;
    let first = approved(&app).await;
    app.clock.advance_seconds(3600);
    assert!(!app.api.accepts(text(&first, "access_token")).await);
    let second = refresh(&app, text(&first, "refresh_token")).await.json();
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    assert!(app.api.accepts(text(&second, "access_token")).await);
    for scope in ["platform:read", "openid platform:write", "odd"] {
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", "duku-cli"),
            ("refresh_token", text(&second, "refresh_token")),
            ("scope", scope),
        ];
        assert_eq!(token(&app, &form).await.error(), "invalid_scope");
    }
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", "viewport"),
        ("refresh_token", text(&second, "refresh_token")),
    ];
    assert_eq!(token(&app, &form).await.error(), "unauthorized_client");

    let reused = refresh(&app, text(&first, "refresh_token")).await;
    assert_eq!((reused.status.as_u16(), reused.error().as_str()), (400, "invalid_grant"));
    assert!(!app.api.accepts(text(&second, "access_token")).await, "ended at once");
    assert_eq!(refresh(&app, text(&second, "refresh_token")).await.error(), "invalid_grant");
    let log = app.service.audit_log().export(app.organisation.id.as_str(), 0).await.unwrap();
    let actions: Vec<&str> = log.iter().map(|event| event.action.as_str()).collect();
    assert_eq!(
        actions.iter().filter(|action| **action == "person.refresh_token_reused").count(),
        1,
        "{actions:?}"
    );
    assert_eq!(refresh(&app, "guessed").await.error(), "invalid_grant");
}

async fn signing_out_ends_the_command_lines_session(engine: Engine) {
    let app = start(engine).await;
    let issued = approved(&app).await;
    let post = |client_id: &'static str, token: &str| {
        let form = [("client_id", client_id.to_owned()), ("refresh_token", token.to_owned())];
        let request = app.api.client().post(app.api.protocol("logout"));
        Answer::of(request.header("sec-fetch-site", "cross-site").form(&form))
    };
    assert_eq!(post("viewport", text(&issued, "refresh_token")).await.error(), "unauthorized_client");
    assert_eq!(post("another", text(&issued, "refresh_token")).await.error(), "invalid_client");
    assert!(app.api.accepts(text(&issued, "access_token")).await);
    for _ in 0..2 {
        let done = post("duku-cli", text(&issued, "refresh_token")).await;
        assert_eq!((done.status.as_u16(), &*done.text, done.header("set-cookie")), (204, "", ""));
    }
    assert!(!app.api.accepts(text(&issued, "access_token")).await);
    assert_eq!(refresh(&app, text(&issued, "refresh_token")).await.error(), "invalid_grant");
}

async fn only_the_command_line_may_ask(engine: Engine) {
    let app = start(engine).await;
    let pair = app.generate("CI", None).await;
    for (form, status, error) in [
        (&[("client_id", "another")][..], 401, "invalid_client"),
        (&[("client_id", "viewport")], 400, "unauthorized_client"),
        (&[("client_id", &pair.client_id)], 400, "unauthorized_client"),
        (&[("client_id", "duku-cli"), ("client_secret", "x")], 400, "unauthorized_client"),
        (&[], 400, "invalid_request"),
        (&[("client_id", "duku-cli"), ("scope", "odd")], 400, "invalid_scope"),
        (&[("client_id", "duku-cli"), ("scope", "platform:read")], 400, "invalid_scope"),
        (&[("client_id", "duku-cli"), ("scope", "openid")], 200, ""),
    ] {
        let answer = ask(&app, form).await;
        assert_eq!((answer.status.as_u16(), answer.error().as_str()), (status, error), "{form:?}");
    }
    let get = Answer::of(app.api.client().get(app.api.protocol("auth/device"))).await;
    assert_eq!((get.status.as_u16(), get.header("allow")), (405, "POST"));
}

async fn a_second_factor_that_is_required_later_is_required_of_command_lines_too(engine: Engine) {
    let app = start(engine).await;
    let issued = approved(&app).await;
    require_second_factor(&app).await;
    assert!(!app.api.accepts(text(&issued, "access_token")).await);
    let rejected = refresh(&app, text(&issued, "refresh_token")).await;
    assert!(rejected.error() == "invalid_grant" && rejected.description().contains("second factor"));
    let begun = begin(&app).await;
    let user = user(&app).await;
    assert!(user.must_give_second_factor && user.email.as_str() == ADA);
    assert!(
        app.service.users().decide_device(&app.ctx(), &user, text(&begun, "user_code"), true).await.is_err()
    );
}

async fn devices_that_ask_too_often_wait(engine: Engine) {
    let app = start_with(engine, GivenSettings::default()).await;
    for _ in 0..60 {
        begin(&app).await;
    }
    let answer = ask(&app, &[("client_id", "duku-cli")]).await;
    assert_eq!((answer.status.as_u16(), answer.header("retry-after").is_empty()), (429, false));
}

async fn require_second_factor(app: &App) {
    let organisation = app.service.organisations().get(&app.operator()).await.unwrap();
    let seen = OrganisationSettings::of(&organisation);
    let new = OrganisationSettings { require_second_factor: true, ..seen.clone() };
    app.service.organisations().change_settings(&app.ctx(), &app.operator(), &seen, &new).await.unwrap();
}
