//! The door of the management API where it is a process of its own.
//!
//! It is open to the SPIFFE IDs that the operator named, and to nobody for want of one. What comes in
//! here is what the management API may ask of the service in its own process: steps of keys, which are
//! this service's to take, and what enforcement points have acknowledged. Decisions about it are
//! recorded by the management API, as they are when both are one process.

use std::sync::Arc;
use std::time::Duration;

use caracal_mandate::name::Name;
use caracal_proto::operations::operations_server::Operations;
use caracal_proto::operations::{
    EnsureKeyRequest, EnsureKeyResponse, KeptInRequest, KeptInResponse, KeyStepResponse, Point,
    PointsRequest, PointsResponse, RevokeKeyRequest, RotateKeyRequest, WaitAppliedRequest,
    WaitAppliedResponse,
};
use caracal_store::CommitError;
use caracal_store::model::MAX_LEASE_MS;
use tonic::{Request, Response, Status};

use crate::feed::PointStatus;
use crate::rotation::{KeyChange, ZoneKeyError};
use crate::server::peer_id;
use crate::service::Service;

/// The service behind it.
pub(crate) struct OperationsService(pub(crate) Arc<Service>);

type Answer<T> = Result<Response<T>, Status>;

impl OperationsService {
    /// The message of a caller who may send it.
    fn admit<T>(&self, request: Request<T>) -> Result<T, Status> {
        let peer = peer_id(&request);
        let known = peer.as_deref().is_some_and(|peer| {
            let mut operators = self.0.config.operators.iter();
            operators.any(|operator| operator.as_str() == peer)
        });
        if known {
            Ok(request.into_inner())
        } else {
            tracing::warn!(
                peer = peer.as_deref(),
                "not the management API of this service"
            );
            Err(Status::permission_denied(
                "this certificate is not the management API's: name it with --control-id",
            ))
        }
    }
}

#[tonic::async_trait]
impl Operations for OperationsService {
    async fn ensure_key(&self, request: Request<EnsureKeyRequest>) -> Answer<EnsureKeyResponse> {
        let EnsureKeyRequest { zone } = self.admit(request)?;
        let made = self.0.ensure_key(&name(&zone)?).await;
        made.map_err(status)?;
        Ok(Response::new(EnsureKeyResponse {}))
    }

    async fn rotate_key(&self, request: Request<RotateKeyRequest>) -> Answer<KeyStepResponse> {
        let RotateKeyRequest {
            zone,
            idempotency_key,
        } = self.admit(request)?;
        let key = given(&idempotency_key);
        step(self.0.rotate_key(&name(&zone)?, key).await)
    }

    async fn revoke_key(&self, request: Request<RevokeKeyRequest>) -> Answer<KeyStepResponse> {
        let RevokeKeyRequest {
            zone,
            kid,
            idempotency_key,
        } = self.admit(request)?;
        let key = given(&idempotency_key);
        step(self.0.revoke_key(&name(&zone)?, &kid, key).await)
    }

    async fn kept_in(&self, request: Request<KeptInRequest>) -> Answer<KeptInResponse> {
        let KeptInRequest { zone } = self.admit(request)?;
        let keys = self.0.zone_keys(&name(&zone)?).await;
        let keys = keys.map_err(|error| status(error.into()))?;
        let places = keys.into_iter();
        let places = places.filter_map(|key| Some((key.record.kid, key.kept_in?)));
        Ok(Response::new(KeptInResponse {
            places: places.collect(),
        }))
    }

    async fn points(&self, request: Request<PointsRequest>) -> Answer<PointsResponse> {
        let PointsRequest {} = self.admit(request)?;
        let points = self.0.registry.points();
        Ok(Response::new(PointsResponse {
            points: points.into_iter().map(point).collect(),
        }))
    }

    async fn wait_applied(
        &self,
        request: Request<WaitAppliedRequest>,
    ) -> Answer<WaitAppliedResponse> {
        let WaitAppliedRequest {
            zone,
            seq,
            bound_ms,
        } = self.admit(request)?;
        let bound = Duration::from_millis(bound_ms.min(MAX_LEASE_MS));
        let zone = name(&zone)?;
        let Service {
            registry,
            authority,
            ..
        } = &*self.0;
        let report = registry.wait_applied(authority, &zone, seq, bound).await;
        Ok(Response::new(WaitAppliedResponse {
            acked: number(report.acked),
            expected: number(report.expected),
            silent: report.silent,
            waited_ms: report.waited_ms,
        }))
    }
}

fn name(zone: &str) -> Result<Name, Status> {
    let name = zone.parse::<Name>();
    name.map_err(|error| Status::invalid_argument(error.to_string()))
}

/// An empty text is none (proto3).
fn given(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

fn step(changed: Result<KeyChange, ZoneKeyError>) -> Answer<KeyStepResponse> {
    let KeyChange { committed, signing } = changed.map_err(status)?;
    Ok(Response::new(KeyStepResponse {
        seq: committed.seq,
        replayed: committed.replayed,
        signing,
    }))
}

/// The one place where refused steps become gRPC statuses. `UNAVAILABLE` is the only one that another
/// replica may answer differently.
fn status(error: ZoneKeyError) -> Status {
    let text = error.to_string();
    match error {
        ZoneKeyError::Key(_) | ZoneKeyError::Read(_) => Status::unavailable(text),
        ZoneKeyError::Commit(error) => match error {
            CommitError::NotFound { .. } => Status::not_found(text),
            CommitError::AlreadyExists { .. } | CommitError::InSession(_) => {
                Status::already_exists(text)
            }
            CommitError::Invalid(_) => Status::invalid_argument(text),
            CommitError::Limit(_) => Status::resource_exhausted(text),
            CommitError::Key(_) => Status::failed_precondition(text),
            CommitError::IdempotencyConflict => Status::aborted(text),
            CommitError::Database(_) | CommitError::TimedOut | CommitError::Replaced => {
                Status::unavailable(text)
            }
        },
    }
}

fn point(status: PointStatus) -> Point {
    let PointStatus {
        zone,
        spiffe_id,
        instance,
        boot,
        role,
        applied,
        last_ping_age_ms,
        lease_ms,
        connected_ms,
        software,
        mode,
        lease_remaining_ms,
        streams,
        last_error,
    } = status;
    Point {
        zone: zone.to_string(),
        spiffe_id,
        instance,
        boot,
        role,
        term: applied.term,
        epoch: applied.epoch,
        last_ping_age_ms,
        lease_ms,
        connected_ms,
        software,
        mode,
        last_error,
        streams,
        lease_remaining_ms,
    }
}
