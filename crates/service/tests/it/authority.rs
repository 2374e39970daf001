//! What somebody may do is decided when it takes effect, and what ends it waits for that moment or comes before it.

use crate::{
    fixture::{ADA, DAY, EVE, Fixture, MAX, NO_GRACE, at, on_both_engines, rejection_in, time},
    keys::races::{nodes, race},
    users::browser::{
        Guest, OTHER_PASSWORD, PASSWORD, Post, command_line, enrol, refresh, refresh_token, secret_of,
        sign_in, try_sign_in,
    },
};
use domain::{
    LinkState, Role,
    authority::{ChangeProducts, ManageKeys},
};
use service::{
    Error, Rejection,
    users::{
        invitations::{Accepted, InvitationProof},
        sign_in::SignInRejection,
    },
};
use std::time::Duration;

on_both_engines!(
    what_ends_a_key_waits_for_what_rests_on_it,
    a_token_that_was_answered_as_revoked_is_revoked_whatever_was_rotated_meanwhile,
    a_change_that_was_asked_for_before_a_revocation_is_rejected_after_it,
    an_invitation_works_while_its_inviter_is_an_admin,
    an_invitation_sets_no_password_of_a_person_who_is_known,
    a_password_that_changed_since_it_was_checked_is_wrong,
    a_stale_token_of_a_session_changes_no_key,
    leaving_one_organisation_ends_nothing_in_another,
    a_sign_in_is_written_into_the_organisation_that_is_entered_and_no_other,
    a_command_line_ends_after_ninety_days_however_much_it_is_used,
    racing_uses_of_a_refresh_token_end_the_session,
    a_device_gets_nothing_once_the_session_that_approved_it_has_ended,
    recovery_codes_are_kept_under_a_keyed_digest,
    changes_of_how_a_person_signs_in_are_mailed,
);

async fn what_ends_a_key_waits_for_what_rests_on_it(fixture: Fixture) {
    let node = fixture.another_node(1).await;
    for end in ["revoke the token", "end the tokens", "revoke the key"] {
        let pair = fixture.generate(0).await;
        let token = fixture.issue_token(0, &pair).await;
        let principal = fixture.service.tokens().authenticate(&at(1), &token).await.unwrap();
        let begin = || fixture.service.store().begin_as::<ChangeProducts>(&principal.claim, time(1), time(0));
        let held = begin().await.unwrap().unwrap();
        let (node, admin) = (node.clone(), fixture.admin.clone());
        let ending = tokio::spawn(async move {
            match end {
                "revoke the token" => node.tokens().revoke(&at(2), pair.credential(), &token).await.unwrap(),
                "end the tokens" => {
                    let input = service::keys::RotateKey { end_issued_tokens: true, ..NO_GRACE };
                    node.keys().rotate(&at(2), &admin, &pair.id, input).await.map(drop).unwrap();
                }
                _ => node.keys().revoke(&at(2), &admin, &pair.id).await.map(drop).unwrap(),
            }
        });
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(!ending.is_finished(), "{end}: answered while what rests on the key was under way");
        drop(held);
        ending.await.unwrap();
        assert!(begin().await.unwrap().is_err(), "{end}");
    }
}

async fn a_token_that_was_answered_as_revoked_is_revoked_whatever_was_rotated_meanwhile(fixture: Fixture) {
    let pair = fixture.generate(0).await;
    let token = fixture.issue_token(0, &pair).await;
    let held = fixture.service.store().begin_as::<ManageKeys>(&fixture.admin.claim, time(1), time(0)).await;
    let held = held.unwrap().unwrap();
    let (credential, then) = (pair.credential(), at(1));
    let mut rotation = Box::pin(fixture.service.keys().rotate(&then, &fixture.admin, &pair.id, NO_GRACE));
    assert!(futures::poll!(&mut rotation).is_pending());
    // The secret counts still. On SQLite the token's end then comes right after the rotation, before both are durable.
    let revocation = fixture.service.tokens().revoke(&then, credential, &token);
    let (rotated, revoked, ()) = futures::join!(rotation, revocation, async { drop(held) });
    rotated.unwrap();
    assert_ne!(revoked.is_ok(), fixture.accepts(2, &token).await, "{revoked:?}");
}

