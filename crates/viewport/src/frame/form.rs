//! Forms that people send.

use crate::{Viewport, frame::page_context::PageOrganisation};
use axum::{
    body::{Body, Bytes},
    extract::{FromRequest, FromRequestParts, Request},
};
use http::{Response, StatusCode, request::Parts};
use web::{BodyError, Form, FormParseError};

/// The fields of one form; a field that was not sent is empty.
#[derive(Debug, Default)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// The parameters of a page's address; none of them if they are badly encoded.
    pub(crate) fn of_query(query: Option<&str>) -> Self {
        let form = Form::parse(query.unwrap_or_default().as_bytes());
        Self(form.map(Form::into_pairs).unwrap_or_default())
    }

    /// What was typed into a field.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// Whether the field was in the form.
    pub(crate) fn is_sent(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    /// What was typed, or nothing if it is blank.
    pub(crate) fn filled(&self, name: &str) -> Option<&str> {
        Some(self.text(name)).filter(|text| !text.trim().is_empty())
    }

    /// Text of several lines, with the line ends that the API has, or nothing if it is blank.
    pub(crate) fn lines(&self, name: &str) -> Option<String> {
        self.filled(name).map(|text| text.replace("\r\n", "\n"))
    }

    /// Whether a box is ticked.
    pub(crate) fn is_ticked(&self, name: &str) -> bool {
        !self.text(name).is_empty()
    }

    /// A whole number; nothing if the field is blank or holds something else.
    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        self.text(name).trim().parse().ok()
    }
}

/// Who sent a form, and what was typed. The form is read to its end before anybody is asked who sent it: a body that is
/// held back cannot outlive a session. There is no other way to a form's fields.
pub(crate) struct Posted<P>(pub(crate) P, pub(crate) Fields);

impl<P> FromRequest<Viewport> for Posted<P>
where
    P: FromRequestParts<Viewport, Rejection = Response<Body>> + Send,
{
    type Rejection = Response<Body>;

    async fn from_request(request: Request, viewport: &Viewport) -> Result<Self, Self::Rejection> {
        let (mut parts, body) = receive(request, viewport.0.form_bytes).await?;
        let fields = Fields::of_body(&body)?;
        if let Some(organisation) = fields.filled("in_organisation") {
            parts.extensions.insert(PageOrganisation(organisation.to_owned()));
        }
        Ok(Self(P::from_request_parts(&mut parts, viewport).await?, fields))
    }
}

async fn receive(request: Request, maximum: usize) -> Result<(Parts, Bytes), Response<Body>> {
    web::receive(request, maximum).await.map_err(|error| match error {
        BodyError::TooLarge => pages::message(
            StatusCode::PAYLOAD_TOO_LARGE,
            "That was too much",
            format!("This form takes at most {} KiB. Go back and shorten what you wrote.", maximum / 1024),
        )
        .respond(),
        BodyError::Broken => pages::message(
            StatusCode::BAD_REQUEST,
            "The form did not arrive",
            "The connection broke before the form was complete. Nothing was changed; send it again.",
        )
        .respond(),
    })
}

impl Fields {
    fn of_body(body: &[u8]) -> Result<Self, Response<Body>> {
        let form = Form::parse(body).map_err(|error| {
            let why = match error {
                FormParseError::Encoding => "The form is badly encoded.",
                FormParseError::Repeated => "A field was sent twice.",
            };
            pages::message(
                StatusCode::BAD_REQUEST,
                "The form could not be read",
                format!("{why} Nothing was changed; open the page anew and try again."),
            )
            .respond()
        })?;
        Ok(Self(form.into_pairs()))
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Fields {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::Fields;

    #[test]
    fn a_field_that_is_blank_or_missing_is_not_filled() {
        let fields: Fields = [("label", " CI "), ("note", " "), ("days", " 90 ")].into_iter().collect();
        assert_eq!(
            (fields.filled("label"), fields.filled("note"), fields.filled("none")),
            (Some(" CI "), None, None)
        );
        assert_eq!((fields.number("days"), fields.number("label")), (Some(90), None));
        assert!(fields.is_ticked("note") && !fields.is_ticked("none"));
    }
}
