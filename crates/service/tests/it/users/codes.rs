//! Authorization codes: short, once, and only for who asked.

use crate::{
    fixture::{ADA, Fixture, at, on_both_engines},
    keys::races::{nodes, race},
    users::browser::{Guest, VERIFIER, code, has_password, sign_in, sign_in_to_viewport},
};
use service::users::authorization_codes::{CodeRejection, VIEWPORT};

on_both_engines!(
    a_code_lives_sixty_seconds,
    of_sixteen_redemptions_of_a_code_one_succeeds_and_what_it_opened_ends,
    a_code_that_comes_a_second_time_ends_the_sign_in,
    a_code_is_good_for_its_client_redirect_uri_and_verifier_only,
    a_code_of_a_dead_sign_in_buys_nothing,
    an_unknown_code_changes_nothing,
    a_new_arrival_replaces_the_former_one,
);

fn why<T>(answer: Result<T, CodeRejection>) -> &'static str {
    match answer {
        Err(CodeRejection::Invalid(why)) => why,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it was issued"),
    }
}

async fn a_code_lives_sixty_seconds(fixture: Fixture) {
    has_password(&fixture, ADA).await;
    let signed_in = sign_in(&fixture.service, 0, ADA).await;
    let (good, late) =
        (code(&fixture.service, 0, &signed_in).await, code(&fixture.service, 0, &signed_in).await);
    sign_in_to_viewport(&fixture.service, 59, &good).await.unwrap();
    assert!(why(sign_in_to_viewport(&fixture.service, 60, &late).await).contains("too old"));
}

async fn of_sixteen_redemptions_of_a_code_one_succeeds_and_what_it_opened_ends(fixture: Fixture) {
    has_password(&fixture, ADA).await;
    let nodes = nodes(&fixture).await;
    for _ in 0..3 {
        let signed_in = sign_in(&fixture.service, 0, ADA).await;
        let code = code(&fixture.service, 0, &signed_in).await;
        let answers = race(&nodes, 16, move |node, _| {
            let code = code.clone();
            async move { sign_in_to_viewport(&node, 1, &code).await }
        });
        let (good, bad): (Vec<_>, Vec<_>) = answers.await.into_iter().partition(Result::is_ok);
        assert_eq!(good.len(), 1);
        for rejection in bad {
            assert!(why(rejection).contains("used already"));
        }
        for cookie in good {
            assert!(
                fixture.service.users().find_current_user(&at(1), &cookie.unwrap()).await.unwrap().is_none()
            );
        }
    }
    assert_eq!(fixture.database.number("SELECT COUNT(*) FROM sessions").await, 0);
}

async fn a_code_that_comes_a_second_time_ends_the_sign_in(fixture: Fixture) {
    has_password(&fixture, ADA).await;
    let service = &fixture.service;
    let signed_in = sign_in(service, 0, ADA).await;
    let code = code(service, 0, &signed_in).await;
    let redirect_uri = service.users().viewport_redirect_uri();
    let now = at(1);
    let exchange = || service.users().issue_code_tokens(&now, &code, VIEWPORT, &redirect_uri, VERIFIER);
    let token = exchange().await.unwrap().tokens.access_token;
    assert!(fixture.accepts(1, &token).await);
    assert!(why(exchange().await).contains("used already"));
    assert!(!fixture.accepts(1, &token).await);
    assert!(service.users().find_sign_in(&at(1), signed_in.cookie.expose()).await.unwrap().is_none());
}

async fn a_code_is_good_for_its_client_redirect_uri_and_verifier_only(fixture: Fixture) {
    has_password(&fixture, ADA).await;
    let service = &fixture.service;
    let signed_in = sign_in(service, 0, ADA).await;
    let uri = service.users().viewport_redirect_uri();
    let longer = format!("{uri}/");
    for (client, uri, verifier, reason) in [
        ("duku-cli", &*uri, VERIFIER, "another client"),
        (VIEWPORT, &*longer, VERIFIER, "another client or redirect_uri"),
        (VIEWPORT, &*uri, "another-verifier-of-forty-three-characters-or", "code_verifier"),
        (VIEWPORT, &*uri, "", "code_verifier"),
    ] {
        let code = code(service, 0, &signed_in).await;
        assert!(
            why(service.users().issue_code_tokens(&at(1), &code, client, uri, verifier).await)
                .contains(reason)
        );
    }
    assert!(service.users().find_sign_in(&at(1), signed_in.cookie.expose()).await.unwrap().is_some());
}

async fn a_code_of_a_dead_sign_in_buys_nothing(fixture: Fixture) {
    let guest = Guest::of(&fixture, 0, ADA).await;
    let code = code(&fixture.service, 0, &guest.signed_in).await;
    fixture.service.users().sign_out(&at(1), guest.signed_in.cookie.expose()).await.unwrap();
    assert!(why(sign_in_to_viewport(&fixture.service, 1, &code).await).contains("is over"));
    assert_eq!(fixture.database.number("SELECT COUNT(*) FROM sessions").await, 0);
}

async fn an_unknown_code_changes_nothing(fixture: Fixture) {
    Guest::of(&fixture, 0, ADA).await;
    let before = fixture.database.dump().await;
    assert!(why(sign_in_to_viewport(&fixture.service, 1, "no code").await).contains("unknown"));
    assert_eq!(fixture.database.dump().await, before);
}

async fn a_new_arrival_replaces_the_former_one(fixture: Fixture) {
    let guest = Guest::of(&fixture, 0, ADA).await;
    let entries = fixture.entries().await;
    let code = code(&fixture.service, 1, &guest.signed_in).await;
    let cookie = sign_in_to_viewport(&fixture.service, 1, &code).await.unwrap();
    assert!(!guest.is_in(&fixture.service, 1).await);
    assert!(fixture.service.users().find_current_user(&at(1), &cookie).await.unwrap().is_some());
    assert_eq!(fixture.actions_after(entries).await, ["person.signed_in"]);
}
