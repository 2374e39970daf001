//! People in Viewport: their organisation, their role, and how lately they proved who they are.

use crate::{
    browser::{Guest, OTHER_PASSWORD, PASSWORD, browser_token, enrol, sign_in_with},
    house::{ADA, EVE, HOUR, House, MAX, NO_GRACE, at, on_both_engines, rejected, time},
};
use domain::{OrganisationId, Role};
use service::{
    Holder, Reject, Visitor,
    key_forms::KeyForm,
    keys::{GenerateKey, RotateKey},
    organisations::OrganisationSettings,
    sign_in::SignInRefusal,
};

on_both_engines!(
    who_is_removed_from_an_organisation_moves_on_to_another,
    who_belongs_to_no_organisation_sees_none,
    a_changed_role_counts_at_the_next_page,
    a_foreign_organisation_cannot_be_entered_and_an_own_one_is_remembered,
    an_organisation_that_requires_a_second_factor_shows_nothing_without_one,
    keys_change_only_soon_after_a_proof_of_the_password,
    a_stale_visitor_changes_no_key_by_any_use_case,
    another_persons_password_proves_nothing,
);

async fn globex(house: &House) -> OrganisationId {
    house.service.find_organisation("Globex").await.unwrap().id
}

fn organisation(visitor: &Visitor) -> Option<&str> {
    visitor.principal.as_ref().map(|principal| principal.organisation_name.as_str())
}

async fn who_is_removed_from_an_organisation_moves_on_to_another(house: House) {
    let guest = Guest::of(&house, 0, MAX).await;
    let service = &house.service;
    service.add_member(&at(0), &house.outsider, MAX, Role::Admin).await.unwrap();
    assert_eq!(organisation(&guest.visitor(service, 1).await), Some("Acme"));
    service.remove_member(&at(1), &house.admin, MAX).await.unwrap();
    let visitor = guest.visitor(service, 1).await;
    assert_eq!(organisation(&visitor), Some("Globex"));
    assert!(matches!(visitor.principal.unwrap().holder, Holder::Person { role: Role::Admin, .. }));
    assert_eq!(organisation(&guest.visitor(service, 2).await), Some("Globex"));
}

async fn who_belongs_to_no_organisation_sees_none(house: House) {
    let guest = Guest::of(&house, 0, MAX).await;
    let service = &house.service;
    service.remove_member(&at(1), &house.admin, MAX).await.unwrap();
    let visitor = guest.visitor(service, 1).await;
    assert!(visitor.principal.is_none());
    assert!(service.memberships(&visitor).await.unwrap().is_empty());
    let again = Guest::of(&house, 2, MAX).await;
    assert!(again.visitor(service, 2).await.principal.is_none());
    let code = crate::browser::code(service, 2, &again.signed_in).await;
    let uri = service.viewport_redirect_uri();
    let verifier = crate::browser::VERIFIER;
    service.exchange_code(&at(2), &code, "viewport", &uri, verifier).await.unwrap_err();
    // Who comes back goes on in the same session.
    service.add_member(&at(3), &house.admin, MAX, Role::Member).await.unwrap();
    assert_eq!(organisation(&again.visitor(service, 3).await), Some("Acme"));
}

async fn a_changed_role_counts_at_the_next_page(house: House) {
    let guest = Guest::of(&house, 0, MAX).await;
    let other = house.another_node(0).await;
    for (role, may) in [(Role::Admin, true), (Role::Member, false)] {
        house.service.change_role_from(&at(1), &house.admin, MAX, None, role).await.unwrap();
        for node in [&house.service, &other] {
            let principal = guest.visitor(node, 1).await.principal.unwrap();
            assert_eq!(node.list_keys(&principal).await.is_ok(), may);
        }
    }
    // What another Admin saw is not so any more.
    let refusal =
        house.service.change_role_from(&at(1), &house.admin, MAX, Some(Role::Admin), Role::Admin).await;
    assert!(rejected(refusal).message().contains("to member meanwhile"));
}

async fn a_foreign_organisation_cannot_be_entered_and_an_own_one_is_remembered(house: House) {
    let guest = Guest::of(&house, 0, ADA).await;
    let service = &house.service;
    let globex = globex(&house).await;
    let visitor = guest.visitor(service, 1).await;
    let before = house.database.dump().await;
    for id in [globex.as_str(), "org_00000000000000000000000000", "Globex", ""] {
        let refusal = rejected(service.switch_organisation(&at(1), &visitor, id).await);
        assert!(matches!(refusal, Reject::NotFound { kind: "organisation", .. }), "{refusal:?}");
    }
    assert_eq!(house.database.dump().await, before);
    service.add_member(&at(2), &house.outsider, ADA, Role::Member).await.unwrap();
    service.switch_organisation(&at(1), &visitor, globex.as_str()).await.unwrap();
    let visitor = guest.visitor(service, 2).await;
    assert_eq!(organisation(&visitor), Some("Globex"));
    assert!(service.list_keys(visitor.principal.as_ref().unwrap()).await.is_err(), "a Member there");
    let next = Guest::of(&house, 3, ADA).await;
    assert_eq!(organisation(&next.visitor(service, 3).await), Some("Globex"));
    service.remove_member(&at(4), &house.outsider, ADA).await.unwrap();
    let last = Guest::of(&house, 5, ADA).await;
    assert_eq!(organisation(&last.visitor(service, 5).await), Some("Acme"));
}

