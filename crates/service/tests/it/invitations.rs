//! Invitations: one link, one person, the role that was meant.

use crate::{
    browser::{Guest, OTHER_PASSWORD, PASSWORD, Post, secret_of, try_sign_in},
    house::{ADA, DAY, EVE, House, MAX, at, on_both_engines, rejected},
    races::{nodes, race},
};
use domain::Role;
use service::{
    Failure, Holder, Reject,
    invitations::{Acceptance, Accepted},
    mail::Mailed,
    passwords::LinkState,
};

on_both_engines!(
    a_new_person_takes_an_invitation_with_a_password,
    who_has_a_password_takes_it_signed_in,
    an_invitation_is_for_one_person,
    of_sixteen_acceptances_one_makes_a_member,
    an_invitation_ends_when_it_is_old_taken_back_or_replaced,
    a_member_is_not_invited_and_an_open_invitation_of_a_member_makes_no_second_one,
    taking_and_taking_back_at_once_come_out_one_way,
    only_admins_invite,
    an_invitation_is_mailed_and_stands_when_the_mail_fails,
);

const NEW: &str = "new@acme.example";

async fn invite(house: &House, seconds: i64, email: &str, role: Role) -> (String, String) {
    let invited = house.service.invite(&at(seconds), &house.admin, email, role).await.unwrap();
    assert_eq!(invited.mailed, Mailed::NotSetUp);
    (invited.invitation.id.as_str().to_owned(), secret_of(&invited.link, "invite"))
}

async fn role_of(house: &House, email: &str) -> Vec<Role> {
    let members = house.service.list_members(&house.operator).await.unwrap();
    members.into_iter().filter(|member| member.email.as_str() == email).map(|member| member.role).collect()
}

async fn a_new_person_takes_an_invitation_with_a_password(house: House) {
    let service = &house.service;
    for (email, role) in [(NEW, Role::Admin), ("second@acme.example", Role::Member)] {
        let entries = house.entries().await;
        let (_, link) = invite(&house, 0, email, role).await;
        let open = service.find_invitation(&at(0), &link).await.unwrap();
        assert!(matches!(&open, LinkState::Open(open) if open.role == role));
        let weak = rejected(service.accept_invitation(&at(1), &link, Acceptance::Password("short")).await);
        assert!(matches!(weak, Reject::Invalid(_)), "{weak:?}");
        service.accept_invitation(&at(1), &link, Acceptance::Password(OTHER_PASSWORD)).await.unwrap();
        assert_eq!(role_of(&house, email).await, [role]);
        try_sign_in(service, &at(2), email, OTHER_PASSWORD).await.unwrap();
        assert_eq!(house.actions_after(entries).await, ["member.invited", "member.added"]);
        assert!(matches!(service.find_invitation(&at(2), &link).await.unwrap(), LinkState::Used));
        rejected(service.accept_invitation(&at(2), &link, Acceptance::Password(PASSWORD)).await);
    }
    try_sign_in(service, &at(3), NEW, PASSWORD).await.unwrap_err();
}

async fn who_has_a_password_takes_it_signed_in(house: House) {
    let eve = Guest::of(&house, 0, EVE).await;
    let service = &house.service;
    let (_, link) = invite(&house, 0, EVE, Role::Member).await;
    // Whoever found the link cannot choose a password for a person who is known here.
    let before = house.database.dump().await;
    let taken = service.accept_invitation(&at(1), &link, Acceptance::Password(OTHER_PASSWORD)).await.unwrap();
    assert!(matches!(taken, Accepted::SignInFirst(_)), "{taken:?}");
    assert_eq!(house.database.dump().await, before);
    let visitor = eve.visitor(service, 1).await;
    service.accept_invitation(&at(1), &link, Acceptance::Visitor(&visitor)).await.unwrap();
    let principal = eve.visitor(service, 2).await.principal.unwrap();
    assert_eq!(principal.organisation_name, "Acme");
    assert!(matches!(principal.holder, Holder::Person { role: Role::Member, .. }));
    assert_eq!(service.memberships(&visitor).await.unwrap().len(), 2);
    try_sign_in(service, &at(2), EVE, PASSWORD).await.unwrap();
}

