//! Approving a device: the code that it shows is compared, then the person decides (RFC 8628 §3.3).

use crate::frame::{
    answer::{self, Answer},
    form::Posted,
    form_error,
    page_context::{MemberPage, show},
    user_agent,
};
use axum::{body::Body, extract::RawQuery};
use domain::DeviceGrant;
use http::{Response, StatusCode};
use pages::{Chrome, FormError, Section};
use service::{Error, Rejection};

#[derive(askama::Template)]
#[template(path = "device/ask.html", blocks = ["content"])]
struct Ask {
    chrome: Chrome,
    user_code: String,
}

#[derive(askama::Template)]
#[template(path = "device/confirm.html", blocks = ["content"])]
struct Confirm<'a> {
    chrome: Chrome,
    device: &'a DeviceGrant,
    /// Where the person's browser is, if that is somewhere else: a stranger's device asks from afar.
    elsewhere: String,
    has_others: bool,
}

async fn form(context: &MemberPage, typed: &str, errors: FormError) -> Answer {
    let page = Ask {
        chrome: context.form("Approve a device", Section::Account, errors).await?,
        user_code: typed.chars().take(20).collect(),
    };
    Ok(show!(context, page))
}

async fn confirmation(context: &MemberPage, device: &DeviceGrant, errors: FormError) -> Answer {
    let memberships = context.outcome(context.service().users().memberships(&context.user).await)?;
    let title = "Approve this device?";
    let chrome = context.chrome_with(title, Section::Account, None, Some(&memberships)).await?;
    let page = Confirm {
        chrome: Chrome { errors, ..chrome },
        device,
        elsewhere: elsewhere(device.address.as_deref(), context.ctx.address),
        has_others: memberships.len() > 1,
    };
    Ok(show!(context, page))
}

fn elsewhere(device: Option<&str>, browser: Option<std::net::IpAddr>) -> String {
    let browser = browser.map(|address| address.to_string());
    browser.filter(|browser| device.is_some_and(|device| device != browser)).unwrap_or_default()
}

/// The device of a code, or the form again with the reason.
///
/// # Errors
/// There is none, or there were too many guesses.
async fn find(context: &MemberPage, code: &str) -> Result<DeviceGrant, Response<Body>> {
    match context.service().users().find_device(&context.ctx, &context.user, code).await {
        Ok(device) => Ok(device),
        Err(Error::Rejection(Rejection::Conflict(why))) => Err(rejected(context, code, &why).await),
        Err(error) => Err(context.failed(&error)),
    }
}

/// The form again, with the reason.
async fn rejected(context: &MemberPage, code: &str, why: &str) -> Response<Body> {
    let errors = FormError::new("user_code", answer::sentence(&why.replace('`', "")));
    form(context, code, errors).await.unwrap_or_else(|page| page)
}

/// `GET /device`, with `user_code` if the terminal's link was opened
pub(crate) async fn show_form(context: MemberPage, RawQuery(query): RawQuery) -> Answer {
    let query = query.unwrap_or_default();
    let asked = web::Form::parse(query.as_bytes()).ok();
    let code = asked.as_ref().and_then(|asked| asked.get("user_code")).unwrap_or_default();
    if code.is_empty() {
        return form(&context, "", FormError::default()).await;
    }
    let device = find(&context, code).await?;
    confirmation(&context, &device, FormError::default()).await
}

/// `POST /device`
pub(crate) async fn decide(Posted(mut context, fields): Posted<MemberPage>) -> Answer {
    let Some(code) = fields.filled("user_code") else {
        return form(&context, "", FormError::new("user_code", "Type the code that your terminal shows."))
            .await;
    };
    // Also before a decision: it counts the guesses.
    let device = find(&context, code).await?;
    let approved = match fields.text("decision") {
        "approve" => true,
        "deny" => false,
        _ => return confirmation(&context, &device, FormError::default()).await,
    };
    if approved && let Err(errors) = form_error::confirm(&mut context, &fields).await? {
        return confirmation(&context, &device, errors).await;
    }
    match context.service().users().decide_device(&context.ctx, &context.user, code, approved).await {
        Ok(()) => Ok(decided(&context, &device, approved)),
        Err(Error::Rejection(Rejection::Conflict(why))) => Err(rejected(&context, code, &why).await),
        Err(error) => Err(context.failed(&error)),
    }
}

fn decided(context: &MemberPage, device: &DeviceGrant, approved: bool) -> Response<Body> {
    let name = user_agent::short_name(&device.device);
    if !approved {
        let text = format!(
            "“{name}” was denied. If you did not start it, somebody else did; nothing of yours was shown."
        );
        return pages::message(StatusCode::OK, "Denied.", text).link("Go to Duku", "/").respond();
    }
    let text = format!(
        "Go back to your terminal. “{name}” acts as {} in {} from now on; your account page ends it whenever you want.",
        context.user.email, context.principal.organisation_name
    );
    pages::message(StatusCode::OK, "It is in.", text).link("Your account", "/account").respond()
}

#[cfg(test)]
mod tests;
