//! People in Viewport ask with their session's cookie.

use crate::harness::{Actor, Answer, Harness, METADATA};
use axum::body::Body;
use domain::Role;
use http::{Request, header};
use serde_json::json;
use service::{
    Principal,
    organisations::OrganisationSettings,
    users::{
        authorization_codes::{CodeRequest, VIEWPORT},
        sign_in::Attempt,
    },
};

const ADA: &str = "ada@acme.example";
const PASSWORD: &str = "tulip anvil harbour quill";
const VERIFIER: &str = "a-verifier-that-is-long-enough-for-the-rfc-7636-rule";
const VIEWER: &str = "{ viewer { name organisation { name } } }";
const GENERATE: &str = "mutation { generateApiKey(input: { label: \"x\" }) { clientId } }";
const OWN: &[(&str, &str)] = &[("sec-fetch-site", "same-origin")];

/// Ada, who gets a password by an organisation of her own, in a browser; answers with its cookie.
async fn cookie(harness: &Harness) -> String {
    let (ctx, service) = (harness.ctx(), &harness.service);
    service.organisations().create(&ctx, "root", "Second", ADA, Some(PASSWORD)).await.unwrap();
    let attempt = Attempt { email: ADA, password: PASSWORD, device: "a browser" };
    let signed_in = service.users().sign_in(&ctx, attempt, None).await.unwrap();
    let challenge = jose::base64url::encode(&jose::sha256(VERIFIER.as_bytes()));
    let redirect_uri = service.users().viewport_redirect_uri();
    let request = CodeRequest {
        client_id: VIEWPORT,
        redirect_uri: &redirect_uri,
        challenge: &challenge,
        scope: "openid",
        nonce: None,
    };
    let code = service.users().issue_code(&ctx, &signed_in.session, request).await.unwrap();
    let viewport_session =
        service.users().sign_in_to_viewport(&ctx, code.expose(), VERIFIER, "a browser").await.unwrap();
    viewport_session.cookie.expose().to_owned()
}

fn with_cookie(
    mut request: http::request::Builder,
    cookie: &str,
    more: &[(&str, &str)],
) -> http::request::Builder {
    // The world is reached by https.
    request = request.header(header::COOKIE, format!("__Host-duku_session={cookie}"));
    more.iter().fold(request, |request, (name, value)| request.header(*name, *value))
}

async fn post(harness: &Harness, cookie: &str, query: &str, more: &[(&str, &str)]) -> Answer {
    let request = Request::post("/graphql").header(header::CONTENT_TYPE, "application/json");
    let body = json!({ "query": query }).to_string();
    harness.send(with_cookie(request, cookie, more).body(Body::from(body)).unwrap()).await
}

