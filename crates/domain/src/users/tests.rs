use super::{
    device_grant::{self, Approval, DeviceDecision, DeviceEnd},
    membership::organisation_to_enter,
    session::{CommandLineLimits, SignInProof, device_name},
};
use crate::{
    AuthorizationCode, DeviceGrant, DeviceState, Email, Entropy, Invitation, InvitationEnd, InvitationId,
    LinkState, Membership, OneTimeLink, OrganisationId, QueuedMail, RequestContext, Role, Session, SessionId,
    SessionKind, Timestamp, UserId,
};
use proptest::prelude::*;
use std::sync::atomic::{AtomicU8, Ordering};

/// Bytes that count up in steps of 31, so that letters and ids differ.
struct Counting(AtomicU8);

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill_with(|| self.0.fetch_add(31, Ordering::Relaxed));
    }
}

fn entropy() -> &'static Counting {
    static ENTROPY: Counting = Counting(AtomicU8::new(0));
    &ENTROPY
}

const WEEK: i64 = 7 * 86_400;
const LIMITS: CommandLineLimits = CommandLineLimits { unused: 30 * 86_400, maximum: 90 * 86_400 };

fn at(seconds: i64) -> RequestContext {
    RequestContext::background(Timestamp::from_seconds(seconds), "test")
}

fn sign_in(proof: SignInProof) -> Session {
    let id = SessionId::generate(at(0).now, entropy());
    let user = UserId::generate(at(0).now, entropy());
    Session::sign_in(id, user, proof, "Firefox", &at(0), WEEK)
}

#[test]
fn a_sign_in_that_awaits_its_second_factor_has_ten_minutes_and_a_complete_one_its_lifetime() {
    let pending = sign_in(SignInProof::FirstFactor);
    assert_eq!((pending.expires_at, pending.second_factor_at), (Timestamp::from_seconds(600), None));
    let complete = pending.pending().unwrap().complete(at(60).now, WEEK);
    assert_eq!((complete.kind, complete.second_factor_at), (SessionKind::SignIn, Some(at(60).now)));
    assert_eq!(complete.expires_at, Timestamp::from_seconds(60 + WEEK));
    assert!(complete.pending().is_none());
    assert_eq!(sign_in(SignInProof::Password).second_factor_at, None);
    assert_eq!(sign_in(SignInProof::Passkey).second_factor_at, Some(at(0).now));
}

#[test]
fn a_name_of_a_device_is_short_and_printable() {
    assert_eq!(device_name(" Fire\u{7}fox\n"), "Firefox");
    assert_eq!(device_name("\n"), "unknown");
    assert_eq!(device_name(&"x".repeat(1000)).len(), 200);
}

proptest! {
    #[test]
    fn a_session_in_viewport_ends_no_later_than_its_sign_in(seconds in 0..WEEK, idle in 0i64..100_000) {
        let parent = sign_in(SignInProof::Password);
        let id = SessionId::generate(at(seconds).now, entropy());
        let child = parent.clone().in_viewport(id, None, "Firefox", &at(seconds), idle);
        prop_assert_eq!((child.root(), parent.root()), (&parent.id, &parent.id));
        prop_assert_eq!(child.authenticated_at, parent.authenticated_at);
        prop_assert!(child.expires_at <= parent.expires_at);
        prop_assert!(child.is_idle(at(seconds + idle).now, idle));
    }

    #[test]
    fn a_command_line_that_is_used_ends_at_its_maximum(uses in prop::collection::vec(1i64..LIMITS.unused, 1..20)) {
        let (mut session, mut now) = (sign_in(SignInProof::Password), 0);
        for pause in uses {
            now += pause;
            session = session.refresh(&at(now), LIMITS);
            prop_assert!(session.expires_at <= Timestamp::from_seconds(LIMITS.maximum));
            prop_assert!(session.expires_at <= Timestamp::from_seconds(now + LIMITS.unused));
        }
    }

    #[test]
    fn a_proof_is_fresh_until_its_seconds_are_over(seconds in 0i64..10_000, since in 0i64..10_000) {
        prop_assert_eq!(sign_in(SignInProof::Password).is_fresh(at(since).now, seconds), since < seconds);
    }
}

#[test]
fn the_last_organisation_is_entered_while_the_user_belongs_to_it() {
    let [acme, globex] = [0, 1].map(|ms| OrganisationId::generate(Timestamp::from_ms(ms), entropy()));
    let of = |organisation_id: &OrganisationId| Membership {
        organisation_id: organisation_id.clone(),
        organisation_name: String::new(),
        role: Role::Member,
    };
    let both = [of(&acme), of(&globex)];
    assert_eq!(organisation_to_enter(Some(globex.clone()), &both), Some(globex.clone()));
    assert_eq!(organisation_to_enter(Some(globex), &both[..1]), Some(acme.clone()));
    assert_eq!(organisation_to_enter(None, &both), Some(acme.clone()));
    assert_eq!(organisation_to_enter(Some(acme), &[]), None);
}