async fn an_organisation_that_requires_a_second_factor_shows_nothing_without_one(house: House) {
    let (ada, max) = (Guest::of(&house, 0, ADA).await, Guest::of(&house, 0, MAX).await);
    let service = &house.service;
    let (phone, _) = enrol(&house, 0, &ada).await;
    let before = OrganisationSettings::of(&house.acme);
    let after = OrganisationSettings { require_second_factor: true, ..before.clone() };
    let token = browser_token(service, 1, &max.signed_in).await.tokens.access_token;
    service.change_settings(&at(1), &house.admin, &before, &after).await.unwrap();
    assert!(!ada.visitor(service, 1).await.must_give_second_factor, "it was proved when it was set up");
    assert!(max.visitor(service, 1).await.must_give_second_factor);
    assert!(crate::house::reason(service, 1, &token).await.contains("requires a second factor"));
    let start = service.start_device(&at(1), "duku-cli", "", "laptop").await.unwrap();
    let visitor = max.visitor(service, 1).await;
    rejected(service.decide_device(&at(1), &visitor, &start.user_code, true).await);
    enrol(&house, 30, &max).await;
    assert!(!max.visitor(service, 30).await.must_give_second_factor);
    let signed_in = sign_in_with(service, 90, ADA, &phone.code_at(time(90))).await;
    let token = browser_token(service, 90, &signed_in).await.tokens.access_token;
    assert!(house.accepts(90, &token).await);
}

async fn keys_change_only_soon_after_a_proof_of_the_password(house: House) {
    let guest = Guest::of(&house, 0, ADA).await;
    let service = &house.service;
    let visitor = guest.visitor(service, 599).await;
    let principal = visitor.principal.clone().unwrap();
    assert_eq!(principal.fresh_until, Some(time(600)));
    assert!(visitor.is_fresh(time(599)) && !visitor.is_fresh(time(600)));
    crate::house::generate(service, &principal, 599).await.unwrap();
    assert_eq!(rejected(crate::house::generate(service, &principal, 600).await), Reject::SignInAgain);
    let mut visitor = guest.visitor(service, 600).await;
    let wrong = service.reauthenticate(&at(600), &mut visitor, OTHER_PASSWORD).await;
    assert!(matches!(wrong, Err(SignInRefusal::Wrong)) && !visitor.is_fresh(time(600)));
    service.reauthenticate(&at(600), &mut visitor, PASSWORD).await.unwrap();
    // In this request, and in the next one.
    crate::house::generate(service, visitor.principal.as_ref().unwrap(), 600).await.unwrap();
    let next = guest.visitor(service, 601).await.principal.unwrap();
    assert_eq!(next.fresh_until, Some(time(1200)));
    let sign_in = service.find_sign_in(&at(601), guest.signed_in.cookie.expose()).await.unwrap().unwrap();
    assert!(service.is_young_enough(&at(601), sign_in.authenticated_at, Some(10)));
}

async fn a_stale_visitor_changes_no_key_by_any_use_case(house: House) {
    let guest = Guest::of(&house, 0, ADA).await;
    let service = &house.service;
    let key = house.generate(0).await;
    house.rotate(1, &key, RotateKey { grace_seconds: HOUR, end_issued_tokens: false }).await;
    let (now, id) = (at(HOUR / 2), &*key.id);
    let principal = guest.visitor(service, HOUR / 2).await.principal.unwrap();
    let start = service.start_device(&now, "duku-cli", "", "laptop").await.unwrap();
    let visitor = guest.visitor(service, HOUR / 2).await;
    let before = house.database.dump().await;
    let input = GenerateKey { label: "CI".into(), expires_in_days: None };
    let refusals = [
        rejected(service.generate_key(&now, &principal, &input).await),
        rejected(service.carry_out(&now, &principal, "form", KeyForm::Generate(&input)).await),
        rejected(service.rotate_key(&now, &principal, id, NO_GRACE).await),
        rejected(service.carry_out(&now, &principal, "form", KeyForm::Rotate(id, NO_GRACE)).await),
        rejected(service.end_grace(&now, &principal, id).await),
        rejected(service.revoke_key(&now, &principal, id).await),
        rejected(service.decide_device(&now, &visitor, &start.user_code, true).await),
    ];
    assert!(refusals.iter().all(|refusal| *refusal == Reject::SignInAgain), "{refusals:?}");
    assert_eq!(house.database.dump().await, before);
    // Looking, and refusing a stranger's device, need no fresh proof.
    service.list_keys(&principal).await.unwrap();
    service.decide_device(&now, &visitor, &start.user_code, false).await.unwrap();
}

async fn another_persons_password_proves_nothing(house: House) {
    let (ada, eve) = (Guest::of(&house, 0, ADA).await, Guest::of(&house, 0, EVE).await);
    let service = &house.service;
    let visitor = eve.visitor(service, 1).await;
    service.change_password(&at(1), &visitor, PASSWORD, OTHER_PASSWORD).await.unwrap();
    let mut visitor = ada.visitor(service, 700).await;
    let wrong = service.reauthenticate(&at(700), &mut visitor, OTHER_PASSWORD).await;
    assert!(matches!(wrong, Err(SignInRefusal::Wrong)), "{wrong:?}");
}