async fn an_invitation_is_for_one_person(house: House) {
    let (eve, service) = (Guest::of(&house, 0, EVE).await, &house.service);
    let (_, link) = invite(&house, 0, NEW, Role::Admin).await;
    let visitor = eve.visitor(service, 1).await;
    let before = house.database.dump().await;
    let refusal = rejected(service.accept_invitation(&at(1), &link, Acceptance::Visitor(&visitor)).await);
    assert!(matches!(&refusal, Reject::Forbidden(why) if why.contains("sign out first")), "{refusal:?}");
    assert!(matches!(service.find_invitation(&at(1), "no link").await.unwrap(), LinkState::Unknown));
    rejected(service.accept_invitation(&at(1), "no link", Acceptance::Password(PASSWORD)).await);
    assert_eq!(house.database.dump().await, before);
}

async fn of_sixteen_acceptances_one_makes_a_member(house: House) {
    let nodes = nodes(&house).await;
    let eve = Guest::of(&house, 0, EVE).await.visitor(&house.service, 0).await;
    for (email, visitor) in [(NEW, None), (EVE, Some(eve))] {
        let (_, link) = invite(&house, 0, email, Role::Member).await;
        let answers = race(&nodes, 16, move |node, number| {
            let (link, visitor) = (link.clone(), visitor.clone());
            async move {
                let password = format!("a quite good password {number}");
                let by = visitor.as_ref().map_or(Acceptance::Password(&password), Acceptance::Visitor);
                node.accept_invitation(&at(1), &link, by).await.map(|_| password.clone())
            }
        });
        let (good, bad): (Vec<_>, Vec<_>) = answers.await.into_iter().partition(Result::is_ok);
        assert_eq!(good.len(), 1);
        for refusal in bad {
            assert!(matches!(rejected(refusal), Reject::Conflict(_)));
        }
        assert_eq!(role_of(&house, email).await, [Role::Member]);
        if email == NEW {
            let password = good.into_iter().next().unwrap().unwrap();
            try_sign_in(&house.service, &at(2), NEW, &password).await.unwrap();
        }
    }
}

async fn an_invitation_ends_when_it_is_old_taken_back_or_replaced(house: House) {
    let service = &house.service;
    let (_, replaced) = invite(&house, 0, NEW, Role::Admin).await;
    let (id, revoked) = invite(&house, 1, NEW, Role::Member).await;
    assert!(matches!(service.find_invitation(&at(1), &replaced).await.unwrap(), LinkState::Used));
    assert_eq!(service.list_invitations(&house.admin).await.unwrap().len(), 1);
    // Another organisation's Admin sees nothing of it.
    assert!(service.list_invitations(&house.outsider).await.unwrap().is_empty());
    let foreign = rejected(service.revoke_invitation(&at(1), &house.outsider, &id).await);
    assert!(matches!(foreign, Reject::NotFound { kind: "invitation", .. }), "{foreign:?}");
    let entries = house.entries().await;
    service.revoke_invitation(&at(2), &house.admin, &id).await.unwrap();
    assert!(matches!(
        rejected(service.revoke_invitation(&at(2), &house.admin, &id).await),
        Reject::Conflict(_)
    ));
    assert_eq!(house.actions_after(entries).await, ["member.invitation_revoked"]);
    let (_, old) = invite(&house, 3, NEW, Role::Member).await;
    let end = 3 + 7 * DAY;
    assert!(matches!(service.find_invitation(&at(end - 1), &old).await.unwrap(), LinkState::Open(_)));
    assert!(matches!(service.find_invitation(&at(end), &old).await.unwrap(), LinkState::Expired));
    let before = house.database.dump().await;
    for (seconds, link) in [(4, &replaced), (4, &revoked), (end, &old)] {
        rejected(service.accept_invitation(&at(seconds), link, Acceptance::Password(PASSWORD)).await);
    }
    assert_eq!(house.database.dump().await, before);
    assert!(role_of(&house, NEW).await.is_empty());
}

