//! Introspection (RFC 7662) and revocation (RFC 7009) by clients.

use crate::house::{House, MAX, NO_GRACE, Pair, Told, at, generate, on_both_engines, reason, time, told};
use service::{exchange::Credential, introspection::TokenFacts, revocation::RevocationRefusal};

on_both_engines!(
    a_client_learns_of_tokens_of_its_own_organisation_only,
    a_node_judges_tokens_that_it_signed_as_another_does_that_checks_them,
    a_client_revokes_its_own_tokens_only,
    a_revoked_token_is_refused_on_every_node_at_once,
    a_client_that_is_not_let_in_learns_and_revokes_nothing,
);

async fn introspect(house: &House, pair: &Pair, seconds: i64, token: &str) -> Option<TokenFacts> {
    house.service.introspect(&at(seconds), pair.credential(), token).await.unwrap()
}

async fn a_client_learns_of_tokens_of_its_own_organisation_only(house: House) {
    let (own, sibling) = (house.generate(0).await, house.generate(0).await);
    let stranger = generate(&house.service, &house.outsider, 0).await.unwrap();
    let token = house.buy(10, &own).await;
    let expected = TokenFacts {
        scope: "openid".into(),
        client_id: own.id.clone(),
        username: None,
        subject: own.id.clone(),
        audience: crate::house::AUDIENCE.into(),
        issuer: crate::house::ISSUER.into(),
        token_id: crate::tokens::claims(&token)["jti"].as_str().unwrap().into(),
        issued_at: time(10).seconds(),
        expires_at: time(310).seconds(),
        organisation_id: house.acme.id.as_str().into(),
        organisation_name: "Acme".into(),
    };
    for client in [&own, &sibling] {
        assert_eq!(introspect(&house, client, 11, &token).await, Some(expected.clone()));
    }
    assert_eq!(introspect(&house, &stranger, 11, &token).await, None);
    for (seconds, nothing) in [(310, token.as_str()), (11, "x"), (11, ""), (0, token.as_str())] {
        assert_eq!(introspect(&house, &own, seconds, nothing).await, None);
    }
    let person = house.service.issue_person_token(&at(10), "root", MAX, None).await.unwrap();
    let facts = introspect(&house, &own, 11, &person).await.unwrap();
    assert_eq!((facts.username.as_deref(), facts.client_id.as_str()), (Some(MAX), "duku-admin"));
    // Asking is no use of the token's key.
    assert_eq!(house.service.get_key(&house.admin, &sibling.id).await.unwrap().last_used_at, None);
    house.revoke(12, &own).await;
    assert_eq!(introspect(&house, &sibling, 12, &token).await, None);
}

async fn a_node_judges_tokens_that_it_signed_as_another_does_that_checks_them(house: House) {
    let other = house.another_node(0).await;
    let own = house.generate(0).await;
    let key =
        house.service.exchange(&at(10), own.credential(), "platform:read openid").await.unwrap().access_token;
    let person = house.service.issue_person_token(&at(10), "root", MAX, None).await.unwrap();
    for token in [&key, &person] {
        let facts = introspect(&house, &own, 11, token).await.unwrap();
        assert_eq!(other.introspect(&at(11), own.credential(), token).await.unwrap(), Some(facts));
        let here = house.service.authenticate(&at(11), token).await.unwrap();
        let there = other.authenticate(&at(11), token).await.unwrap();
        assert_eq!(
            (here.scopes, here.actor(), here.organisation_id),
            (there.scopes, there.actor(), there.organisation_id)
        );
        for node in [&house.service, &other] {
            assert!(node.authenticate(&at(310), token).await.is_err(), "its time is over on every node");
        }
    }
}

async fn a_client_revokes_its_own_tokens_only(house: House) {
    let (own, sibling) = (house.generate(0).await, house.generate(0).await);
    let stranger = generate(&house.service, &house.outsider, 0).await.unwrap();
    let (token, spared) = (house.buy(10, &own).await, house.buy(10, &own).await);
    let person = house.service.issue_person_token(&at(10), "root", MAX, None).await.unwrap();
    let revoke = async |client: &Pair, token: &str| {
        house.service.revoke_token(&at(11), client.credential(), token).await
    };
    for (client, token) in [(&sibling, &token), (&own, &person)] {
        let refusal = revoke(client, token).await.unwrap_err();
        assert!(matches!(refusal, RevocationRefusal::NotYours), "{refusal:?}");
    }
    // Another organisation's client learns nothing, not even that the token is good.
    revoke(&stranger, &token).await.unwrap();
    revoke(&own, "no token").await.unwrap();
    for good in [&token, &spared, &person] {
        assert!(house.accepts(11, good).await);
    }
    revoke(&own, &token).await.unwrap();
    assert_eq!(reason(&house.service, 11, &token).await, "the token was revoked");
    assert!(house.accepts(11, &spared).await);
    revoke(&own, &token).await.unwrap();
}

async fn a_revoked_token_is_refused_on_every_node_at_once(house: House) {
    let other = house.another_node(0).await;
    let pair = house.generate(0).await;
    let token = house.buy(0, &pair).await;
    assert!(crate::house::accepts(&other, 1, &token).await);
    house.service.revoke_token(&at(1), pair.credential(), &token).await.unwrap();
    for node in [&other, &house.service] {
        assert_eq!(reason(node, 1, &token).await, "the token was revoked");
    }
    // It is forgotten only long after it would have expired anyway.
    let rows = "SELECT COUNT(*) FROM revoked_tokens WHERE token_id <> ''";
    for (seconds, left) in [(1, 1), (400, 1), (86_699, 1), (86_700, 0)] {
        house.service.every_minute(&at(seconds)).await.unwrap();
        assert_eq!(house.database.number(rows).await, left, "{seconds}");
    }
}

async fn a_client_that_is_not_let_in_learns_and_revokes_nothing(house: House) {
    let former = house.generate(0).await;
    let pair = house.rotate(5, &former, NO_GRACE).await;
    let token = house.buy(10, &pair).await;
    let unknown = Credential { client_id: "nobody", client_secret: "nothing" };
    for (client, expected) in [(former.credential(), Told::Rotated(time(5))), (unknown, Told::Unknown)] {
        let refusal = house.service.introspect(&at(11), client, &token).await.unwrap_err();
        assert_eq!(told(refusal), expected);
        match house.service.revoke_token(&at(11), client, &token).await {
            Err(RevocationRefusal::Client(refusal)) => assert_eq!(told(refusal), expected),
            other => panic!("{other:?}"),
        }
    }
    assert!(house.accepts(11, &token).await);
}
