//! The second factor: each code once, recovery codes once, and nobody gets rid of it who must have it.

use crate::{
    browser::{Guest, OTHER_PASSWORD, PASSWORD, enrol, has_password, phone, sign_in, sign_in_with},
    house::{ADA, House, MAX, at, on_both_engines, rejected, time},
    races::{nodes, race},
};
use service::{Failure, Reject, Visitor, organisations::OrganisationSettings, sign_in::SignInRefusal};
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
async fn winners(house: &House, seconds: i64, times: usize, code: &str) -> usize {
    let mut cookies = Vec::new();
    for _ in 0..times {
        cookies.push(sign_in(&house.service, seconds, ADA).await.cookie.expose().to_owned());
    }
    let nodes = nodes(house).await;
    let (cookies, code) = (Arc::new(cookies), code.to_owned());
    let answers = race(&nodes, times, move |node, number| {
        let (cookies, code) = (cookies.clone(), code.clone());
        async move {
            match node.give_second_factor(&at(seconds), &cookies[number], &code).await {
                Ok(_) => true,
                Err(SignInRefusal::Wrong) => false,
                Err(other) => panic!("{other:?}"),
            }
        }
    });
    answers.await.into_iter().filter(|won| *won).count()
}

async fn a_code_of_the_phone_counts_once_also_when_it_races(house: House) {
    let guest = Guest::of(&house, 0, ADA).await;
    let (phone, _) = enrol(&house, 0, &guest).await;
    // The code that confirmed it is used up.
    assert_eq!(winners(&house, 5, 1, &phone.code_at(time(0))).await, 0);
    assert_eq!(winners(&house, 90, 8, &phone.code_at(time(90))).await, 1);
    assert_eq!(winners(&house, 91, 1, &phone.code_at(time(90))).await, 0);
    // A step before the one that was used is refused as well.
    assert_eq!(winners(&house, 91, 1, &phone.code_at(time(60))).await, 0);
    assert_eq!(winners(&house, 91, 1, &phone.code_at(time(120))).await, 1);
}

async fn a_recovery_code_counts_once_also_when_it_races(house: House) {
    let guest = Guest::of(&house, 0, ADA).await;
    let (_, codes) = enrol(&house, 0, &guest).await;
    assert_eq!(codes.iter().collect::<BTreeSet<_>>().len(), 10);
    let entries = house.entries().await;
    assert_eq!(winners(&house, 1, 8, &codes[0]).await, 1);
    assert_eq!(winners(&house, 2, 1, &codes[0]).await, 0);
    assert_eq!(winners(&house, 2, 1, &codes[1].to_uppercase().replace('-', " ")).await, 1);
    let used = house.actions_after(entries).await;
    assert_eq!(used, ["person.recovery_code_used", "person.recovery_code_used"]);
    let status = house.service.second_factor_status(&guest.visitor(&house.service, 3).await).await.unwrap();
    assert_eq!((status.since, status.recovery_codes), (Some(time(0)), 8));
}

async fn replaced_recovery_codes_work_no_more(house: House) {
    let guest = Guest::of(&house, 0, ADA).await;
    let (_, before) = enrol(&house, 0, &guest).await;
    let visitor = guest.visitor(&house.service, 1).await;
    let wrong = house.service.replace_recovery_codes(&at(1), &visitor, OTHER_PASSWORD).await;
    assert!(matches!(wrong, Err(SignInRefusal::Wrong)), "{wrong:?}");
    let after = house.service.replace_recovery_codes(&at(1), &visitor, PASSWORD).await.unwrap();
    for code in &before {
        assert_eq!(winners(&house, 2, 1, code).await, 0);
    }
    assert_eq!(winners(&house, 2, 1, &after[9]).await, 1);
}

async fn racing_replacements_leave_ten_codes(house: House) {
    let guest = Guest::of(&house, 0, ADA).await;
    enrol(&house, 0, &guest).await;
    let nodes = nodes(&house).await;
    let visitor = guest.visitor(&house.service, 1).await;
    let answers = race(&nodes, 6, move |node, _| {
        let visitor = visitor.clone();
        async move { node.replace_recovery_codes(&at(1), &visitor, PASSWORD).await.unwrap() }
    });
    let sets = answers.await;
    assert_eq!(house.database.number("SELECT COUNT(*) FROM recovery_codes").await, 10);
    let mut good = 0;
    for set in &sets {
        good += winners(&house, 2, 1, &set[0]).await;
    }
    assert_eq!(good, 1);
}

