//! Organisations and their people.

use crate::house::{ADA, EVE, House, MAX, accepts, at, on_both_engines, reason, rejected};
use domain::Role;
use service::{Failure, Holder, Principal, Reject};

on_both_engines!(
    an_organisations_name_is_its_own,
    a_renamed_organisation_shows_in_the_next_token_and_everywhere,
    organisations_are_found_by_id_and_by_name,
    a_changed_role_counts_at_the_next_request,
    a_removed_person_is_refused_at_the_next_request,
    the_last_admin_stays,
    a_person_may_belong_to_several_organisations,
    a_persons_first_password_is_kept_and_never_replaced,
    addresses_and_passwords_are_checked,
);

async fn an_organisations_name_is_its_own(house: House) {
    let service = &house.service;
    let before = house.database.dump().await;
    for name in ["Acme", " Acme "] {
        let refusal = rejected(service.create_organisation(&at(1), "root", name, ADA, None).await);
        assert!(
            matches!(refusal, Reject::Conflict(_)) && refusal.message().contains("already"),
            "{refusal:?}"
        );
    }
    let refusal = rejected(service.rename_organisation(&at(1), &house.outsider, "Acme").await);
    assert!(matches!(refusal, Reject::Conflict(_)), "{refusal:?}");
    for name in ["", "\u{200b}", &*"x".repeat(201)] {
        let refusal = rejected(service.rename_organisation(&at(1), &house.admin, name).await);
        assert!(matches!(refusal, Reject::Invalid(_)), "{refusal:?}");
    }
    assert_eq!(house.database.dump().await, before);
    // Its own name is no other organisation's.
    service.rename_organisation(&at(1), &house.admin, "Acme").await.unwrap();
}

async fn a_renamed_organisation_shows_in_the_next_token_and_everywhere(house: House) {
    let pair = house.generate(0).await;
    let service = &house.service;
    let before = house.buy(0, &pair).await;
    service.rename_organisation(&at(1), &house.admin, "Acme & Søn").await.unwrap();
    let after = house.buy(1, &pair).await;
    assert_eq!(crate::tokens::claims(&before)["org_name"], "Acme");
    assert_eq!(crate::tokens::claims(&after)["org_name"], "Acme & Søn");
    // A token that was bought before speaks for the organisation as it is called now.
    for token in [before, after] {
        assert_eq!(service.authenticate(&at(2), &token).await.unwrap().organisation_name, "Acme & Søn");
    }
    let overview = service.get_key(&house.admin, &pair.id).await.unwrap();
    assert_eq!(overview.key.organisation_name, "Acme & Søn");
    let mut session = service.store().reader().await.unwrap();
    let stored = session.find_key(&overview.key.id).await.unwrap().unwrap();
    assert_eq!(stored.organisation_name, "Acme & Søn");
    assert_eq!(service.organisation(&house.admin).await.unwrap().name.as_str(), "Acme & Søn");
}

async fn organisations_are_found_by_id_and_by_name(house: House) {
    let service = &house.service;
    for name in [house.acme.id.as_str(), "Acme", " Acme "] {
        assert_eq!(service.find_organisation(name).await.unwrap(), house.acme);
    }
    for name in ["acme", "", "org_00000000000000000000000000"] {
        let refusal = rejected(service.find_organisation(name).await);
        assert!(refusal.message().contains("`duku admin org list` shows them"), "{refusal:?}");
    }
    let all = service.list_organisations(None).await.unwrap();
    assert_eq!(all.len(), 2);
    assert_eq!(service.list_organisations(Some(&all[0].id)).await.unwrap(), all[1..]);
}

async fn token_of(house: &House, email: &str) -> String {
    house.service.issue_person_token(&at(0), "root", email, Some(&house.acme)).await.unwrap()
}

async fn a_changed_role_counts_at_the_next_request(house: House) {
    let other = house.another_node(0).await;
    let token = token_of(&house, MAX).await;
    for (role, may) in [(Role::Admin, true), (Role::Member, false)] {
        house.service.change_role(&at(1), &house.operator, MAX, role).await.unwrap();
        for node in [&house.service, &other] {
            let max = node.authenticate(&at(1), &token).await.unwrap();
            assert!(matches!(&max.holder, Holder::Person { role: now, .. } if *now == role));
            assert_eq!(node.list_keys(&max).await.is_ok(), may);
        }
    }
}

