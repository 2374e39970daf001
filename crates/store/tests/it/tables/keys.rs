//! API keys, the digests that outlive them, and what lookups read.

use crate::data::{Fresh, NOW, digest, key, on_both_engines, organisation, rotated, secret};
use domain::{
    ApiKey, AuthorityRejection, Claim, Ended, KeyId, KeyUse, Name, RecentSource, SecretDigest,
    api_key::{
        Grace, RetiredSecret,
        usage::{DeadSecretUse, Exchange},
    },
    authority::{ManageKeys, ManageOrganisation},
};
use store::StoreError;

on_both_engines!(
    a_key_comes_back_as_it_was_stored,
    a_rotation_replaces_the_secret_and_remembers_the_previous_one,
    a_deleted_key_leaves_only_its_tombstone,
    the_id_of_a_revoked_key_is_never_used_again,
    only_active_keys_are_counted,
    a_renamed_organisation_is_renamed_in_its_keys,
    the_overview_shows_the_newest_use_and_all_dead_secrets,
    requests_that_come_together_get_each_its_own_answer,
    the_doors_learn_the_key_and_the_standing_of_its_tokens,
    a_key_needs_an_organisation,
);

async fn a_key_comes_back_as_it_was_stored(fresh: Fresh) {
    let acme = fresh.organisation("Acme").await;
    let plain = fresh.key(&acme).await;
    let grace = Grace { digest: digest(), until: NOW.plus_seconds(3600) };
    let rich =
        ApiKey { grace: Some(grace), rotated_at: Some(NOW.plus_seconds(1)), token_epoch: 7, ..key(&acme, 1) };
    let mut transaction = fresh.begin_for::<ManageKeys>(&acme.id).await;
    transaction.insert_key(&rich).await.unwrap();
    transaction.commit().await.unwrap();
    let mut reader = fresh.read().await;
    for stored in [plain, rich] {
        assert_eq!(reader.find_key(&stored.id).await.unwrap(), Some(stored));
    }
    assert_eq!(reader.find_key(&key(&acme, 1).id).await.unwrap(), None);
}

async fn a_rotation_replaces_the_secret_and_remembers_the_previous_one(fresh: Fresh) {
    let before = fresh.key(&fresh.organisation("Acme").await).await;
    let (after, retired) = rotated(&before, NOW.plus_seconds(60));
    let after = ApiKey {
        grace: Some(Grace { digest: before.secret.digest, until: NOW.plus_seconds(99) }),
        expires_at: NOW.plus_seconds(86_400),
        lifetime: domain::Lifetime::from_days(1).unwrap(),
        token_epoch: 1,
        ..after
    };
    let mut transaction = fresh.begin_for::<ManageKeys>(&before.organisation_id).await;
    transaction.update_key(&after).await.unwrap();
    transaction.retire_secret(&retired).await.unwrap();
    transaction.commit().await.unwrap();
    let mut reader = fresh.read().await;
    assert_eq!(reader.find_key(&before.id).await.unwrap(), Some(after));
    assert_eq!(reader.retired_secrets(&before.id).await.unwrap(), [retired]);
}

/// A key that was rotated twice and used, then revoked; and its tombstone.
async fn revoked(fresh: &Fresh) -> (ApiKey, RetiredSecret) {
    let mut now = fresh.key(&fresh.organisation("Acme").await).await;
    let mut transaction = fresh.begin_for::<ManageKeys>(&now.organisation_id).await;
    for second in 1..3 {
        let (next, retired) = rotated(&now, NOW.plus_seconds(second));
        transaction.update_key(&next).await.unwrap();
        transaction.retire_secret(&retired).await.unwrap();
        now = next;
    }
    transaction
        .count_key_uses(&[(&now.id, KeyUse { day: 1, exchanges: 1, ..KeyUse::default() })])
        .await
        .unwrap();
    let source = RecentSource {
        address: "192.0.2.1".into(),
        previous_secret: false,
        user_agent: None,
        last_used_at: NOW,
        exchange: None,
        run: None,
    };
    transaction.note_key_sources(&[(&now.id, source)]).await.unwrap();
    transaction.commit().await.unwrap();
    let tombstone = now.clone().revoke(NOW.plus_seconds(9));
    let mut transaction = fresh.begin_for::<ManageKeys>(&now.organisation_id).await;
    transaction.delete_key(&tombstone).await.unwrap();
    transaction.commit().await.unwrap();
    (now, tombstone)
}