async fn require(house: &House) {
    let before = OrganisationSettings::of(&house.acme);
    let after = OrganisationSettings { require_second_factor: true, ..before.clone() };
    house.service.change_settings(&at(1), &house.operator, &before, &after).await.unwrap();
}

async fn a_second_factor_cannot_be_removed_where_it_is_required(house: House) {
    let guest = Guest::of(&house, 0, ADA).await;
    enrol(&house, 0, &guest).await;
    require(&house).await;
    let visitor = guest.visitor(&house.service, 2).await;
    let before = house.database.dump().await;
    let refusal = house.service.remove_second_factor(&at(2), &visitor, PASSWORD).await;
    let Err(SignInRefusal::Failure(Failure::Reject(Reject::Conflict(why)))) = refusal else {
        panic!("{refusal:?}")
    };
    assert_eq!(why, "Acme requires a second factor of its people");
    assert_eq!(house.database.dump().await, before);
}

async fn a_removed_second_factor_is_not_asked_for_any_more(house: House) {
    let early = Guest::of(&house, 0, ADA).await;
    let guest = Guest::of(&house, 0, ADA).await;
    enrol(&house, 0, &guest).await;
    let service = &house.service;
    let visitor = guest.visitor(service, 1).await;
    let wrong = service.remove_second_factor(&at(1), &visitor, OTHER_PASSWORD).await;
    assert!(matches!(wrong, Err(SignInRefusal::Wrong)), "{wrong:?}");
    // A session that never proved it cannot take it away by the password alone.
    let unproved = early.visitor(service, 1).await;
    service.remove_second_factor(&at(1), &unproved, PASSWORD).await.unwrap_err();
    service.replace_recovery_codes(&at(1), &unproved, PASSWORD).await.unwrap_err();
    let entries = house.entries().await;
    service.remove_second_factor(&at(1), &visitor, PASSWORD).await.unwrap();
    assert_eq!(house.actions_after(entries).await, ["person.second_factor_disabled"]);
    assert!(!sign_in(service, 2, ADA).await.is_pending());
    assert_eq!(guest.visitor(service, 2).await.session.second_factor_at, None);
    assert_eq!(house.database.number("SELECT COUNT(*) FROM recovery_codes").await, 0);
    let none = service.replace_recovery_codes(&at(2), &visitor, PASSWORD).await;
    assert!(matches!(none, Err(SignInRefusal::Failure(Failure::Reject(Reject::Conflict(_))))), "{none:?}");
}

async fn an_operator_takes_a_second_factor_away_and_every_session_with_it(house: House) {
    let guest = Guest::of(&house, 0, ADA).await;
    enrol(&house, 0, &guest).await;
    let pending = sign_in(&house.service, 1, ADA).await;
    let entries = house.entries().await;
    assert!(house.service.remove_second_factor_of(&at(2), "root", ADA).await.unwrap());
    assert!(!house.service.remove_second_factor_of(&at(2), "root", ADA).await.unwrap());
    assert!(!house.service.remove_second_factor_of(&at(2), "root", MAX).await.unwrap());
    let nobody = house.service.remove_second_factor_of(&at(2), "root", "nobody@acme.example").await;
    assert!(matches!(rejected(nobody), Reject::NotFound { .. }));
    assert_eq!(house.actions_after(entries).await, ["person.second_factor_disabled"]);
    assert!(!guest.is_in(&house.service, 2).await);
    let over = house.service.give_second_factor(&at(2), pending.cookie.expose(), "000000").await;
    assert!(matches!(over, Err(SignInRefusal::Over)), "{over:?}");
    assert!(!sign_in(&house.service, 3, ADA).await.is_pending());
}

