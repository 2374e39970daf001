use super::*;
use crate::{Entropy, SecretDigest};

struct Zero;
impl Entropy for Zero {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

fn organisation() -> OrganisationId {
    OrganisationId::generate(NOW, &Zero)
}

fn claims(session: bool) -> TokenClaims {
    TokenClaims {
        subject: TokenSubject::User { id: UserId::generate(NOW, &Zero), client_id: "duku-cli".into() },
        organisation_id: organisation(),
        token_id: "t".into(),
        kid: "k".into(),
        issued_at: NOW.seconds() - 60,
        expires_at: NOW.seconds() + 240,
        token_epoch: 3,
        session_id: session.then(|| SessionId::generate(NOW, &Zero)),
        scopes: ScopeSet::DEFAULT,
        workload: None,
    }
}

fn user() -> UserFacts {
    UserFacts {
        role: Role::Admin,
        second_factor_required: false,
        token_epoch: 3,
        token_revoked: false,
        signing_key_published: true,
        session: Some(SessionFacts { authenticated_at: NOW, second_factor_proved: false }),
    }
}

#[test]
fn a_persons_token_ends_with_each_thing_that_it_stands_on() {
    let (with, without) = (claims(true), claims(false));
    assert_eq!(check_user_token(&with, Some(&user())), Ok(()));
    assert_eq!(check_user_token(&with, None), Err(Ended::NoMember));
    let ended = |change: fn(&mut UserFacts)| {
        let mut facts = user();
        change(&mut facts);
        (check_user_token(&with, Some(&facts)).err(), check_user_token(&without, Some(&facts)).err())
    };
    let both = |ended| (Some(ended), Some(ended));
    assert_eq!(ended(|user| user.token_epoch = 4), both(Ended::UserTokensEnded));
    assert_eq!(ended(|user| user.token_revoked = true), both(Ended::TokenRevoked));
    assert_eq!(ended(|user| user.signing_key_published = false), both(Ended::SigningKeyWithdrawn));
    assert_eq!(ended(|user| user.session = None), (Some(Ended::SessionEnded), None));
    let required = ended(|user| user.second_factor_required = true);
    assert_eq!(required, (Some(Ended::SecondFactorRequired), None));
}

#[test]
fn a_keys_token_ends_with_each_thing_that_it_stands_on() {
    let claims = claims(false);
    let own = organisation();
    let credential_state = CredentialState {
        secret: SecretDigest([0; 32]),
        grace: None,
        expires_at: NOW.plus_seconds(10),
        token_epoch: 3,
    };
    let facts = KeyFacts {
        credential_state: &credential_state,
        organisation_id: &own,
        token_revoked: false,
        signing_key_published: true,
    };
    let check = |facts| check_key_token(&claims, facts, NOW);
    assert_eq!(check(Some(facts)), Ok(()));
    assert_eq!(check(None), Err(Ended::KeyRevoked));
    let later = OrganisationId::generate(NOW.plus_seconds(1), &Zero);
    assert_eq!(check(Some(KeyFacts { organisation_id: &later, ..facts })), Err(Ended::KeyRevoked));
    assert_eq!(check(Some(KeyFacts { token_revoked: true, ..facts })), Err(Ended::TokenRevoked));
    let withdrawn = KeyFacts { signing_key_published: false, ..facts };
    assert_eq!(check(Some(withdrawn)), Err(Ended::SigningKeyWithdrawn));
    let newer = CredentialState { token_epoch: 4, ..credential_state };
    assert_eq!(check(Some(KeyFacts { credential_state: &newer, ..facts })), Err(Ended::KeyTokensEnded));
    let over = CredentialState { expires_at: NOW, ..credential_state };
    assert_eq!(check(Some(KeyFacts { credential_state: &over, ..facts })), Err(Ended::KeyExpired(NOW)));
}

#[test]
fn a_token_is_as_fresh_as_its_session_or_as_the_operators_word() {
    let old = NOW.plus_seconds(-5000);
    let session = Some(SessionFacts { authenticated_at: old, second_factor_proved: false });
    assert_eq!(proved_at(&claims(true), &UserFacts { session, ..user() }), old);
    assert_eq!(proved_at(&claims(false), &UserFacts { session, ..user() }), NOW.plus_seconds(-60));
    assert_eq!(proved_at(&claims(true), &UserFacts { session: None, ..user() }).ms(), 0);
}

#[test]
fn the_permission_table_holds_for_everyone_who_asks() {
    for capability in Capability::ALL {
        let allowed = |caller| check_capability(caller, ScopeSet::DEFAULT, capability).is_ok();
        assert_eq!(allowed(Caller::ApiKey), capability.of_api_key());
        assert!(allowed(Caller::Operator));
        for role in [Role::Member, Role::Admin] {
            assert_eq!(allowed(Caller::User(role)), capability.of_person(role), "{role} {capability:?}");
        }
    }
}

#[test]
fn a_reading_token_only_reads() {
    let reading = ScopeSet::parse("openid platform:read").unwrap();
    for caller in [Caller::ApiKey, Caller::User(Role::Admin)] {
        for capability in Capability::ALL {
            let allowed = check_capability(caller, reading, capability).is_ok();
            assert_eq!(allowed, capability == Capability::ViewProducts);
        }
    }
}

#[test]
fn only_products_change_without_a_fresh_proof() {
    for capability in Capability::ALL {
        let products = matches!(capability, Capability::ViewProducts | Capability::ChangeProducts);
        assert_eq!(capability.needs_fresh_proof(), !products);
    }
}
