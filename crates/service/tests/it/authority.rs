//! What somebody may do is decided when it takes effect, and what ends it waits for that moment or comes before it.

use crate::{
    browser::{
        Guest, OTHER_PASSWORD, PASSWORD, Post, command_line, enrol, has_password, refresh, refresh_token,
        secret_of, sign_in, try_sign_in,
    },
    house::{ADA, DAY, EVE, House, MAX, NO_GRACE, at, on_both_engines, policy, rejected, time},
    races::{nodes, race},
};
use domain::{
    Role,
    authority::{ChangeProducts, ManageKeys},
};
use service::{
    Failure, Policy, Reject,
    audit_witness::Witness,
    invitations::{Acceptance, Accepted},
    passwords::LinkState,
    sign_in::SignInRefusal,
};
use std::time::Duration;
use testkit::Engine;

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
    a_cut_that_the_seals_do_not_show_is_found_with_a_witness,
);

async fn what_ends_a_key_waits_for_what_rests_on_it(house: House) {
    let node = house.another_node(1).await;
    for end in ["revoke the token", "end the tokens", "revoke the key"] {
        let pair = house.generate(0).await;
        let token = house.buy(0, &pair).await;
        let principal = house.service.authenticate(&at(1), &token).await.unwrap();
        let begin = || house.service.store().begin_as::<ChangeProducts>(&principal.claim, time(1), time(0));
        let held = begin().await.unwrap().unwrap();
        let (node, admin) = (node.clone(), house.admin.clone());
        let ending = tokio::spawn(async move {
            match end {
                "revoke the token" => node.revoke_token(&at(2), pair.credential(), &token).await.unwrap(),
                "end the tokens" => {
                    let input = service::keys::RotateKey { end_issued_tokens: true, ..NO_GRACE };
                    node.rotate_key(&at(2), &admin, &pair.id, input).await.map(drop).unwrap();
                }
                _ => node.revoke_key(&at(2), &admin, &pair.id).await.map(drop).unwrap(),
            }
        });
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(!ending.is_finished(), "{end}: answered while what rests on the key was under way");
        drop(held);
        ending.await.unwrap();
        assert!(begin().await.unwrap().is_err(), "{end}");
    }
}

async fn a_token_that_was_answered_as_revoked_is_revoked_whatever_was_rotated_meanwhile(house: House) {
    let pair = house.generate(0).await;
    let token = house.buy(0, &pair).await;
    let held = house.service.store().begin_as::<ManageKeys>(&house.admin.claim, time(1), time(0)).await;
    let held = held.unwrap().unwrap();
    let (credential, then) = (pair.credential(), at(1));
    let mut rotation = Box::pin(house.service.rotate_key(&then, &house.admin, &pair.id, NO_GRACE));
    assert!(futures::poll!(&mut rotation).is_pending());
    // The secret counts still. On SQLite the token's end then comes right after the rotation, before both are durable.
    let revocation = house.service.revoke_token(&then, credential, &token);
    let (rotated, revoked, ()) = futures::join!(rotation, revocation, async { drop(held) });
    rotated.unwrap();
    assert_ne!(revoked.is_ok(), house.accepts(2, &token).await, "{revoked:?}");
}

async fn a_change_that_was_asked_for_before_a_revocation_is_rejected_after_it(house: House) {
    let pair = house.generate(0).await;
    let principal = {
        let token = house.buy(0, &pair).await;
        house.service.authenticate(&at(1), &token).await.unwrap()
    };
    house.revoke(2, &pair).await;
    let before = house.database.dump().await;
    let refused = house.service.create_subject(&at(2), &principal, "Shop", None, None).await;
    assert!(matches!(rejected(refused), Reject::Ended(_)));
    // So is a person's, in whichever way the authority was lost.
    for (email, role) in [(ADA, Role::Admin), (MAX, Role::Member)] {
        let principal = if role == Role::Admin { &house.admin } else { &house.member };
        house.service.create_subject(&at(2), principal, email, None, None).await.unwrap();
        house.service.add_member(&at(2), &house.operator, "extra@acme.example", Role::Admin).await.ok();
        house.service.remove_member(&at(3), &house.operator, email).await.unwrap();
        let refused = house.service.create_subject(&at(3), principal, "Late", None, None).await;
        assert!(matches!(rejected(refused), Reject::Ended(_)), "{email}");
    }
    assert!(before.len() < house.database.dump().await.len());
    assert_eq!(house.database.number("SELECT COUNT(*) FROM subjects WHERE name = 'Late'").await, 0);
}

