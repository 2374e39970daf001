//! People in Viewport: their organisation, their role, and how lately they proved who they are.

use crate::{
    fixture::{ADA, EVE, Fixture, HOUR, MAX, NO_GRACE, at, on_both_engines, rejection_in, time},
    users::browser::{Guest, OTHER_PASSWORD, PASSWORD, browser_token, enrol, sign_in_with},
};
use domain::{OrganisationId, Role};
use service::{
    CurrentUser, PrincipalKind, Rejection,
    keys::{GenerateKey, RotateKey, sent_forms::KeyForm},
    organisations::OrganisationSettings,
    users::sign_in::SignInRejection,
};

on_both_engines!(
    who_is_removed_from_an_organisation_moves_on_to_another,
    who_belongs_to_no_organisation_sees_none,
    a_changed_role_counts_at_the_next_page,
    a_foreign_organisation_cannot_be_entered_and_an_own_one_is_remembered,
    an_organisation_that_requires_a_second_factor_shows_nothing_without_one,
    keys_change_only_soon_after_a_proof_of_the_password,
    a_stale_user_changes_no_key_by_any_use_case,
    another_persons_password_proves_nothing,
);

async fn globex(fixture: &Fixture) -> OrganisationId {
    fixture.service.organisations().find("Globex").await.unwrap().id
}

fn organisation(user: &CurrentUser) -> Option<&str> {
    user.principal.as_ref().map(|principal| principal.organisation_name.as_str())
}

async fn who_is_removed_from_an_organisation_moves_on_to_another(fixture: Fixture) {
    let guest = Guest::of(&fixture, 0, MAX).await;
    let service = &fixture.service;
    service.users().add_member(&at(0), &fixture.outsider, MAX, Role::Admin).await.unwrap();
    assert_eq!(organisation(&guest.user(service, 1).await), Some("Acme"));
    service.users().remove_member(&at(1), &fixture.admin, MAX).await.unwrap();
    let user = guest.user(service, 1).await;
    assert_eq!(organisation(&user), Some("Globex"));
    assert!(matches!(user.principal.unwrap().holder, PrincipalKind::User { role: Role::Admin, .. }));
    assert_eq!(organisation(&guest.user(service, 2).await), Some("Globex"));
}

async fn who_belongs_to_no_organisation_sees_none(fixture: Fixture) {
    let guest = Guest::of(&fixture, 0, MAX).await;
    let service = &fixture.service;
    service.users().remove_member(&at(1), &fixture.admin, MAX).await.unwrap();
    let user = guest.user(service, 1).await;
    assert!(user.principal.is_none());
    assert!(service.users().memberships(&user).await.unwrap().is_empty());
    let again = Guest::of(&fixture, 2, MAX).await;
    assert!(again.user(service, 2).await.principal.is_none());
    let code = crate::users::browser::code(service, 2, &again.signed_in).await;
    let uri = service.users().viewport_redirect_uri();
    let verifier = crate::users::browser::VERIFIER;
    service.users().issue_code_tokens(&at(2), &code, "viewport", &uri, verifier).await.unwrap_err();
    // Who comes back goes on in the same session.
    service.users().add_member(&at(3), &fixture.admin, MAX, Role::Member).await.unwrap();
    assert_eq!(organisation(&again.user(service, 3).await), Some("Acme"));
}

async fn a_changed_role_counts_at_the_next_page(fixture: Fixture) {
    let guest = Guest::of(&fixture, 0, MAX).await;
    let other = fixture.another_node(0).await;
    for (role, may) in [(Role::Admin, true), (Role::Member, false)] {
        fixture.service.users().change_role_from(&at(1), &fixture.admin, MAX, None, role).await.unwrap();
        for node in [&fixture.service, &other] {
            let principal = guest.user(node, 1).await.principal.unwrap();
            assert_eq!(node.keys().list(&principal).await.is_ok(), may);
        }
    }
    // What another Admin saw is not so any more.
    let rejection = fixture
        .service
        .users()
        .change_role_from(&at(1), &fixture.admin, MAX, Some(Role::Admin), Role::Admin)
        .await;
    assert!(rejection_in(rejection).message().contains("to member meanwhile"));
}

async fn a_foreign_organisation_cannot_be_entered_and_an_own_one_is_remembered(fixture: Fixture) {
    let guest = Guest::of(&fixture, 0, ADA).await;
    let service = &fixture.service;
    let globex = globex(&fixture).await;
    let user = guest.user(service, 1).await;
    let before = fixture.database.dump().await;
    for id in [globex.as_str(), "org_00000000000000000000000000", "Globex", ""] {
        let rejection = rejection_in(service.users().switch_organisation(&at(1), &user, id).await);
        assert!(matches!(rejection, Rejection::NotFound { kind: "organisation", .. }), "{rejection:?}");
    }
    assert_eq!(fixture.database.dump().await, before);
    service.users().add_member(&at(2), &fixture.outsider, ADA, Role::Member).await.unwrap();
    service.users().switch_organisation(&at(1), &user, globex.as_str()).await.unwrap();
    let user = guest.user(service, 2).await;
    assert_eq!(organisation(&user), Some("Globex"));
    assert!(service.keys().list(user.principal.as_ref().unwrap()).await.is_err(), "a Member there");
    let next = Guest::of(&fixture, 3, ADA).await;
    assert_eq!(organisation(&next.user(service, 3).await), Some("Globex"));
    service.users().remove_member(&at(4), &fixture.outsider, ADA).await.unwrap();
    let last = Guest::of(&fixture, 5, ADA).await;
    assert_eq!(organisation(&last.user(service, 5).await), Some("Acme"));
}

