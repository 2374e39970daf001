//! One server under several host names: whichever of them a person opens, the sign-in comes to its end.

use crate::{app::App, on_both};
use duku::settings::GivenSettings;
use testkit::{Answer, Engine};

on_both! {
    a_sign_in_begins_on_viewports_own_host
    a_form_may_lead_to_the_authorization_server
}

async fn start(engine: Engine) -> App {
    let public_url = Some("https://platform.example.test".to_owned());
    App::start_with(engine, GivenSettings { public_url, ..GivenSettings::default() }).await
}

async fn get(app: &App, host: &str, path: &str) -> Answer {
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    Answer::of(client.get(format!("http://{}{path}", app.address)).header("host", host)).await
}

async fn a_sign_in_begins_on_viewports_own_host(engine: Engine) {
    let app = start(engine).await;
    let authorization = "https://auth.example.test/realms/duku/protocol/openid-connect/auth?";
    for host in ["platform.example.test", "auth.example.test", "localhost:8080", "evil.example"] {
        let sent_on = get(&app, host, "/login?next=%2Faccount").await;
        assert_eq!(sent_on.header("set-cookie"), "", "the way back leads past {host}");
        let location = sent_on.header("location");
        assert_eq!(location, "https://viewport.example.test/login?next=%2Faccount&at_home=1", "{host}");
        // Behind a proxy that writes a host of its own it does not go round in circles.
        let departed = get(&app, host, "/login?next=%2Faccount&at_home=1").await;
        assert!(departed.header("location").starts_with(authorization), "{:?}", departed.headers);
        let odd = get(&app, host, "/login?next=/a&next=//evil.example").await;
        assert!(odd.header("location").starts_with(authorization), "{:?}", odd.headers);
    }
    let departed = get(&app, "Viewport.example.test", "/login").await;
    assert!(departed.header("location").starts_with(authorization), "{:?}", departed.headers);
    assert!(departed.header("set-cookie").starts_with("__Host-duku_departure="));
    assert!(departed.header("set-cookie").contains("; Secure"));
}

/// A form that is answered with the way to the sign-in is silently dropped by Chromium otherwise.
async fn a_form_may_lead_to_the_authorization_server(engine: Engine) {
    let app = start(engine).await;
    let link = app
        .service
        .invite(&app.ctx(), &app.operator(), "max@example.org", domain::Role::Member)
        .await
        .unwrap()
        .link;
    let invitation = url::Url::parse(&link).unwrap().path().to_owned();
    for page in [&*invitation, "/forgot", "/signed-out", "/setup/none"] {
        let answer = get(&app, "viewport.example.test", page).await;
        let policy = answer.header("content-security-policy");
        let targets = "form-action 'self' https://viewport.example.test https://auth.example.test;";
        assert!(policy.contains(targets), "{page}: {policy}");
    }
}
