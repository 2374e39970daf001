//! Products: their pages, and what all pages about one share.

pub(crate) mod change;
pub(crate) mod delete;
pub(crate) mod page;

use crate::frame::page_context::PageContext;
use axum::body::Body;
use domain::{Subject, SubjectId};
use http::Response;
use service::{Failure, Rejection};

/// How many rows a page of a list has.
pub(crate) const PAGE: i64 = 50;

/// A product as a breadcrumb names it.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    pub(crate) id: String,
    pub(crate) name: String,
}

impl Named {
    pub(crate) fn of(subject: &Subject) -> Self {
        Self { id: subject.id.to_string(), name: subject.details.name.to_string() }
    }
}

/// The organisation's product with this id.
///
/// # Errors
/// The page that says that it is not there.
pub(crate) async fn find(context: &PageContext, id: &str) -> Result<Subject, Response<Body>> {
    let found = match SubjectId::parse(id) {
        Ok(id) => {
            context.outcome(context.service().products().find_subject(&context.principal, &id).await)?
        }
        Err(_) => None,
    };
    found.ok_or_else(|| {
        context.failed(&Failure::from(Rejection::NotFound { kind: "product", id: id.to_owned() }))
    })
}

/// Cuts a list that was asked for with one row too many to one page, and says what its last row is if there are more.
pub(crate) fn cut<T: Clone>(mut rows: Vec<T>) -> (Vec<T>, Option<T>) {
    let page = usize::try_from(PAGE).unwrap_or(usize::MAX);
    let more = rows.len() > page;
    rows.truncate(page);
    let last = rows.last().filter(|_| more).cloned();
    (rows, last)
}

/// What is stored and differs from what was typed, by its name on the page.
pub(crate) type Stored = Vec<(&'static str, String)>;

/// Leaves out what is the same.
pub(crate) fn differences(fields: &[(&'static str, &str, &str)]) -> Stored {
    let differing = fields.iter().filter(|(_, typed, stored)| typed.trim() != stored.trim());
    differing.map(|(name, _, stored)| (*name, (*stored).to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_names_its_last_row_only_if_more_follow() {
        let rows = |count: i64| (1..=count).collect::<Vec<i64>>();
        assert_eq!(cut(rows(PAGE)), (rows(PAGE), None));
        assert_eq!(cut(rows(PAGE + 1)), (rows(PAGE), Some(PAGE)));
        assert_eq!(cut(rows(0)), (Vec::new(), None));
    }

    #[test]
    fn only_what_differs_is_shown() {
        let fields = [("Name", "Shop", "Shop "), ("Base URL", "", "https://shop.example")];
        assert_eq!(differences(&fields), vec![("Base URL", "https://shop.example".to_owned())]);
    }
}
