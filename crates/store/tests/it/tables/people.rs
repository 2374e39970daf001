//! People, their memberships, and what their tokens are checked against.

use crate::data::{Fresh, NOW, on_both_engines, organisation, user};
use domain::{
    Email, Role, ScopeSet, User,
    authority::{ManageMembers, TokenClaims, TokenSubject},
};
use store::StoreError;

on_both_engines!(
    a_person_is_known_by_one_address,
    a_taken_address_leaves_the_transaction_good,
    the_first_password_stays,
    a_member_is_added_once_and_changes_roles,
    a_persons_tokens_of_one_organisation_end_without_those_of_another,
    a_token_is_checked_only_in_the_organisations_of_its_person,
);

async fn a_person_is_known_by_one_address(fresh: Fresh) {
    let ada = User { password_hash: Some("$argon2id$…".into()), ..user("ada@example.org") };
    let mut transaction = fresh.found("Acme").await;
    transaction.insert_user(&ada).await.unwrap();
    transaction.commit().await.unwrap();
    let mut reader = fresh.read().await;
    let found = reader.find_user(&ada.email).await.unwrap().unwrap();
    assert_eq!((&found.id, &found.email), (&ada.id, &ada.email));
    assert_eq!((found.password_hash, found.token_epoch, found.created_at), (ada.password_hash, 0, NOW));
    assert!(reader.find_user(&Email::parse("eve@example.org").unwrap()).await.unwrap().is_none());
}

async fn a_taken_address_leaves_the_transaction_good(fresh: Fresh) {
    let ada = user("ada@example.org");
    let mut transaction = fresh.found("Acme").await;
    transaction.insert_user(&ada).await.unwrap();
    transaction.commit().await.unwrap();
    let mut transaction = fresh.found("Globex").await;
    let rejection = transaction.insert_user(&user("ada@example.org")).await.unwrap_err();
    assert!(matches!(rejection, StoreError::Taken), "{rejection:?}");
    assert_eq!(transaction.find_user(&ada.email).await.unwrap().unwrap().id, ada.id);
    transaction.set_meta("after", "the rejection").await.unwrap();
    transaction.commit().await.unwrap();
    assert!(fresh.read().await.meta("after").await.unwrap().is_some());
}

async fn the_first_password_stays(fresh: Fresh) {
    let ada = user("ada@example.org");
    let mut transaction = fresh.found("Acme").await;
    transaction.insert_user(&ada).await.unwrap();
    assert!(transaction.set_first_password(&ada.id, "first").await.unwrap());
    assert!(!transaction.set_first_password(&ada.id, "second").await.unwrap());
    assert!(!transaction.set_first_password(&user("eve@example.org").id, "first").await.unwrap());
    let found = transaction.find_user(&ada.email).await.unwrap().unwrap();
    assert_eq!(found.password_hash.as_deref(), Some("first"));
}

async fn a_member_is_added_once_and_changes_roles(fresh: Fresh) {
    let (acme, globex) = (fresh.organisation("Acme").await, fresh.organisation("Globex").await);
    let (ada, bob) = (user("ada@example.org"), user("bob@example.org"));
    let mut here = fresh.begin_for::<ManageMembers>(&acme.id).await;
    for one in [&ada, &bob] {
        here.insert_user(one).await.unwrap();
        here.add_member(&one.id, Role::Member, NOW).await.unwrap();
    }
    assert_eq!(here.count_admins(&acme.id).await.unwrap(), 0);
    assert!(here.set_role(&ada.id, Role::Admin, NOW).await.unwrap());
    assert_eq!(here.count_admins(&acme.id).await.unwrap(), 1);
    here.commit().await.unwrap();
    let mut there = fresh.begin_for::<ManageMembers>(&globex.id).await;
    there.add_member(&ada.id, Role::Admin, NOW.plus_seconds(5)).await.unwrap();
    assert!(!there.set_role(&bob.id, Role::Admin, NOW).await.unwrap());
    assert!(!there.remove_member(&bob.id, NOW).await.unwrap());
    there.commit().await.unwrap();

    let mut transaction = fresh.begin_for::<ManageMembers>(&acme.id).await;
    let taken = transaction.add_member(&ada.id, Role::Member, NOW).await;
    assert!(matches!(taken, Err(StoreError::Taken)), "{taken:?}");
    drop(transaction);
    let mut transaction = fresh.begin_for::<ManageMembers>(&acme.id).await;
    assert_eq!(transaction.organisations_of(&ada.id).await.unwrap().len(), 2);
    assert_eq!(transaction.organisations_of(&bob.id).await.unwrap(), std::slice::from_ref(&acme.id));
    let members = transaction.members(&acme.id).await.unwrap();
    let mut found: Vec<_> = members.iter().map(|one| (one.email.as_str(), one.role, one.since)).collect();
    found.sort_by_key(|(email, ..)| *email);
    assert_eq!(found, [("ada@example.org", Role::Admin, NOW), ("bob@example.org", Role::Member, NOW)]);
    assert!(transaction.remove_member(&bob.id, NOW).await.unwrap());
    assert_eq!(transaction.count_members(&acme.id).await.unwrap(), 1);
}

