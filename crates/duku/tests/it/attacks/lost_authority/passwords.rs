//! Passwords that change while they are used.

use super::{
    fixture::{NEW_PASSWORD, PASSWORD, settings},
    http::Browser,
};
use crate::{app::App, on_both, people};
use std::time::Instant;
use testkit::Engine;

on_both! {
    a_sign_in_with_the_old_password_does_not_outlive_its_change
    of_two_changes_with_one_password_one_wins
}

const ADMIN: &str = "ada@example.org";
const TRIES: u32 = 20;

async fn entered(app: &App, password: &str) -> Browser {
    let mut browser = Browser::new(app.address);
    browser.enter(ADMIN, password, None).await;
    browser
}

async fn change(mut browser: Browser, current: String, new: String) -> bool {
    let form = [("current", &*current), ("password", &*new)];
    let reply = browser.post("/account/password", &form).await;
    assert!(reply.status < 500, "{}", reply.text);
    reply.location().starts_with("/account")
}

fn password(number: u32) -> String {
    format!("{PASSWORD} number {number}")
}

async fn a_sign_in_with_the_old_password_does_not_outlive_its_change(engine: Engine) {
    let app = App::start_with(engine, settings()).await;
    people::set_password(&app, ADMIN).await;
    let owner = entered(&app, PASSWORD).await;
    let started = Instant::now();
    assert!(change(owner, PASSWORD.to_owned(), password(0)).await);
    let one = started.elapsed();
    let mut wrong = Vec::new();
    for number in 0..TRIES {
        let (old, new) = (password(number), password(number + 1));
        let owner = entered(&app, &old).await;
        let changing = tokio::spawn(change(owner, old.clone(), new));
        tokio::time::sleep(one * number / TRIES).await;
        let mut thief = Browser::new(app.address);
        let page = thief.get("/login").await.location().to_owned();
        let reply = thief.post(&page, &[("email", ADMIN), ("password", &old)]).await;
        assert!(reply.status < 500, "{}", reply.text);
        assert!(changing.await.unwrap(), "the owner's change is never in vain");
        // Whichever came first: nothing that the old password gave is left.
        if thief.authorize().await.parameter("code").is_some() {
            wrong.push(format!("try {number}: the session lives"));
        }
        if reply.parameter("code").is_some() {
            let viewport_session = thief.get(reply.location()).await;
            if thief.cookies.contains_key("duku_session") && thief.get("/account").await.status == 200 {
                wrong.push(format!(
                    "try {number}: its code leads into Viewport ({})",
                    viewport_session.status
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "in {TRIES} tries: {wrong:#?}");
}

async fn of_two_changes_with_one_password_one_wins(engine: Engine) {
    let app = App::start_with(engine, settings()).await;
    people::set_password(&app, ADMIN).await;
    let mut current = PASSWORD.to_owned();
    let mut wrong = Vec::new();
    for number in 0..5 {
        let both = [entered(&app, &current).await, entered(&app, &current).await];
        let new = [format!("{NEW_PASSWORD} left {number}"), format!("{NEW_PASSWORD} right {number}")];
        let [left, right] =
            [0, 1].map(|side| tokio::spawn(change(both[side].clone(), current.clone(), new[side].clone())));
        let won = [left.await.unwrap(), right.await.unwrap()];
        let [mut lives, mut works] = [[false; 2]; 2];
        for side in [0, 1] {
            lives[side] = both[side].clone().get("/account").await.status == 200;
            let mut browser = Browser::new(app.address);
            let page = browser.get("/login").await.location().to_owned();
            let form = [("email", ADMIN), ("password", &*new[side])];
            works[side] = browser.post(&page, &form).await.parameter("code").is_some();
        }
        if won[0] == won[1] || lives != won || works != won {
            wrong.push(format!("try {number}: told {won:?}, sessions {lives:?}, passwords {works:?}"));
        }
        current.clone_from(&new[usize::from(!works[0])]);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
