//! A session whose password was given a while ago changes no key and no member, whichever way it tries.

use super::{
    fixture::{PASSWORD, settings},
    http::{Browser, PROTOCOL, Request, code_form},
    snapshot::{Snapshot, keep_order, told},
};
use crate::{app::App, on_both, people};
use domain::Role;
use testkit::Engine;

on_both! {
    a_stale_session_changes_no_key_with_a_code_of_its_own
    a_stale_session_is_asked_for_the_password_before_people_and_settings_change
}

const ADMIN: &str = "ada@example.org";
const ELEVEN_MINUTES: i64 = 11 * 60;

async fn admin(app: &App) -> Browser {
    people::set_password(app, ADMIN).await;
    let mut browser = Browser::new(app.address);
    browser.enter(ADMIN, PASSWORD, None).await;
    browser
}

/// A token of the browser's session, by a code of the holder's own making; none if it is rejected.
async fn own_token(app: &App, browser: &mut Browser) -> Option<String> {
    let code = browser.authorize().await.parameter("code")?;
    let form = code_form(&code);
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, &**value)).collect();
    let reply = Request::form(format!("{PROTOCOL}/token"), &form).send(app.address).await;
    assert!(reply.status < 500, "{}", reply.text);
    reply.json()["access_token"].as_str().map(ToOwned::to_owned)
}

async fn a_stale_session_changes_no_key_with_a_code_of_its_own(engine: Engine) {
    let app = App::start_with(engine, settings()).await;
    keep_order(&app.database, engine).await;
    let mut browser = admin(&app).await;
    let key = app.generate("CI", None).await.client_id;
    let mutations = [
        "generateApiKey(input: { label: \"Another\" }) { clientId clientSecret }".to_owned(),
        format!("rotateApiKey(input: {{ id: \"{key}\", graceSeconds: 3600 }}) {{ clientId clientSecret }}"),
        format!("endGrace(id: \"{key}\") {{ id }}"),
        format!("revokeApiKey(id: \"{key}\")"),
    ];
    let ask = async |authorization: (&'static str, String), mutation: &str| {
        let request = Request::graphql(&format!("mutation {{ {mutation} }}"));
        request.with(authorization.0, authorization.1).send(app.address).await
    };
    // Soon after the sign-in it works.
    let token = own_token(&app, &mut browser).await.unwrap();
    for mutation in &mutations[..3] {
        let reply = ask(("authorization", format!("Bearer {token}")), mutation).await;
        assert!(reply.json().get("errors").is_none(), "{mutation}: {}", reply.text);
    }
    let operator = app.operator();
    let rotation = service::keys::RotateKey { grace_seconds: 3600, end_issued_tokens: false };
    app.service.keys().rotate(&app.ctx(), &operator, &key, rotation).await.unwrap();
    app.clock.advance_seconds(ELEVEN_MINUTES);
    let before = Snapshot::of(&app.database, engine).await;
    let mut wrong = Vec::new();
    let token = own_token(&app, &mut browser).await;
    let ways = [
        token.map(|token| ("authorization", format!("Bearer {token}"))),
        Some(("cookie", browser.cookie_header())),
    ];
    for way in ways.into_iter().flatten() {
        for mutation in &mutations {
            let reply = ask(way.clone(), mutation).await;
            if reply.text.contains("dks_") || reply.json().get("errors").is_none() {
                wrong.push(format!("{}: {mutation}", way.0));
            }
        }
    }
    let after = Snapshot::of(&app.database, engine).await;
    let written = before.until(&after);
    // Sessions and codes may come; keys stay as they are.
    let changed: Vec<_> = written
        .iter()
        .filter(|one| one.table == "api_keys" || one.action().starts_with("api_key."))
        .collect();
    assert!(wrong.is_empty() && changed.is_empty(), "{wrong:#?} wrote {}", told(&changed));
}

async fn a_stale_session_is_asked_for_the_password_before_people_and_settings_change(engine: Engine) {
    let app = App::start_with(engine, settings()).await;
    keep_order(&app.database, engine).await;
    let mut browser = admin(&app).await;
    let (service, operator) = (&app.service, app.operator());
    let mut ids = Vec::new();
    for email in ["max@example.org", "mia@example.org"] {
        let member = service.users().add_member(&app.ctx(), &operator, email, Role::Member).await.unwrap();
        ids.push(member.id.to_string());
    }
    let forms = [
        ("/settings/members/invite".to_owned(), vec![("email", "eve@example.org"), ("role", "admin")]),
        (format!("/settings/members/{}/role", ids[0]), vec![("role", "admin")]),
        (format!("/settings/members/{}/remove", ids[1]), vec![("x", "1")]),
        (
            "/settings/organisation".to_owned(),
            vec![("name", "Renamed"), ("default_days", "30"), ("maximum_days", "60")],
        ),
    ];
    app.clock.advance_seconds(ELEVEN_MINUTES);
    let mut wrong = Vec::new();
    for (path, fields) in &forms {
        let before = Snapshot::of(&app.database, engine).await;
        let reply = browser.fill_in(path, fields).await;
        let asks = (400..500).contains(&reply.status) && reply.text.contains("name=\"password\"");
        let after = Snapshot::of(&app.database, engine).await;
        let written = before.until(&after);
        let written: Vec<_> = written.iter().collect();
        if !asks || !written.is_empty() {
            let path = path.replace(&ids[0], "{user}").replace(&ids[1], "{user}");
            wrong.push(format!(
                "{path}: {} to {:?}, wrote {}",
                reply.status,
                reply.location(),
                told(&written)
            ));
            continue;
        }
        // A wrong password changes nothing, the right one does what was asked.
        let with = |password| fields.iter().copied().chain([("password", password)]).collect::<Vec<_>>();
        let rejected = browser.fill_in(path, &with("a wrong horse staple")).await;
        assert!((400..500).contains(&rejected.status), "{path}: {}", rejected.status);
        let done = browser.fill_in(path, &with(PASSWORD)).await;
        assert!(done.status < 400, "{path}: {} {}", done.status, done.text);
        assert!(!after.until(&Snapshot::of(&app.database, engine).await).is_empty(), "{path}");
        // The password was given just now: the next form must be stale again.
        app.clock.advance_seconds(ELEVEN_MINUTES);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
