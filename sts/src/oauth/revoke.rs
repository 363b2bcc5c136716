//! `POST /zones/{zone}/revoke`: RFC 7009.
//!
//! A client revokes a mandate that was issued to it, and with it everything that was derived from
//! it. The answer follows the commit, so what is asked of this replica afterwards sees it; when every
//! enforcement point has it is bounded by the lease.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use caracal_mandate::event::{Action, Event, Outcome};
use caracal_mandate::name::Name;
use caracal_mandate::reason::Reason;
use caracal_mandate::verify::VerifiedMandate;
use caracal_store::model::RevocationTarget;

use super::client::{Requester, authenticate};
use super::error::OAuthError;
use super::form::{Endpoint, Parameter};
use super::{body, introspect, request_id, token};
use crate::exchange::Client;
use crate::http::Peer;
use crate::request::draft;
use crate::service::Service;

pub(super) async fn revoke(
    State(service): State<Arc<Service>>,
    Path(zone): Path<String>,
    peer: Option<Extension<Peer>>,
    request: Request,
) -> Response {
    let Some(zone) = token::known(&service, &zone) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let peer = peer.map(|Extension(peer)| peer).unwrap_or_default();
    match answer(&service, &zone, &peer, request).await {
        // RFC 7009 §2.2: the body is empty, whether there was something to revoke or not.
        Ok(()) => [(CACHE_CONTROL, "no-store")].into_response(),
        Err(error) => error.into_response(),
    }
}

async fn answer(
    service: &Service,
    zone: &Name,
    peer: &Peer,
    request: Request,
) -> Result<(), OAuthError> {
    let (parts, body) = request.into_parts();
    let form = body::form(&parts, body, Endpoint::About).await?;
    let token = form.need(Parameter::Token)?;
    let requester = authenticate(service, zone, peer, &parts.headers, &form).await?;
    let Requester::Client(client) = requester else {
        return Err(Reason::ClientUnbound.into());
    };
    // No mandate of the zone: already as good as revoked.
    let Some(mandate) = introspect::of_zone(service, zone, token) else {
        return Ok(());
    };
    let now_ms = service.clock.unix_ms();
    let mut event = draft(
        &service.recorder,
        Action::Admin,
        now_ms,
        request_id(&parts.headers),
    );
    describe(&mut event, &client, &mandate);
    if mandate.claims().client_id != *client.application() {
        let reason = service.record_refusal(event, Reason::HolderMismatch.into());
        // Somebody else's: no effect and no word about it, but for a ledger that does not answer.
        return match reason.await.reason {
            Reason::AuditUnavailable => Err(Reason::AuditUnavailable.into()),
            _ => Ok(()),
        };
    }
    if mandate.claims().exp <= now_ms / 1000 {
        return Ok(());
    }
    let target = RevocationTarget::Mandate(mandate.claims().jti.clone());
    let committed = service
        .store
        .revoke(zone, target, now_ms / 1000, None)
        .await;
    let committed = committed.map_err(|error| {
        tracing::error!(%error, %zone, "a mandate could not be revoked");
        OAuthError::from(Reason::IssuerUnavailable)
    })?;
    event.outcome = Outcome::Allow;
    event.epoch = Some(committed.seq);
    let recorded = service.record(event).await;
    let bound = Duration::from_millis(service.config.lease_ms);
    let applied = service.authority.wait_for(committed.seq, bound).await;
    match recorded {
        Err(_unrecorded) => Err(Reason::AuditUnavailable.into()),
        Ok(_receipt) if applied => Ok(()),
        Ok(_receipt) => Err(Reason::IssuerUnavailable.into()),
    }
}

fn describe(event: &mut Event, client: &Client, mandate: &VerifiedMandate) {
    let claims = mandate.claims();
    client.zone().as_str().clone_into(&mut event.zone);
    event.application = Some(client.application().as_str().to_owned());
    event.mandate = Some(claims.jti.clone());
    event.session = Some(claims.sid.clone());
    event.grant = Some(claims.grant.clone());
    event.resource = Some(claims.aud.as_str().to_owned());
    event.detail = Some(format!("revoke mandate/{}", claims.jti));
}
