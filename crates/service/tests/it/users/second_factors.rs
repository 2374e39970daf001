//! The second factor: each code once, recovery codes once, and nobody gets rid of it who must have it.

use crate::{
    fixture::{ADA, Fixture, MAX, at, on_both_engines, rejection_in, time},
    keys::races::{nodes, race},
    users::browser::{Guest, OTHER_PASSWORD, PASSWORD, enrol, has_password, phone, sign_in, sign_in_with},
};
use service::{
    CurrentUser, Error, Rejection, organisations::OrganisationSettings, users::sign_in::SignInRejection,
};
use std::{collections::BTreeSet, sync::Arc};

on_both_engines!(
    a_code_of_the_phone_counts_once_also_when_it_races,
    a_recovery_code_counts_once_also_when_it_races,
    replaced_recovery_codes_work_no_more,
    racing_replacements_leave_ten_codes,
    a_second_factor_cannot_be_removed_where_it_is_required,
    a_removed_second_factor_is_not_asked_for_any_more,
    an_operator_takes_a_second_factor_away_and_every_session_with_it,
    a_second_factor_is_set_up_once,
    pages_that_set_it_up_at_once_show_one_secret,
    a_secret_that_was_not_confirmed_protects_and_opens_nothing,
    a_secret_that_somebody_saw_before_is_not_set_up_later,
);

/// How many of `times` browsers that give the same code at once get in.
async fn winners(fixture: &Fixture, seconds: i64, times: usize, code: &str) -> usize {
    let mut cookies = Vec::new();
    for _ in 0..times {
        cookies.push(sign_in(&fixture.service, seconds, ADA).await.cookie.expose().to_owned());
    }
    let nodes = nodes(fixture).await;
    let (cookies, code) = (Arc::new(cookies), code.to_owned());
    let answers = race(&nodes, times, move |node, number| {
        let (cookies, code) = (cookies.clone(), code.clone());
        async move {
            match node.users().give_second_factor(&at(seconds), &cookies[number], &code).await {
                Ok(_) => true,
                Err(SignInRejection::Wrong) => false,
                Err(other) => panic!("{other:?}"),
            }
        }
    });
    answers.await.into_iter().filter(|won| *won).count()
}

async fn a_code_of_the_phone_counts_once_also_when_it_races(fixture: Fixture) {
    let guest = Guest::of(&fixture, 0, ADA).await;
    let (phone, _) = enrol(&fixture, 0, &guest).await;
    // The code that confirmed it is used up.
    assert_eq!(winners(&fixture, 5, 1, &phone.code_at(time(0))).await, 0);
    assert_eq!(winners(&fixture, 90, 8, &phone.code_at(time(90))).await, 1);
    assert_eq!(winners(&fixture, 91, 1, &phone.code_at(time(90))).await, 0);
    // A step before the one that was used is rejected as well.
    assert_eq!(winners(&fixture, 91, 1, &phone.code_at(time(60))).await, 0);
    assert_eq!(winners(&fixture, 91, 1, &phone.code_at(time(120))).await, 1);
}

async fn a_recovery_code_counts_once_also_when_it_races(fixture: Fixture) {
    let guest = Guest::of(&fixture, 0, ADA).await;
    let (_, codes) = enrol(&fixture, 0, &guest).await;
    assert_eq!(codes.iter().collect::<BTreeSet<_>>().len(), 10);
    let entries = fixture.entries().await;
    assert_eq!(winners(&fixture, 1, 8, &codes[0]).await, 1);
    assert_eq!(winners(&fixture, 2, 1, &codes[0]).await, 0);
    assert_eq!(winners(&fixture, 2, 1, &codes[1].to_uppercase().replace('-', " ")).await, 1);
    let used = fixture.actions_after(entries).await;
    assert_eq!(used, ["person.recovery_code_used", "person.recovery_code_used"]);
    let status =
        fixture.service.users().second_factor_status(&guest.user(&fixture.service, 3).await).await.unwrap();
    assert_eq!((status.since, status.recovery_codes), (Some(time(0)), 8));
}

async fn replaced_recovery_codes_work_no_more(fixture: Fixture) {
    let guest = Guest::of(&fixture, 0, ADA).await;
    let (_, before) = enrol(&fixture, 0, &guest).await;
    let user = guest.user(&fixture.service, 1).await;
    let wrong = fixture.service.users().replace_recovery_codes(&at(1), &user, OTHER_PASSWORD).await;
    assert!(matches!(wrong, Err(SignInRejection::Wrong)), "{wrong:?}");
    let after = fixture.service.users().replace_recovery_codes(&at(1), &user, PASSWORD).await.unwrap();
    for code in &before {
        assert_eq!(winners(&fixture, 2, 1, code).await, 0);
    }
    assert_eq!(winners(&fixture, 2, 1, &after[9]).await, 1);
}

