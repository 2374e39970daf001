//! People and invitations.

use crate::harness::{ADA, Browser, Harness};
use domain::Role;
use http::StatusCode;
use service::keys::GenerateKey;

const MEMBER: &str = "max@acme.example";

/// Acme with a Member besides its Admin.
async fn harness() -> Harness {
    let harness = Harness::new().await;
    harness.join(MEMBER, Role::Member).await;
    harness
}

async fn id_of(harness: &Harness, email: &str) -> String {
    let members = harness.service.users().list_members(&Harness::operator(&harness.acme)).await.unwrap();
    members.into_iter().find(|member| member.email.as_str() == email).unwrap().id.to_string()
}

async fn link_of(browser: &Browser<'_>, page: &str, fields: &[(&str, &str)]) -> String {
    let answer = browser.post(page, fields).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let link = answer.text.split_once("/invite/").unwrap().1;
    link.split('<').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_member_is_told_who_the_admins_are() {
    let harness = harness().await;
    let max = harness.browser_of(MEMBER).await;
    for page in [
        "/settings/members",
        "/settings/members/invite",
        "/settings/organisation",
        "/settings/audit",
        "/settings/audit/export",
    ] {
        let answer = max.get(page).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{page}");
        answer.says("Only Admins can");
        answer.says(ADA);
    }
    let ada = id_of(&harness, ADA).await;
    for page in ["role", "remove"] {
        let answer = max.post(&format!("/settings/members/{ada}/{page}"), &[("role", "member")]).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{page}");
    }
}

#[tokio::test]
async fn an_invitation_shows_its_link_once_and_can_be_made_anew_or_taken_back() {
    let harness = harness().await;
    let ada = harness.browser_of(ADA).await;
    let fields = [("email", "new@acme.example"), ("role", "admin")];
    let first = link_of(&ada, "/settings/members/invite", &fields).await;
    let list = ada.open("/settings/members").await;
    list.says("new@acme.example");
    assert!(!list.text.contains(&first), "the link is in the list");
    let waiting = harness.service.users().list_invitations(&Harness::operator(&harness.acme)).await.unwrap();
    let again = format!("/settings/members/invitations/{}/again", waiting[0].id);
    let second = link_of(&ada, &again, &[]).await;
    assert_ne!(first, second);
    let waiting = harness.service.users().list_invitations(&Harness::operator(&harness.acme)).await.unwrap();
    assert_eq!((waiting.len(), waiting[0].role), (1, Role::Admin));
    let revoke = format!("/settings/members/invitations/{}/revoke", waiting[0].id);
    ada.open(&revoke).await.says("Take back the invitation of new@acme.example?");
    ada.submit(&revoke, &[]).await;
    assert!(
        harness.service.users().list_invitations(&Harness::operator(&harness.acme)).await.unwrap().is_empty()
    );
    assert_eq!(ada.get(&revoke).await.status, StatusCode::NOT_FOUND);
    let known = ada.post("/settings/members/invite", &[("email", MEMBER), ("role", "member")]).await;
    assert_eq!(known.status, StatusCode::UNPROCESSABLE_ENTITY);
    known.says("is a member already");
}

#[tokio::test]
async fn the_last_admin_stays() {
    let harness = harness().await;
    let ada = harness.browser_of(ADA).await;
    let id = id_of(&harness, ADA).await;
    let role = format!("/settings/members/{id}/role");
    ada.open(&role).await.says("This is you.");
    for (page, fields) in [
        (role.clone(), vec![("role", "member"), ("seen_role", "admin")]),
        (format!("/settings/members/{id}/remove"), vec![]),
    ] {
        let answer = ada.post(&page, &fields).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{page}");
        answer.says("at least one Admin");
    }
    harness.join("eva@acme.example", Role::Admin).await;
    let place = ada.submit(&role, &[("role", "member"), ("seen_role", "admin")]).await;
    assert_eq!(place, "/?done=demoted");
    ada.open("/?done=demoted").await.says("You are a Member now");
    assert_eq!(ada.get("/settings/members").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_role_that_somebody_changed_is_not_changed_unseen() {
    let harness = harness().await;
    let ada = harness.browser_of(ADA).await;
    let page = format!("/settings/members/{}/role", id_of(&harness, MEMBER).await);
    assert_eq!(ada.open(&page).await.value("seen_role"), "member");
    harness
        .service
        .users()
        .change_role(&harness.ctx(), &Harness::operator(&harness.acme), MEMBER, Role::Admin)
        .await
        .unwrap();
    let answer = ada.post(&page, &[("role", "member"), ("seen_role", "member")]).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    answer.says("Somebody changed the role");
    assert_eq!(answer.value("seen_role"), "admin");
    ada.submit(&page, &[("role", "member"), ("seen_role", "admin")]).await;
}

#[tokio::test]
async fn removing_a_person_names_the_keys_that_stay() {
    let harness = harness().await;
    harness.join("eva@acme.example", Role::Admin).await;
    let wanted = GenerateKey { label: "Eva's pipeline".into(), expires_in_days: None };
    let mut principal = Harness::operator(&harness.acme);
    principal.holder = service::PrincipalKind::Operator { name: "eva@acme.example".into() };
    harness.service.keys().generate(&harness.ctx(), &principal, &wanted).await.unwrap();
    let ada = harness.browser_of(ADA).await;
    let page = format!("/settings/members/{}/remove", id_of(&harness, "eva@acme.example").await);
    let asked = ada.open(&page).await;
    asked.says("1 API key goes on working");
    asked.says("Eva&#39;s pipeline");
    assert_eq!(ada.submit(&page, &[]).await, "/settings/members?done=member-removed");
    assert_eq!(ada.get(&page).await.status, StatusCode::NOT_FOUND);
}
