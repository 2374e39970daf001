//! One server under several host names: whichever of them a person opens, the sign-in comes to its end.

use crate::{app::App, on_both};
use duku::settings::GivenSettings;
use testkit::{Answer, Engine};

on_both! {
    a_sign_in_begins_on_viewports_own_host
    a_form_may_lead_to_the_authorization_server
    the_documentation_can_have_a_host_of_its_own
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
        .users()
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

async fn the_documentation_can_have_a_host_of_its_own(engine: Engine) {
    let given = GivenSettings {
        public_url: Some("https://platform.example.test".to_owned()),
        docs_url: Some("https://docs.example.test".to_owned()),
        ..GivenSettings::default()
    };
    let app = App::start_with(engine, given).await;
    let own = "docs.example.test";
    let page = get(&app, own, "/integrations/api-keys").await;
    assert_eq!(page.status, 200, "{}", page.text);
    assert!(page.text.contains("href=\"https://docs.example.test/integrations/api-keys\""));
    assert!(page.text.contains("href=\"https://viewport.example.test/\""), "the way to the product");
    let list = get(&app, own, "/llms.txt").await;
    assert!(list.text.contains("(https://docs.example.test/integrations/api-keys.md)"), "{}", list.text);
    let moved = get(&app, own, "/docs/integrations/api-keys").await;
    assert_eq!((moved.status.as_u16(), moved.header("location")), (308, "/integrations/api-keys"));
    for path in ["/login", "/settings/api-keys", "/graphql", "/realms/duku"] {
        assert_eq!(get(&app, own, path).await.status, 404, "{path} is on other hosts");
    }
    assert_eq!(get(&app, own, "/healthz").await.status, 200);
    let style = page.text.split("href=\"/assets/docs.css").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(get(&app, own, &format!("/assets/docs.css{style}")).await.status, 200);
    let elsewhere = get(&app, "platform.example.test", "/docs/integrations/api-keys").await;
    assert_eq!(elsewhere.status, 200);
    assert!(
        elsewhere.text.contains("rel=\"canonical\" href=\"https://docs.example.test/integrations/api-keys\"")
    );
    assert_eq!(get(&app, "platform.example.test", "/integrations/api-keys").await.status, 404);
}
