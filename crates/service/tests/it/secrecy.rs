//! No secret and no token is anywhere in the data.

use crate::house::{ADA, HOUR, House, Pair, at, on_both_engines};
use service::keys::RotateKey;
use store::Location;

on_both_engines!(no_secret_and_no_token_is_in_any_table_or_file);

async fn no_secret_and_no_token_is_in_any_table_or_file(house: House) {
    let password = "correct horse battery staple";
    house.service.create_organisation(&at(0), "root", "Secretive", ADA, Some(password)).await.unwrap();
    let mut secrets = vec![password.to_owned(), house.master_key.to_base64().to_string()];

    let first = house.generate(0).await;
    let grace = RotateKey { grace_seconds: HOUR, end_issued_tokens: false };
    let second = house.rotate(1, &first, grace).await;
    let third = house.rotate(2, &second, grace).await;
    let revoked = house.generate(3).await;
    let guess = Pair { id: first.id.clone(), secret: "dks_a-guess-that-someone-made".into() };
    for pair in [&second, &third, &revoked] {
        let token = house.buy(4, pair).await;
        assert!(house.accepts(4, &token).await);
        house.service.introspect(&at(4), pair.credential(), &token).await.unwrap();
        house.service.revoke_token(&at(4), pair.credential(), &token).await.unwrap();
        secrets.push(token);
    }
    house.revoke(5, &revoked).await;
    for pair in [&first, &revoked, &guess] {
        house.refusal(6, pair).await;
    }
    let person = house.service.issue_person_token(&at(6), "root", ADA, Some(&house.acme)).await.unwrap();
    assert!(house.accepts(6, &person).await);
    secrets.push(person);
    secrets.extend([first, second, third, revoked, guess].map(|pair| pair.secret));
    house.service.flush_usage(&at(7)).await.unwrap();

    let mut places = vec![house.database.dump().await.into_bytes()];
    assert!(places[0].len() > 5000);
    if let Location::Sqlite(_) = house.database.location() {
        for file in std::fs::read_dir(house.database.dir.path()).unwrap() {
            places.push(std::fs::read(file.unwrap().path()).unwrap());
        }
        assert_eq!(places.len(), 4, "the file, its log and the log's index");
    }
    for secret in secrets {
        // The signature alone would not do, but neither is a part of it there.
        let part = secret.rsplit('.').next().unwrap().as_bytes();
        for place in &places {
            assert!(!place.windows(part.len()).any(|bytes| bytes == part), "a secret is in the data");
        }
    }
}