async fn a_deleted_key_leaves_only_its_tombstone(fresh: Fresh) {
    let (key, tombstone) = revoked(&fresh).await;
    let mut reader = fresh.read().await;
    assert_eq!(reader.find_key(&key.id).await.unwrap(), None);
    assert_eq!(reader.retired_secrets(&key.id).await.unwrap(), [tombstone]);
    let about: Vec<_> = fresh
        .database
        .dump()
        .await
        .lines()
        .filter(|line| line.contains(key.id.as_str()))
        .map(ToOwned::to_owned)
        .collect();
    assert_eq!(about.len(), 1, "{about:?}");
    assert!(about[0].starts_with("retired_secrets: ") && about[0].contains("revoked"), "{about:?}");
}

async fn the_id_of_a_revoked_key_is_never_used_again(fresh: Fresh) {
    let (key, tombstone) = revoked(&fresh).await;
    let again = ApiKey { secret: secret(), ..key };
    let mut transaction = fresh.begin_for::<ManageKeys>(&again.organisation_id).await;
    let rejection = transaction.insert_key(&again).await.unwrap_err();
    assert!(matches!(rejection, StoreError::Taken), "{rejection:?}");
    drop(transaction);
    let mut reader = fresh.read().await;
    assert_eq!(reader.find_key(&again.id).await.unwrap(), None);
    assert_eq!(reader.retired_secrets(&again.id).await.unwrap(), [tombstone]);
    // Nor is the id of a key that is there.
    let there = fresh.key(&fresh.organisation("Globex").await).await;
    let mut transaction = fresh.begin_for::<ManageKeys>(&there.organisation_id).await;
    let rejection = transaction.insert_key(&there).await.unwrap_err();
    assert!(matches!(rejection, StoreError::Taken), "{rejection:?}");
}

async fn only_active_keys_are_counted(fresh: Fresh) {
    let acme = fresh.organisation("Acme").await;
    let globex = fresh.organisation("Globex").await;
    for (organisation, days) in [(&acme, 1), (&acme, 2), (&acme, 3), (&globex, 365)] {
        let mut transaction = fresh.begin_for::<ManageKeys>(&organisation.id).await;
        transaction.insert_key(&key(organisation, days)).await.unwrap();
        transaction.commit().await.unwrap();
    }
    let mut reader = fresh.read().await;
    for (later, here, everywhere) in
        [(0, 3, 4), (86_400 - 1, 3, 4), (86_400, 2, 3), (3 * 86_400, 0, 1), (365 * 86_400, 0, 0)]
    {
        let now = NOW.plus_seconds(later);
        assert_eq!(reader.count_active_keys(&acme.id, now).await.unwrap(), here, "{later}");
        assert_eq!(reader.count_all_active_keys(now).await.unwrap(), everywhere, "{later}");
    }
}

async fn a_renamed_organisation_is_renamed_in_its_keys(fresh: Fresh) {
    let (acme, globex) = (fresh.organisation("Acme").await, fresh.organisation("Globex").await);
    let (ours, theirs) = (fresh.key(&acme).await, fresh.key(&globex).await);
    let mut transaction = fresh.begin_for::<ManageOrganisation>(&acme.id).await;
    transaction.rename_organisation(&Name::parse("Acme & Søn").unwrap()).await.unwrap();
    transaction.commit().await.unwrap();
    let mut reader = fresh.read().await;
    let found = reader.find_organisation(&acme.id).await.unwrap().unwrap();
    assert_eq!(found.name.as_str(), "Acme & Søn");
    let found = reader.find_key(&ours.id).await.unwrap().unwrap();
    assert_eq!(found.organisation_name, "Acme & Søn");
    assert_eq!(reader.find_key(&theirs.id).await.unwrap(), Some(theirs));
}

async fn the_overview_shows_the_newest_use_and_all_dead_secrets(fresh: Fresh) {
    let acme = fresh.organisation("Acme").await;
    let (used, unused) = (fresh.key(&acme).await, fresh.key(&acme).await);
    fresh.key(&fresh.organisation("Globex").await).await;
    let mut transaction = fresh.begin_for::<ManageKeys>(&acme.id).await;
    for (address, second) in [("192.0.2.1", 5), ("2001:db8::1", 9), ("192.0.2.2", 7)] {
        let source = RecentSource {
            address: address.into(),
            previous_secret: second == 9,
            user_agent: None,
            last_used_at: NOW.plus_seconds(second),
            exchange: (second != 9).then_some(Exchange {
                at: NOW.plus_seconds(second - 3),
                secret: if second == 5 { used.secret.digest } else { SecretDigest([9; 32]) },
            }),
            run: None,
        };
        transaction.note_key_sources(&[(&used.id, source)]).await.unwrap();
    }
    let mut now = used.clone();
    for times in [3, 4] {
        let (next, retired) = rotated(&now, NOW);
        transaction.retire_secret(&retired).await.unwrap();
        let at = NOW.plus_seconds(times);
        let seen = DeadSecretUse { key_id: now.id, digest: retired.digest, times, at, address: None };
        assert!(transaction.note_dead_secret(&seen).await.unwrap());
        now = next;
    }
    transaction.commit().await.unwrap();

    let mut reader = fresh.read().await;
    let all = reader.keys(&acme.id, None).await.unwrap();
    let ids: Vec<&KeyId> = all.iter().map(|overview| &overview.key.id).collect();
    let mut in_order = vec![&used.id, &unused.id];
    in_order.sort();
    assert_eq!(ids, in_order);
    let one = &reader.keys(&acme.id, Some(&used.id)).await.unwrap()[0];
    assert_eq!(one.last_used_at, Some(NOW.plus_seconds(9)));
    assert_eq!(one.last_used_from.as_deref(), Some("2001:db8::1"));
    assert_eq!(
        (one.secret_used_at, one.secret_used_from.as_deref()),
        (Some(NOW.plus_seconds(2)), Some("192.0.2.1"))
    );
    assert_eq!((one.dead_secret_uses, one.dead_secret_seen_at), (7, Some(NOW.plus_seconds(4))));
    let other = &reader.keys(&acme.id, Some(&unused.id)).await.unwrap()[0];
    assert_eq!((other.last_used_at, other.dead_secret_uses, other.dead_secret_seen_at), (None, 0, None));
}

