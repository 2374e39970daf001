//! How each way to lose authority is taken. All but the operator's go over HTTP, as people and pipelines do it.

use super::{
    fixture::{NEW_PASSWORD, PASSWORD, World},
    http::{Browser, PROTOCOL, Reply, Request},
    ways::Way,
};
use crate::app::App;
use domain::Role;
use service::{
    Ctx, Principal, Service, keys::RotateKey, organisations::OrganisationSettings, signing::operator,
};
use std::{net::SocketAddr, sync::Arc};

/// Whoever takes authority away; owns all of it, so that it can go on in the background.
#[derive(Clone)]
pub(super) struct Taker {
    service: Service,
    ctx: Ctx,
    server: SocketAddr,
}

impl Taker {
    pub(super) fn of(app: &App) -> Self {
        Self { service: app.service.clone(), ctx: app.ctx(), server: app.address }
    }

    /// What is done once for the whole installation.
    pub(super) async fn take_from_all(&self, way: Way) -> Result<(), String> {
        if way != Way::SigningKeyWithdrawn {
            return Ok(());
        }
        let (service, ctx) = (&self.service, &self.ctx);
        let old = service.list_signing_keys(ctx).await.map_err(|failure| format!("{failure:?}"))?;
        let made = service.rotate_signing_key(ctx, operator("test"), true).await;
        made.map_err(|failure| format!("{failure:?}"))?;
        for key in old {
            let done = service.withdraw_signing_key(ctx, operator("test"), &key.kid).await;
            done.map_err(|failure| format!("{failure:?}"))?;
        }
        Ok(())
    }

    pub(super) async fn take(&self, world: Arc<World>, way: Way) -> Result<(), String> {
        let (service, ctx) = (&self.service, &self.ctx);
        let by = Principal::operator("test", &world.organisation);
        let key = &world.values["key"];
        match way {
            Way::KeyRevoked => {
                service.revoke_key(ctx, &by, key).await.map(drop).map_err(|failure| format!("{failure:?}"))
            }
            Way::TokensEnded => {
                let rotation = RotateKey { grace_seconds: 0, end_issued_tokens: true };
                let done = service.rotate_key(ctx, &by, key, rotation).await;
                done.map(drop).map_err(|failure| format!("{failure:?}"))
            }
            Way::MemberRemoved => {
                let done = service.remove_member(ctx, &by, &world.email).await;
                done.map_err(|failure| format!("{failure:?}"))
            }
            Way::AdminDemoted => {
                let done = service.change_role(ctx, &by, &world.email, Role::Member).await;
                done.map(drop).map_err(|failure| format!("{failure:?}"))
            }
            Way::SecondFactorRequired => {
                let seen = OrganisationSettings::of(&world.organisation);
                let new = OrganisationSettings { require_second_factor: true, ..seen.clone() };
                let done = service.change_settings(ctx, &by, &seen, &new).await;
                done.map(drop).map_err(|failure| format!("{failure:?}"))
            }
            Way::SigningKeyWithdrawn => Ok(()),
            Way::TokensEndedInViewport => {
                let form = [("nonce", &*world.values["nonce"]), ("grace", "0"), ("end_issued_tokens", "1")];
                let reply = self.other(&world).post(&format!("/settings/api-keys/{key}/rotate"), &form).await;
                worked(&reply, reply.status == 200 && reply.text.contains("dks_"))
            }
            Way::TokenRevoked => {
                let values = &world.values;
                let form = [
                    ("token", &*values["key_token"]),
                    ("client_id", key),
                    ("client_secret", &values["client_secret"]),
                ];
                let reply = Request::form(format!("{PROTOCOL}/revoke"), &form).send(self.server).await;
                worked(&reply, reply.status == 200)
            }
            Way::SessionEnded => {
                let reply = self.other(&world).post("/account/sessions/end-others", &[("x", "1")]).await;
                worked(&reply, reply.location().starts_with("/account"))
            }
            Way::SignedOut => {
                let mut own = Browser { server: self.server, ..world.browser.clone() };
                let reply = own.post(&format!("{PROTOCOL}/logout"), &[("x", "1")]).await;
                worked(&reply, reply.status == 200 && reply.text.contains("You are signed out"))
            }
            Way::PasswordChanged => {
                let form = [("current", PASSWORD), ("password", NEW_PASSWORD)];
                let reply = self.other(&world).post("/account/password", &form).await;
                worked(&reply, reply.location().starts_with("/account"))
            }
        }
    }

    /// The person's other session, on this server.
    fn other(&self, world: &World) -> Browser {
        Browser { server: self.server, ..world.other.clone() }
    }
}

fn worked(reply: &Reply, worked: bool) -> Result<(), String> {
    if worked { Ok(()) } else { Err(format!("{} {} {}", reply.status, reply.location(), reply.text)) }
}
