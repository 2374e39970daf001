//! No secret and no token is anywhere in the data.

use crate::{
    fixture::{ADA, Fixture, HOUR, MAX, Pair, at, on_both_engines},
    users::browser::{
        Guest, OTHER_PASSWORD, PASSWORD, Post, asks_for_link, code, command_line, enrol, refresh,
        refresh_token, secret_of, sign_in, sign_in_to_viewport,
    },
};
use domain::Role;
use service::keys::RotateKey;
use store::Location;

on_both_engines!(
    no_secret_and_no_token_is_in_any_table_or_file,
    nothing_that_lets_a_person_in_is_in_any_table_or_file,
);

async fn no_secret_and_no_token_is_in_any_table_or_file(fixture: Fixture) {
    let password = "correct horse battery staple";
    fixture.service.organisations().create(&at(0), "root", "Secretive", ADA, Some(password)).await.unwrap();
    let mut secrets = vec![password.to_owned(), fixture.master_key.to_base64().to_string()];

    let first = fixture.generate(0).await;
    let grace = RotateKey { grace_seconds: HOUR, end_issued_tokens: false };
    let second = fixture.rotate(1, &first, grace).await;
    let third = fixture.rotate(2, &second, grace).await;
    let revoked = fixture.generate(3).await;
    let guess = Pair { id: first.id.clone(), secret: "dks_a-guess-that-someone-made".into() };
    for pair in [&second, &third, &revoked] {
        let token = fixture.issue_token(4, pair).await;
        assert!(fixture.accepts(4, &token).await);
        fixture.service.tokens().introspect(&at(4), pair.credential(), &token).await.unwrap();
        fixture.service.tokens().revoke(&at(4), pair.credential(), &token).await.unwrap();
        secrets.push(token);
    }
    fixture.revoke(5, &revoked).await;
    for pair in [&first, &revoked, &guess] {
        fixture.rejection(6, pair).await;
    }
    let user =
        fixture.service.tokens().issue_for_user(&at(6), "root", ADA, Some(&fixture.acme)).await.unwrap();
    assert!(fixture.accepts(6, &user).await);
    secrets.push(user);
    secrets.extend([first, second, third, revoked, guess].map(|pair| pair.secret));
    secrets.push(report_target_with_secret(&fixture).await);
    fixture.service.keys().flush_usage(&at(7)).await.unwrap();

    assert_nowhere(&fixture, &secrets).await;
}

/// A deployment whose metadata hold a secret; it is reported again as it is read.
async fn report_target_with_secret(fixture: &Fixture) -> String {
    let products = fixture.service.products();
    let shop = products.create_subject(&at(0), &fixture.admin, "Shop", None, None).await.unwrap();
    let secret = "opens-the-protected-preview-4711";
    let mut target = domain::product::UncheckedTarget {
        build_key: "main".into(),
        name: "Preview".into(),
        version: "1".into(),
        environment: "preview".into(),
        metadata: Some(serde_json::json!({ "vercelAutomationBypassSecret": secret, "branch": "main" })),
        ..Default::default()
    };
    for second in [1, 2] {
        let id = shop.id.as_str();
        let kept = products.upsert_target(&at(second), &fixture.admin, id, target.clone()).await.unwrap();
        assert_eq!(kept.details.metadata.as_ref().unwrap()["vercelAutomationBypassSecret"], "(set)");
        let read = products.find_target(&fixture.admin, kept.id.as_str()).await.unwrap();
        assert_eq!(read.details.metadata, kept.details.metadata);
        target.metadata = read.details.metadata;
    }
    secret.to_owned()
}

async fn nothing_that_lets_a_person_in_is_in_any_table_or_file(fixture: Fixture) {
    let service = &fixture.service;
    let post = Post::of(service);
    let guest = Guest::of(&fixture, 0, ADA).await;
    let (phone, recovery) = enrol(&fixture, 0, &guest).await;
    let mut secrets = vec![PASSWORD.to_owned(), guest.cookie.clone()];
    secrets.push(guest.signed_in.cookie.expose().to_owned());
    secrets.push(phone.base32().to_string());
    let pending = sign_in(service, 60, ADA).await;
    secrets.push(pending.cookie.expose().to_owned());
    let given =
        service.users().give_second_factor(&at(60), pending.cookie.expose(), &recovery[0]).await.unwrap();
    secrets.push(given.cookie.expose().to_owned());
    for used in [true, false] {
        let code = code(service, 61, &given).await;
        if used {
            secrets.push(sign_in_to_viewport(service, 61, &code).await.unwrap());
        }
        secrets.push(code);
        let tokens = command_line(service, 62, &guest).await;
        let first = refresh_token(&tokens);
        let next = refresh(service, 63, &first).await.unwrap();
        secrets.extend([&first[..43], &first[43..], &refresh_token(&next)[43..]].map(str::to_owned));
        secrets.extend([tokens.access_token, next.access_token]);
        let start = service.users().start_device(&at(64), "duku-cli", "", "laptop").await.unwrap();
        secrets.push(start.device_code.expose().to_owned());
        // A link that was mailed, one that waits in the queue, and one that an operator carries.
        post.set_down(!used);
        let email = format!("new{used}@acme.example");
        let invited = service.users().invite(&at(65), &fixture.admin, &email, Role::Member).await.unwrap();
        secrets.push(secret_of(&invited.link, "invite"));
        asks_for_link(service, 66, MAX).await;
        service.operations().send_due_mail(&at(66)).await.unwrap();
        let link = secret_of(&service.users().make_reset_link(&at(67), "root", MAX).await.unwrap(), "reset");
        if used {
            service.users().reset_password(&at(68), &link, OTHER_PASSWORD).await.unwrap();
        }
        secrets.push(link);
    }
    secrets.push(OTHER_PASSWORD.to_owned());
    for mail in post.mails() {
        secrets.extend(mail.text.split_whitespace().filter_map(|word| {
            let (_, secret) = word.split_once("/reset/")?;
            Some(secret.to_owned())
        }));
    }
    secrets.extend(recovery.iter().flat_map(|code| [code.clone(), code.replace('-', "")]));
    assert_nowhere(&fixture, &secrets).await;
    // The phone's secret is not there as bytes either.
    let dump = fixture.database.dump().await;
    assert!(!dump.contains(&jose::hex(phone.as_bytes())));
}

async fn assert_nowhere(fixture: &Fixture, secrets: &[String]) {
    let mut places = vec![fixture.database.dump().await.into_bytes()];
    assert!(places[0].len() > 5000);
    if let Location::Sqlite(_) = fixture.database.location() {
        for file in std::fs::read_dir(fixture.database.dir.path()).unwrap() {
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
