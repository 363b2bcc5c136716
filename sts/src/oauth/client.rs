//! Who asks: exactly one proof for each request.

mod assertion;
mod presented;
mod secret;
#[cfg(test)]
mod tests;
mod workload;

use axum::http::HeaderMap;
use caracal_mandate::event::Action;
use caracal_mandate::name::Name;
use caracal_mandate::reason::Reason;
use caracal_mandate::spiffe::SpiffeId;

use super::error::OAuthError;
use super::form::Form;
use crate::authority::Identity;
use crate::exchange::{Client, Method};
use crate::http::Peer;
use crate::jwks::NoKeys;
use crate::jwt::ForeignError;
use crate::request::{Refused, draft};
use crate::service::Service;
use presented::Presented;

/// Who was authenticated.
#[derive(Debug)]
pub(super) enum Requester {
    /// An application.
    Client(Client),
    /// An enforcement point, by its certificate. It holds no mandates, but may ask about them.
    Point,
}

/// Why a proof is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Unproven {
    #[error("no such client")]
    Unknown,
    #[error("not the secret of the client")]
    Secret,
    #[error("the assertion is not good: {0}")]
    Assertion(#[from] ForeignError),
    #[error("the assertion was used before")]
    Replayed,
    #[error("the identities of the request contradict each other")]
    Contradiction,
    /// Nobody can say, so it is no proof.
    #[error("whether the assertion was used before is not known")]
    Unknowable,
    /// The same.
    #[error(transparent)]
    NoKeys(#[from] NoKeys),
}

/// Authenticates the client of a request. A failure is recorded.
pub(super) async fn authenticate(
    service: &Service,
    zone: &Name,
    peer: &Peer,
    headers: &HeaderMap,
    form: &Form,
) -> Result<Requester, OAuthError> {
    let presented = Presented::read(headers, form, peer)?;
    if !service.is_fresh() {
        return Err(Reason::IssuerUnavailable.into());
    }
    let error = match prove(service, zone, peer, &presented).await {
        Ok(requester) => return Ok(requester),
        Err(Unproven::Unknowable | Unproven::NoKeys(_)) => {
            return Err(Reason::IssuerUnavailable.into());
        }
        Err(error) => error,
    };
    let now_ms = service.clock.monotonic_ms();
    let (claimed, source) = (presented.claimed(), peer.address());
    let limits = &service.limits;
    if !limits.count_failure(source, zone, claimed, now_ms).await {
        return Err(OAuthError::slow_down());
    }
    let request_id = super::request_id(headers);
    let now_ms = service.clock.unix_ms();
    let mut event = draft(&service.recorder, Action::Exchange, now_ms, request_id);
    zone.as_str().clone_into(&mut event.zone);
    event.holder = peer.spiffe_id().map(|id| id.as_str().to_owned());
    let method = presented.method();
    event.detail = Some(format!("{claimed:?} by {method}: {error}"));
    let refused = Refused::from(Reason::ClientUnproven);
    let refused = service.record_refusal(event, refused).await;
    Err(refused.reason.into())
}

async fn prove(
    service: &Service,
    zone: &Name,
    peer: &Peer,
    presented: &Presented<'_>,
) -> Result<Requester, Unproven> {
    let now_s = service.clock.unix_ms() / 1000;
    let (application, method, account) = match presented {
        Presented::Certificate { id, client_id } => {
            return certificate(service, zone, id, *client_id);
        }
        Presented::Secret {
            client_id,
            secret,
            method,
        } => {
            let application = secret::check(service, zone, client_id, secret, now_s)?;
            (application, *method, None)
        }
        Presented::Assertion { jwt, client_id } => {
            let proven = assertion::check(service, zone, jwt, now_s).await?;
            if client_id.is_some_and(|id| id != proven.application.as_str()) {
                return Err(Unproven::Contradiction);
            }
            (proven.application, proven.method, proven.account)
        }
    };
    let state = service.authority.read();
    let certificate = peer.spiffe_id();
    let zone_state = state.zone(zone).ok_or(Unproven::Unknown)?;
    // A certificate beside another proof has to be of the same application.
    if let Some(id) = certificate
        && !workload::is_of(&state, zone, &application, id)
    {
        return Err(Unproven::Contradiction);
    }
    let hints = workload::Hints {
        certificate,
        account: account.as_ref(),
    };
    let workload = workload::of(&state, zone_state, &application, &hints, now_s);
    drop(state);
    let client = Client::proven(zone.clone(), application, workload, method);
    Ok(Requester::Client(client))
}

/// RFC 8705 §2.1 with the SPIFFE ID as the registered subject.
fn certificate(
    service: &Service,
    zone: &Name,
    id: &SpiffeId,
    client_id: Option<&str>,
) -> Result<Requester, Unproven> {
    let state = service.authority.read();
    match state.identity(id.as_str()) {
        Some(Identity::Application { zone: home, name }) if home == zone => {
            if client_id.is_some_and(|client| client != name.as_str()) {
                return Err(Unproven::Contradiction);
            }
            let workload = Some(id.clone());
            let client = Client::proven(zone.clone(), name.clone(), workload, Method::Certificate);
            Ok(Requester::Client(client))
        }
        Some(Identity::Point {
            zone: home,
            point: _,
        }) if home == zone && client_id.is_none() => Ok(Requester::Point),
        _ => Err(Unproven::Unknown),
    }
}
