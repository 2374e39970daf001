//! Organisations and their people.

use crate::fixture::{ADA, EVE, Fixture, MAX, accepts, at, on_both_engines, reason, rejection_in};
use domain::Role;
use service::{Error, Principal, PrincipalKind, Rejection};

on_both_engines!(
    an_organisations_name_is_its_own,
    a_renamed_organisation_shows_in_the_next_token_and_everywhere,
    organisations_are_found_by_id_and_by_name,
    a_changed_role_counts_at_the_next_request,
    a_removed_person_is_rejected_at_the_next_request,
    the_last_admin_stays,
    a_person_may_belong_to_several_organisations,
    a_persons_first_password_is_kept_and_never_replaced,
    addresses_and_passwords_are_checked,
);

async fn an_organisations_name_is_its_own(fixture: Fixture) {
    let service = &fixture.service;
    let before = fixture.database.dump().await;
    for name in ["Acme", " Acme "] {
        let rejection = rejection_in(service.organisations().create(&at(1), "root", name, ADA, None).await);
        assert!(
            matches!(rejection, Rejection::Conflict(_)) && rejection.message().contains("already"),
            "{rejection:?}"
        );
    }
    let rejection = rejection_in(service.organisations().rename(&at(1), &fixture.outsider, "Acme").await);
    assert!(matches!(rejection, Rejection::Conflict(_)), "{rejection:?}");
    for name in ["", "\u{200b}", &*"x".repeat(201)] {
        let rejection = rejection_in(service.organisations().rename(&at(1), &fixture.admin, name).await);
        assert!(matches!(rejection, Rejection::Invalid(_)), "{rejection:?}");
    }
    assert_eq!(fixture.database.dump().await, before);
    // Its own name is no other organisation's.
    service.organisations().rename(&at(1), &fixture.admin, "Acme").await.unwrap();
}

async fn a_renamed_organisation_shows_in_the_next_token_and_everywhere(fixture: Fixture) {
    let pair = fixture.generate(0).await;
    let service = &fixture.service;
    let before = fixture.issue_token(0, &pair).await;
    service.organisations().rename(&at(1), &fixture.admin, "Acme & Søn").await.unwrap();
    let after = fixture.issue_token(1, &pair).await;
    assert_eq!(crate::tokens::claims(&before)["org_name"], "Acme");
    assert_eq!(crate::tokens::claims(&after)["org_name"], "Acme & Søn");
    // A token that was issued before speaks for the organisation as it is called now.
    for token in [before, after] {
        assert_eq!(
            service.tokens().authenticate(&at(2), &token).await.unwrap().organisation_name,
            "Acme & Søn"
        );
    }
    let overview = service.keys().get(&fixture.admin, &pair.id).await.unwrap();
    assert_eq!(overview.key.organisation_name, "Acme & Søn");
    let mut reader = service.store().reader().await.unwrap();
    let stored = reader.find_key(&overview.key.id).await.unwrap().unwrap();
    assert_eq!(stored.organisation_name, "Acme & Søn");
    assert_eq!(service.organisations().get(&fixture.admin).await.unwrap().name.as_str(), "Acme & Søn");
}

async fn organisations_are_found_by_id_and_by_name(fixture: Fixture) {
    let service = &fixture.service;
    for name in [fixture.acme.id.as_str(), "Acme", " Acme "] {
        assert_eq!(service.organisations().find(name).await.unwrap(), fixture.acme);
    }
    for name in ["acme", "", "org_00000000000000000000000000"] {
        let rejection = rejection_in(service.organisations().find(name).await);
        assert!(rejection.message().contains("`duku admin org list` shows them"), "{rejection:?}");
    }
    let all = service.organisations().list(None).await.unwrap();
    assert_eq!(all.len(), 2);
    assert_eq!(service.organisations().list(Some(&all[0].id)).await.unwrap(), all[1..]);
}

async fn token_of(fixture: &Fixture, email: &str) -> String {
    fixture.service.tokens().issue_for_user(&at(0), "root", email, Some(&fixture.acme)).await.unwrap()
}

async fn a_changed_role_counts_at_the_next_request(fixture: Fixture) {
    let other = fixture.another_node(0).await;
    let token = token_of(&fixture, MAX).await;
    for (role, may) in [(Role::Admin, true), (Role::Member, false)] {
        fixture.service.users().change_role(&at(1), &fixture.operator, MAX, role).await.unwrap();
        for node in [&fixture.service, &other] {
            let max = node.tokens().authenticate(&at(1), &token).await.unwrap();
            assert!(matches!(&max.holder, PrincipalKind::User { role: now, .. } if *now == role));
            assert_eq!(node.keys().list(&max).await.is_ok(), may);
        }
    }
}

