//! Products and targets: pages by id, and nothing across an organisation's boundary.

use crate::data::{Fresh, NOW, on_both_engines, subject, target};
use domain::{Name, Organisation, Subject, Target, authority::ChangeProducts};
use store::StoreError;

on_both_engines!(
    products_and_targets_come_back_as_they_were_stored,
    a_build_key_names_one_target_of_a_product,
    another_organisations_things_are_not_there,
    a_deleted_product_takes_its_targets_along,
    pages_of_products_and_targets_follow_each_other,
    lists_of_several_products_are_those_of_each,
);

/// An organisation with a product that has a target.
async fn stocked(fresh: &Fresh, name: &str) -> (Organisation, Subject, Target) {
    let organisation = fresh.organisation(name).await;
    let subject = subject(&organisation, "Shop");
    let target = target(&subject, "staging");
    let mut transaction = fresh.begin_for::<ChangeProducts>(&organisation.id).await;
    transaction.insert_subject(&subject).await.unwrap();
    transaction.insert_target(&target).await.unwrap();
    transaction.commit().await.unwrap();
    (organisation, subject, target)
}

async fn products_and_targets_come_back_as_they_were_stored(fresh: Fresh) {
    let (acme, mut subject, mut target) = stocked(&fresh, "Acme").await;
    let mut transaction = fresh.begin_for::<ChangeProducts>(&acme.id).await;
    assert_eq!(transaction.find_subject(&acme.id, &subject.id).await.unwrap().as_ref(), Some(&subject));
    assert_eq!(transaction.find_target(&acme.id, &target.id).await.unwrap().as_ref(), Some(&target));

    subject.details.name = Name::parse("Shop 2").unwrap();
    subject.details.description = None;
    subject.details.base_url = None;
    subject.updated_at = NOW.plus_seconds(5);
    target.details.description = None;
    target.details.version = "2.0.0".into();
    target.details.build_number = None;
    target.details.build_url = None;
    target.details.metadata = None;
    target.updated_at = NOW.plus_seconds(5);
    assert!(transaction.update_subject(&subject).await.unwrap());
    assert!(transaction.update_target(&target).await.unwrap());
    transaction.commit().await.unwrap();
    let mut reader = fresh.read().await;
    assert_eq!(reader.find_subject(&acme.id, &subject.id).await.unwrap(), Some(subject));
    assert_eq!(reader.find_target(&acme.id, &target.id).await.unwrap(), Some(target));
}

async fn a_build_key_names_one_target_of_a_product(fresh: Fresh) {
    let (acme, subject, first) = stocked(&fresh, "Acme").await;
    let mut transaction = fresh.begin_for::<ChangeProducts>(&acme.id).await;
    let found = transaction.find_target_by_build_key(&acme.id, &subject.id, "staging").await.unwrap();
    assert_eq!(found, Some(first));
    assert_eq!(transaction.find_target_by_build_key(&acme.id, &subject.id, "Staging").await.unwrap(), None);
    let again = target(&subject, "staging");
    assert!(matches!(transaction.insert_target(&again).await, Err(StoreError::Taken)));
    drop(transaction);
    let other = crate::data::subject(&acme, "Blog");
    let mut transaction = fresh.begin_for::<ChangeProducts>(&acme.id).await;
    transaction.insert_subject(&other).await.unwrap();
    transaction.insert_target(&target(&other, "staging")).await.unwrap();
    transaction.commit().await.unwrap();
}

async fn another_organisations_things_are_not_there(fresh: Fresh) {
    let (_, subject, target) = stocked(&fresh, "Acme").await;
    let (globex, ..) = stocked(&fresh, "Globex").await;
    let before = fresh.database.dump().await;
    let mut transaction = fresh.begin_for::<ChangeProducts>(&globex.id).await;
    assert_eq!(transaction.find_subject(&globex.id, &subject.id).await.unwrap(), None);
    assert_eq!(transaction.lock_subject(&subject.id).await.unwrap(), None);
    assert_eq!(transaction.find_target(&globex.id, &target.id).await.unwrap(), None);
    assert_eq!(transaction.find_target_by_build_key(&globex.id, &subject.id, "staging").await.unwrap(), None);
    assert_eq!(transaction.targets(&globex.id, Some(&subject.id), None, 9).await.unwrap(), []);
    assert_eq!(transaction.targets(&globex.id, None, None, 9).await.unwrap().len(), 1);
    assert_eq!(transaction.subjects(&globex.id, None, 9).await.unwrap().len(), 1);
    assert_eq!(transaction.delete_subject(&subject.id).await.unwrap(), 0);
    assert!(!transaction.delete_target(&target.id).await.unwrap());
    // As it is in the other organisation, the transaction has no authority over it at all.
    assert!(matches!(transaction.update_subject(&subject).await, Err(StoreError::Rejected(_))));
    assert!(matches!(transaction.update_target(&target).await, Err(StoreError::Rejected(_))));
    let stolen = Subject { organisation_id: globex.id.clone(), ..subject };
    assert!(!transaction.update_subject(&stolen).await.unwrap());
    let stolen = Target { organisation_id: globex.id, ..target };
    assert!(!transaction.update_target(&stolen).await.unwrap());
    transaction.commit().await.unwrap();
    assert_eq!(fresh.database.dump().await, before);
}

