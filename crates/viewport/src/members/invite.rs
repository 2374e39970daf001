//! Inviting a person, and the page that shows the link.

use crate::frame::{
    admin_page::{AdminPage, Members},
    answer::Answer,
    form::{Fields, Posted},
    form_error,
    page_context::{MemberPage, show},
};
use domain::Role;
use pages::{Chrome, FormError, Section};
use service::{Error, Rejection, operations::mail::Mailed, users::invitations::Invited};

#[derive(askama::Template)]
#[template(path = "members/invite.html", blocks = ["content"])]
pub(crate) struct Form<'a> {
    pub(crate) chrome: Chrome,
    pub(crate) email: &'a str,
    pub(crate) role: Role,
    pub(crate) sends_mail: bool,
}

#[derive(askama::Template)]
#[template(path = "members/link.html", blocks = ["content"])]
pub(crate) struct LinkPage<'a> {
    pub(crate) chrome: Chrome,
    pub(crate) invited: &'a Invited,
}

pub(super) async fn form(context: &MemberPage, fields: &Fields, errors: FormError) -> Answer {
    let page = Form {
        chrome: context.form("Invite a person", Section::Members, errors).await?,
        email: fields.text("email"),
        role: Role::parse(fields.text("role")).unwrap_or(Role::Member),
        sends_mail: context.service().operations().sends_mail(),
    };
    Ok(show!(context, page))
}

/// The link of an invitation, this once.
pub(crate) async fn link(context: &MemberPage, invited: &Invited) -> Answer {
    let title = format!("{} is invited", invited.invitation.email);
    let page = LinkPage { chrome: context.chrome(title, Section::Members).await?, invited };
    Ok(show!(context, page))
}

/// `GET /settings/members/invite`
pub(crate) async fn show_form(context: AdminPage<Members>) -> Answer {
    form(&context, &Fields::default(), FormError::default()).await
}

/// `POST /settings/members/invite`
pub(crate) async fn submit(Posted(mut context, fields): Posted<AdminPage<Members>>) -> Answer {
    let Some(role) = Role::parse(fields.text("role")) else {
        return form(&context, &fields, FormError::new("role", "Choose a role.")).await;
    };
    if let Err(errors) = form_error::confirm(&mut context, &fields).await? {
        return form(&context, &fields, errors).await;
    }
    let invited =
        context.service().users().invite(&context.ctx, &context.principal, fields.text("email"), role).await;
    match invited {
        Ok(invited) => link(&context, &invited).await,
        Err(error) => {
            // What is in an invitation's way has to do with the address, unless there are too many.
            let field = match error {
                Error::Rejection(Rejection::TooMuchStored { .. }) => "",
                _ => "email",
            };
            let FormError { text, .. } = context.form_error(error)?;
            form(&context, &fields, FormError::new(field, text)).await
        }
    }
}