async fn a_removed_person_is_rejected_at_the_next_request(fixture: Fixture) {
    let other = fixture.another_node(0).await;
    let token = token_of(&fixture, MAX).await;
    assert!(accepts(&other, 1, &token).await);
    fixture.service.users().remove_member(&at(1), &fixture.admin, MAX).await.unwrap();
    for node in [&fixture.service, &other] {
        assert_eq!(
            reason(node, 1, &token).await,
            "the person of this token is no member of the organisation any more"
        );
    }
    let none =
        rejection_in(fixture.service.tokens().issue_for_user(&at(1), "root", MAX, Some(&fixture.acme)).await);
    assert_eq!(none, Rejection::NotFound { kind: "person", id: MAX.into() });
    let again = rejection_in(fixture.service.users().remove_member(&at(1), &fixture.admin, MAX).await);
    assert_eq!(again, Rejection::NotFound { kind: "member", id: MAX.into() });
    fixture.service.users().add_member(&at(1), &fixture.admin, MAX, Role::Member).await.unwrap();
    assert_eq!(reason(&other, 1, &token).await, "this person's tokens were ended");
    assert!(accepts(&other, 1, &token_of(&fixture, MAX).await).await);
}

async fn the_last_admin_stays(fixture: Fixture) {
    let service = &fixture.service;
    let before = fixture.database.dump().await;
    for rejection in [
        rejection_in(service.users().change_role(&at(1), &fixture.admin, ADA, Role::Member).await),
        rejection_in(service.users().remove_member(&at(1), &fixture.admin, ADA).await),
    ] {
        assert_eq!(
            rejection.message(),
            "an organisation keeps at least one Admin: make someone else Admin first"
        );
    }
    assert_eq!(fixture.database.dump().await, before);
    service.users().change_role(&at(2), &fixture.admin, MAX, Role::Admin).await.unwrap();
    service.users().remove_member(&at(2), &fixture.admin, ADA).await.unwrap();
}

async fn a_person_may_belong_to_several_organisations(fixture: Fixture) {
    let service = &fixture.service;
    service.users().add_member(&at(0), &fixture.outsider, " Ada@Acme.example", Role::Member).await.unwrap();
    let rejection = rejection_in(service.tokens().issue_for_user(&at(0), "root", ADA, None).await);
    assert_eq!(rejection.message(), "ada@acme.example belongs to several organisations: name one with --org");
    let globex = service.organisations().find("Globex").await.unwrap();
    let mut roles = Vec::new();
    for organisation in [&fixture.acme, &globex] {
        let token = service.tokens().issue_for_user(&at(0), "root", ADA, Some(organisation)).await.unwrap();
        let ada = service.tokens().authenticate(&at(0), &token).await.unwrap();
        assert_eq!(ada.organisation_id, organisation.id);
        let PrincipalKind::User { role, .. } = ada.holder else { panic!("no person") };
        roles.push(role);
    }
    assert_eq!(roles, [Role::Admin, Role::Member]);
    let twice = rejection_in(service.users().add_member(&at(0), &fixture.outsider, ADA, Role::Admin).await);
    assert_eq!(twice.message(), "ada@acme.example is a member already");
    for (email, organisation) in [(EVE, Some(&fixture.acme)), ("nobody@example.org", None)] {
        let rejection =
            rejection_in(service.tokens().issue_for_user(&at(0), "root", email, organisation).await);
        assert_eq!(rejection, Rejection::NotFound { kind: "person", id: email.into() });
    }
}

async fn a_persons_first_password_is_kept_and_never_replaced(fixture: Fixture) {
    let service = &fixture.service;
    let hash_of_ada = async || {
        fixture.database.sql("SELECT password_hash FROM users WHERE email = 'ada@acme.example'").await[0][0]
            .clone()
    };
    assert_eq!(hash_of_ada().await, None);
    // Ada is known without a password: the one that comes with another organisation becomes hers.
    let password = "correct horse battery staple";
    service.organisations().create(&at(1), "root", "Second", ADA, Some(password)).await.unwrap();
    let hash = hash_of_ada().await.unwrap();
    assert!(hash.starts_with("$argon2id$"), "{hash}");
    let rejection = rejection_in(
        service.organisations().create(&at(1), "root", "Third", ADA, Some("another password")).await,
    );
    assert!(rejection.message().contains("has a password already: leave the password out"), "{rejection:?}");
    service.organisations().create(&at(1), "root", "Third", ADA, None).await.unwrap();
    assert_eq!(hash_of_ada().await, Some(hash));
}

async fn addresses_and_passwords_are_checked(fixture: Fixture) {
    let service = &fixture.service;
    let before = fixture.database.dump().await;
    for email in ["", "ada", "ada@", "@x", "a b@c", "ada@x\0"] {
        let rejection =
            rejection_in(service.users().add_member(&at(0), &fixture.admin, email, Role::Member).await);
        assert!(
            matches!(&rejection, Rejection::Invalid(invalid) if invalid.field == "email"),
            "{rejection:?}"
        );
    }
    for password in ["", "elevenchars", "password1234", "ada@acme.example1", &*"tulip anvil ".repeat(86)] {
        let rejection =
            rejection_in(service.organisations().create(&at(0), "root", "New", ADA, Some(password)).await);
        assert!(
            matches!(&rejection, Rejection::Invalid(invalid) if invalid.field == "password"),
            "{rejection:?}"
        );
    }
    assert_eq!(fixture.database.dump().await, before);
    // A principal of an organisation that is gone is no one's fault but ours.
    let nowhere = domain::OrganisationId::generate(crate::fixture::time(0), &*crate::fixture::entropy());
    let stray = Principal { organisation_id: nowhere, ..fixture.admin.clone() };
    assert!(matches!(service.organisations().get(&stray).await, Err(Error::Internal(_))));
}
