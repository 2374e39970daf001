//! Holds the handlers to the table of routes: a row does not compile unless its handler takes a page for whom it names.

use super::{
    admin_page::AdminPage,
    form::Posted,
    page_context::{MemberPage, UserPage},
};
use crate::Viewport;
use axum::{
    handler::Handler,
    routing::{MethodFilter, MethodRouter, on},
};

/// [`crate::Access`] as types.
pub(crate) struct Anyone;
pub(crate) struct User;
pub(crate) struct Member;
pub(crate) struct Admin;

/// An extractor that rejects whoever is not `A`.
pub(crate) trait Admits<A> {}

impl Admits<User> for UserPage {}
impl Admits<Member> for MemberPage {}
impl<S> Admits<Admin> for AdminPage<S> {}
impl<A, P: Admits<A>> Admits<A> for Posted<P> {}

/// Where among a handler's parameters its page is.
pub(crate) struct First;
pub(crate) struct Last;
pub(crate) struct Nowhere;

/// The parameters of a handler, behind axum's marker, of which the first or the last one admits `A` alone.
#[diagnostic::on_unimplemented(message = "the handler takes no page for `{A}`, whom its route names")]
pub(crate) trait Parameters<A, Position> {}

impl<T> Parameters<Anyone, Nowhere> for T {}
impl<A, M, P: Admits<A>> Parameters<A, First> for (M, P) {}
impl<A, M, P: Admits<A>, T> Parameters<A, First> for (M, P, T) {}
impl<A, M, P: Admits<A>, T, U> Parameters<A, First> for (M, P, T, U) {}
impl<A, M, T, P: Admits<A>> Parameters<A, Last> for (M, T, P) {}
impl<A, M, T, U, P: Admits<A>> Parameters<A, Last> for (M, T, U, P) {}

/// Routes a method to a handler for `A`.
pub(crate) fn route_for<A, H, T, Position>(method: MethodFilter, handler: H) -> MethodRouter<Viewport>
where
    H: Handler<T, Viewport>,
    T: Parameters<A, Position> + 'static,
{
    on(method, handler)
}
