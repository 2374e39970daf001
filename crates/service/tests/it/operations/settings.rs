//! An organisation's settings: what somebody else changed meanwhile is not overwritten.

use crate::{
    fixture::{ADA, Fixture, at, on_both_engines, rejection_in},
    keys::races::{nodes, race},
    users::browser::{Guest, enrol},
};
use service::{Rejection, organisations::OrganisationSettings};

on_both_engines!(
    settings_that_somebody_changed_meanwhile_are_not_overwritten,
    of_racing_changes_one_counts,
    an_admin_without_a_second_factor_does_not_require_one,
    every_change_is_audited_once,
    wrong_settings_change_nothing,
);

fn seen(fixture: &Fixture) -> OrganisationSettings {
    OrganisationSettings::of(&fixture.acme)
}

async fn settings_that_somebody_changed_meanwhile_are_not_overwritten(fixture: Fixture) {
    let (service, seen) = (&fixture.service, seen(&fixture));
    let first = OrganisationSettings { maximum_days: 200, ..seen.clone() };
    service.organisations().change_settings(&at(1), &fixture.admin, &seen, &first).await.unwrap();
    let before = fixture.database.dump().await;
    let second = OrganisationSettings { name: "Acme Ltd".into(), ..seen.clone() };
    let rejection =
        rejection_in(service.organisations().change_settings(&at(2), &fixture.admin, &seen, &second).await);
    assert!(matches!(&rejection, Rejection::Conflict(why) if why.contains("meanwhile")), "{rejection:?}");
    assert_eq!(fixture.database.dump().await, before);
    let second = OrganisationSettings { name: "Acme Ltd".into(), ..first.clone() };
    service.organisations().change_settings(&at(3), &fixture.admin, &first, &second).await.unwrap();
    let now = service.organisations().get(&fixture.admin).await.unwrap();
    assert_eq!(OrganisationSettings::of(&now), second);
}

async fn of_racing_changes_one_counts(fixture: Fixture) {
    let (nodes, seen) = (nodes(&fixture).await, seen(&fixture));
    let (admin, before) = (fixture.admin.clone(), seen.clone());
    let answers = race(&nodes, 12, move |node, number| {
        let (admin, seen) = (admin.clone(), before.clone());
        async move {
            let new =
                OrganisationSettings { maximum_days: 100 + i64::try_from(number).unwrap(), ..seen.clone() };
            node.organisations().change_settings(&at(1), &admin, &seen, &new).await.map(|()| new)
        }
    });
    let (good, bad): (Vec<_>, Vec<_>) = answers.await.into_iter().partition(Result::is_ok);
    assert_eq!((good.len(), bad.len()), (1, 11));
    for rejection in bad {
        assert!(matches!(rejection_in(rejection), Rejection::Conflict(_)));
    }
    let now = fixture.service.organisations().get(&fixture.admin).await.unwrap();
    assert_eq!(OrganisationSettings::of(&now), good.into_iter().next().unwrap().unwrap());
}

async fn an_admin_without_a_second_factor_does_not_require_one(fixture: Fixture) {
    let guest = Guest::of(&fixture, 0, ADA).await;
    let (service, seen) = (&fixture.service, seen(&fixture));
    let required =
        OrganisationSettings { require_second_factor: true, name: "Renamed".into(), ..seen.clone() };
    let before = fixture.database.dump().await;
    let rejection =
        rejection_in(service.organisations().change_settings(&at(1), &fixture.admin, &seen, &required).await);
    assert!(
        matches!(&rejection, Rejection::Conflict(why) if why.contains("lock yourself out")),
        "{rejection:?}"
    );
    assert_eq!(fixture.database.dump().await, before, "nothing of it was kept");
    enrol(&fixture, 1, &guest).await;
    service.organisations().change_settings(&at(2), &fixture.admin, &seen, &required).await.unwrap();
    let members = service.users().list_members(&fixture.admin).await.unwrap();
    assert!(members.iter().all(|member| member.second_factor == (member.email.as_str() == ADA)));
}

async fn every_change_is_audited_once(fixture: Fixture) {
    let (service, seen) = (&fixture.service, seen(&fixture));
    let entries = fixture.entries().await;
    service.organisations().change_settings(&at(1), &fixture.operator, &seen, &seen).await.unwrap();
    assert_eq!(fixture.entries().await, entries, "nothing changed");
    let new = OrganisationSettings {
        name: "Acme Ltd".into(),
        default_days: 30,
        maximum_days: 60,
        require_second_factor: true,
        secretless_only: false,
    };
    service.organisations().change_settings(&at(2), &fixture.operator, &seen, &new).await.unwrap();
    assert_eq!(
        fixture.actions_after(entries).await,
        [
            "organisation.renamed",
            "organisation.key_policy_changed",
            "organisation.second_factor_policy_changed"
        ]
    );
    let later = OrganisationSettings { require_second_factor: false, ..new.clone() };
    service.organisations().change_settings(&at(3), &fixture.operator, &new, &later).await.unwrap();
    assert_eq!(fixture.actions_after(entries + 3).await, ["organisation.second_factor_policy_changed"]);
}

async fn wrong_settings_change_nothing(fixture: Fixture) {
    let (service, seen) = (&fixture.service, seen(&fixture));
    let before = fixture.database.dump().await;
    for wrong in [
        OrganisationSettings { name: " ".into(), ..seen.clone() },
        OrganisationSettings { default_days: 0, ..seen.clone() },
        OrganisationSettings { maximum_days: i64::MAX, ..seen.clone() },
        OrganisationSettings { default_days: 90, maximum_days: 30, ..seen.clone() },
    ] {
        let rejection = rejection_in(
            service.organisations().change_settings(&at(1), &fixture.admin, &seen, &wrong).await,
        );
        assert!(matches!(rejection, Rejection::Invalid(_)), "{rejection:?}");
    }
    let taken = OrganisationSettings { name: "Globex".into(), default_days: 30, ..seen.clone() };
    rejection_in(service.organisations().change_settings(&at(1), &fixture.admin, &seen, &taken).await);
    let rejection =
        rejection_in(service.organisations().change_settings(&at(1), &fixture.member, &seen, &taken).await);
    assert!(matches!(rejection, Rejection::Forbidden(_)), "{rejection:?}");
    assert_eq!(fixture.database.dump().await, before);
}