async fn invited(house: &House, by: &service::Principal, email: &str) -> String {
    let made = house.service.invite(&at(0), by, email, Role::Admin).await.unwrap();
    secret_of(&made.link, "invite")
}

async fn an_invitation_works_while_its_inviter_is_an_admin(house: House) {
    let service = &house.service;
    let second = service.add_member(&at(0), &house.operator, "second@acme.example", Role::Admin).await;
    second.unwrap();
    for lose in ["removed", "demoted"] {
        let email = format!("{lose}@acme.example");
        service.add_member(&at(0), &house.operator, &email, Role::Admin).await.unwrap();
        let inviter = Guest::of(&house, 0, &email).await.visitor(service, 0).await.principal.unwrap();
        let newcomer = format!("invited-by-{lose}@acme.example");
        let link = invited(&house, &inviter, &newcomer).await;
        assert!(matches!(service.find_invitation(&at(0), &link).await.unwrap(), LinkState::Open(_)));
        if lose == "removed" {
            service.remove_member(&at(1), &house.operator, &email).await.unwrap();
            // Coming back does not bring the invitation back.
            service.add_member(&at(1), &house.operator, &email, Role::Admin).await.unwrap();
        } else {
            service.change_role(&at(1), &house.operator, &email, Role::Member).await.unwrap();
        }
        assert!(matches!(service.find_invitation(&at(1), &link).await.unwrap(), LinkState::Used));
        let refused = service.accept_invitation(&at(1), &link, Acceptance::Password(OTHER_PASSWORD)).await;
        assert!(matches!(rejected(refused), Reject::Conflict(_)), "{lose}");
    }
}

async fn an_invitation_sets_no_password_of_a_person_who_is_known(house: House) {
    let service = &house.service;
    // Eve is the Admin of Globex and has not chosen a password yet. Acme's Admin sees the link of the invitation.
    let link = invited(&house, &house.admin, EVE).await;
    let before = house.database.dump().await;
    let taken = service.accept_invitation(&at(1), &link, Acceptance::Password(OTHER_PASSWORD)).await.unwrap();
    assert!(matches!(taken, Accepted::SignInFirst(_)), "{taken:?}");
    assert_eq!(house.database.dump().await, before, "the link changed something for a person who is known");
    let refusal = try_sign_in(service, &at(2), EVE, OTHER_PASSWORD).await.unwrap_err();
    assert!(matches!(refusal, SignInRefusal::Wrong));
    // She takes it when she is signed in, which only her own password does.
    let eve = Guest::of(&house, 3, EVE).await.visitor(service, 3).await;
    let taken = service.accept_invitation(&at(3), &link, Acceptance::Visitor(&eve)).await.unwrap();
    assert!(matches!(taken, Accepted::Joined(_)));
    assert_eq!(service.memberships(&eve).await.unwrap().len(), 2);
}

async fn a_password_that_changed_since_it_was_checked_is_wrong(house: House) {
    let guest = Guest::of(&house, 0, ADA).await;
    let nodes = nodes(&house).await;
    for round in 0..10 {
        let (old, new) = if round % 2 == 0 { (PASSWORD, OTHER_PASSWORD) } else { (OTHER_PASSWORD, PASSWORD) };
        let visitor = guest.visitor(&house.service, 1).await;
        let answers = race(&nodes, 4, move |node, number| {
            let visitor = visitor.clone();
            async move {
                if number == 0 {
                    node.change_password(&at(1), &visitor, old, new).await.unwrap();
                    return None;
                }
                try_sign_in(&node, &at(1), ADA, old).await.ok()
            }
        });
        for signed_in in answers.await.into_iter().flatten() {
            let cookie = signed_in.cookie.expose();
            let lives = house.service.find_sign_in(&at(2), cookie).await.unwrap();
            assert!(lives.is_none(), "round {round}: a sign-in with the former password lives");
        }
    }
}