async fn a_change_that_was_asked_for_before_a_revocation_is_rejected_after_it(fixture: Fixture) {
    let pair = fixture.generate(0).await;
    let principal = {
        let token = fixture.issue_token(0, &pair).await;
        fixture.service.tokens().authenticate(&at(1), &token).await.unwrap()
    };
    fixture.revoke(2, &pair).await;
    let before = fixture.database.dump().await;
    let rejected = fixture.service.products().create_subject(&at(2), &principal, "Shop", None, None).await;
    assert!(matches!(rejection_in(rejected), Rejection::Ended(_)));
    // So is a person's, in whichever way the authority was lost.
    for (email, role) in [(ADA, Role::Admin), (MAX, Role::Member)] {
        let principal = if role == Role::Admin { &fixture.admin } else { &fixture.member };
        fixture.service.products().create_subject(&at(2), principal, email, None, None).await.unwrap();
        fixture
            .service
            .users()
            .add_member(&at(2), &fixture.operator, "extra@acme.example", Role::Admin)
            .await
            .ok();
        fixture.service.users().remove_member(&at(3), &fixture.operator, email).await.unwrap();
        let rejected = fixture.service.products().create_subject(&at(3), principal, "Late", None, None).await;
        assert!(matches!(rejection_in(rejected), Rejection::Ended(_)), "{email}");
    }
    assert!(before.len() < fixture.database.dump().await.len());
    assert_eq!(fixture.database.number("SELECT COUNT(*) FROM subjects WHERE name = 'Late'").await, 0);
}

async fn invited(fixture: &Fixture, by: &service::Principal, email: &str) -> String {
    let made = fixture.service.users().invite(&at(0), by, email, Role::Admin).await.unwrap();
    secret_of(&made.link, "invite")
}

async fn an_invitation_works_while_its_inviter_is_an_admin(fixture: Fixture) {
    let service = &fixture.service;
    let second =
        service.users().add_member(&at(0), &fixture.operator, "second@acme.example", Role::Admin).await;
    second.unwrap();
    for lose in ["removed", "demoted"] {
        let email = format!("{lose}@acme.example");
        service.users().add_member(&at(0), &fixture.operator, &email, Role::Admin).await.unwrap();
        let inviter = Guest::of(&fixture, 0, &email).await.user(service, 0).await.principal.unwrap();
        let newcomer = format!("invited-by-{lose}@acme.example");
        let link = invited(&fixture, &inviter, &newcomer).await;
        assert!(matches!(service.users().find_invitation(&at(0), &link).await.unwrap(), LinkState::Open(_)));
        if lose == "removed" {
            service.users().remove_member(&at(1), &fixture.operator, &email).await.unwrap();
            // Coming back does not bring the invitation back.
            service.users().add_member(&at(1), &fixture.operator, &email, Role::Admin).await.unwrap();
        } else {
            service.users().change_role(&at(1), &fixture.operator, &email, Role::Member).await.unwrap();
        }
        assert!(matches!(service.users().find_invitation(&at(1), &link).await.unwrap(), LinkState::Used));
        let rejected =
            service.users().accept_invitation(&at(1), &link, InvitationProof::Password(OTHER_PASSWORD)).await;
        assert!(matches!(rejection_in(rejected), Rejection::Conflict(_)), "{lose}");
    }
}

async fn an_invitation_sets_no_password_of_a_person_who_is_known(fixture: Fixture) {
    let service = &fixture.service;
    // Eve is the Admin of Globex and has not chosen a password yet. Acme's Admin sees the link of the invitation.
    let link = invited(&fixture, &fixture.admin, EVE).await;
    let before = fixture.database.dump().await;
    let taken = service
        .users()
        .accept_invitation(&at(1), &link, InvitationProof::Password(OTHER_PASSWORD))
        .await
        .unwrap();
    assert!(matches!(taken, Accepted::SignInFirst(_)), "{taken:?}");
    assert_eq!(fixture.database.dump().await, before, "the link changed something for a person who is known");
    let rejection = try_sign_in(service, &at(2), EVE, OTHER_PASSWORD).await.unwrap_err();
    assert!(matches!(rejection, SignInRejection::Wrong));
    // She takes it when she is signed in, which only her own password does.
    let eve = Guest::of(&fixture, 3, EVE).await.user(service, 3).await;
    let taken =
        service.users().accept_invitation(&at(3), &link, InvitationProof::CurrentUser(&eve)).await.unwrap();
    assert!(matches!(taken, Accepted::Joined(_)));
    assert_eq!(service.users().memberships(&eve).await.unwrap().len(), 2);
}

