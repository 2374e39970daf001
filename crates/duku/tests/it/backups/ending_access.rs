//! After a restore, or whenever an operator wants it, everything that was issued can be ended at once.

use super::acme;
use crate::{
    app::App,
    people::{cookie_of, set_password},
    server::Database,
};
use reqwest::StatusCode;

crate::on_both! {
    ending_all_access_ends_what_was_issued_and_leaves_the_keys
}

async fn ending_all_access_ends_what_was_issued_and_leaves_the_keys(engine: Database) {
    let app = App::start(engine).await;
    set_password(&app, "ada@example.org").await;
    let pair = app.generate("CI", None).await;
    let (of_key, of_person) = (app.api.token(&pair).await, app.admin_token().await);
    let cookie = cookie_of(&app, "ada@example.org").await;
    let link = app.service.users().make_reset_link(&app.ctx(), "test", "ada@example.org").await.unwrap();
    let page = async |path: &str| {
        let request = app.api.client().get(format!("{}{path}", app.api.url)).header("cookie", &cookie);
        testkit::Answer::of(request.header("accept", "text/html")).await.status
    };
    assert_eq!(page("/settings/api-keys").await, StatusCode::OK);
    assert!(app.api.accepts(&of_key).await && app.api.accepts(&of_person).await);
    app.service
        .operations()
        .end_all_access(&app.ctx(), &service::tokens::signing_keys::operator("test"))
        .await
        .unwrap();
    assert!(!app.api.accepts(&of_key).await && !app.api.accepts(&of_person).await);
    assert_eq!(page("/settings/api-keys").await, StatusCode::SEE_OTHER, "to the sign-in");
    let code = link.rsplit('/').next().unwrap();
    assert_eq!(page(&format!("/reset/{code}")).await, StatusCode::GONE);
    let again = app.api.token(&pair).await;
    assert!(app.api.accepts(&again).await, "the key gets a token that is good");
    assert!(app.service.audit_log().verify(None).await.unwrap().iter().all(|chain| chain.damage.is_none()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_server_honours_that_all_access_was_ended_beside_it() {
    let (server, ..) = acme();
    let pair = server.generate("CI");
    let token = server.api().token(&pair).await;
    assert!(server.output(&["admin", "end-all-access"]).status.success());
    assert!(!server.api().accepts(&token).await);
    let again = server.api().token(&pair).await;
    assert!(server.api().accepts(&again).await);
}
