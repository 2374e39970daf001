//! Keys that have no secret: their forms, the runs that asked, and what a token would come to.

pub(crate) mod attempts;
pub(crate) mod change;
pub(crate) mod check;
pub(crate) mod generate;
mod identity_form;
mod pipeline;
pub(crate) mod platform;
pub(crate) mod renew;
pub(crate) mod replace;
pub(crate) mod view;

pub(crate) use attempts::AttemptsPanel;
pub(crate) use view::IdentityView;

#[cfg(test)]
use attempts::tests::allow_form;
#[cfg(test)]
pub(crate) mod tests;