async fn a_password_that_changed_since_it_was_checked_is_wrong(fixture: Fixture) {
    let guest = Guest::of(&fixture, 0, ADA).await;
    let nodes = nodes(&fixture).await;
    for round in 0..10 {
        let (old, new) = if round % 2 == 0 { (PASSWORD, OTHER_PASSWORD) } else { (OTHER_PASSWORD, PASSWORD) };
        let user = guest.user(&fixture.service, 1).await;
        let answers = race(&nodes, 4, move |node, number| {
            let user = user.clone();
            async move {
                if number == 0 {
                    node.users().change_password(&at(1), &user, old, new).await.unwrap();
                    return None;
                }
                try_sign_in(&node, &at(1), ADA, old).await.ok()
            }
        });
        for signed_in in answers.await.into_iter().flatten() {
            let cookie = signed_in.cookie.expose();
            let lives = fixture.service.users().find_sign_in(&at(2), cookie).await.unwrap();
            assert!(lives.is_none(), "round {round}: a sign-in with the former password lives");
        }
    }
}

async fn a_stale_token_of_a_session_changes_no_key(fixture: Fixture) {
    let guest = Guest::of(&fixture, 0, ADA).await;
    // A code of its own, long after the password was given.
    let late = 11 * 60;
    let tokens = crate::users::browser::browser_token(&fixture.service, late, &guest.signed_in).await.tokens;
    let principal = fixture.service.tokens().authenticate(&at(late), &tokens.access_token).await.unwrap();
    let rejected = crate::fixture::generate(&fixture.service, &principal, late).await;
    assert_eq!(rejection_in(rejected), Rejection::SignInAgain);
    let rejected =
        fixture.service.users().invite(&at(late), &principal, "friend@acme.example", Role::Admin).await;
    assert!(matches!(rejected, Err(Error::Rejection(Rejection::SignInAgain))));
    let rejected = fixture.service.users().change_role(&at(late), &principal, MAX, Role::Admin).await;
    assert!(matches!(rejected, Err(Error::Rejection(Rejection::SignInAgain))));
    fixture.service.products().create_subject(&at(late), &principal, "Shop", None, None).await.unwrap();
    // The proof renews every token of the session.
    let mut user = guest.user(&fixture.service, late).await;
    fixture.service.users().reauthenticate(&at(late), &mut user, PASSWORD).await.unwrap();
    crate::fixture::generate(&fixture.service, &principal, late).await.unwrap();
}

async fn leaving_one_organisation_ends_nothing_in_another(fixture: Fixture) {
    let service = &fixture.service;
    service.users().add_member(&at(0), &fixture.operator, EVE, Role::Member).await.unwrap();
    let token = async |organisation: &str| {
        let organisation = service.organisations().find(organisation).await.unwrap();
        service.tokens().issue_for_user(&at(0), "root", EVE, Some(&organisation)).await.unwrap()
    };
    let (here, there) = (token("Acme").await, token("Globex").await);
    service.users().remove_member(&at(1), &fixture.operator, EVE).await.unwrap();
    assert!(!fixture.accepts(1, &here).await && fixture.accepts(1, &there).await);
    service.users().add_member(&at(2), &fixture.operator, EVE, Role::Member).await.unwrap();
    assert!(!fixture.accepts(2, &here).await, "a token of the former membership works again");
    assert!(fixture.accepts(2, &token("Acme").await).await);
}

async fn a_sign_in_is_written_into_the_organisation_that_is_entered_and_no_other(fixture: Fixture) {
    let service = &fixture.service;
    service.users().add_member(&at(0), &fixture.operator, EVE, Role::Member).await.unwrap();
    let count = async |organisation: &str| {
        let id = service.organisations().find(organisation).await.unwrap().id;
        let events = service.audit_log().export(id.as_str(), 0).await.unwrap();
        events.iter().filter(|event| event.action == "person.signed_in").count()
    };
    let eve = Guest::of(&fixture, 1, EVE).await.user(service, 1).await;
    let entered = eve.principal.as_ref().unwrap().organisation_name.clone();
    let other = if entered == "Acme" { "Globex" } else { "Acme" };
    assert_eq!((count(&entered).await, count(other).await), (1, 0));
    let id = service.organisations().find(other).await.unwrap().id;
    service.users().switch_organisation(&at(2), &eve, id.as_str()).await.unwrap();
    assert_eq!((count(&entered).await, count(other).await), (1, 1), "entering another one is told there");
}