async fn a_second_factor_is_set_up_once(house: House) {
    let guest = Guest::of(&house, 0, ADA).await;
    let service = &house.service;
    let visitor = guest.visitor(service, 0).await;
    let first = service.begin_second_factor(&at(0), &visitor).await.unwrap();
    let shown_again = service.begin_second_factor(&at(1), &visitor).await.unwrap();
    assert_eq!(*first.secret, *shown_again.secret);
    let phone = phone(&first.secret);
    for wrong in ["", "000", &phone.code_at(time(3600))] {
        let refusal = rejected(service.confirm_second_factor(&at(1), &visitor, wrong).await);
        assert!(matches!(refusal, Reject::Invalid(_)), "{refusal:?}");
    }
    let nodes = nodes(&house).await;
    let (code, racer) = (phone.code_at(time(1)), visitor.clone());
    let answers = race(&nodes, 8, move |node, _| {
        let (code, visitor): (String, Visitor) = (code.clone(), racer.clone());
        async move { node.confirm_second_factor(&at(1), &visitor, &code).await }
    });
    let (good, bad): (Vec<_>, Vec<_>) = answers.await.into_iter().partition(Result::is_ok);
    assert_eq!((good.len(), bad.len()), (1, 7));
    for refusal in bad {
        rejected(refusal);
    }
    let codes = good.into_iter().next().unwrap().unwrap();
    assert_eq!(house.database.number("SELECT COUNT(*) FROM recovery_codes").await, 10);
    assert!(matches!(rejected(service.begin_second_factor(&at(2), &visitor).await), Reject::Conflict(_)));
    rejected(service.confirm_second_factor(&at(60), &visitor, &phone.code_at(time(60))).await);
    sign_in_with(service, 90, ADA, &phone.code_at(time(90))).await;
    sign_in_with(service, 90, ADA, &codes[3]).await;
}

async fn pages_that_set_it_up_at_once_show_one_secret(house: House) {
    let guest = Guest::of(&house, 0, ADA).await;
    let visitor = guest.visitor(&house.service, 0).await;
    let nodes = nodes(&house).await;
    let answers = race(&nodes, 8, move |node, _| {
        let visitor = visitor.clone();
        async move { node.begin_second_factor(&at(0), &visitor).await.unwrap().secret.to_string() }
    });
    assert_eq!(answers.await.into_iter().collect::<BTreeSet<_>>().len(), 1);
}

async fn a_secret_that_was_not_confirmed_protects_and_opens_nothing(house: House) {
    let guest = Guest::of(&house, 0, ADA).await;
    let (old_phone, _) = enrol(&house, 0, &guest).await;
    let service = &house.service;
    let pending = sign_in(service, 30, ADA).await;
    let visitor = guest.visitor(service, 31).await;
    service.remove_second_factor(&at(31), &visitor, PASSWORD).await.unwrap();
    let begun = service.begin_second_factor(&at(32), &visitor).await.unwrap();
    for code in [old_phone.code_at(time(90)), phone(&begun.secret).code_at(time(90))] {
        let refusal = service.give_second_factor(&at(90), pending.cookie.expose(), &code).await;
        assert!(matches!(refusal, Err(SignInRefusal::Wrong)), "{refusal:?}");
    }
    has_password(&house, MAX).await;
    assert!(!sign_in(service, 91, ADA).await.is_pending());
    let before = OrganisationSettings::of(&house.acme);
    let after = OrganisationSettings { require_second_factor: true, ..before.clone() };
    rejected(service.change_settings(&at(91), &house.admin, &before, &after).await);
}

async fn a_secret_that_somebody_saw_before_is_not_set_up_later(house: House) {
    let service = &house.service;
    let guest = Guest::of(&house, 0, ADA).await;
    let visitor = guest.visitor(service, 0).await;
    let seen = service.begin_second_factor(&at(0), &visitor).await.unwrap();
    let again = service.begin_second_factor(&at(3599), &visitor).await.unwrap();
    assert_eq!(*again.secret, *seen.secret, "the page was loaded again");
    let later = service.begin_second_factor(&at(3700), &visitor).await.unwrap();
    assert_ne!(*later.secret, *seen.secret, "the page was left open on somebody's screen");
    service.change_password(&at(3701), &visitor, PASSWORD, OTHER_PASSWORD).await.unwrap();
    let after = service.begin_second_factor(&at(3702), &visitor).await.unwrap();
    assert_ne!(*after.secret, *later.secret, "a new password shuts out whoever was signed in");
    let old =
        service.confirm_second_factor(&at(3703), &visitor, &phone(&later.secret).code_at(time(3703))).await;
    rejected(old);
    service
        .confirm_second_factor(&at(3703), &visitor, &phone(&after.secret).code_at(time(3703)))
        .await
        .unwrap();
    service.begin_second_factor(&at(9000), &visitor).await.unwrap_err();
}
