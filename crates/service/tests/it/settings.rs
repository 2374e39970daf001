//! An organisation's settings: what somebody else changed meanwhile is not overwritten.

use crate::{
    browser::{Guest, enrol},
    house::{ADA, House, at, on_both_engines, rejected},
    races::{nodes, race},
};
use service::{Reject, organisations::OrganisationSettings};

on_both_engines!(
    settings_that_somebody_changed_meanwhile_are_not_overwritten,
    of_racing_changes_one_counts,
    an_admin_without_a_second_factor_does_not_require_one,
    every_change_is_audited_once,
    wrong_settings_change_nothing,
);

fn seen(house: &House) -> OrganisationSettings {
    OrganisationSettings::of(&house.acme)
}

async fn settings_that_somebody_changed_meanwhile_are_not_overwritten(house: House) {
    let (service, seen) = (&house.service, seen(&house));
    let first = OrganisationSettings { maximum_days: 200, ..seen.clone() };
    service.change_settings(&at(1), &house.admin, &seen, &first).await.unwrap();
    let before = house.database.dump().await;
    let second = OrganisationSettings { name: "Acme Ltd".into(), ..seen.clone() };
    let refusal = rejected(service.change_settings(&at(2), &house.admin, &seen, &second).await);
    assert!(matches!(&refusal, Reject::Conflict(why) if why.contains("meanwhile")), "{refusal:?}");
    assert_eq!(house.database.dump().await, before);
    let second = OrganisationSettings { name: "Acme Ltd".into(), ..first.clone() };
    service.change_settings(&at(3), &house.admin, &first, &second).await.unwrap();
    let now = service.organisation(&house.admin).await.unwrap();
    assert_eq!(OrganisationSettings::of(&now), second);
}

async fn of_racing_changes_one_counts(house: House) {
    let (nodes, seen) = (nodes(&house).await, seen(&house));
    let (admin, before) = (house.admin.clone(), seen.clone());
    let answers = race(&nodes, 12, move |node, number| {
        let (admin, seen) = (admin.clone(), before.clone());
        async move {
            let new =
                OrganisationSettings { maximum_days: 100 + i64::try_from(number).unwrap(), ..seen.clone() };
            node.change_settings(&at(1), &admin, &seen, &new).await.map(|()| new)
        }
    });
    let (good, bad): (Vec<_>, Vec<_>) = answers.await.into_iter().partition(Result::is_ok);
    assert_eq!((good.len(), bad.len()), (1, 11));
    for refusal in bad {
        assert!(matches!(rejected(refusal), Reject::Conflict(_)));
    }
    let now = house.service.organisation(&house.admin).await.unwrap();
    assert_eq!(OrganisationSettings::of(&now), good.into_iter().next().unwrap().unwrap());
}

async fn an_admin_without_a_second_factor_does_not_require_one(house: House) {
    let guest = Guest::of(&house, 0, ADA).await;
    let (service, seen) = (&house.service, seen(&house));
    let required =
        OrganisationSettings { require_second_factor: true, name: "Renamed".into(), ..seen.clone() };
    let before = house.database.dump().await;
    let refusal = rejected(service.change_settings(&at(1), &house.admin, &seen, &required).await);
    assert!(matches!(&refusal, Reject::Conflict(why) if why.contains("lock yourself out")), "{refusal:?}");
    assert_eq!(house.database.dump().await, before, "nothing of it was kept");
    enrol(&house, 1, &guest).await;
    service.change_settings(&at(2), &house.admin, &seen, &required).await.unwrap();
    let members = service.list_members(&house.admin).await.unwrap();
    assert!(members.iter().all(|member| member.second_factor == (member.email.as_str() == ADA)));
}

async fn every_change_is_audited_once(house: House) {
    let (service, seen) = (&house.service, seen(&house));
    let entries = house.entries().await;
    service.change_settings(&at(1), &house.operator, &seen, &seen).await.unwrap();
    assert_eq!(house.entries().await, entries, "nothing changed");
    let new = OrganisationSettings {
        name: "Acme Ltd".into(),
        default_days: 30,
        maximum_days: 60,
        require_second_factor: true,
    };
    service.change_settings(&at(2), &house.operator, &seen, &new).await.unwrap();
    assert_eq!(
        house.actions_after(entries).await,
        [
            "organisation.renamed",
            "organisation.key_policy_changed",
            "organisation.second_factor_policy_changed"
        ]
    );
    let later = OrganisationSettings { require_second_factor: false, ..new.clone() };
    service.change_settings(&at(3), &house.operator, &new, &later).await.unwrap();
    assert_eq!(house.actions_after(entries + 3).await, ["organisation.second_factor_policy_changed"]);
}

async fn wrong_settings_change_nothing(house: House) {
    let (service, seen) = (&house.service, seen(&house));
    let before = house.database.dump().await;
    for wrong in [
        OrganisationSettings { name: " ".into(), ..seen.clone() },
        OrganisationSettings { default_days: 0, ..seen.clone() },
        OrganisationSettings { maximum_days: i64::MAX, ..seen.clone() },
        OrganisationSettings { default_days: 90, maximum_days: 30, ..seen.clone() },
    ] {
        let refusal = rejected(service.change_settings(&at(1), &house.admin, &seen, &wrong).await);
        assert!(matches!(refusal, Reject::Invalid(_)), "{refusal:?}");
    }
    let taken = OrganisationSettings { name: "Globex".into(), default_days: 30, ..seen.clone() };
    rejected(service.change_settings(&at(1), &house.admin, &seen, &taken).await);
    let refusal = rejected(service.change_settings(&at(1), &house.member, &seen, &taken).await);
    assert!(matches!(refusal, Reject::Forbidden(_)), "{refusal:?}");
    assert_eq!(house.database.dump().await, before);
}
