//! Codes and what they are exchanged for: once, soon, and only for whom they were given.

use super::{
    ADA, Browser, PASSWORD, VERIFIER, back, challenge, claims, code, denied, exchange, request, signed_in,
    sound, start, token,
};
use crate::on_both;
use jsonwebtoken as other;
use serde_json::{Value, json};
use testkit::{Answer, Engine};

on_both! {
    a_code_buys_a_token_that_the_api_takes
    an_id_token_says_who_signed_in_and_opens_no_door
    a_code_works_once_and_its_second_use_ends_what_it_opened
    racing_exchanges_of_a_code_give_one_token_at_most
    a_code_is_good_for_its_client_its_verifier_and_a_minute
    nobody_is_ever_sent_to_a_foreign_address
    a_wrong_request_goes_back_with_its_reason
    the_grants_of_people_are_not_for_api_keys
}

async fn a_code_buys_a_token_that_the_api_takes(engine: Engine) {
    let app = start(engine).await;
    let mut browser = Browser::new(&app);
    let url = request(&app, &[]);
    let page = browser.get(&url).await;
    assert_eq!((page.status.as_u16(), page.header("cache-control")), (200, "no-store"));
    let policy = page.header("content-security-policy");
    assert!(policy.contains(&format!("form-action 'self' {};", app.api.url)), "{policy}");
    let code = code(&app, &browser.sign_in(&url, ADA, PASSWORD).await);
    let answer = exchange(&app, &code).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("cache-control")),
        (200, "no-store"),
        "{}",
        answer.text
    );
    let issued = answer.json();
    assert_eq!(
        (&issued["token_type"], &issued["scope"], &issued["expires_in"]),
        (&json!("Bearer"), &json!("openid"), &json!(300))
    );
    assert!(issued.get("refresh_token").is_none());
    let access_token = issued["access_token"].as_str().unwrap();
    let viewer =
        app.api.graphql(access_token, "{ viewer { __typename } subjects { id } }", Value::Null).await;
    assert_eq!(viewer.data()["subjects"], json!([]));
    // A second request of the same browser needs no page.
    let again = super::code(&app, &browser.get(&url).await);
    assert_ne!(again, code);
    // Signing out ends the token at once.
    browser.post(&app.api.protocol("logout"), &[]).await;
    assert!(!app.api.accepts(access_token).await);
    assert_eq!(exchange(&app, &again).await.error(), "invalid_grant");
}

async fn an_id_token_says_who_signed_in_and_opens_no_door(engine: Engine) {
    let app = start(engine).await;
    let (mut browser, _) = signed_in(&app).await;
    app.clock.advance_seconds(100);
    let code = code(&app, &browser.get(&request(&app, &[("nonce", "n-0S6")])).await);
    let issued = exchange(&app, &code).await.json();
    let id_token = issued["id_token"].as_str().unwrap();

    let keys: other::jwk::JwkSet = serde_json::from_str(&app.service.tokens().jwks().await.unwrap()).unwrap();
    let key = other::DecodingKey::from_jwk(&keys.keys[0]).unwrap();
    let mut rules = other::Validation::new(other::Algorithm::ES256);
    rules.validate_exp = false;
    rules.set_audience(&["viewport"]);
    rules.set_issuer(&[format!("{}/realms/duku", app.api.url)]);
    let read = other::decode::<Value>(id_token, &key, &rules).unwrap();
    assert_eq!(read.header.typ.as_deref(), Some("JWT"));
    let access = claims(issued["access_token"].as_str().unwrap());
    let start = testkit::TestClock::START.seconds();
    assert_eq!(
        read.claims,
        json!({
            "iss": access["iss"], "sub": access["sub"], "aud": "viewport", "iat": start + 100, "exp": start + 400,
            "auth_time": start, "nonce": "n-0S6", "email": ADA, "sid": access["sid"],
        })
    );
    assert!(!app.api.accepts(id_token).await, "an ID token is no access token");
    let narrow = super::code(&app, &browser.get(&request(&app, &[("scope", "platform:read")])).await);
    let narrow = exchange(&app, &narrow).await.json();
    assert_eq!((&narrow["scope"], narrow.get("id_token")), (&json!("platform:read"), None));
}

async fn a_code_works_once_and_its_second_use_ends_what_it_opened(engine: Engine) {
    let app = start(engine).await;
    let (mut browser, code) = signed_in(&app).await;
    let issued = exchange(&app, &code).await.json();
    let access_token = issued["access_token"].as_str().unwrap();
    assert!(app.api.accepts(access_token).await);
    let again = exchange(&app, &code).await;
    assert_eq!((again.status.as_u16(), again.error().as_str()), (400, "invalid_grant"));
    assert!(again.description().contains("used already"));
    assert!(!app.api.accepts(access_token).await, "it may have been stolen");
    assert_eq!(browser.get(&request(&app, &[])).await.status, 200, "the browser has to sign in again");
}

