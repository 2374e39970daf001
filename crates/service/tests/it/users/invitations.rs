//! Invitations: one link, one person, the role that was meant.

use crate::{
    fixture::{ADA, DAY, EVE, Fixture, MAX, at, on_both_engines, rejection_in},
    keys::races::{nodes, race},
    users::browser::{Guest, OTHER_PASSWORD, PASSWORD, Post, secret_of, try_sign_in},
};
use domain::{LinkState, Role};
use service::{
    Error, PrincipalKind, Rejection,
    operations::mail::Mailed,
    users::invitations::{Accepted, InvitationProof},
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

async fn invite(fixture: &Fixture, seconds: i64, email: &str, role: Role) -> (String, String) {
    let invited = fixture.service.users().invite(&at(seconds), &fixture.admin, email, role).await.unwrap();
    assert_eq!(invited.mailed, Mailed::NotSetUp);
    (invited.invitation.id.as_str().to_owned(), secret_of(&invited.link, "invite"))
}

async fn role_of(fixture: &Fixture, email: &str) -> Vec<Role> {
    let members = fixture.service.users().list_members(&fixture.operator).await.unwrap();
    members.into_iter().filter(|member| member.email.as_str() == email).map(|member| member.role).collect()
}

async fn a_new_person_takes_an_invitation_with_a_password(fixture: Fixture) {
    let service = &fixture.service;
    for (email, role) in [(NEW, Role::Admin), ("second@acme.example", Role::Member)] {
        let entries = fixture.entries().await;
        let (_, link) = invite(&fixture, 0, email, role).await;
        let open = service.users().find_invitation(&at(0), &link).await.unwrap();
        assert!(matches!(&open, LinkState::Open(open) if open.role == role));
        let weak = rejection_in(
            service.users().accept_invitation(&at(1), &link, InvitationProof::Password("short")).await,
        );
        assert!(matches!(weak, Rejection::Invalid(_)), "{weak:?}");
        service
            .users()
            .accept_invitation(&at(1), &link, InvitationProof::Password(OTHER_PASSWORD))
            .await
            .unwrap();
        assert_eq!(role_of(&fixture, email).await, [role]);
        try_sign_in(service, &at(2), email, OTHER_PASSWORD).await.unwrap();
        assert_eq!(fixture.actions_after(entries).await, ["member.invited", "member.added"]);
        assert!(matches!(service.users().find_invitation(&at(2), &link).await.unwrap(), LinkState::Used));
        rejection_in(
            service.users().accept_invitation(&at(2), &link, InvitationProof::Password(PASSWORD)).await,
        );
    }
    try_sign_in(service, &at(3), NEW, PASSWORD).await.unwrap_err();
}

async fn who_has_a_password_takes_it_signed_in(fixture: Fixture) {
    let eve = Guest::of(&fixture, 0, EVE).await;
    let service = &fixture.service;
    let (_, link) = invite(&fixture, 0, EVE, Role::Member).await;
    // Whoever found the link cannot choose a password for a person who is known here.
    let before = fixture.database.dump().await;
    let taken = service
        .users()
        .accept_invitation(&at(1), &link, InvitationProof::Password(OTHER_PASSWORD))
        .await
        .unwrap();
    assert!(matches!(taken, Accepted::SignInFirst(_)), "{taken:?}");
    assert_eq!(fixture.database.dump().await, before);
    let user = eve.user(service, 1).await;
    service.users().accept_invitation(&at(1), &link, InvitationProof::CurrentUser(&user)).await.unwrap();
    let principal = eve.user(service, 2).await.principal.unwrap();
    assert_eq!(principal.organisation_name, "Acme");
    assert!(matches!(principal.holder, PrincipalKind::User { role: Role::Member, .. }));
    assert_eq!(service.users().memberships(&user).await.unwrap().len(), 2);
    try_sign_in(service, &at(2), EVE, PASSWORD).await.unwrap();
}

async fn an_invitation_is_for_one_person(fixture: Fixture) {
    let (eve, service) = (Guest::of(&fixture, 0, EVE).await, &fixture.service);
    let (_, link) = invite(&fixture, 0, NEW, Role::Admin).await;
    let user = eve.user(service, 1).await;
    let before = fixture.database.dump().await;
    let rejection = rejection_in(
        service.users().accept_invitation(&at(1), &link, InvitationProof::CurrentUser(&user)).await,
    );
    assert!(
        matches!(&rejection, Rejection::Forbidden(why) if why.contains("sign out first")),
        "{rejection:?}"
    );
    assert!(matches!(service.users().find_invitation(&at(1), "no link").await.unwrap(), LinkState::Unknown));
    rejection_in(
        service.users().accept_invitation(&at(1), "no link", InvitationProof::Password(PASSWORD)).await,
    );
    assert_eq!(fixture.database.dump().await, before);
}

async fn of_sixteen_acceptances_one_makes_a_member(fixture: Fixture) {
    let nodes = nodes(&fixture).await;
    let eve = Guest::of(&fixture, 0, EVE).await.user(&fixture.service, 0).await;
    for (email, user) in [(NEW, None), (EVE, Some(eve))] {
        let (_, link) = invite(&fixture, 0, email, Role::Member).await;
        let answers = race(&nodes, 16, move |node, number| {
            let (link, user) = (link.clone(), user.clone());
            async move {
                let password = format!("a quite good password {number}");
                let by =
                    user.as_ref().map_or(InvitationProof::Password(&password), InvitationProof::CurrentUser);
                node.users().accept_invitation(&at(1), &link, by).await.map(|_| password.clone())
            }
        });
        let (good, bad): (Vec<_>, Vec<_>) = answers.await.into_iter().partition(Result::is_ok);
        assert_eq!(good.len(), 1);
        for rejection in bad {
            assert!(matches!(rejection_in(rejection), Rejection::Conflict(_)));
        }
        assert_eq!(role_of(&fixture, email).await, [Role::Member]);
        if email == NEW {
            let password = good.into_iter().next().unwrap().unwrap();
            try_sign_in(&fixture.service, &at(2), NEW, &password).await.unwrap();
        }
    }
}

async fn an_invitation_ends_when_it_is_old_taken_back_or_replaced(fixture: Fixture) {
    let service = &fixture.service;
    let (_, replaced) = invite(&fixture, 0, NEW, Role::Admin).await;
    let (id, revoked) = invite(&fixture, 1, NEW, Role::Member).await;
    assert!(matches!(service.users().find_invitation(&at(1), &replaced).await.unwrap(), LinkState::Used));
    assert_eq!(service.users().list_invitations(&fixture.admin).await.unwrap().len(), 1);
    // Another organisation's Admin sees nothing of it.
    assert!(service.users().list_invitations(&fixture.outsider).await.unwrap().is_empty());
    let foreign = rejection_in(service.users().revoke_invitation(&at(1), &fixture.outsider, &id).await);
    assert!(matches!(foreign, Rejection::NotFound { kind: "invitation", .. }), "{foreign:?}");
    let entries = fixture.entries().await;
    service.users().revoke_invitation(&at(2), &fixture.admin, &id).await.unwrap();
    assert!(matches!(
        rejection_in(service.users().revoke_invitation(&at(2), &fixture.admin, &id).await),
        Rejection::Conflict(_)
    ));
    assert_eq!(fixture.actions_after(entries).await, ["member.invitation_revoked"]);
    let (_, old) = invite(&fixture, 3, NEW, Role::Member).await;
    let end = 3 + 7 * DAY;
    assert!(matches!(service.users().find_invitation(&at(end - 1), &old).await.unwrap(), LinkState::Open(_)));
    assert!(matches!(service.users().find_invitation(&at(end), &old).await.unwrap(), LinkState::Expired));
    let before = fixture.database.dump().await;
    for (seconds, link) in [(4, &replaced), (4, &revoked), (end, &old)] {
        rejection_in(
            service.users().accept_invitation(&at(seconds), link, InvitationProof::Password(PASSWORD)).await,
        );
    }
    assert_eq!(fixture.database.dump().await, before);
    assert!(role_of(&fixture, NEW).await.is_empty());
}

async fn a_member_is_not_invited_and_an_open_invitation_of_a_member_makes_no_second_one(fixture: Fixture) {
    let max = Guest::of(&fixture, 0, MAX).await;
    let service = &fixture.service;
    let rejection =
        rejection_in(service.users().invite(&at(0), &fixture.admin, " MAX@acme.example", Role::Admin).await);
    assert_eq!(rejection.message(), "max@acme.example is a member already");
    service.users().remove_member(&at(0), &fixture.admin, MAX).await.unwrap();
    let (_, link) = invite(&fixture, 0, MAX, Role::Admin).await;
    service.users().add_member(&at(1), &fixture.operator, MAX, Role::Member).await.unwrap();
    let user = max.user(service, 1).await;
    let rejection = rejection_in(
        service.users().accept_invitation(&at(1), &link, InvitationProof::CurrentUser(&user)).await,
    );
    assert!(matches!(rejection, Rejection::Conflict(_)), "{rejection:?}");
    assert_eq!(role_of(&fixture, MAX).await, [Role::Member]);
    // Nor does it let the person back in who was added otherwise and removed since.
    service.users().remove_member(&at(2), &fixture.admin, MAX).await.unwrap();
    rejection_in(service.users().accept_invitation(&at(3), &link, InvitationProof::CurrentUser(&user)).await);
    assert!(role_of(&fixture, MAX).await.is_empty());
}

async fn taking_and_taking_back_at_once_come_out_one_way(fixture: Fixture) {
    let nodes = nodes(&fixture).await;
    let eve = Guest::of(&fixture, 0, EVE).await.user(&fixture.service, 0).await;
    for round in 0..10 {
        let (id, link) = invite(&fixture, 0, EVE, Role::Member).await;
        let (admin, eve) = (fixture.admin.clone(), eve.clone());
        let answers = race(&nodes, 4, move |node, number| {
            let (admin, eve, id, link) = (admin.clone(), eve.clone(), id.clone(), link.clone());
            async move {
                if (number + round) % 2 == 0 {
                    node.users().revoke_invitation(&at(1), &admin, &id).await.map(|_| false)
                } else {
                    node.users()
                        .accept_invitation(&at(1), &link, InvitationProof::CurrentUser(&eve))
                        .await
                        .map(|_| true)
                }
            }
        });
        let mut done = Vec::new();
        for answer in answers.await {
            match answer {
                Ok(accepted) => done.push(accepted),
                Err(Error::Rejection(Rejection::Conflict(_))) => {}
                Err(other) => panic!("{other:?}"),
            }
        }
        assert_eq!(done.len(), 1);
        assert_eq!(role_of(&fixture, EVE).await.len(), usize::from(done[0]));
        if done[0] {
            fixture.service.users().remove_member(&at(2), &fixture.admin, EVE).await.unwrap();
        }
    }
}

async fn only_admins_invite(fixture: Fixture) {
    let (id, _) = invite(&fixture, 0, NEW, Role::Member).await;
    let before = fixture.database.dump().await;
    let service = &fixture.service;
    for rejection in [
        rejection_in(service.users().invite(&at(1), &fixture.member, "x@acme.example", Role::Member).await),
        rejection_in(service.users().revoke_invitation(&at(1), &fixture.member, &id).await),
        rejection_in(service.users().list_invitations(&fixture.member).await),
    ] {
        assert!(matches!(rejection, Rejection::Forbidden(_)), "{rejection:?}");
    }
    let rejection =
        rejection_in(service.users().invite(&at(1), &fixture.admin, "no address", Role::Member).await);
    assert!(matches!(rejection, Rejection::Invalid(_)), "{rejection:?}");
    assert_eq!(fixture.database.dump().await, before);
}

async fn an_invitation_is_mailed_and_stands_when_the_mail_fails(fixture: Fixture) {
    let service = &fixture.service;
    let post = Post::of(service);
    let invited = service.users().invite(&at(0), &fixture.admin, NEW, Role::Member).await.unwrap();
    assert_eq!(invited.mailed, Mailed::Sent);
    let mail = post.mails().remove(0);
    assert_eq!((mail.to.as_str(), mail.subject.as_str()), (NEW, &*format!("{ADA} invites you to Acme")));
    assert!(mail.text.contains(&**invited.link));
    post.set_down(true);
    let invited = service.users().invite(&at(1), &fixture.admin, NEW, Role::Member).await.unwrap();
    assert!(matches!(&invited.mailed, Mailed::Failed(why) if why.contains("550")), "{:?}", invited.mailed);
    let link = secret_of(&invited.link, "invite");
    service.users().accept_invitation(&at(2), &link, InvitationProof::Password(PASSWORD)).await.unwrap();
}
