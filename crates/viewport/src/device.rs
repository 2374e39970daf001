//! Letting a command line in: the code that it shows is compared, then the person decides (RFC 8628 §3.3).

use crate::{
    answer::{self, Answer},
    browser,
    form::Posted,
    trouble::{self, Trouble},
    visit::{Visit, show},
};
use axum::{body::Body, extract::RawQuery};
use domain::Role;
use http::{Response, StatusCode};
use pages::{Chrome, Head, Section, Time};
use service::{Failure, Reject, StoredDevice, devices::shown_user_code};

#[derive(askama::Template)]
#[template(path = "device/ask.html", blocks = ["content"])]
struct Ask {
    head: Head,
    chrome: Chrome,
    user_code: String,
    trouble: Trouble,
}

#[derive(askama::Template)]
#[template(path = "device/confirm.html", blocks = ["content"])]
struct Confirm {
    head: Head,
    chrome: Chrome,
    user_code: String,
    name: String,
    device: String,
    address: String,
    /// Where the person's browser is, if that is somewhere else: a stranger's device asks from afar.
    elsewhere: String,
    asked: Time,
    until: Time,
    email: String,
    organisation: String,
    role: Role,
    has_others: bool,
    fresh: bool,
    trouble: Trouble,
}

async fn form(visit: &Visit, typed: &str, trouble: Trouble) -> Answer {
    let page = Ask {
        head: Head::new("Let a command line in"),
        chrome: visit.chrome(Section::Account).await?,
        user_code: typed.chars().take(20).collect(),
        trouble,
    };
    let status = trouble::status(&page.trouble);
    Ok(show!(visit, status, page))
}

async fn confirmation(visit: &Visit, device: &StoredDevice, trouble: Trouble) -> Answer {
    let now = visit.ctx.now;
    let memberships = visit.outcome(visit.service().memberships(&visit.visitor).await)?;
    let page = Confirm {
        head: Head::new("Let this command line in?"),
        chrome: visit.chrome(Section::Account).await?,
        user_code: shown_user_code(&device.user_code),
        name: browser::short_name(&device.device),
        device: device.device.clone(),
        elsewhere: elsewhere(device.address.as_deref(), visit.ctx.address),
        address: device.address.clone().unwrap_or_default(),
        asked: pages::since(device.created_at, now),
        until: pages::relative(device.expires_at, now),
        email: visit.visitor.email.as_str().to_owned(),
        organisation: visit.principal.organisation_name.clone(),
        role: if visit.is_admin() { Role::Admin } else { Role::Member },
        has_others: memberships.len() > 1,
        fresh: visit.is_fresh(),
        trouble,
    };
    let status = trouble::status(&page.trouble);
    Ok(show!(visit, status, page))
}

fn elsewhere(device: Option<&str>, browser: Option<std::net::IpAddr>) -> String {
    let browser = browser.map(|address| address.to_string());
    browser.filter(|browser| device.is_some_and(|device| device != browser)).unwrap_or_default()
}

/// The device of a code, or the form again with the reason.
///
/// # Errors
/// There is none, or there were too many guesses.
async fn find(visit: &Visit, code: &str) -> Result<StoredDevice, Response<Body>> {
    match visit.service().find_device(&visit.ctx, &visit.visitor, code).await {
        Ok(device) => Ok(device),
        Err(Failure::Reject(Reject::Conflict(why))) => Err(refused(visit, code, &why).await),
        Err(failure) => Err(visit.failed(&failure)),
    }
}

/// The form again, with the reason.
async fn refused(visit: &Visit, code: &str, why: &str) -> Response<Body> {
    let trouble = Trouble::new("user_code", answer::sentence(&why.replace('`', "")));
    form(visit, code, trouble).await.unwrap_or_else(|page| page)
}

/// `GET /device`, with `user_code` if the terminal's link was opened
pub(crate) async fn ask(visit: Visit, RawQuery(query): RawQuery) -> Answer {
    let query = query.unwrap_or_default();
    let asked = web::Form::parse(query.as_bytes()).ok();
    let code = asked.as_ref().and_then(|asked| asked.get("user_code")).unwrap_or_default();
    if code.is_empty() {
        return form(&visit, "", Trouble::default()).await;
    }
    let device = find(&visit, code).await?;
    confirmation(&visit, &device, Trouble::default()).await
}

/// `POST /device`
pub(crate) async fn decide(Posted(mut visit, fields): Posted<Visit>) -> Answer {
    let Some(code) = fields.filled("user_code") else {
        return form(&visit, "", Trouble::new("user_code", "Type the code that your terminal shows.")).await;
    };
    // Also before a decision: it counts the guesses.
    let device = find(&visit, code).await?;
    let approved = match fields.text("decision") {
        "approve" => true,
        "deny" => false,
        _ => return confirmation(&visit, &device, Trouble::default()).await,
    };
    if approved && let Err(trouble) = trouble::confirm(&mut visit, &fields).await? {
        return confirmation(&visit, &device, trouble).await;
    }
    match visit.service().decide_device(&visit.ctx, &visit.visitor, code, approved).await {
        Ok(()) => Ok(decided(&visit, &device, approved)),
        Err(Failure::Reject(Reject::Conflict(why))) => Err(refused(&visit, code, &why).await),
        Err(failure) => Err(visit.failed(&failure)),
    }
}

fn decided(visit: &Visit, device: &StoredDevice, approved: bool) -> Response<Body> {
    let name = browser::short_name(&device.device);
    if !approved {
        let text = format!(
            "“{name}” was not let in. If you did not start it, somebody else did; nothing of yours was shown."
        );
        return answer::message_with_link(StatusCode::OK, "Refused.", text, ("Go to Duku", "/"));
    }
    let text = format!(
        "Go back to your terminal. “{name}” acts as {} in {} from now on; your account page ends it whenever you want.",
        visit.visitor.email, visit.principal.organisation_name
    );
    answer::message_with_link(StatusCode::OK, "It is in.", text, ("Your account", "/account"))
}

#[cfg(test)]
mod tests;
