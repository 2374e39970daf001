//! What every page has: its context, its forms and their errors, and its answer.

pub(crate) mod access;
pub(crate) mod admin_page;
pub(crate) mod answer;
pub(crate) mod flash;
pub(crate) mod form;
pub(crate) mod form_error;
pub(crate) mod not_found;
pub(crate) mod page_context;
pub(crate) mod paging;
pub(crate) mod return_to;
pub(crate) mod user_agent;