async fn a_deleted_product_takes_its_targets_along(fresh: Fresh) {
    let (acme, subject, first) = stocked(&fresh, "Acme").await;
    let mut transaction = fresh.begin_for::<ChangeProducts>(&acme.id).await;
    transaction.insert_target(&target(&subject, "production")).await.unwrap();
    assert_eq!(transaction.delete_subject(&subject.id).await.unwrap(), 2);
    transaction.commit().await.unwrap();
    let mut reader = fresh.read().await;
    assert_eq!(reader.find_subject(&acme.id, &subject.id).await.unwrap(), None);
    assert_eq!(reader.find_target(&acme.id, &first.id).await.unwrap(), None);
}

async fn pages_of_products_and_targets_follow_each_other(fresh: Fresh) {
    let acme = fresh.organisation("Acme").await;
    let (mut subjects, mut targets) = (Vec::new(), Vec::new());
    let mut transaction = fresh.begin_for::<ChangeProducts>(&acme.id).await;
    for number in 0..5 {
        let subject = subject(&acme, &format!("Product {number}"));
        transaction.insert_subject(&subject).await.unwrap();
        for key in ["a", "b", "c"] {
            let target = target(&subject, key);
            transaction.insert_target(&target).await.unwrap();
            targets.push(target.id);
        }
        subjects.push(subject.id);
    }
    transaction.commit().await.unwrap();
    subjects.sort();
    targets.sort();

    let mut reader = fresh.read().await;
    let (mut paged, mut all) = (Vec::new(), Vec::new());
    for length in [2, 2, 1, 0] {
        let page = reader.subjects(&acme.id, paged.last(), 2).await.unwrap();
        assert_eq!(page.len(), length);
        paged.extend(page.into_iter().map(|subject| subject.id));
    }
    for length in [7, 7, 1, 0] {
        let page = reader.targets(&acme.id, None, all.last(), 7).await.unwrap();
        assert_eq!(page.len(), length);
        all.extend(page.into_iter().map(|target| target.id));
    }
    assert_eq!((&paged, &all), (&subjects, &targets));
    let first = reader.targets(&acme.id, Some(&subjects[0]), None, 2).await.unwrap();
    let rest = reader.targets(&acme.id, Some(&subjects[0]), Some(&first[1].id), 2).await.unwrap();
    assert_eq!((first.len(), rest.len()), (2, 1));
    assert!(first[0].id < first[1].id && first[1].id < rest[0].id);
}

/// What the fields of a list ask for together must be what each would get alone.
async fn lists_of_several_products_are_those_of_each(fresh: Fresh) {
    let (acme, shop, _) = stocked(&fresh, "Acme").await;
    let (_, foreign, _) = stocked(&fresh, "Globex").await;
    let mut subjects = vec![shop];
    let mut transaction = fresh.begin_for::<ChangeProducts>(&acme.id).await;
    for number in 0..3 {
        let other = subject(&acme, &format!("Product {number}"));
        transaction.insert_subject(&other).await.unwrap();
        for build in 0..number * 2 {
            transaction.insert_target(&target(&other, &format!("build {build}"))).await.unwrap();
        }
        subjects.push(other);
    }
    transaction.commit().await.unwrap();
    let mut reader = fresh.read().await;
    let mut ids: Vec<_> = subjects.iter().map(|subject| subject.id.clone()).collect();
    ids.push(foreign.id.clone());
    let mut found = reader.subjects_by_ids(&acme.id, &ids).await.unwrap();
    found.sort_by(|a, b| a.id.cmp(&b.id));
    subjects.sort_by(|a, b| a.id.cmp(&b.id));
    assert_eq!(found, subjects, "and nothing of another organisation");

    let all = reader.targets_of_subjects(&acme.id, &ids, None, 1000).await.unwrap();
    let somewhere = all[all.len() / 2].id.clone();
    for (after, first) in
        [(None, 1000), (None, 2), (None, 1), (Some(&somewhere), 1000), (Some(&somewhere), 1)]
    {
        let mut expected = Vec::new();
        for subject in &subjects {
            expected.extend(reader.targets(&acme.id, Some(&subject.id), after, first).await.unwrap());
        }
        let found = reader.targets_of_subjects(&acme.id, &ids, after, first).await.unwrap();
        assert_eq!(found, expected, "{after:?} {first}");
    }
    assert_eq!(reader.targets_of_subjects(&acme.id, &[], None, 10).await.unwrap(), []);
}