async fn a_stale_token_of_a_session_changes_no_key(house: House) {
    let guest = Guest::of(&house, 0, ADA).await;
    // A code of its own, long after the password was given.
    let late = 11 * 60;
    let tokens = crate::browser::browser_token(&house.service, late, &guest.signed_in).await.tokens;
    let principal = house.service.authenticate(&at(late), &tokens.access_token).await.unwrap();
    let refused = crate::house::generate(&house.service, &principal, late).await;
    assert_eq!(rejected(refused), Reject::SignInAgain);
    let refused = house.service.invite(&at(late), &principal, "friend@acme.example", Role::Admin).await;
    assert!(matches!(refused, Err(Failure::Reject(Reject::SignInAgain))));
    let refused = house.service.change_role(&at(late), &principal, MAX, Role::Admin).await;
    assert!(matches!(refused, Err(Failure::Reject(Reject::SignInAgain))));
    house.service.create_subject(&at(late), &principal, "Shop", None, None).await.unwrap();
    // The proof renews every token of the session.
    let mut visitor = guest.visitor(&house.service, late).await;
    house.service.reauthenticate(&at(late), &mut visitor, PASSWORD).await.unwrap();
    crate::house::generate(&house.service, &principal, late).await.unwrap();
}

async fn leaving_one_organisation_ends_nothing_in_another(house: House) {
    let service = &house.service;
    service.add_member(&at(0), &house.operator, EVE, Role::Member).await.unwrap();
    let token = async |organisation: &str| {
        let organisation = service.find_organisation(organisation).await.unwrap();
        service.issue_person_token(&at(0), "root", EVE, Some(&organisation)).await.unwrap()
    };
    let (here, there) = (token("Acme").await, token("Globex").await);
    service.remove_member(&at(1), &house.operator, EVE).await.unwrap();
    assert!(!house.accepts(1, &here).await && house.accepts(1, &there).await);
    service.add_member(&at(2), &house.operator, EVE, Role::Member).await.unwrap();
    assert!(!house.accepts(2, &here).await, "a token of the former membership works again");
    assert!(house.accepts(2, &token("Acme").await).await);
}

async fn a_sign_in_is_written_into_the_organisation_that_is_entered_and_no_other(house: House) {
    let service = &house.service;
    service.add_member(&at(0), &house.operator, EVE, Role::Member).await.unwrap();
    let count = async |organisation: &str| {
        let id = service.find_organisation(organisation).await.unwrap().id;
        let events = service.export_audit(id.as_str(), 0).await.unwrap();
        events.iter().filter(|event| event.action == "person.signed_in").count()
    };
    let eve = Guest::of(&house, 1, EVE).await.visitor(service, 1).await;
    let entered = eve.principal.as_ref().unwrap().organisation_name.clone();
    let other = if entered == "Acme" { "Globex" } else { "Acme" };
    assert_eq!((count(&entered).await, count(other).await), (1, 0));
    let id = service.find_organisation(other).await.unwrap().id;
    service.switch_organisation(&at(2), &eve, id.as_str()).await.unwrap();
    assert_eq!((count(&entered).await, count(other).await), (1, 1), "entering another one is told there");
}