async fn get(harness: &Harness, cookie: &str, more: &[(&str, &str)]) -> Answer {
    let request = Request::get("/graphql?query=%7Bviewer%7Bname%7D%7D");
    harness.send(with_cookie(request, cookie, more).body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_session_asks_as_its_person() {
    let harness = Harness::new().await;
    let cookie = cookie(&harness).await;
    let answer = post(&harness, &cookie, VIEWER, OWN).await;
    assert_eq!(answer.data("/viewer"), json!({ "name": ADA, "organisation": { "name": "Acme" } }));
    assert!(answer.header("vary").contains("cookie"));
    assert_eq!(get(&harness, &cookie, OWN).await.data("/viewer/name"), ADA);
    assert_eq!(post(&harness, &cookie, GENERATE, OWN).await.code(), "OK", "the sign-in is fresh");
    // A program that keeps a jar of cookies, and an old browser.
    assert_eq!(post(&harness, &cookie, VIEWER, &[]).await.code(), "OK");
    let old = [("host", "platform.example"), ("origin", "https://platform.example")];
    assert_eq!(post(&harness, &cookie, VIEWER, &old).await.code(), "OK");
}

#[tokio::test]
async fn another_site_cannot_use_a_session() {
    let harness = Harness::new().await;
    let cookie = cookie(&harness).await;
    for more in [
        &[("sec-fetch-site", "cross-site")][..],
        &[("sec-fetch-site", "same-site"), ("host", "platform.example")],
        &[("host", "platform.example"), ("origin", "https://evil.example")],
        &[("host", "platform.example"), ("origin", "null")],
    ] {
        for answer in [post(&harness, &cookie, VIEWER, more).await, get(&harness, &cookie, more).await] {
            assert_eq!((answer.status.as_u16(), answer.code()), (403, "FORBIDDEN"), "{more:?}");
            assert!(answer.message().contains("access token"), "{}", answer.message());
        }
    }
}

#[tokio::test]
async fn a_token_counts_alone_where_both_are_sent() {
    let harness = Harness::new().await;
    let cookie = cookie(&harness).await;
    let key = format!("Bearer {}", harness.token(Actor::Key).await);
    let cross = [("authorization", key.as_str()), ("sec-fetch-site", "cross-site")];
    assert_eq!(post(&harness, &cookie, VIEWER, &cross).await.data("/viewer/name"), "CI");
    for other in ["Bearer x.y.z", "Basic a2V5OnNlY3JldA=="] {
        let both = [OWN[0], ("authorization", other)];
        assert_eq!(post(&harness, &cookie, VIEWER, &both).await.status, 401, "{other}");
    }
}

#[tokio::test]
async fn a_session_whose_sign_in_is_old_reads_and_changes_no_key() {
    let harness = Harness::new().await;
    let cookie = cookie(&harness).await;
    harness.clock.advance_seconds(600);
    assert_eq!(post(&harness, &cookie, VIEWER, OWN).await.code(), "OK");
    let product = "mutation { createSubject(input: { name: \"Shop\" }) { id } }";
    assert_eq!(post(&harness, &cookie, product, OWN).await.code(), "OK");
    let answer = post(&harness, &cookie, GENERATE, OWN).await;
    assert_eq!(answer.code(), "FORBIDDEN");
    assert_eq!(answer.extension("reason"), "REAUTHENTICATION_REQUIRED");
}

#[tokio::test]
async fn a_session_that_has_ended_is_no_credential() {
    let harness = Harness::new().await;
    let cookie = cookie(&harness).await;
    assert_eq!(post(&harness, &cookie, VIEWER, OWN).await.code(), "OK");
    harness.service.users().sign_out(&harness.ctx(), &cookie).await.unwrap();
    for dead in [cookie.as_str(), "nonsense"] {
        let answer = post(&harness, dead, VIEWER, OWN).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (401, "UNAUTHENTICATED"));
        assert_eq!(answer.header("www-authenticate"), format!("Bearer resource_metadata=\"{METADATA}\""));
    }
}

#[tokio::test]
async fn a_session_that_opens_no_organisation_is_told_what_to_do() {
    let harness = Harness::new().await;
    let cookie = cookie(&harness).await;
    let (ctx, service) = (harness.ctx(), &harness.service);
    let seen = OrganisationSettings::of(&service.organisations().get(&harness.acme).await.unwrap());
    let new = OrganisationSettings { require_second_factor: true, ..seen.clone() };
    service.organisations().change_settings(&ctx, &harness.acme, &seen, &new).await.unwrap();
    let answer = post(&harness, &cookie, VIEWER, OWN).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (403, "FORBIDDEN"));
    assert!(
        answer.message().contains("https://platform.example/account/second-factor"),
        "{}",
        answer.message()
    );

    let second = Principal::operator("root", &service.organisations().find("Second").await.unwrap());
    for organisation in [&harness.acme, &second] {
        service.users().add_member(&ctx, organisation, "bob@acme.example", Role::Admin).await.unwrap();
        service.users().remove_member(&ctx, organisation, ADA).await.unwrap();
    }
    let answer = post(&harness, &cookie, VIEWER, OWN).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (403, "FORBIDDEN"));
    assert!(answer.message().contains("invitation"), "{}", answer.message());
}