async fn racing_replacements_leave_ten_codes(fixture: Fixture) {
    let guest = Guest::of(&fixture, 0, ADA).await;
    enrol(&fixture, 0, &guest).await;
    let nodes = nodes(&fixture).await;
    let user = guest.user(&fixture.service, 1).await;
    let answers = race(&nodes, 6, move |node, _| {
        let user = user.clone();
        async move { node.users().replace_recovery_codes(&at(1), &user, PASSWORD).await.unwrap() }
    });
    let sets = answers.await;
    assert_eq!(fixture.database.number("SELECT COUNT(*) FROM recovery_codes").await, 10);
    let mut good = 0;
    for set in &sets {
        good += winners(&fixture, 2, 1, &set[0]).await;
    }
    assert_eq!(good, 1);
}

async fn require(fixture: &Fixture) {
    let before = OrganisationSettings::of(&fixture.acme);
    let after = OrganisationSettings { require_second_factor: true, ..before.clone() };
    fixture
        .service
        .organisations()
        .change_settings(&at(1), &fixture.operator, &before, &after)
        .await
        .unwrap();
}

async fn a_second_factor_cannot_be_removed_where_it_is_required(fixture: Fixture) {
    let guest = Guest::of(&fixture, 0, ADA).await;
    enrol(&fixture, 0, &guest).await;
    require(&fixture).await;
    let user = guest.user(&fixture.service, 2).await;
    let before = fixture.database.dump().await;
    let rejection = fixture.service.users().remove_second_factor(&at(2), &user, PASSWORD).await;
    let Err(SignInRejection::Error(Error::Rejection(Rejection::Conflict(why)))) = rejection else {
        panic!("{rejection:?}")
    };
    assert_eq!(why, "Acme requires a second factor of its people");
    assert_eq!(fixture.database.dump().await, before);
}

async fn a_removed_second_factor_is_not_asked_for_any_more(fixture: Fixture) {
    let early = Guest::of(&fixture, 0, ADA).await;
    let guest = Guest::of(&fixture, 0, ADA).await;
    enrol(&fixture, 0, &guest).await;
    let service = &fixture.service;
    let user = guest.user(service, 1).await;
    let wrong = service.users().remove_second_factor(&at(1), &user, OTHER_PASSWORD).await;
    assert!(matches!(wrong, Err(SignInRejection::Wrong)), "{wrong:?}");
    // A session that never proved it cannot take it away by the password alone.
    let unproved = early.user(service, 1).await;
    service.users().remove_second_factor(&at(1), &unproved, PASSWORD).await.unwrap_err();
    service.users().replace_recovery_codes(&at(1), &unproved, PASSWORD).await.unwrap_err();
    let entries = fixture.entries().await;
    service.users().remove_second_factor(&at(1), &user, PASSWORD).await.unwrap();
    assert_eq!(fixture.actions_after(entries).await, ["person.second_factor_disabled"]);
    assert!(!sign_in(service, 2, ADA).await.is_pending());
    assert_eq!(guest.user(service, 2).await.session.second_factor_at, None);
    assert_eq!(fixture.database.number("SELECT COUNT(*) FROM recovery_codes").await, 0);
    let none = service.users().replace_recovery_codes(&at(2), &user, PASSWORD).await;
    assert!(
        matches!(none, Err(SignInRejection::Error(Error::Rejection(Rejection::Conflict(_))))),
        "{none:?}"
    );
}

async fn an_operator_takes_a_second_factor_away_and_every_session_with_it(fixture: Fixture) {
    let guest = Guest::of(&fixture, 0, ADA).await;
    enrol(&fixture, 0, &guest).await;
    let pending = sign_in(&fixture.service, 1, ADA).await;
    let entries = fixture.entries().await;
    assert!(fixture.service.users().remove_second_factor_of(&at(2), "root", ADA).await.unwrap());
    assert!(!fixture.service.users().remove_second_factor_of(&at(2), "root", ADA).await.unwrap());
    assert!(!fixture.service.users().remove_second_factor_of(&at(2), "root", MAX).await.unwrap());
    let nobody = fixture.service.users().remove_second_factor_of(&at(2), "root", "nobody@acme.example").await;
    assert!(matches!(rejection_in(nobody), Rejection::NotFound { .. }));
    assert_eq!(fixture.actions_after(entries).await, ["person.second_factor_disabled"]);
    assert!(!guest.is_in(&fixture.service, 2).await);
    let over = fixture.service.users().give_second_factor(&at(2), pending.cookie.expose(), "000000").await;
    assert!(matches!(over, Err(SignInRejection::Over)), "{over:?}");
    assert!(!sign_in(&fixture.service, 3, ADA).await.is_pending());
}