async fn a_persons_tokens_of_one_organisation_end_without_those_of_another(fresh: Fresh) {
    let (acme, globex) = (fresh.organisation("Acme").await, fresh.organisation("Globex").await);
    let ada = user("ada@example.org");
    let mut epochs = Vec::new();
    for (number, organisation) in [&acme, &globex].into_iter().enumerate() {
        let mut transaction = fresh.begin_for::<ManageMembers>(&organisation.id).await;
        if number == 0 {
            transaction.insert_user(&ada).await.unwrap();
        }
        transaction.add_member(&ada.id, Role::Member, NOW).await.unwrap();
        epochs.push(transaction.token_epoch_of(&organisation.id, &ada.id).await.unwrap().unwrap());
        transaction.commit().await.unwrap();
    }
    let mut transaction = fresh.begin_for::<ManageMembers>(&acme.id).await;
    assert!(transaction.remove_member(&ada.id, NOW).await.unwrap());
    assert_eq!(transaction.token_epoch_of(&acme.id, &ada.id).await.unwrap(), None);
    transaction.add_member(&ada.id, Role::Member, NOW).await.unwrap();
    let again = transaction.token_epoch_of(&acme.id, &ada.id).await.unwrap().unwrap();
    assert!(again > epochs[0], "a token of the first membership works no more: {again} {epochs:?}");
    let elsewhere = transaction.token_epoch_of(&globex.id, &ada.id).await.unwrap();
    assert_eq!(elsewhere, Some(epochs[1]));
}

async fn a_token_is_checked_only_in_the_organisations_of_its_person(fresh: Fresh) {
    let acme = fresh.organisation("Acme").await;
    let ada = user("ada@example.org");
    let mut transaction = fresh.begin_for::<ManageMembers>(&acme.id).await;
    transaction.insert_user(&ada).await.unwrap();
    transaction.add_member(&ada.id, Role::Admin, NOW).await.unwrap();
    transaction.insert_signing_key(&crate::tables::signing::signing_key("kid", NOW)).await.unwrap();
    transaction.commit().await.unwrap();
    fresh.revoke_token("tok_revoked", NOW).await;
    let mut reader = fresh.read().await;
    let good = TokenClaims {
        subject: TokenSubject::User { id: ada.id.clone(), client_id: "duku-cli".into() },
        organisation_id: acme.id.clone(),
        token_id: "tok_good".into(),
        kid: "kid".into(),
        issued_at: 0,
        expires_at: NOW.seconds(),
        token_epoch: 1,
        session_id: None,
        scopes: ScopeSet::DEFAULT,
        workload: None,
    };
    let found = reader.find_user_for_token_check(&ada.id, &good, NOW).await.unwrap().unwrap();
    assert_eq!((found.email, found.organisation_name.as_str()), (ada.email, "Acme"));
    let facts = found.facts;
    assert_eq!((facts.role, facts.token_epoch, facts.token_revoked), (Role::Admin, 1, false));
    assert!(facts.signing_key_published && facts.session.is_none());
    let ended = TokenClaims { token_id: "tok_revoked".into(), kid: "other".into(), ..good.clone() };
    let found = reader.find_user_for_token_check(&ada.id, &ended, NOW).await.unwrap().unwrap();
    assert!(found.facts.token_revoked && !found.facts.signing_key_published);
    // As with keys: a token of a time whose revocations were forgotten counts as revoked.
    let mut cleaning = fresh.begin().await;
    assert_eq!(cleaning.forget_revocations(NOW, 10).await.unwrap(), 1);
    cleaning.commit().await.unwrap();
    for (seconds, revoked) in [(0, true), (1, false)] {
        let token = TokenClaims { expires_at: NOW.seconds() + seconds, ..good.clone() };
        let found = reader.find_user_for_token_check(&ada.id, &token, NOW).await.unwrap().unwrap();
        assert_eq!(found.facts.token_revoked, revoked, "{seconds}");
    }
    let elsewhere = TokenClaims { organisation_id: organisation("Globex").id, ..good };
    let nobody = reader.find_user_for_token_check(&ada.id, &elsewhere, NOW).await.unwrap();
    assert!(nobody.is_none());
}