async fn a_removed_person_is_refused_at_the_next_request(house: House) {
    let other = house.another_node(0).await;
    let token = token_of(&house, MAX).await;
    assert!(accepts(&other, 1, &token).await);
    house.service.remove_member(&at(1), &house.admin, MAX).await.unwrap();
    for node in [&house.service, &other] {
        assert_eq!(
            reason(node, 1, &token).await,
            "the person of this token is no member of the organisation any more"
        );
    }
    let none = rejected(house.service.issue_person_token(&at(1), "root", MAX, Some(&house.acme)).await);
    assert_eq!(none, Reject::NotFound { kind: "person", id: MAX.into() });
    let again = rejected(house.service.remove_member(&at(1), &house.admin, MAX).await);
    assert_eq!(again, Reject::NotFound { kind: "member", id: MAX.into() });
    house.service.add_member(&at(1), &house.admin, MAX, Role::Member).await.unwrap();
    assert_eq!(reason(&other, 1, &token).await, "this person's tokens were ended");
    assert!(accepts(&other, 1, &token_of(&house, MAX).await).await);
}

async fn the_last_admin_stays(house: House) {
    let service = &house.service;
    let before = house.database.dump().await;
    for refusal in [
        rejected(service.change_role(&at(1), &house.admin, ADA, Role::Member).await),
        rejected(service.remove_member(&at(1), &house.admin, ADA).await),
    ] {
        assert_eq!(
            refusal.message(),
            "an organisation keeps at least one Admin: make someone else Admin first"
        );
    }
    assert_eq!(house.database.dump().await, before);
    service.change_role(&at(2), &house.admin, MAX, Role::Admin).await.unwrap();
    service.remove_member(&at(2), &house.admin, ADA).await.unwrap();
}

async fn a_person_may_belong_to_several_organisations(house: House) {
    let service = &house.service;
    service.add_member(&at(0), &house.outsider, " Ada@Acme.example", Role::Member).await.unwrap();
    let refusal = rejected(service.issue_person_token(&at(0), "root", ADA, None).await);
    assert_eq!(refusal.message(), "ada@acme.example belongs to several organisations: name one with --org");
    let globex = service.find_organisation("Globex").await.unwrap();
    let mut roles = Vec::new();
    for organisation in [&house.acme, &globex] {
        let token = service.issue_person_token(&at(0), "root", ADA, Some(organisation)).await.unwrap();
        let ada = service.authenticate(&at(0), &token).await.unwrap();
        assert_eq!(ada.organisation_id, organisation.id);
        let Holder::Person { role, .. } = ada.holder else { panic!("no person") };
        roles.push(role);
    }
    assert_eq!(roles, [Role::Admin, Role::Member]);
    let twice = rejected(service.add_member(&at(0), &house.outsider, ADA, Role::Admin).await);
    assert_eq!(twice.message(), "ada@acme.example is a member already");
    for (email, organisation) in [(EVE, Some(&house.acme)), ("nobody@example.org", None)] {
        let refusal = rejected(service.issue_person_token(&at(0), "root", email, organisation).await);
        assert_eq!(refusal, Reject::NotFound { kind: "person", id: email.into() });
    }
}

async fn a_persons_first_password_is_kept_and_never_replaced(house: House) {
    let service = &house.service;
    let hash_of_ada = async || {
        house.database.sql("SELECT password_hash FROM users WHERE email = 'ada@acme.example'").await[0][0]
            .clone()
    };
    assert_eq!(hash_of_ada().await, None);
    // Ada is known without a password: the one that comes with another organisation becomes hers.
    let password = "correct horse battery staple";
    service.create_organisation(&at(1), "root", "Second", ADA, Some(password)).await.unwrap();
    let hash = hash_of_ada().await.unwrap();
    assert!(hash.starts_with("$argon2id$"), "{hash}");
    let refusal =
        rejected(service.create_organisation(&at(1), "root", "Third", ADA, Some("another password")).await);
    assert!(refusal.message().contains("has a password already: leave the password out"), "{refusal:?}");
    service.create_organisation(&at(1), "root", "Third", ADA, None).await.unwrap();
    assert_eq!(hash_of_ada().await, Some(hash));
}

async fn addresses_and_passwords_are_checked(house: House) {
    let service = &house.service;
    let before = house.database.dump().await;
    for email in ["", "ada", "ada@", "@x", "a b@c", "ada@x\0"] {
        let refusal = rejected(service.add_member(&at(0), &house.admin, email, Role::Member).await);
        assert!(matches!(&refusal, Reject::Invalid(invalid) if invalid.field == "email"), "{refusal:?}");
    }
    for password in ["", "elevenchars", "password1234", "ada@acme.example1", &*"tulip anvil ".repeat(86)] {
        let refusal = rejected(service.create_organisation(&at(0), "root", "New", ADA, Some(password)).await);
        assert!(matches!(&refusal, Reject::Invalid(invalid) if invalid.field == "password"), "{refusal:?}");
    }
    assert_eq!(house.database.dump().await, before);
    // A principal of an organisation that is gone is no one's fault but ours.
    let nowhere = domain::OrganisationId::generate(crate::house::time(0), &*crate::house::entropy());
    let stray = Principal { organisation_id: nowhere, ..house.admin.clone() };
    assert!(matches!(service.organisation(&stray).await, Err(Failure::Internal(_))));
}