async fn a_command_line_ends_after_ninety_days_however_much_it_is_used(house: House) {
    let guest = Guest::of(&house, 0, ADA).await;
    let mut token = refresh_token(&command_line(&house.service, 0, &guest).await);
    for day in [20, 40, 60, 80] {
        let tokens = refresh(&house.service, day * DAY, &token).await.unwrap();
        let (next, seconds) = tokens.refresh.as_ref().unwrap();
        assert_eq!(*seconds, (90 * DAY - day * DAY).min(30 * DAY), "{day}");
        next.expose().clone_into(&mut token);
    }
    refresh(&house.service, 90 * DAY, &token).await.unwrap_err();
}

async fn racing_uses_of_a_refresh_token_end_the_session(house: House) {
    let guest = Guest::of(&house, 0, ADA).await;
    let nodes = nodes(&house).await;
    for _ in 0..5 {
        let token = refresh_token(&command_line(&house.service, 0, &guest).await);
        let answers = race(&nodes, 2, move |node, _| {
            let token = token.clone();
            async move { refresh(&node, 1, &token).await.ok() }
        });
        let won: Vec<_> = answers.await.into_iter().flatten().collect();
        assert!(won.len() <= 1, "{} of two got tokens", won.len());
        for tokens in won {
            assert!(!house.accepts(2, &tokens.access_token).await, "the session lives");
            refresh(&house.service, 2, &refresh_token(&tokens)).await.unwrap_err();
        }
    }
}

async fn a_device_gets_nothing_once_the_session_that_approved_it_has_ended(house: House) {
    let guest = Guest::of(&house, 0, ADA).await;
    let service = &house.service;
    let client = service::authorization::COMMAND_LINE;
    let start = service.start_device(&at(0), client, "", "laptop").await.unwrap();
    let visitor = guest.visitor(service, 0).await;
    service.decide_device(&at(0), &visitor, &start.user_code, true).await.unwrap();
    service.sign_out(&at(1), guest.signed_in.cookie.expose()).await.unwrap();
    service.poll_device(&at(6), client, start.device_code.expose()).await.unwrap_err();
    assert_eq!(house.database.number("SELECT COUNT(*) FROM sessions").await, 0);
}

async fn recovery_codes_are_kept_under_a_keyed_digest(house: House) {
    let guest = Guest::of(&house, 0, ADA).await;
    let (_, codes) = enrol(&house, 0, &guest).await;
    let dump = house.database.dump().await;
    for code in &codes {
        let plain = jose::hex(&jose::digest(&jose::recovery::normalise(code)).0);
        assert!(!dump.contains(&plain), "a code can be found by trying all of them");
    }
    // One that an earlier version kept works still, once.
    let plain = jose::digest("k7f29mqxh3dt");
    let user = guest.signed_in.session.user_id.as_str();
    let bytes = match house.database.location() {
        store::Location::Sqlite(_) => format!("X'{}'", jose::hex(&plain.0)),
        store::Location::Postgres(_) => format!("'\\x{}'", jose::hex(&plain.0)),
    };
    house.database.sql(&format!("INSERT INTO recovery_codes VALUES ('{user}', {bytes}, NULL)")).await;
    for works in [true, false] {
        let pending = sign_in(&house.service, 60, ADA).await;
        let given =
            house.service.give_second_factor(&at(60), pending.cookie.expose(), "K7F2-9MQX-H3DT").await;
        assert_eq!(given.is_ok(), works);
    }
}