async fn a_second_factor_is_set_up_once(fixture: Fixture) {
    let guest = Guest::of(&fixture, 0, ADA).await;
    let service = &fixture.service;
    let user = guest.user(service, 0).await;
    let first = service.users().begin_second_factor(&at(0), &user).await.unwrap();
    let shown_again = service.users().begin_second_factor(&at(1), &user).await.unwrap();
    assert_eq!(*first.secret, *shown_again.secret);
    let phone = phone(&first.secret);
    for wrong in ["", "000", &phone.code_at(time(3600))] {
        let rejection = rejection_in(service.users().confirm_second_factor(&at(1), &user, wrong).await);
        assert!(matches!(rejection, Rejection::Invalid(_)), "{rejection:?}");
    }
    let nodes = nodes(&fixture).await;
    let (code, racer) = (phone.code_at(time(1)), user.clone());
    let answers = race(&nodes, 8, move |node, _| {
        let (code, user): (String, CurrentUser) = (code.clone(), racer.clone());
        async move { node.users().confirm_second_factor(&at(1), &user, &code).await }
    });
    let (good, bad): (Vec<_>, Vec<_>) = answers.await.into_iter().partition(Result::is_ok);
    assert_eq!((good.len(), bad.len()), (1, 7));
    for rejection in bad {
        rejection_in(rejection);
    }
    let codes = good.into_iter().next().unwrap().unwrap();
    assert_eq!(fixture.database.number("SELECT COUNT(*) FROM recovery_codes").await, 10);
    assert!(matches!(
        rejection_in(service.users().begin_second_factor(&at(2), &user).await),
        Rejection::Conflict(_)
    ));
    rejection_in(service.users().confirm_second_factor(&at(60), &user, &phone.code_at(time(60))).await);
    sign_in_with(service, 90, ADA, &phone.code_at(time(90))).await;
    sign_in_with(service, 90, ADA, &codes[3]).await;
}

async fn pages_that_set_it_up_at_once_show_one_secret(fixture: Fixture) {
    let guest = Guest::of(&fixture, 0, ADA).await;
    let user = guest.user(&fixture.service, 0).await;
    let nodes = nodes(&fixture).await;
    let answers = race(&nodes, 8, move |node, _| {
        let user = user.clone();
        async move { node.users().begin_second_factor(&at(0), &user).await.unwrap().secret.to_string() }
    });
    assert_eq!(answers.await.into_iter().collect::<BTreeSet<_>>().len(), 1);
}

async fn a_secret_that_was_not_confirmed_protects_and_opens_nothing(fixture: Fixture) {
    let guest = Guest::of(&fixture, 0, ADA).await;
    let (old_phone, _) = enrol(&fixture, 0, &guest).await;
    let service = &fixture.service;
    let pending = sign_in(service, 30, ADA).await;
    let user = guest.user(service, 31).await;
    service.users().remove_second_factor(&at(31), &user, PASSWORD).await.unwrap();
    let begun = service.users().begin_second_factor(&at(32), &user).await.unwrap();
    for code in [old_phone.code_at(time(90)), phone(&begun.secret).code_at(time(90))] {
        let rejection = service.users().give_second_factor(&at(90), pending.cookie.expose(), &code).await;
        assert!(matches!(rejection, Err(SignInRejection::Wrong)), "{rejection:?}");
    }
    has_password(&fixture, MAX).await;
    assert!(!sign_in(service, 91, ADA).await.is_pending());
    let before = OrganisationSettings::of(&fixture.acme);
    let after = OrganisationSettings { require_second_factor: true, ..before.clone() };
    rejection_in(service.organisations().change_settings(&at(91), &fixture.admin, &before, &after).await);
}

async fn a_secret_that_somebody_saw_before_is_not_set_up_later(fixture: Fixture) {
    let service = &fixture.service;
    let guest = Guest::of(&fixture, 0, ADA).await;
    let user = guest.user(service, 0).await;
    let seen = service.users().begin_second_factor(&at(0), &user).await.unwrap();
    let again = service.users().begin_second_factor(&at(3599), &user).await.unwrap();
    assert_eq!(*again.secret, *seen.secret, "the page was loaded again");
    let later = service.users().begin_second_factor(&at(3700), &user).await.unwrap();
    assert_ne!(*later.secret, *seen.secret, "the page was left open on somebody's screen");
    service.users().change_password(&at(3701), &user, PASSWORD, OTHER_PASSWORD).await.unwrap();
    let after = service.users().begin_second_factor(&at(3702), &user).await.unwrap();
    assert_ne!(*after.secret, *later.secret, "a new password shuts out whoever was signed in");
    let old = service
        .users()
        .confirm_second_factor(&at(3703), &user, &phone(&later.secret).code_at(time(3703)))
        .await;
    rejection_in(old);
    service
        .users()
        .confirm_second_factor(&at(3703), &user, &phone(&after.secret).code_at(time(3703)))
        .await
        .unwrap();
    service.users().begin_second_factor(&at(9000), &user).await.unwrap_err();
}
