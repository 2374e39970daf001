//! How each way to lose authority is taken. All but the operator's go over HTTP, as people and pipelines do it.

use super::{
    fixture::{Case, NEW_PASSWORD, PASSWORD},
    http::{Browser, PROTOCOL, Reply, Request},
    ways::Way,
};
use crate::app::App;
use domain::{Role, Timestamp};
use service::{
    Principal, RequestContext, Service, keys::RotateKey, organisations::OrganisationSettings,
    tokens::signing_keys::operator,
};
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

/// Whoever takes authority away; owns all of it, so that it can go on in the background.
#[derive(Clone)]
pub(super) struct Taker {
    service: Service,
    ctx: RequestContext,
    server: SocketAddr,
}

/// A signing key is withdrawn for each part of the rows, at one time of the test's clock: of two keys of one millisecond either may
/// sign.
static LATER: AtomicI64 = AtomicI64::new(1);

impl Taker {
    pub(super) fn of(app: &App) -> Self {
        Self { service: app.service.clone(), ctx: app.ctx(), server: app.address }
    }

    /// What is done once for the whole installation.
    pub(super) async fn take_from_all(&self, way: Way) -> Result<(), String> {
        if way != Way::SigningKeyWithdrawn {
            return Ok(());
        }
        let now = Timestamp::from_ms(self.ctx.now.ms() + LATER.fetch_add(1, Ordering::Relaxed));
        let (service, ctx) = (&self.service, &RequestContext { now, ..self.ctx.clone() });
        let old = service.tokens().list_signing_keys(ctx).await.map_err(|error| format!("{error:?}"))?;
        let made = service.tokens().rotate_signing_key(ctx, operator("test"), true).await;
        made.map_err(|error| format!("{error:?}"))?;
        for key in old {
            let done = service.tokens().withdraw_signing_key(ctx, operator("test"), &key.kid).await;
            done.map_err(|error| format!("{error:?}"))?;
        }
        Ok(())
    }

    pub(super) async fn take(&self, case: Arc<Case>, way: Way) -> Result<(), String> {
        let (service, ctx) = (&self.service, &self.ctx);
        let by = Principal::operator("test", &case.organisation);
        let key = &case.values["key"];
        match way {
            Way::KeyRevoked => {
                service.keys().revoke(ctx, &by, key).await.map(drop).map_err(|error| format!("{error:?}"))
            }
            Way::TokensEnded => {
                let rotation = RotateKey { grace_seconds: 0, end_issued_tokens: true };
                let done = service.keys().rotate(ctx, &by, key, rotation).await;
                done.map(drop).map_err(|error| format!("{error:?}"))
            }
            Way::MemberRemoved => {
                let done = service.users().remove_member(ctx, &by, &case.email).await;
                done.map_err(|error| format!("{error:?}"))
            }
            Way::AdminDemoted => {
                let done = service.users().change_role(ctx, &by, &case.email, Role::Member).await;
                done.map(drop).map_err(|error| format!("{error:?}"))
            }
            Way::SecondFactorRequired => {
                let seen = OrganisationSettings::of(&case.organisation);
                let new = OrganisationSettings { require_second_factor: true, ..seen.clone() };
                let done = service.organisations().change_settings(ctx, &by, &seen, &new).await;
                done.map(drop).map_err(|error| format!("{error:?}"))
            }
            Way::SigningKeyWithdrawn => Ok(()),
            Way::TokensEndedInViewport => {
                let form = [("nonce", &*case.values["nonce"]), ("grace", "0"), ("end_issued_tokens", "1")];
                let reply = self.other(&case).post(&format!("/settings/api-keys/{key}/rotate"), &form).await;
                worked(&reply, reply.status == 200 && reply.text.contains("dks_"))
            }
            Way::TokenRevoked => {
                let values = &case.values;
                let form = [
                    ("token", &*values["key_token"]),
                    ("client_id", key),
                    ("client_secret", &values["client_secret"]),
                ];
                let reply = Request::form(format!("{PROTOCOL}/revoke"), &form).send(self.server).await;
                worked(&reply, reply.status == 200)
            }
            Way::SessionEnded => {
                let reply = self.other(&case).post("/account/sessions/end-others", &[("x", "1")]).await;
                worked(&reply, reply.location().starts_with("/account"))
            }
            Way::SignedOut => {
                let mut own = Browser { server: self.server, ..case.browser.clone() };
                let reply = own.post(&format!("{PROTOCOL}/logout"), &[("x", "1")]).await;
                worked(&reply, reply.status == 200 && reply.text.contains("You are signed out"))
            }
            Way::PasswordChanged => {
                let form = [("current", PASSWORD), ("password", NEW_PASSWORD)];
                let reply = self.other(&case).post("/account/password", &form).await;
                worked(&reply, reply.location().starts_with("/account"))
            }
        }
    }

    /// The person's other session, on this server.
    fn other(&self, case: &Case) -> Browser {
        Browser { server: self.server, ..case.other.clone() }
    }
}

fn worked(reply: &Reply, worked: bool) -> Result<(), String> {
    if worked { Ok(()) } else { Err(format!("{} {} {}", reply.status, reply.location(), reply.text)) }
}
