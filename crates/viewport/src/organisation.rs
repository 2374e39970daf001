//! Settings → Organisation: its name, how long its keys live, and whether its people need a second factor.

use crate::frame::{
    admin_page::{self, AdminPage},
    answer::{self, Answer},
    form::{Fields, Posted},
    form_error,
    page_context::{MemberPage, show},
};
use domain::{Invalid, Lifetime, Organisation};
use pages::{Chrome, FormError, Section, Time};
use service::{Error, Rejection, organisations::OrganisationSettings};

const PAGE: &str = "/settings/organisation";

#[derive(askama::Template)]
#[template(path = "organisation.html", blocks = ["content"])]
pub(crate) struct Page {
    pub(crate) chrome: Chrome,
    pub(crate) id: String,
    pub(crate) since: Time,
    /// The settings as the form was filled from.
    pub(crate) seen: OrganisationSettings,
    pub(crate) name: String,
    pub(crate) default_days: String,
    pub(crate) maximum_days: String,
    pub(crate) require_second_factor: bool,
    pub(crate) has_second_factor: bool,
}

async fn page(
    context: &MemberPage,
    organisation: &Organisation,
    (typed, seen): (&Typed, OrganisationSettings),
    errors: FormError,
) -> Answer {
    let page = Page {
        chrome: context.form("Organisation", Section::Organisation, errors).await?,
        id: organisation.id.to_string(),
        since: pages::date(organisation.created_at),
        seen,
        name: typed.name.clone(),
        default_days: typed.default_days.clone(),
        maximum_days: typed.maximum_days.clone(),
        require_second_factor: typed.require_second_factor,
        has_second_factor: context.user.has_second_factor,
    };
    Ok(show!(context, page))
}

/// The form as it was typed.
struct Typed {
    name: String,
    default_days: String,
    maximum_days: String,
    require_second_factor: bool,
}

impl Typed {
    fn stored(settings: &OrganisationSettings) -> Self {
        Self {
            name: settings.name.clone(),
            default_days: settings.default_days.to_string(),
            maximum_days: settings.maximum_days.to_string(),
            require_second_factor: settings.require_second_factor,
        }
    }

    fn of(fields: &Fields) -> Self {
        Self {
            name: fields.text("name").to_owned(),
            default_days: fields.text("default_days").to_owned(),
            maximum_days: fields.text("maximum_days").to_owned(),
            require_second_factor: fields.is_ticked("require_second_factor"),
        }
    }

    fn check(&self) -> Result<OrganisationSettings, FormError> {
        Ok(OrganisationSettings {
            name: self.name.clone(),
            default_days: days("default_days", &self.default_days)?,
            maximum_days: days("maximum_days", &self.maximum_days)?,
            require_second_factor: self.require_second_factor,
        })
    }

    fn conflict(&self, stored: &OrganisationSettings) -> FormError {
        let stored = Self::stored(stored);
        let word = |ticked| if ticked { "required" } else { "not required" };
        FormError::conflict(&[
            ("Name", &self.name, &stored.name),
            ("Default lifetime", &self.default_days, &stored.default_days),
            ("Longest lifetime", &self.maximum_days, &stored.maximum_days),
            ("Second factor", word(self.require_second_factor), word(stored.require_second_factor)),
        ])
    }
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
    }
}

/// `GET /settings/organisation`
pub(crate) async fn show(context: AdminPage<admin_page::Organisation>) -> Answer {
    let organisation = context.outcome(context.service().organisations().get(&context.principal).await)?;
    let settings = OrganisationSettings::of(&organisation);
    let typed = Typed::stored(&settings);
    page(&context, &organisation, (&typed, settings), FormError::default()).await
}

/// `POST /settings/organisation`
pub(crate) async fn save(Posted(mut context, fields): Posted<AdminPage<admin_page::Organisation>>) -> Answer {
    let typed = Typed::of(&fields);
    let seen = seen(&fields);
    let new = match typed.check() {
        Ok(new) => new,
        Err(errors) => return again(&context, &typed, seen, errors).await,
    };
    if let Err(errors) = form_error::confirm(&mut context, &fields).await? {
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
async fn again(context: &MemberPage, typed: &Typed, seen: OrganisationSettings, errors: FormError) -> Answer {
    let organisation = context.outcome(context.service().organisations().get(&context.principal).await)?;
    let now = OrganisationSettings::of(&organisation);
    if now == seen {
        return page(context, &organisation, (typed, seen), errors).await;
    }
    let conflict = typed.conflict(&now);
    page(context, &organisation, (typed, now), conflict).await
}