async fn an_organisation_that_requires_a_second_factor_shows_nothing_without_one(fixture: Fixture) {
    let (ada, max) = (Guest::of(&fixture, 0, ADA).await, Guest::of(&fixture, 0, MAX).await);
    let service = &fixture.service;
    let (phone, _) = enrol(&fixture, 0, &ada).await;
    let before = OrganisationSettings::of(&fixture.acme);
    let after = OrganisationSettings { require_second_factor: true, ..before.clone() };
    let token = browser_token(service, 1, &max.signed_in).await.tokens.access_token;
    service.organisations().change_settings(&at(1), &fixture.admin, &before, &after).await.unwrap();
    assert!(!ada.user(service, 1).await.must_give_second_factor, "it was proved when it was set up");
    assert!(max.user(service, 1).await.must_give_second_factor);
    assert!(crate::fixture::reason(service, 1, &token).await.contains("requires a second factor"));
    let start = service.users().start_device(&at(1), "duku-cli", "", "laptop").await.unwrap();
    let user = max.user(service, 1).await;
    rejection_in(service.users().decide_device(&at(1), &user, &start.user_code, true).await);
    enrol(&fixture, 30, &max).await;
    assert!(!max.user(service, 30).await.must_give_second_factor);
    let signed_in = sign_in_with(service, 90, ADA, &phone.code_at(time(90))).await;
    let token = browser_token(service, 90, &signed_in).await.tokens.access_token;
    assert!(fixture.accepts(90, &token).await);
}

async fn keys_change_only_soon_after_a_proof_of_the_password(fixture: Fixture) {
    let guest = Guest::of(&fixture, 0, ADA).await;
    let service = &fixture.service;
    let user = guest.user(service, 599).await;
    let principal = user.principal.clone().unwrap();
    assert_eq!(principal.fresh_until, Some(time(600)));
    assert!(user.is_fresh(time(599)) && !user.is_fresh(time(600)));
    crate::fixture::generate(service, &principal, 599).await.unwrap();
    assert_eq!(
        rejection_in(crate::fixture::generate(service, &principal, 600).await),
        Rejection::SignInAgain
    );
    let mut user = guest.user(service, 600).await;
    let wrong = service.users().reauthenticate(&at(600), &mut user, OTHER_PASSWORD).await;
    assert!(matches!(wrong, Err(SignInRejection::Wrong)) && !user.is_fresh(time(600)));
    service.users().reauthenticate(&at(600), &mut user, PASSWORD).await.unwrap();
    // In this request, and in the next one.
    crate::fixture::generate(service, user.principal.as_ref().unwrap(), 600).await.unwrap();
    let next = guest.user(service, 601).await.principal.unwrap();
    assert_eq!(next.fresh_until, Some(time(1200)));
    let sign_in =
        service.users().find_sign_in(&at(601), guest.signed_in.cookie.expose()).await.unwrap().unwrap();
    assert!(sign_in.is_fresh(time(601), 10));
}

async fn a_stale_user_changes_no_key_by_any_use_case(fixture: Fixture) {
    let guest = Guest::of(&fixture, 0, ADA).await;
    let service = &fixture.service;
    let key = fixture.generate(0).await;
    fixture.rotate(1, &key, RotateKey { grace_seconds: HOUR, end_issued_tokens: false }).await;
    let (now, id) = (at(HOUR / 2), &*key.id);
    let principal = guest.user(service, HOUR / 2).await.principal.unwrap();
    let start = service.users().start_device(&now, "duku-cli", "", "laptop").await.unwrap();
    let user = guest.user(service, HOUR / 2).await;
    let before = fixture.database.dump().await;
    let input = GenerateKey { label: "CI".into(), expires_in_days: None };
    let rejections = [
        rejection_in(service.keys().generate(&now, &principal, &input).await),
        rejection_in(service.keys().carry_out(&now, &principal, "form", KeyForm::Generate(&input)).await),
        rejection_in(service.keys().rotate(&now, &principal, id, NO_GRACE).await),
        rejection_in(service.keys().carry_out(&now, &principal, "form", KeyForm::Rotate(id, NO_GRACE)).await),
        rejection_in(service.keys().rename(&now, &principal, id, "Mine").await),
        rejection_in(service.keys().end_grace(&now, &principal, id).await),
        rejection_in(service.keys().revoke(&now, &principal, id).await),
        rejection_in(service.users().decide_device(&now, &user, &start.user_code, true).await),
    ];
    assert!(rejections.iter().all(|rejection| *rejection == Rejection::SignInAgain), "{rejections:?}");
    assert_eq!(fixture.database.dump().await, before);
    // Looking, and rejecting a stranger's device, need no fresh proof.
    service.keys().list(&principal).await.unwrap();
    service.users().decide_device(&now, &user, &start.user_code, false).await.unwrap();
}

async fn another_persons_password_proves_nothing(fixture: Fixture) {
    let (ada, eve) = (Guest::of(&fixture, 0, ADA).await, Guest::of(&fixture, 0, EVE).await);
    let service = &fixture.service;
    let user = eve.user(service, 1).await;
    service.users().change_password(&at(1), &user, PASSWORD, OTHER_PASSWORD).await.unwrap();
    let mut user = ada.user(service, 700).await;
    let wrong = service.users().reauthenticate(&at(700), &mut user, OTHER_PASSWORD).await;
    assert!(matches!(wrong, Err(SignInRejection::Wrong)), "{wrong:?}");
}