async fn a_member_is_not_invited_and_an_open_invitation_of_a_member_makes_no_second_one(house: House) {
    let max = Guest::of(&house, 0, MAX).await;
    let service = &house.service;
    let refusal = rejected(service.invite(&at(0), &house.admin, " MAX@acme.example", Role::Admin).await);
    assert_eq!(refusal.message(), "max@acme.example is a member already");
    service.remove_member(&at(0), &house.admin, MAX).await.unwrap();
    let (_, link) = invite(&house, 0, MAX, Role::Admin).await;
    service.add_member(&at(1), &house.operator, MAX, Role::Member).await.unwrap();
    let visitor = max.visitor(service, 1).await;
    let refusal = rejected(service.accept_invitation(&at(1), &link, Acceptance::Visitor(&visitor)).await);
    assert!(matches!(refusal, Reject::Conflict(_)), "{refusal:?}");
    assert_eq!(role_of(&house, MAX).await, [Role::Member]);
    // Nor does it let the person back in who was added otherwise and removed since.
    service.remove_member(&at(2), &house.admin, MAX).await.unwrap();
    rejected(service.accept_invitation(&at(3), &link, Acceptance::Visitor(&visitor)).await);
    assert!(role_of(&house, MAX).await.is_empty());
}

async fn taking_and_taking_back_at_once_come_out_one_way(house: House) {
    let nodes = nodes(&house).await;
    let eve = Guest::of(&house, 0, EVE).await.visitor(&house.service, 0).await;
    for round in 0..10 {
        let (id, link) = invite(&house, 0, EVE, Role::Member).await;
        let (admin, eve) = (house.admin.clone(), eve.clone());
        let answers = race(&nodes, 4, move |node, number| {
            let (admin, eve, id, link) = (admin.clone(), eve.clone(), id.clone(), link.clone());
            async move {
                if (number + round) % 2 == 0 {
                    node.revoke_invitation(&at(1), &admin, &id).await.map(|_| false)
                } else {
                    node.accept_invitation(&at(1), &link, Acceptance::Visitor(&eve)).await.map(|_| true)
                }
            }
        });
        let mut done = Vec::new();
        for answer in answers.await {
            match answer {
                Ok(accepted) => done.push(accepted),
                Err(Failure::Reject(Reject::Conflict(_))) => {}
                Err(other) => panic!("{other:?}"),
            }
        }
        assert_eq!(done.len(), 1);
        assert_eq!(role_of(&house, EVE).await.len(), usize::from(done[0]));
        if done[0] {
            house.service.remove_member(&at(2), &house.admin, EVE).await.unwrap();
        }
    }
}

async fn only_admins_invite(house: House) {
    let (id, _) = invite(&house, 0, NEW, Role::Member).await;
    let before = house.database.dump().await;
    let service = &house.service;
    for refusal in [
        rejected(service.invite(&at(1), &house.member, "x@acme.example", Role::Member).await),
        rejected(service.revoke_invitation(&at(1), &house.member, &id).await),
        rejected(service.list_invitations(&house.member).await),
    ] {
        assert!(matches!(refusal, Reject::Forbidden(_)), "{refusal:?}");
    }
    let refusal = rejected(service.invite(&at(1), &house.admin, "no address", Role::Member).await);
    assert!(matches!(refusal, Reject::Invalid(_)), "{refusal:?}");
    assert_eq!(house.database.dump().await, before);
}

async fn an_invitation_is_mailed_and_stands_when_the_mail_fails(house: House) {
    let service = &house.service;
    let post = Post::of(service);
    let invited = service.invite(&at(0), &house.admin, NEW, Role::Member).await.unwrap();
    assert_eq!(invited.mailed, Mailed::Sent);
    let mail = post.mails().remove(0);
    assert_eq!((mail.to.as_str(), mail.subject.as_str()), (NEW, &*format!("{ADA} invites you to Acme")));
    assert!(mail.text.contains(&**invited.link));
    post.set_down(true);
    let invited = service.invite(&at(1), &house.admin, NEW, Role::Member).await.unwrap();
    assert!(matches!(&invited.mailed, Mailed::Failed(why) if why.contains("550")), "{:?}", invited.mailed);
    let link = secret_of(&invited.link, "invite");
    service.accept_invitation(&at(2), &link, Acceptance::Password(PASSWORD)).await.unwrap();
}
