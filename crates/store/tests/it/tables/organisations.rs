//! Organisations: unique names, pages, locks and policies.

use crate::data::{Fresh, on_both_engines, organisation};
use domain::{KeyPolicy, Lifetime, Name, Organisation, authority::ManageOrganisation};
use futures::future::join_all;
use store::StoreError;

on_both_engines!(
    an_organisation_comes_back_as_it_was_stored,
    a_name_belongs_to_one_organisation_however_many_ask_at_once,
    pages_follow_each_other_without_gap_or_overlap,
);

async fn an_organisation_comes_back_as_it_was_stored(fresh: Fresh) {
    let acme = fresh.organisation("Acme, \"the\" {company} 100 % 🦀").await;
    let policy = KeyPolicy::new(Lifetime::from_days(7).unwrap(), Lifetime::from_days(30).unwrap()).unwrap();
    let mut transaction = fresh.begin_for::<ManageOrganisation>(&acme.id).await;
    transaction.set_key_policy(policy).await.unwrap();
    transaction.commit().await.unwrap();
    let expected = Organisation { key_policy: policy, ..acme };
    let mut reader = fresh.read().await;
    assert_eq!(reader.find_organisation(&expected.id).await.unwrap().as_ref(), Some(&expected));
    let by_name = reader.find_organisation_by_name(expected.name.as_str()).await.unwrap();
    assert_eq!(by_name.as_ref(), Some(&expected));
    assert_eq!(reader.find_organisation_by_name("acme").await.unwrap(), None);
}

async fn a_name_belongs_to_one_organisation_however_many_ask_at_once(fresh: Fresh) {
    let other = fresh.another_store().await;
    let asks = (0..10).map(|number| {
        let store = if number % 2 == 0 { fresh.store.clone() } else { other.clone() };
        tokio::spawn(async move {
            let mut transaction = store.begin().await.unwrap();
            transaction.insert_organisation(&organisation("Acme")).await?;
            transaction.commit().await
        })
    });
    let answers: Vec<_> = join_all(asks).await.into_iter().map(Result::unwrap).collect();
    let taken = answers.iter().filter(|answer| matches!(answer, Err(StoreError::Taken))).count();
    assert_eq!((answers.iter().filter(|answer| answer.is_ok()).count(), taken), (1, 9), "{answers:?}");

    let globex = fresh.organisation("Globex").await;
    let renamed = fresh
        .begin_for::<ManageOrganisation>(&globex.id)
        .await
        .rename_organisation(&Name::parse("Acme").unwrap())
        .await;
    assert!(matches!(renamed, Err(StoreError::Taken)), "{renamed:?}");
}

async fn pages_follow_each_other_without_gap_or_overlap(fresh: Fresh) {
    let mut all = Vec::new();
    for number in 0..7 {
        all.push(fresh.organisation(&format!("Organisation {number}")).await.id);
    }
    all.sort();
    let mut paged = Vec::new();
    let mut reader = fresh.read().await;
    loop {
        let page = reader.organisations(paged.last(), 3).await.unwrap();
        assert!(page.len() <= 3);
        if page.is_empty() {
            break;
        }
        paged.extend(page.into_iter().map(|organisation| organisation.id));
    }
    assert_eq!(paged, all);
}
