//! Members and invitations: invited, given roles, removed, by two Admins at once, by mouse, keyboard and without scripts.

use super::fixture::{ADMIN, BrowserFixture, MEMBER, MailServer, PASSWORD};
use crate::browser::Options;
use domain::Role;
use serde_json::json;
use std::sync::Arc;

const LIST: &str = "/settings/members";
const WITHOUT_SCRIPT: Options = Options { javascript: false, width: 1280, height: 900, dark: false };

async fn life(options: Options) {
    let fixture = BrowserFixture::open().await;
    let browser = fixture.entered(ADMIN, LIST, options).await;
    browser.click("Invite").await;
    browser.fill("Email", MEMBER).await;
    browser.click("Invite").await;
    browser.sees("is a member already").await;
    browser.axe().await;
    browser.fill("Email", "grace@example.org").await;
    browser
        .choose("Admin Manages API keys, members and the organisation besides, and reads the audit log.")
        .await;
    browser.click("Invite").await;
    browser.sees("grace@example.org is invited").await;
    browser.sees("join Acme as an Admin").await;
    browser.axe().await;
    let first = fixture.path(&browser.text("#value-link").await);
    browser.click("Done").await;
    browser.sees("A link is shown only when it is made.").await;
    browser.does_not_see("/invite/").await;
    browser.click("Invite grace@example.org again").await;
    browser.sees("grace@example.org is invited").await;
    let second = fixture.path(&browser.text("#value-link").await);
    assert!(fixture.get("", &first).await.text.contains("This invitation was used"), "the first link ends");
    assert!(fixture.get("", &second).await.text.contains("Accept the invitation"));
    browser.click("Done").await;
    browser.click("Take back the invitation of grace@example.org").await;
    browser.sees("Its link stops working.").await;
    browser.click("Take it back").await;
    browser.sees("Taken back. The link works no more.").await;
    assert!(fixture.get("", &second).await.text.contains("This invitation was used"));

    browser.click("Change role of max@example.org").await;
    browser
        .choose("Admin Manages API keys, members and the organisation besides, and reads the audit log.")
        .await;
    browser.click("Change role").await;
    browser.sees("The role is changed.").await;
    browser.click("Remove max@example.org").await;
    browser.sees("loses access to Acme at once").await;
    browser.click("Remove").await;
    browser.sees("Removed. The person has no access any more").await;
    browser.does_not_see(MEMBER).await;

    // The last Admin stays.
    browser.click("Change role of ada@example.org").await;
    browser.sees("This is you.").await;
    browser.choose("Member Works with products and targets.").await;
    browser.click("Change role").await;
    browser.sees("An organisation keeps at least one Admin").await;
    browser.axe().await;
    browser.click("Cancel").await;
    browser.click("Leave Acme").await;
    browser.sees("Leave Acme?").await;
    browser.click("Leave").await;
    browser.sees("An organisation keeps at least one Admin").await;
    browser.axe().await;
    browser.has_silent_console().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_come_and_go() {
    life(Options::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_come_and_go_without_javascript() {
    life(WITHOUT_SCRIPT).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_stands_when_its_mail_cannot_be_sent() {
    let fixture = BrowserFixture::open().await;
    let why = "connection refused by mail.example.org".to_owned();
    fixture
        .app
        .service
        .operations()
        .use_mailer(Arc::new(MailServer { broken: Some(why), ..MailServer::default() }));
    let browser = fixture.entered(ADMIN, LIST, Options::default()).await;
    browser.click("Invite").await;
    browser.sees("The link is mailed").await;
    browser.fill("Email", "grace@example.org").await;
    browser.press("Enter").await;
    browser.sees("The invitation stands, but the mail could not be sent.").await;
    browser.sees("connection refused by mail.example.org").await;
    browser.axe().await;
    let link = fixture.path(&browser.text("#value-link").await);
    assert!(fixture.get("", &link).await.text.contains("Accept the invitation"), "it works all the same");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_admins_at_once_and_a_role_lost_between_two_clicks() {
    let fixture = BrowserFixture::open().await;
    let (service, operator) = (&fixture.app.service, fixture.operator());
    service.users().add_member(&fixture.ctx(), &operator, "grace@example.org", Role::Member).await.unwrap();
    let browser = fixture.entered(ADMIN, LIST, Options::default()).await;
    browser.click("Change role of grace@example.org").await;
    browser.sees("Now a Member, in Acme.").await;
    service.users().change_role(&fixture.ctx(), &operator, "grace@example.org", Role::Admin).await.unwrap();
    browser.click("Change role").await;
    browser.sees("meanwhile").await;
    browser.sees("Now an Admin, in Acme.").await;
    browser.axe().await;
    browser.click("Cancel").await;
    // Somebody else removed the person before.
    browser.click("Remove max@example.org").await;
    browser.sees("loses access").await;
    service.users().remove_member(&fixture.ctx(), &operator, MEMBER).await.unwrap();
    browser.click("Remove").await;
    browser.sees("Page not found").await;
    browser.axe().await;
    browser.goto(LIST).await;
    service.users().change_role(&fixture.ctx(), &operator, ADMIN, Role::Member).await.unwrap();
    browser.click("Invite").await;
    browser.sees("Only Admins can see and manage members.").await;
    browser.sees("grace@example.org").await;
    browser.axe().await;
    // Removed altogether.
    service.users().remove_member(&fixture.ctx(), &operator, ADMIN).await.unwrap();
    browser.goto("/").await;
    browser.sees("You belong to no organisation").await;
    browser.click("Your account").await;
    browser.sees("No organisation has you as a member.").await;
    browser.axe().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_leaving_members_keys_mean_is_said() {
    let fixture = BrowserFixture::open().await;
    let (service, operator) = (&fixture.app.service, fixture.operator());
    service.users().add_member(&fixture.ctx(), &operator, "grace@example.org", Role::Admin).await.unwrap();
    let browser = fixture.entered(ADMIN, "/settings/api-keys/generate", WITHOUT_SCRIPT).await;
    browser.fill("Label", "Nightly export").await;
    browser.click("Generate").await;
    browser.sees("This is the only time").await;
    browser.goto(&format!("{LIST}/{}/remove", fixture.member(ADMIN).await)).await;
    browser.sees("1 API key goes on working.").await;
    browser.sees("To be sure, rotate: Nightly export.").await;
    browser.click("Leave").await;
    browser.sees("You belong to no organisation").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_people_come_in_pages() {
    let fixture = BrowserFixture::open().await;
    for number in 0..60 {
        let email = format!("person{number:02}@example.org");
        fixture
            .app
            .service
            .users()
            .add_member(&fixture.ctx(), &fixture.operator(), &email, Role::Member)
            .await
            .unwrap();
    }
    let cookie = fixture.cookie(ADMIN).await;
    let first = fixture.get(&cookie, LIST).await.text;
    assert!(first.contains("62 people"), "{first}");
    let next = first.split("href=\"/settings/members?after=").nth(1).unwrap().split('"').next().unwrap();
    let second = fixture.get(&cookie, &format!("{LIST}?after={next}")).await.text;
    let rows = |page: &str| page.matches("Change role<").count();
    assert_eq!((rows(&first), rows(&second)), (50, 12));
    assert!(second.contains("First page") && !second.contains(">Next<"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_typed_as_an_address_does_no_harm() {
    let fixture = BrowserFixture::open().await;
    let browser = fixture.entered(ADMIN, "/settings/members/invite", WITHOUT_SCRIPT).await;
    for wrong in ["x".repeat(10_000), "\"><script>alert(1)</script>".to_owned(), String::new()] {
        let typed = "const field = document.getElementById('email'); field.form.noValidate = true; field.value = arguments[0]";
        browser.evaluate(typed, json!([wrong])).await;
        browser.click("Invite").await;
        // Without scripts the next page has the same address and, from the second time on, the same words.
        let kept = "return document.getElementById('email')?.defaultValue === arguments[0]";
        assert!(
            browser.comes_true(async || browser.evaluate(kept, json!([wrong])).await == true).await,
            "{wrong}"
        );
        browser.text("#email-error").await;
    }
    browser.has_silent_console().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signing_in_and_inviting_by_keyboard_alone() {
    let fixture = BrowserFixture::open().await;
    let browser = fixture.browser(Options::default()).await;
    browser.goto("/").await;
    assert_eq!(browser.focused().await, "email “Email”");
    browser.press(ADMIN).await;
    browser.press("Tab").await;
    browser.press(PASSWORD).await;
    browser.press("Enter").await;
    browser.sees("Shop").await;
    assert_eq!(browser.tab().await, "link “Skip to the content”");
    browser.tab_to("link “Members”").await;
    browser.press("Enter").await;
    browser.sees("Nobody is invited at the moment.").await;
    assert_eq!(browser.tab().await, "link “Skip to the content”");
    browser.press("Enter").await;
    assert_eq!(browser.tab().await, "link “Invite”", "the navigation was skipped");
    browser.press("Enter").await;
    browser.sees("You get a link to hand over.").await;
    assert_eq!(browser.focused().await, "email “Email”");
    browser.press("grace@example.org").await;
    browser.press("Tab").await;
    browser.press("ArrowDown").await;
    browser.press("Enter").await;
    browser.sees("join Acme as an Admin").await;
    browser.tab_to("button “Copy”").await;
    browser.press("Enter").await;
    browser.sees("Copied").await;
    browser.tab_to("link “Done”").await;
    browser.press("Enter").await;
    browser.sees("A link is shown only when it is made.").await;
    browser.tab_to("link “Change role of max@example.org”").await;
    browser.press("Enter").await;
    browser.sees("Now a Member, in Acme.").await;
    browser.tab_to("radio “Member Works with products and targets.”").await;
    browser.press("ArrowDown").await;
    browser.press("Enter").await;
    browser.sees("The role is changed.").await;
    // The menu at the side, and out.
    browser.tab_to("summary “Account: ada@example.org Admin”").await;
    browser.press("Enter").await;
    browser.tab_to("button “Sign out”").await;
    browser.press("Enter").await;
    browser.sees("You are signed out").await;
}