async fn a_command_line_ends_after_ninety_days_however_much_it_is_used(fixture: Fixture) {
    let guest = Guest::of(&fixture, 0, ADA).await;
    let mut token = refresh_token(&command_line(&fixture.service, 0, &guest).await);
    for day in [20, 40, 60, 80] {
        let tokens = refresh(&fixture.service, day * DAY, &token).await.unwrap();
        let (next, seconds) = tokens.refresh.as_ref().unwrap();
        assert_eq!(*seconds, (90 * DAY - day * DAY).min(30 * DAY), "{day}");
        next.expose().clone_into(&mut token);
    }
    refresh(&fixture.service, 90 * DAY, &token).await.unwrap_err();
}

async fn racing_uses_of_a_refresh_token_end_the_session(fixture: Fixture) {
    let guest = Guest::of(&fixture, 0, ADA).await;
    let nodes = nodes(&fixture).await;
    for _ in 0..5 {
        let token = refresh_token(&command_line(&fixture.service, 0, &guest).await);
        let answers = race(&nodes, 2, move |node, _| {
            let token = token.clone();
            async move { refresh(&node, 1, &token).await.ok() }
        });
        let won: Vec<_> = answers.await.into_iter().flatten().collect();
        assert!(won.len() <= 1, "{} of two got tokens", won.len());
        for tokens in won {
            assert!(!fixture.accepts(2, &tokens.access_token).await, "the session lives");
            refresh(&fixture.service, 2, &refresh_token(&tokens)).await.unwrap_err();
        }
    }
}

async fn a_device_gets_nothing_once_the_session_that_approved_it_has_ended(fixture: Fixture) {
    let guest = Guest::of(&fixture, 0, ADA).await;
    let service = &fixture.service;
    let client = service::users::authorization_codes::COMMAND_LINE;
    let start = service.users().start_device(&at(0), client, "", "laptop").await.unwrap();
    let user = guest.user(service, 0).await;
    service.users().decide_device(&at(0), &user, &start.user_code, true).await.unwrap();
    service.users().sign_out(&at(1), guest.signed_in.cookie.expose()).await.unwrap();
    service.users().poll_device(&at(6), client, start.device_code.expose()).await.unwrap_err();
    assert_eq!(fixture.database.number("SELECT COUNT(*) FROM sessions").await, 0);
}

async fn recovery_codes_are_kept_under_a_keyed_digest(fixture: Fixture) {
    let guest = Guest::of(&fixture, 0, ADA).await;
    let (_, codes) = enrol(&fixture, 0, &guest).await;
    let dump = fixture.database.dump().await;
    for code in &codes {
        let plain = jose::hex(&jose::digest(&jose::recovery::normalise(code)).0);
        assert!(!dump.contains(&plain), "a code can be found by trying all of them");
    }
    // One that an earlier version kept works still, once.
    let plain = jose::digest("k7f29mqxh3dt");
    let user = guest.signed_in.session.user_id.as_str();
    let bytes = match fixture.database.location() {
        store::Location::Sqlite(_) => format!("X'{}'", jose::hex(&plain.0)),
        store::Location::Postgres(_) => format!("'\\x{}'", jose::hex(&plain.0)),
    };
    fixture.database.sql(&format!("INSERT INTO recovery_codes VALUES ('{user}', {bytes}, NULL)")).await;
    for works in [true, false] {
        let pending = sign_in(&fixture.service, 60, ADA).await;
        let given = fixture
            .service
            .users()
            .give_second_factor(&at(60), pending.cookie.expose(), "K7F2-9MQX-H3DT")
            .await;
        assert_eq!(given.is_ok(), works);
    }
}

async fn changes_of_how_a_person_signs_in_are_mailed(fixture: Fixture) {
    let post = Post::of(&fixture.service);
    let guest = Guest::of(&fixture, 0, ADA).await;
    let (phone, codes) = enrol(&fixture, 0, &guest).await;
    let user = guest.user(&fixture.service, 1).await;
    fixture.service.users().replace_recovery_codes(&at(1), &user, PASSWORD).await.unwrap();
    fixture.service.users().remove_second_factor(&at(2), &user, PASSWORD).await.unwrap();
    drop((phone, codes));
    fixture.service.operations().send_due_mail(&at(3)).await.unwrap();
    let mut subjects = post.subjects();
    subjects.sort();
    assert_eq!(
        subjects,
        [
            "Your account on Duku: a second factor was set up",
            "Your account on Duku: new recovery codes were made",
            "Your account on Duku: the second factor was removed",
        ]
    );
    assert!(post.mails().iter().all(|mail| mail.to.as_str() == ADA && mail.text.contains("/forgot")));
}
