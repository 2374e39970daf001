//! A link of one organisation gives no power over a person whom another one knows.

use super::{
    fixture::{NEW_PASSWORD, PASSWORD, settings},
    http::Browser,
};
use crate::{app::App, on_both, people};
use domain::Role;
use testkit::Engine;

on_both! {
    a_link_of_one_organisation_sets_no_password_of_anothers_person
    a_link_sets_the_password_of_an_address_that_is_new
}

const ADMIN: &str = "ada@example.org";

/// An Admin of Acme, signed in.
async fn admin(app: &App) -> Browser {
    people::set_password(app, ADMIN).await;
    let mut browser = Browser::new(app.address);
    browser.enter(ADMIN, PASSWORD, None).await;
    browser
}

/// The path of the link that the Admin reads on the page.
async fn invite(admin: &mut Browser, email: &str) -> String {
    let page = admin.fill_in("/settings/members/invite", &[("email", email), ("role", "member")]).await;
    assert_eq!(page.status, 200, "{}", page.text);
    let link = page.element("value-link");
    format!("/invite/{}", link.rsplit('/').next().unwrap())
}

/// The names of the organisations that a person belongs to.
async fn organisations(app: &App, email: &str) -> Vec<String> {
    let sql = format!(
        "SELECT o.name FROM memberships m JOIN organisations o ON o.id = m.organisation_id \
         JOIN users u ON u.id = m.user_id WHERE u.email = '{email}' ORDER BY o.name"
    );
    app.database.sql(&sql).await.into_iter().flatten().flatten().collect()
}

/// Whether this password signs the person in.
async fn signs_in(app: &App, email: &str, password: &str) -> bool {
    let mut browser = Browser::new(app.address);
    let page = browser.get("/login").await.location().to_owned();
    browser.post(&page, &[("email", email), ("password", password)]).await.parameter("code").is_some()
}

async fn a_link_of_one_organisation_sets_no_password_of_anothers_person(engine: Engine) {
    let app = App::start_with(engine, settings()).await;
    let mut admin = admin(&app).await;
    let (service, ctx) = (&app.service, app.ctx());
    let other = service.organisations().create(&ctx, "test", "Other", "bob@example.org", None).await.unwrap();
    let operator = service::Principal::operator("test", &other);
    service.users().add_member(&ctx, &operator, "eve@example.org", Role::Member).await.unwrap();
    let mut wrong = Vec::new();
    for email in ["bob@example.org", "eve@example.org"] {
        let link = invite(&mut admin, email).await;
        let mut holder = Browser::new(app.address);
        let taken = holder.post(&link, &[("password", NEW_PASSWORD)]).await;
        let mut note =
            |what: &str| wrong.push(format!("{email}: {what} ({} to {:?})", taken.status, taken.location()));
        if signs_in(&app, email, NEW_PASSWORD).await {
            note("the link's holder set the password");
        }
        if organisations(&app, email).await != ["Other"] {
            note("joined without having been asked");
        }
        // The person, who proves to be the person, confirms, and joins what the page names.
        people::set_password(&app, email).await;
        if !signs_in(&app, email, PASSWORD).await || signs_in(&app, email, NEW_PASSWORD).await {
            note("the person's own password is not the one that works");
        }
        if organisations(&app, email).await != ["Other"] {
            continue;
        }
        let mut person = Browser::new(app.address);
        person.enter(email, PASSWORD, None).await;
        // A link that somebody tried may be worth nothing any more.
        let link = if person.get(&link).await.status == 200 { link } else { invite(&mut admin, email).await };
        assert!(person.get(&link).await.text.contains("Join Acme"));
        assert_eq!(person.post(&link, &[("x", "1")]).await.location(), "/");
        assert_eq!(organisations(&app, email).await, ["Acme", "Other"]);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

async fn a_link_sets_the_password_of_an_address_that_is_new(engine: Engine) {
    let app = App::start_with(engine, settings()).await;
    let mut admin = admin(&app).await;
    let link = invite(&mut admin, "new@example.org").await;
    let taken = Browser::new(app.address).post(&link, &[("password", NEW_PASSWORD)]).await;
    assert_eq!(taken.status, 303, "{}", taken.text);
    assert_eq!(organisations(&app, "new@example.org").await, ["Acme"]);
    assert!(signs_in(&app, "new@example.org", NEW_PASSWORD).await);
}
