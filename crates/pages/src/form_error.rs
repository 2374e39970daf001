//! What a form says about itself when it has to be sent again: everything that was typed stays.

use http::StatusCode;

/// One thing that is wrong with a form; by default nothing is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FormError {
    /// The field that it is about, as the form names it; empty if it is about the form as a whole.
    pub field: &'static str,
    /// What is wrong; empty if nothing is.
    pub text: String,
    /// What somebody else stored meanwhile and differs from what was typed, by its name on the page.
    pub conflict: Option<Vec<(&'static str, String)>>,
}

impl FormError {
    /// `text` is wrong with `field`.
    pub fn new(field: &'static str, text: impl Into<String>) -> Self {
        Self { field, text: text.into(), conflict: None }
    }

    /// Somebody else saved meanwhile. `fields` are a name, what was typed and what is stored; what is the same is left out.
    pub fn conflict(fields: &[(&'static str, &str, &str)]) -> Self {
        let differing = fields.iter().filter(|(_, typed, stored)| typed.trim() != stored.trim());
        let stored = differing.map(|(name, _, stored)| (*name, (*stored).to_owned()));
        Self { conflict: Some(stored.collect()), ..Self::default() }
    }

    /// What is wrong with a field; empty if nothing is.
    pub fn of(&self, field: &str) -> &str {
        if self.field == field { &self.text } else { "" }
    }

    /// Whether something is wrong with what was typed.
    pub fn is_some(&self) -> bool {
        !self.text.is_empty()
    }

    /// The status of the page with the form: 409 for a conflict, 422 if something is wrong with what was sent.
    pub fn status(&self) -> StatusCode {
        if self.conflict.is_some() {
            StatusCode::CONFLICT
        } else if self.is_some() {
            StatusCode::UNPROCESSABLE_ENTITY
        } else {
            StatusCode::OK
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_shown() {
        let fields = [("Name", "Shop", "Shop "), ("Base URL", "", "https://shop.example")];
        let conflict = FormError::conflict(&fields);
        assert_eq!(conflict.conflict, Some(vec![("Base URL", "https://shop.example".to_owned())]));
        assert_eq!((conflict.status(), conflict.is_some()), (StatusCode::CONFLICT, false));
    }

    #[test]
    fn an_error_stands_at_its_field() {
        let error = FormError::new("name", "Too long.");
        assert_eq!((error.of("name"), error.of("")), ("Too long.", ""));
        assert_eq!(
            (error.status(), FormError::default().status()),
            (StatusCode::UNPROCESSABLE_ENTITY, StatusCode::OK)
        );
    }
}
