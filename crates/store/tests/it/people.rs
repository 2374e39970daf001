//! People, their memberships, and what the door reads of them.

use crate::data::{Fresh, NOW, on_both_engines, organisation, person};
use domain::{Email, Role};
use store::{Person, PersonToken, StoreError};

on_both_engines!(
    a_person_is_known_by_one_address,
    a_taken_address_leaves_the_transaction_good,
    the_first_password_stays,
    a_member_is_added_once_and_changes_roles,
    the_door_sees_a_person_only_in_the_organisations_of_the_person,
);

async fn a_person_is_known_by_one_address(fresh: Fresh) {
    let ada = Person { password_hash: Some("$argon2id$…".into()), ..person("ada@example.org") };
    let mut session = fresh.begin().await;
    session.insert_person(&ada).await.unwrap();
    session.commit().await.unwrap();
    let mut session = fresh.read().await;
    let found = session.find_person(&ada.email).await.unwrap().unwrap();
    assert_eq!((&found.id, &found.email), (&ada.id, &ada.email));
    assert_eq!((found.password_hash, found.token_epoch, found.created_at), (ada.password_hash, 0, NOW));
    assert!(session.find_person(&Email::parse("eve@example.org").unwrap()).await.unwrap().is_none());
}

async fn a_taken_address_leaves_the_transaction_good(fresh: Fresh) {
    let ada = person("ada@example.org");
    let mut session = fresh.begin().await;
    session.insert_person(&ada).await.unwrap();
    session.commit().await.unwrap();
    let mut session = fresh.begin().await;
    let refusal = session.insert_person(&person("ada@example.org")).await.unwrap_err();
    assert!(matches!(refusal, StoreError::Taken), "{refusal:?}");
    assert_eq!(session.find_person(&ada.email).await.unwrap().unwrap().id, ada.id);
    session.set_meta("after", "the refusal").await.unwrap();
    session.commit().await.unwrap();
    assert!(fresh.read().await.meta("after").await.unwrap().is_some());
}

async fn the_first_password_stays(fresh: Fresh) {
    let ada = person("ada@example.org");
    let mut session = fresh.begin().await;
    session.insert_person(&ada).await.unwrap();
    assert!(session.set_first_password(&ada.id, "first").await.unwrap());
    assert!(!session.set_first_password(&ada.id, "second").await.unwrap());
    assert!(!session.set_first_password(&person("eve@example.org").id, "first").await.unwrap());
    let found = session.find_person(&ada.email).await.unwrap().unwrap();
    assert_eq!(found.password_hash.as_deref(), Some("first"));
}

async fn a_member_is_added_once_and_changes_roles(fresh: Fresh) {
    let (acme, globex) = (fresh.organisation("Acme").await, fresh.organisation("Globex").await);
    let (ada, bob) = (person("ada@example.org"), person("bob@example.org"));
    let mut session = fresh.begin().await;
    for one in [&ada, &bob] {
        session.insert_person(one).await.unwrap();
        session.add_member(&acme.id, &one.id, Role::Member, NOW).await.unwrap();
    }
    session.add_member(&globex.id, &ada.id, Role::Admin, NOW.plus_seconds(5)).await.unwrap();
    assert_eq!(session.count_admins(&acme.id).await.unwrap(), 0);
    assert!(session.set_role(&acme.id, &ada.id, Role::Admin).await.unwrap());
    assert_eq!(session.count_admins(&acme.id).await.unwrap(), 1);
    assert!(!session.set_role(&globex.id, &bob.id, Role::Admin).await.unwrap());
    assert!(!session.remove_member(&globex.id, &bob.id).await.unwrap());
    session.commit().await.unwrap();

    let taken = fresh.begin().await.add_member(&acme.id, &ada.id, Role::Member, NOW).await;
    assert!(matches!(taken, Err(StoreError::Taken)), "{taken:?}");
    let mut session = fresh.begin().await;
    assert_eq!(session.organisations_of(&ada.id).await.unwrap().len(), 2);
    assert_eq!(session.organisations_of(&bob.id).await.unwrap(), std::slice::from_ref(&acme.id));
    let members = session.members(&acme.id).await.unwrap();
    let mut found: Vec<_> = members.iter().map(|one| (one.email.as_str(), one.role, one.since)).collect();
    found.sort_by_key(|(email, ..)| *email);
    assert_eq!(found, [("ada@example.org", Role::Admin, NOW), ("bob@example.org", Role::Member, NOW)]);
    assert!(session.remove_member(&acme.id, &bob.id).await.unwrap());
    assert_eq!(session.members(&acme.id).await.unwrap().len(), 1);
}

async fn the_door_sees_a_person_only_in_the_organisations_of_the_person(fresh: Fresh) {
    let acme = fresh.organisation("Acme").await;
    let ada = person("ada@example.org");
    let mut session = fresh.begin().await;
    session.insert_person(&ada).await.unwrap();
    session.add_member(&acme.id, &ada.id, Role::Admin, NOW).await.unwrap();
    session.insert_signing_key(&crate::signing::signing_key("kid", NOW)).await.unwrap();
    session.revoke_token("tok_revoked", NOW).await.unwrap();
    session.commit().await.unwrap();
    let mut session = fresh.read().await;
    let door = session
        .find_person_at_door(
            &acme.id,
            &ada.id,
            PersonToken { token_id: "tok_good", kid: "kid", session_id: "" },
            NOW,
        )
        .await
        .unwrap()
        .unwrap();
    assert_eq!((door.id, door.email, door.role), (ada.id.clone(), ada.email, Role::Admin));
    assert_eq!((door.organisation_id, door.organisation_name.as_str()), (acme.id.clone(), "Acme"));
    assert_eq!((door.token_epoch, door.token_revoked, door.signing_key_alive), (0, false, true));
    let door = session
        .find_person_at_door(
            &acme.id,
            &ada.id,
            PersonToken { token_id: "tok_revoked", kid: "other", session_id: "" },
            NOW,
        )
        .await
        .unwrap()
        .unwrap();
    assert_eq!((door.token_revoked, door.signing_key_alive), (true, false));
    let elsewhere = organisation("Globex").id;
    assert!(
        session
            .find_person_at_door(
                &elsewhere,
                &ada.id,
                PersonToken { token_id: "tok_good", kid: "kid", session_id: "" },
                NOW
            )
            .await
            .unwrap()
            .is_none()
    );
}