#[test]
fn an_invitation_is_open_until_it_ends_expires_or_its_inviter_may_not_invite_any_more() {
    let (now, later) = (Timestamp::from_seconds(0), Timestamp::from_seconds(1));
    let open = Invitation {
        id: InvitationId::generate(now, entropy()),
        organisation_id: OrganisationId::generate(now, entropy()),
        organisation_name: "Acme".into(),
        email: Email::parse("ada@example.org").unwrap(),
        role: Role::Member,
        created_at: now,
        created_by: "operator".into(),
        inviter: None,
        expires_at: later,
        end: None,
    };
    assert!(matches!(open.clone().state(true, now), LinkState::Open(_)));
    assert!(matches!(open.clone().state(true, later), LinkState::Expired));
    assert!(matches!(open.clone().state(false, now), LinkState::Used));
    assert!(!open.was_accepted_by(&open.email));
    let accepted = Invitation { end: Some((now, InvitationEnd::Accepted)), ..open };
    assert!(accepted.was_accepted_by(&accepted.email));
    assert!(matches!(accepted.state(true, later), LinkState::Used));
}

#[test]
fn a_link_works_until_it_is_used_or_its_time_is_over() {
    let (now, later) = (Timestamp::from_seconds(0), Timestamp::from_seconds(1));
    let link = OneTimeLink { user: None, expires_at: later, consumed_at: None };
    assert_eq!(link.setup(false, now), LinkState::Open(()));
    assert_eq!(link.setup(false, later), LinkState::Expired);
    assert_eq!(link.setup(true, later), LinkState::Used);
    assert_eq!(link.clone().reset(now), LinkState::Unknown);
    let user = (UserId::generate(now, entropy()), Email::parse("ada@example.org").unwrap());
    let link = OneTimeLink { user: Some(user.clone()), ..link };
    assert_eq!(link.clone().reset(now).open(), Some(user));
    assert_eq!(link.clone().reset(later).open(), None);
    let consumed = OneTimeLink { consumed_at: Some(now), ..link };
    assert_eq!(consumed.reset(later), LinkState::Used);
}

#[test]
fn a_code_is_good_for_its_client_its_redirect_uri_its_verifier_and_its_time() {
    let (now, later) = (Timestamp::from_seconds(0), Timestamp::from_seconds(60));
    let code = AuthorizationCode {
        client_id: "viewport".into(),
        redirect_uri: "https://duku.example/login/callback".into(),
        challenge: String::new(),
        scope: String::new(),
        nonce: None,
        session_id: SessionId::generate(now, entropy()),
        user_id: UserId::generate(now, entropy()),
        expires_at: later,
        consumed_at: None,
    };
    let uri = code.redirect_uri.as_str();
    assert_eq!(code.check("viewport", uri, true, now), Ok(()));
    for (client, uri, fits, now) in [
        ("viewport", uri, true, later),
        ("duku-cli", uri, true, now),
        ("viewport", "https://duku.example/login/callback/", true, now),
        ("viewport", uri, false, now),
    ] {
        assert!(code.check(client, uri, fits, now).is_err());
    }
}

#[test]
fn user_codes_are_read_however_they_are_typed() {
    let ctx = at(0);
    let code = DeviceGrant::begin(entropy(), "duku-cli", String::new(), "laptop", &ctx, 600).user_code;
    assert_eq!(code.len(), 8);
    assert!(code.bytes().all(|letter| letter.is_ascii_uppercase() && !b"AEIOUY".contains(&letter)));
    let shown = device_grant::shown_user_code(&code);
    assert_eq!(device_grant::typed_user_code(&shown.to_lowercase()), code);
    assert_eq!(device_grant::typed_user_code(&format!(" {} {} ", &code[..4], &code[4..])), code);
}

#[test]
fn a_device_gets_tokens_once_in_time_and_only_if_it_was_approved() {
    let ctx = RequestContext::background(Timestamp::from_seconds(0), "test");
    let (now, over) = (ctx.now, Timestamp::from_seconds(600));
    let grant = DeviceGrant::begin(entropy(), "duku-cli", String::new(), "laptop", &ctx, 600);
    assert!(matches!(grant.clone().at(now), Ok(DeviceState::Waiting)) && grant.is_waiting(now));
    assert!(matches!(grant.clone().at(over), Err(DeviceEnd::Expired)) && !grant.is_waiting(over));
    assert_eq!(grant.next_poll(now), Timestamp::from_seconds(5));
    let approval = Approval {
        user_id: UserId::generate(now, entropy()),
        organisation_id: OrganisationId::generate(now, entropy()),
        authenticated_at: Some(now),
        second_factor_at: None,
    };
    let decided = |decision| DeviceGrant { decision: Some(decision), ..grant.clone() };
    let denied = decided(DeviceDecision::Denied);
    assert!(!denied.is_waiting(now) && matches!(denied.at(now), Ok(DeviceState::Denied)));
    let approved = decided(DeviceDecision::Approved(approval));
    assert!(matches!(approved.clone().at(over), Err(DeviceEnd::Expired)));
    let Ok(DeviceState::Approved(device)) = approved.clone().at(now) else { panic!("approved") };
    let limits = CommandLineLimits { unused: 30, maximum: 90 };
    let id = SessionId::generate(now, entropy());
    let session = device.session(id, &ctx, limits);
    assert_eq!((session.expires_at, session.authenticated_at), (Timestamp::from_seconds(30), now));
    let used = DeviceGrant { consumed_at: Some(now), ..approved };
    assert!(matches!(used.at(over), Err(DeviceEnd::Used)));
}

#[test]
fn a_mail_is_tried_later_and_later_and_never_while_it_is_claimed() {
    let now = Timestamp::from_seconds(0);
    let mail = |attempts| QueuedMail { id: String::new(), sealed: vec![], created_at: now, attempts };
    assert_eq!(mail(0).next_attempt(1, now).seconds(), 120);
    assert_eq!(mail(0).next_attempt(20, now).seconds(), 2400);
    assert_eq!(mail(9).next_attempt(1, now).seconds(), 600);
}
