//! Settings → Organisation: its name, how long its keys live, and whether its people need a second factor.

use crate::frame::{
    admin_page::{self, AdminPage},
    answer::{self, Answer},
    form::{Fields, Posted},
    form_error,
    page_context::{MemberPage, show},
};
use domain::{Invalid, Lifetime, Organisation};
use pages::{Chrome, FormError, Section};
use service::{Error, Rejection, organisations::OrganisationSettings};

const PAGE: &str = "/settings/organisation";

#[derive(askama::Template)]
#[template(path = "organisation.html", blocks = ["content"])]
pub(crate) struct Page<'a> {
    pub(crate) chrome: Chrome,
    pub(crate) organisation: &'a Organisation,
    /// The settings as the form was filled from.
    pub(crate) seen: OrganisationSettings,
    pub(crate) typed: &'a Fields,
    pub(crate) has_second_factor: bool,
}

async fn page(
    context: &MemberPage,
    organisation: &Organisation,
    (typed, seen): (&Fields, OrganisationSettings),
    errors: FormError,
) -> Answer {
    let page = Page {
        chrome: context.form("Organisation", Section::Organisation, errors).await?,
        organisation,
        seen,
        typed,
        has_second_factor: context.user.has_second_factor,
    };
    Ok(show!(context, page))
}

/// The form as it shows what is stored.
fn stored(settings: &OrganisationSettings) -> Fields {
    Fields::from_iter([
        ("name", settings.name.as_str()),
        ("default_days", &settings.default_days.to_string()),
        ("maximum_days", &settings.maximum_days.to_string()),
        ("require_second_factor", if settings.require_second_factor { "1" } else { "" }),
        ("secretless_only", if settings.secretless_only { "1" } else { "" }),
    ])
}

/// What was typed, as far as it can be read.
fn read(typed: &Fields) -> Result<OrganisationSettings, FormError> {
    Ok(OrganisationSettings {
        name: typed.text("name").to_owned(),
        default_days: days("default_days", typed.text("default_days"))?,
        maximum_days: days("maximum_days", typed.text("maximum_days"))?,
        require_second_factor: typed.is_ticked("require_second_factor"),
        secretless_only: typed.is_ticked("secretless_only"),
    })
}

fn conflict(typed: &Fields, stored: &OrganisationSettings) -> FormError {
    let word = |ticked| if ticked { "required" } else { "not required" };
    FormError::conflict(&[
        ("Name", typed.text("name"), &stored.name),
        ("Default lifetime", typed.text("default_days"), &stored.default_days.to_string()),
        ("Longest lifetime", typed.text("maximum_days"), &stored.maximum_days.to_string()),
        ("Second factor", word(typed.is_ticked("require_second_factor")), word(stored.require_second_factor)),
        ("No new secrets", word(typed.is_ticked("secretless_only")), word(stored.secretless_only)),
    ])
}

fn days(field: &'static str, typed: &str) -> Result<i64, FormError> {
    let number =
        typed.trim().parse().map_err(|_| FormError::new(field, "Write a number of days, like 90."))?;
    let rejection = |invalid: Invalid| FormError::new(field, answer::sentence(&invalid.message));
    Ok(Lifetime::from_days(number).map_err(rejection)?.days())
}

fn seen(fields: &Fields) -> OrganisationSettings {
    OrganisationSettings {
        name: fields.text("seen_name").to_owned(),
        default_days: fields.number("seen_default_days").unwrap_or_default(),
        maximum_days: fields.number("seen_maximum_days").unwrap_or_default(),
        require_second_factor: fields.is_ticked("seen_require_second_factor"),
        secretless_only: fields.is_ticked("seen_secretless_only"),
    }
}

/// `GET /settings/organisation`
pub(crate) async fn show(context: AdminPage<admin_page::Organisation>) -> Answer {
    let organisation = context.outcome(context.service().organisations().get(&context.principal).await)?;
    let settings = OrganisationSettings::of(&organisation);
    page(&context, &organisation, (&stored(&settings), settings), FormError::default()).await
}

/// `POST /settings/organisation`
pub(crate) async fn save(Posted(mut context, typed): Posted<AdminPage<admin_page::Organisation>>) -> Answer {
    let seen = seen(&typed);
    let new = match read(&typed) {
        Ok(new) => new,
        Err(errors) => return again(&context, &typed, seen, errors).await,
    };
    if let Err(errors) = form_error::confirm(&mut context, &typed).await? {
        return again(&context, &typed, seen, errors).await;
    }
    match context
        .service()
        .organisations()
        .change_settings(&context.ctx, &context.principal, &seen, &new)
        .await
    {
        Ok(()) => context.go(&format!("{PAGE}?done=organisation-changed")),
        Err(Error::Rejection(Rejection::Invalid(invalid))) if invalid.field == "defaultLifetimeDays" => {
            let errors = FormError::new("default_days", answer::sentence(&invalid.message));
            again(&context, &typed, seen, errors).await
        }
        Err(error) => again(&context, &typed, seen, context.form_error(error)?).await,
    }
}

/// The form with what was typed; if the settings are not those that were seen any more, with what they are now.
async fn again(
    context: &MemberPage,
    typed: &Fields,
    seen: OrganisationSettings,
    errors: FormError,
) -> Answer {
    let organisation = context.outcome(context.service().organisations().get(&context.principal).await)?;
    let now = OrganisationSettings::of(&organisation);
    if now == seen {
        return page(context, &organisation, (typed, seen), errors).await;
    }
    let conflict = conflict(typed, &now);
    page(context, &organisation, (typed, now), conflict).await
}
