//! Signing keys, and tokens that were revoked one by one.

use crate::data::{Fresh, NOW, on_both_engines};
use domain::Timestamp;
use store::{StoreError, StoredSigningKey};

on_both_engines!(
    signing_keys_come_in_the_order_in_which_they_sign,
    a_revoked_token_is_remembered_until_it_is_pruned,
);

pub(crate) fn signing_key(kid: &str, signs_from: Timestamp) -> StoredSigningKey {
    StoredSigningKey {
        kid: kid.to_owned(),
        algorithm: "ES256".to_owned(),
        public_jwk: "{}".to_owned(),
        sealed_private_key: vec![0, 255, 1, 0],
        created_at: NOW,
        signs_from,
    }
}

async fn signing_keys_come_in_the_order_in_which_they_sign(fresh: Fresh) {
    let mut transaction = fresh.begin().await;
    transaction.lock_signing_keys().await.unwrap();
    for (kid, second) in [("late", 9), ("early", 1), ("b", 5), ("a", 5)] {
        transaction.insert_signing_key(&signing_key(kid, NOW.plus_seconds(second))).await.unwrap();
    }
    transaction.commit().await.unwrap();
    let stored = fresh.read().await.signing_keys().await.unwrap();
    let kids: Vec<_> = stored.iter().map(|key| key.kid.as_str()).collect();
    assert_eq!(kids, ["early", "a", "b", "late"]);
    assert_eq!(stored[0].sealed_private_key, [0, 255, 1, 0]);
    assert_eq!((stored[0].created_at, stored[0].signs_from), (NOW, NOW.plus_seconds(1)));

    let taken = fresh.begin().await.insert_signing_key(&stored[0]).await.unwrap_err();
    assert!(matches!(taken, StoreError::Taken), "{taken:?}");
    let mut transaction = fresh.begin().await;
    assert!(transaction.delete_signing_key("early").await.unwrap());
    assert!(!transaction.delete_signing_key("early").await.unwrap());
    transaction.commit().await.unwrap();
    assert_eq!(fresh.read().await.signing_keys().await.unwrap().len(), 3);
}

async fn a_revoked_token_is_remembered_until_it_is_pruned(fresh: Fresh) {
    fresh.revoke_token("tok_1", NOW).await;
    fresh.revoke_token("tok_2", NOW.plus_seconds(1)).await;
    let key = fresh.key(&fresh.organisation("Acme").await).await.id;
    let revoked = async |token: &str, seconds: i64| {
        let token_check = fresh.store.find_key_for_token_check(&key, token, "kid").await.unwrap().unwrap();
        token_check.token_revoked(NOW.plus_seconds(seconds))
    };
    let mut transaction = fresh.begin().await;
    assert_eq!(transaction.forget_revocations(NOW.plus_seconds(-1), 10).await.unwrap(), 0);
    transaction.commit().await.unwrap();
    assert!(!revoked("tok_3", -5).await, "nothing was forgotten yet");
    let mut transaction = fresh.begin().await;
    assert_eq!(transaction.forget_revocations(NOW, 10).await.unwrap(), 1);
    assert_eq!(transaction.forget_revocations(NOW, 10).await.unwrap(), 0);
    transaction.commit().await.unwrap();
    // Every token of that time is rejected, revoked or not.
    for (token, seconds, expected) in
        [("tok_1", 0, true), ("tok_2", 1, true), ("tok_3", 0, true), ("tok_3", -5, true), ("tok_3", 1, false)]
    {
        assert_eq!(revoked(token, seconds).await, expected, "{token} {seconds}");
    }
    let mut transaction = fresh.begin().await;
    transaction.clear_forgotten_until().await.unwrap();
    transaction.commit().await.unwrap();
    assert!(!revoked("tok_1", 0).await);
}