async fn the_doors_learn_the_key_and_the_standing_of_its_tokens(fresh: Fresh) {
    let key = fresh.key(&fresh.organisation("Acme").await).await;
    let signing = crate::tables::signing::signing_key("kid-1", NOW);
    let mut transaction = fresh.begin().await;
    transaction.insert_signing_key(&signing).await.unwrap();
    transaction.commit().await.unwrap();
    fresh.revoke_token("tok_revoked", NOW).await;
    for (token, kid, revoked, alive) in [
        ("tok_good", "kid-1", false, true),
        ("tok_revoked", "kid-1", true, true),
        ("tok_good", "kid-2", false, false),
    ] {
        let token_check = fresh.store.find_key_for_token_check(&key.id, token, kid).await.unwrap().unwrap();
        assert_eq!(
            (token_check.label.as_str(), token_check.token_revoked(NOW)),
            (key.label.as_str(), revoked)
        );
        let exchange = fresh.store.find_key_for_issuance(&key.id, kid).await.unwrap().unwrap();
        for found in [token_check.key, exchange] {
            assert_eq!(
                (found.credential_state, found.signing_key_published),
                (key.credential_state(), alive)
            );
            assert_eq!(
                (&found.organisation_id, &found.organisation_name),
                (&key.organisation_id, &key.organisation_name)
            );
        }
    }
    let nobody = crate::data::key(&organisation("Globex"), 1).id;
    assert!(fresh.store.find_key_for_token_check(&nobody, "tok_good", "kid-1").await.unwrap().is_none());
    assert!(fresh.store.find_key_for_issuance(&nobody, "kid-1").await.unwrap().is_none());
}

/// Many at once, so that on PostgreSQL they share statements: each gets its own answer, strangers too.
async fn requests_that_come_together_get_each_its_own_answer(fresh: Fresh) {
    let acme = fresh.organisation("Acme").await;
    let mut keys = Vec::new();
    for _ in 0..10 {
        keys.push(fresh.key(&acme).await);
    }
    let nobody = crate::data::key(&organisation("Globex"), 1).id;
    let asked = (0..400).map(|number| {
        let (store, key, nobody) = (fresh.store.clone(), keys[number % 10].clone(), nobody.clone());
        tokio::spawn(async move {
            let id = if number % 7 == 0 { &nobody } else { &key.id };
            let expected = (number % 7 != 0).then(|| key.credential_state());
            let exchange = store.find_key_for_issuance(id, "kid-1").await.unwrap();
            assert_eq!(exchange.map(|found| found.credential_state), expected);
            let token_check =
                store.find_key_for_token_check(id, &format!("tok_{number}"), "kid-1").await.unwrap();
            assert_eq!(token_check.map(|found| found.key.credential_state), expected);
        })
    });
    for answer in asked.collect::<Vec<_>>() {
        answer.await.unwrap();
    }
}

async fn a_key_needs_an_organisation(fresh: Fresh) {
    let (stray, acme) = (key(&organisation("Nowhere"), 1), fresh.organisation("Acme").await);
    let nobody = Claim::Operator(stray.organisation_id.clone());
    let begun = fresh.store.begin_as::<ManageKeys>(&nobody, NOW, NOW).await.unwrap();
    assert!(matches!(begun.err(), Some(AuthorityRejection::Ended(Ended::NoMember))));
    // Nor is the authority over one organisation any over another.
    let mut transaction = fresh.begin_for::<ManageKeys>(&acme.id).await;
    let rejection = transaction.insert_key(&stray).await.unwrap_err();
    assert!(matches!(rejection, StoreError::Rejected(_)), "{rejection:?}");
}