async fn racing_exchanges_of_a_code_give_one_token_at_most(engine: Engine) {
    let app = start(engine).await;
    let (_, code) = signed_in(&app).await;
    let race = || exchange(&app, &code);
    let (a, b, c, d) = tokio::join!(race(), race(), race(), race());
    let issued: Vec<Answer> = [a, b, c, d].into_iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(issued.len(), 1);
    assert!(
        !app.api.accepts(issued[0].json()["access_token"].as_str().unwrap()).await,
        "and that one is ended"
    );
}

async fn a_code_is_good_for_its_client_its_verifier_and_a_minute(engine: Engine) {
    let app = start(engine).await;
    let (mut browser, _) = signed_in(&app).await;
    let redirect_uri = format!("{}/login/callback", app.api.url);
    let form = |code: &str, changed: (&'static str, &str)| {
        let all = [
            ("grant_type", "authorization_code"),
            ("client_id", "viewport"),
            ("code", code),
            ("redirect_uri", &redirect_uri),
            ("code_verifier", VERIFIER),
        ];
        let mut all: Vec<(String, String)> = all.map(|(a, b)| (a.to_owned(), b.to_owned())).to_vec();
        all.retain(|(name, _)| name != changed.0);
        all.push((changed.0.to_owned(), changed.1.to_owned()));
        all
    };
    let other_verifier = "x".repeat(43);
    let slash = format!("{redirect_uri}/");
    for (name, value, error) in [
        ("code_verifier", &*other_verifier, "invalid_grant"),
        ("code_verifier", &*"x".repeat(42), "invalid_request"),
        ("code_verifier", &*"x".repeat(129), "invalid_request"),
        ("code_verifier", &*challenge().replace(|c: char| c.is_ascii_digit(), "+"), "invalid_request"),
        ("code_verifier", "", "invalid_request"),
        ("redirect_uri", &*slash, "invalid_grant"),
        ("redirect_uri", "", "invalid_request"),
        ("code", "", "invalid_request"),
        ("code", "guessed", "invalid_grant"),
        ("client_id", "duku-cli", "unauthorized_client"),
        ("client_id", "another", "invalid_client"),
        ("client_id", "", "invalid_request"),
    ] {
        let code = code(&app, &browser.get(&request(&app, &[])).await);
        let answer =
            Answer::of(app.api.client().post(app.api.protocol("token")).form(&form(&code, (name, value))))
                .await;
        assert_eq!(answer.error(), error, "{name}={value}: {}", answer.text);
    }
    let code = |answer| super::code(&app, &answer);
    let (late, in_time) =
        (code(browser.get(&request(&app, &[])).await), code(browser.get(&request(&app, &[])).await));
    app.clock.advance_seconds(59);
    assert_eq!(exchange(&app, &in_time).await.status, 200);
    app.clock.advance_seconds(1);
    let answer = exchange(&app, &late).await;
    assert!(answer.error() == "invalid_grant" && answer.description().contains("too old"), "{}", answer.text);
}

async fn nobody_is_ever_sent_to_a_foreign_address(engine: Engine) {
    let app = start(engine).await;
    let (mut browser, _) = signed_in(&app).await;
    let own = format!("{}/login/callback", app.api.url);
    let host = app.api.url.strip_prefix("http://").unwrap().to_owned();
    let foreign = [
        String::new(),
        app.api.url.clone(),
        own.trim_end_matches("back").to_owned(),
        format!("{own}/"),
        format!("{own}2"),
        format!("{own}?a=b"),
        format!("{own}?"),
        format!("{own}#f"),
        format!("{own}#"),
        format!("{own} "),
        format!("{own}%20"),
        format!("https://{host}/login/callback"),
        format!("HTTP://{host}/login/callback"),
        "http://evil.example/login/callback".to_owned(),
        format!("http://evil.example/?{own}"),
        format!("http://{host}@evil.example/login/callback"),
        format!("http://user@{host}/login/callback"),
        format!("http://{host}.evil.example/login/callback"),
        format!("http://{host}/x/../login/callback"),
        format!("http://{host}/login%2Fcallback"),
        "/login/callback".to_owned(),
        format!("//{host}/login/callback"),
        "javascript:alert(1)".to_owned(),
        "data:text/html,x".to_owned(),
    ];
    for uri in &foreign {
        for extra in ["", "none", "odd"] {
            let answer = browser.get(&request(&app, &[("redirect_uri", uri), ("prompt", extra)])).await;
            assert_eq!((answer.status.as_u16(), answer.header("location")), (400, ""), "{uri}");
            assert!(!answer.text.contains("evil.example"), "{uri}");
            let posted = browser.sign_in(&request(&app, &[("redirect_uri", uri)]), ADA, PASSWORD).await;
            assert_eq!((posted.status.as_u16(), posted.header("set-cookie")), (400, ""), "{uri}");
        }
    }
    for client in ["", "duku-cli", "Viewport", "viewport ", "key_00000000000000000000000000"] {
        let answer = browser.get(&request(&app, &[("client_id", client)])).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (400, ""), "{client}");
        assert!(answer.header("content-type").starts_with("text/html"));
    }
    let url = request(&app, &[]);
    for twice in ["&client_id=viewport".to_owned(), format!("&redirect_uri={own}"), "&x=%zz".to_owned()] {
        assert_eq!(browser.get(&format!("{url}{twice}")).await.status, 400, "{twice}");
    }
}