async fn changes_of_how_a_person_signs_in_are_mailed(house: House) {
    let post = Post::of(&house.service);
    let guest = Guest::of(&house, 0, ADA).await;
    let (phone, codes) = enrol(&house, 0, &guest).await;
    let visitor = guest.visitor(&house.service, 1).await;
    house.service.replace_recovery_codes(&at(1), &visitor, PASSWORD).await.unwrap();
    house.service.remove_second_factor(&at(2), &visitor, PASSWORD).await.unwrap();
    drop((phone, codes));
    house.service.send_due_mail(&at(3)).await.unwrap();
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

async fn a_cut_that_the_seals_do_not_show_is_found_with_a_witness(house: House) {
    let pair = house.generate(0).await;
    let acme = house.acme.id.as_str();
    house.database.sql("CREATE TABLE older AS SELECT * FROM audit_heads").await;
    house.rotate(1, &pair, NO_GRACE).await;
    let mut witness = Witness::default();
    let ends = house.service.ends_to_witness().await.unwrap();
    for end in &ends {
        assert!(witness.read_line(&end.line(&at(2))));
    }
    house.service.note_witnessed(&ends);
    assert!(house.service.ends_to_witness().await.unwrap().is_empty(), "nothing has grown since");
    let faults = async |witness: &Witness| {
        let reports = house.service.verify_audit_against(Some(acme), witness).await.unwrap();
        reports.into_iter().find_map(|report| report.fault)
    };
    assert_eq!(faults(&witness).await, None);
    // Whoever owns the database takes the last entry away and puts the end back that stood before it.
    let unguard = match house.database.location() {
        store::Location::Sqlite(_) => "DROP TRIGGER audit_events_never_go",
        store::Location::Postgres(_) => "DROP TRIGGER audit_events_never_change ON audit_events",
    };
    house.database.sql(unguard).await;
    let cut = format!(
        "DELETE FROM audit_events WHERE chain = '{acme}' AND sequence > (SELECT sequence FROM older WHERE chain = '{acme}'); \
         DELETE FROM audit_heads WHERE chain = '{acme}'; \
         INSERT INTO audit_heads SELECT * FROM older WHERE chain = '{acme}'"
    );
    house.database.sql(&cut).await;
    assert_eq!(faults(&Witness::default()).await, None, "the seals alone do not show it");
    let fault = faults(&witness).await.unwrap();
    assert!(fault.contains("was cut"), "{fault}");
    // The chain grows again; what the witness saw is still another entry.
    house.rotate(3, &pair, NO_GRACE).await;
    let fault = faults(&witness).await.unwrap();
    assert!(fault.contains("another one than the witness saw"), "{fault}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_organisation_may_store_has_limits_that_say_their_setting() {
    let small = Policy {
        products_per_organisation: 1,
        targets_per_product: 1,
        members_per_organisation: 2,
        open_invitations_per_organisation: 1,
        ..policy()
    };
    let house = House::with(Engine::Sqlite, small).await;
    let service = &house.service;
    let named = |refused: Reject, setting: &str| {
        assert!(refused.message().contains(setting), "{refused:?}");
        assert!(matches!(refused, Reject::TooMuchStored { .. }), "{refused:?}");
    };
    let shop = service.create_subject(&at(0), &house.admin, "Shop", None, None).await.unwrap();
    let more = service.create_subject(&at(0), &house.admin, "Blog", None, None).await;
    named(rejected(more), "products_per_organisation");
    let target = |build_key: &str| domain::product::UncheckedTarget {
        build_key: build_key.into(),
        name: "Staging".into(),
        version: "1".into(),
        environment: "staging".into(),
        description: None,
        build_number: None,
        build_url: None,
        metadata: None,
    };
    let id = shop.id.as_str();
    service.upsert_target(&at(0), &house.admin, id, target("a")).await.unwrap();
    service.upsert_target(&at(1), &house.admin, id, target("a")).await.unwrap();
    named(
        rejected(service.upsert_target(&at(1), &house.admin, id, target("b")).await),
        "targets_per_product",
    );
    let more = service.add_member(&at(0), &house.admin, "third@acme.example", Role::Member).await;
    named(rejected(more), "members_per_organisation");
    service.invite(&at(0), &house.admin, "a@acme.example", Role::Member).await.unwrap();
    let more = service.invite(&at(0), &house.admin, "b@acme.example", Role::Member).await;
    named(rejected(more), "open_invitations_per_organisation");
    service.invite(&at(1), &house.admin, "a@acme.example", Role::Admin).await.unwrap();
    let open = service.list_invitations(&house.admin).await.unwrap();
    assert_eq!(open.len(), 1, "the newer one took the place of the former: {open:?}");
    has_password(&house, ADA).await;
}
