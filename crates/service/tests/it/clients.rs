//! Introspection (RFC 7662) and revocation (RFC 7009) by clients.

use crate::fixture::{
    Fixture, MAX, NO_GRACE, Pair, Reply, at, generate, on_both_engines, reason, time, told,
};
use service::tokens::{
    client_authentication::Credential, introspection::TokenFacts, revocation::RevocationRejection,
};

on_both_engines!(
    a_client_learns_of_tokens_of_its_own_organisation_only,
    a_node_judges_tokens_that_it_signed_as_another_does_that_checks_them,
    a_client_revokes_its_own_tokens_only,
    a_revoked_token_is_rejected_on_every_node_at_once,
    an_unauthenticated_client_learns_and_revokes_nothing,
);

async fn introspect(fixture: &Fixture, pair: &Pair, seconds: i64, token: &str) -> Option<TokenFacts> {
    fixture.service.tokens().introspect(&at(seconds), pair.credential(), token).await.unwrap()
}

async fn a_client_learns_of_tokens_of_its_own_organisation_only(fixture: Fixture) {
    let (own, sibling) = (fixture.generate(0).await, fixture.generate(0).await);
    let stranger = generate(&fixture.service, &fixture.outsider, 0).await.unwrap();
    let token = fixture.issue_token(10, &own).await;
    let expected = TokenFacts {
        scope: "openid".into(),
        client_id: own.id.clone(),
        username: None,
        subject: own.id.clone(),
        audience: crate::fixture::AUDIENCE.into(),
        issuer: crate::fixture::ISSUER.into(),
        token_id: crate::tokens::claims(&token)["jti"].as_str().unwrap().into(),
        issued_at: time(10).seconds(),
        expires_at: time(310).seconds(),
        organisation_id: fixture.acme.id.as_str().into(),
        organisation_name: "Acme".into(),
        workload: None,
    };
    for client in [&own, &sibling] {
        assert_eq!(introspect(&fixture, client, 11, &token).await, Some(expected.clone()));
    }
    assert_eq!(introspect(&fixture, &stranger, 11, &token).await, None);
    for (seconds, nothing) in [(310, token.as_str()), (11, "x"), (11, ""), (0, token.as_str())] {
        assert_eq!(introspect(&fixture, &own, seconds, nothing).await, None);
    }
    let user = fixture.service.tokens().issue_for_user(&at(10), "root", MAX, None).await.unwrap();
    let facts = introspect(&fixture, &own, 11, &user).await.unwrap();
    assert_eq!((facts.username.as_deref(), facts.client_id.as_str()), (Some(MAX), "duku-admin"));
    // Asking is no use of the token's key.
    assert_eq!(fixture.service.keys().get(&fixture.admin, &sibling.id).await.unwrap().last_used_at, None);
    fixture.revoke(12, &own).await;
    assert_eq!(introspect(&fixture, &sibling, 12, &token).await, None);
}

async fn a_node_judges_tokens_that_it_signed_as_another_does_that_checks_them(fixture: Fixture) {
    let other = fixture.another_node(0).await;
    let own = fixture.generate(0).await;
    let key = fixture
        .service
        .tokens()
        .issue_for_client(&at(10), own.credential(), "platform:read openid")
        .await
        .unwrap()
        .access_token;
    let user = fixture.service.tokens().issue_for_user(&at(10), "root", MAX, None).await.unwrap();
    for token in [&key, &user] {
        let facts = introspect(&fixture, &own, 11, token).await.unwrap();
        assert_eq!(other.tokens().introspect(&at(11), own.credential(), token).await.unwrap(), Some(facts));
        let here = fixture.service.tokens().authenticate(&at(11), token).await.unwrap();
        let there = other.tokens().authenticate(&at(11), token).await.unwrap();
        assert_eq!(
            (here.scopes, here.actor(), here.organisation_id),
            (there.scopes, there.actor(), there.organisation_id)
        );
        for node in [&fixture.service, &other] {
            assert!(
                node.tokens().authenticate(&at(310), token).await.is_err(),
                "its time is over on every node"
            );
        }
    }
}

async fn a_client_revokes_its_own_tokens_only(fixture: Fixture) {
    let (own, sibling) = (fixture.generate(0).await, fixture.generate(0).await);
    let stranger = generate(&fixture.service, &fixture.outsider, 0).await.unwrap();
    let (token, spared) = (fixture.issue_token(10, &own).await, fixture.issue_token(10, &own).await);
    let user = fixture.service.tokens().issue_for_user(&at(10), "root", MAX, None).await.unwrap();
    let revoke = async |client: &Pair, token: &str| {
        fixture.service.tokens().revoke(&at(11), client.credential(), token).await
    };
    for (client, token) in [(&sibling, &token), (&own, &user)] {
        let rejection = revoke(client, token).await.unwrap_err();
        assert!(matches!(rejection, RevocationRejection::NotYours), "{rejection:?}");
    }
    // Another organisation's client learns nothing, not even that the token is good.
    revoke(&stranger, &token).await.unwrap();
    revoke(&own, "no token").await.unwrap();
    for good in [&token, &spared, &user] {
        assert!(fixture.accepts(11, good).await);
    }
    revoke(&own, &token).await.unwrap();
    assert_eq!(reason(&fixture.service, 11, &token).await, "the token was revoked");
    assert!(fixture.accepts(11, &spared).await);
    revoke(&own, &token).await.unwrap();
}

async fn a_revoked_token_is_rejected_on_every_node_at_once(fixture: Fixture) {
    let other = fixture.another_node(0).await;
    let pair = fixture.generate(0).await;
    let token = fixture.issue_token(0, &pair).await;
    assert!(crate::fixture::accepts(&other, 1, &token).await);
    fixture.service.tokens().revoke(&at(1), pair.credential(), &token).await.unwrap();
    for node in [&other, &fixture.service] {
        assert_eq!(reason(node, 1, &token).await, "the token was revoked");
    }
    // It is forgotten only long after it would have expired anyway.
    let rows = "SELECT COUNT(*) FROM revoked_tokens WHERE token_id <> ''";
    for (seconds, left) in [(1, 1), (400, 1), (86_699, 1), (86_700, 0)] {
        fixture.service.operations().every_minute(&at(seconds)).await.unwrap();
        assert_eq!(fixture.database.number(rows).await, left, "{seconds}");
    }
}

async fn an_unauthenticated_client_learns_and_revokes_nothing(fixture: Fixture) {
    let former = fixture.generate(0).await;
    let pair = fixture.rotate(5, &former, NO_GRACE).await;
    let token = fixture.issue_token(10, &pair).await;
    let unknown = Credential { client_id: "nobody", client_secret: "nothing" };
    for (client, expected) in [(former.credential(), Reply::Rotated(time(5))), (unknown, Reply::Unknown)] {
        let rejection = fixture.service.tokens().introspect(&at(11), client, &token).await.unwrap_err();
        assert_eq!(told(rejection), expected);
        match fixture.service.tokens().revoke(&at(11), client, &token).await {
            Err(RevocationRejection::Client(rejection)) => assert_eq!(told(rejection), expected),
            other => panic!("{other:?}"),
        }
    }
    assert!(fixture.accepts(11, &token).await);
}