async fn a_wrong_request_goes_back_with_its_reason(engine: Engine) {
    let app = start(engine).await;
    let (mut browser, _) = signed_in(&app).await;
    let long = "n".repeat(513);
    for (name, value, error) in [
        ("response_type", "", "invalid_request"),
        ("response_type", "token", "unsupported_response_type"),
        ("response_type", "code id_token", "unsupported_response_type"),
        ("response_mode", "fragment", "invalid_request"),
        ("scope", "openid email", "invalid_scope"),
        ("code_challenge", "", "invalid_request"),
        ("code_challenge", "short", "invalid_request"),
        (
            "code_challenge",
            &challenge().replace('-', "+").replace(char::is_alphabetic, "="),
            "invalid_request",
        ),
        ("code_challenge", &format!("{}A", challenge()), "invalid_request"),
        ("code_challenge_method", "", "invalid_request"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("code_challenge_method", "s256", "invalid_request"),
        ("nonce", &*long, "invalid_request"),
        ("request", "e30", "request_not_supported"),
        ("request_uri", "https://x.example", "request_uri_not_supported"),
    ] {
        let url = request(&app, &[(name, value)]);
        assert_eq!(denied(&app, &browser.get(&url).await), error, "{name}={value}");
        assert_eq!(denied(&app, &browser.sign_in(&url, ADA, PASSWORD).await), error, "{name}={value}");
    }
    let twice = browser.get(&format!("{}&scope=openid", request(&app, &[]))).await;
    assert_eq!(denied(&app, &twice), "invalid_request");
    let states = browser.get(&format!("{}&state=2", request(&app, &[]))).await;
    let location = states.header("location");
    assert!(location.contains("error=invalid_request") && !location.contains("&state="), "{location}");
    let plain = browser.get(&request(&app, &[("state", "")])).await;
    assert!(plain.header("location").contains("?code=") && !plain.header("location").contains("state"));
    assert_eq!(
        back(&app, &browser.get(&request(&app, &[("response_mode", "query")])).await).get("error"),
        None
    );
    let put = Answer::of(app.api.client().put(request(&app, &[]))).await;
    assert_eq!((put.status.as_u16(), put.header("allow")), (405, "GET, HEAD, POST"));
    assert_eq!(sound(&app).len(), 7);
}

async fn the_grants_of_people_are_not_for_api_keys(engine: Engine) {
    let app = start(engine).await;
    let pair = app.generate("CI", None).await;
    for grant in ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"] {
        for client_id in [&*pair.client_id, "viewport", "duku-cli"] {
            let form =
                [("grant_type", grant), ("client_id", client_id), ("client_secret", &*pair.client_secret)];
            let answer = token(&app, &form).await;
            assert_eq!(
                (answer.status.as_u16(), answer.error().as_str()),
                (400, "unauthorized_client"),
                "{grant}"
            );
            assert!(answer.description().contains("client_credentials"));
        }
        let basic = app
            .api
            .client()
            .post(app.api.protocol("token"))
            .basic_auth(&pair.client_id, Some(&pair.client_secret));
        assert_eq!(Answer::of(basic.form(&[("grant_type", grant)])).await.error(), "unauthorized_client");
        let answer = token(&app, &[("grant_type", grant), ("client_id", &pair.client_id)]).await;
        assert_eq!(answer.error(), "unauthorized_client");
        let answer = token(&app, &[("grant_type", grant), ("client_id", "nobody")]).await;
        assert_eq!((answer.status.as_u16(), answer.error().as_str()), (401, "invalid_client"));
    }
    for client_id in ["viewport", "duku-cli"] {
        let answer = token(&app, &[("grant_type", "client_credentials"), ("client_id", client_id)]).await;
        assert_eq!((answer.status.as_u16(), answer.error().as_str()), (401, "invalid_client"));
    }
}
