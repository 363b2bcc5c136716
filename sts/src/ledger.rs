//! The way of enforcement points' decisions into the ledger.

mod decision;
#[cfg(any(test, fuzzing))]
pub(crate) mod law;

use std::sync::Arc;

use caracal_audit::{AppendError, Submission};
use caracal_proto::ledger::ledger_server::Ledger;
use caracal_proto::ledger::{AppendRequest, AppendResponse};
use tonic::{Request, Response, Status};

use self::decision::Point;
use crate::server::peer_id;
use crate::service::Service;

/// Most decisions of one call.
const MAX_DECISIONS: usize = 1000;

/// Largest message of one call.
pub(crate) const MAX_BATCH_BYTES: usize = 1024 * 1024;

/// The service behind `Append`.
pub(crate) struct LedgerService(pub(crate) Arc<Service>);

/// Why a batch is not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BatchError {
    /// The peer is nobody that is known.
    #[error("the peer is neither an application nor an enforcement point")]
    UnknownPeer,
    /// Too many decisions.
    #[error("a batch has at most {MAX_DECISIONS} decisions")]
    TooLarge,
    /// Nobody writes into another zone's log.
    #[error("the peer does not belong to zone {0:?}")]
    OtherZone(String),
    /// One decision says something that this build does not know, such as a reason; nothing of the
    /// batch was recorded.
    #[error(
        "decision {0} of the batch says something that this version does not know: update the token service before the points"
    )]
    Unknown(usize),
    /// The ledger said no.
    #[error("the batch was not recorded: {0}")]
    Append(#[from] AppendError),
}

/// The one place where batch errors become gRPC statuses.
impl From<BatchError> for Status {
    fn from(error: BatchError) -> Self {
        let text = error.to_string();
        match error {
            BatchError::UnknownPeer | BatchError::OtherZone(_) => Self::permission_denied(text),
            BatchError::TooLarge | BatchError::Unknown(_) => Self::invalid_argument(text),
            BatchError::Append(error) => match error {
                AppendError::Overloaded => Self::resource_exhausted(text),
                AppendError::BatchTooLarge(_) | AppendError::Rejected { .. } => {
                    Self::invalid_argument(text)
                }
                AppendError::Storage(_) | AppendError::Fenced { .. } | AppendError::Stopped => {
                    Self::unavailable(text)
                }
            },
        }
    }
}

#[tonic::async_trait]
impl Ledger for LedgerService {
    async fn append(
        &self,
        request: Request<AppendRequest>,
    ) -> Result<Response<AppendResponse>, Status> {
        let peer = peer_id(&request);
        let durable = self.0.append(peer.as_deref(), request.into_inner()).await?;
        Ok(Response::new(AppendResponse { durable }))
    }
}

impl Service {
    /// Records a batch of decisions, all or none.
    pub(crate) async fn append(
        &self,
        peer: Option<&str>,
        batch: AppendRequest,
    ) -> Result<u64, BatchError> {
        let AppendRequest {
            zone,
            name,
            boot,
            decisions,
        } = batch;
        let peer = peer.ok_or(BatchError::UnknownPeer)?;
        let known = {
            let state = self.authority.read();
            state.identity(peer).map(|identity| identity.zone().clone())
        };
        let known = known.ok_or(BatchError::UnknownPeer)?;
        if zone != known.as_str() {
            return Err(BatchError::OtherZone(zone));
        }
        if decisions.len() > MAX_DECISIONS {
            return Err(BatchError::TooLarge);
        }
        let point = Point { zone, name, boot };
        let submissions = decisions.into_iter().enumerate().map(|(index, decision)| {
            let event = point.event(decision).ok_or(BatchError::Unknown(index))?;
            Ok(Submission {
                event,
                peer: peer.to_owned(),
            })
        });
        let submissions = submissions.collect::<Result<Vec<_>, BatchError>>()?;
        let positions = self.recorder.ledger().append(submissions).await?;
        Ok(u64::try_from(positions.len()).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use caracal_mandate::event::{Action, Component, Event, HttpStatus, MAX_EVENT_BYTES};
    use caracal_proto::ledger::Decision;

    use super::*;
    use crate::testing::{PAYOUT, World};

    fn batch(zone: &str, numbers: impl IntoIterator<Item = u64>) -> AppendRequest {
        let decision = |seq| Decision {
            seq,
            time_ms: 1,
            ..Decision::default()
        };
        AppendRequest {
            zone: zone.to_owned(),
            name: "sidecar".to_owned(),
            boot: "b".to_owned(),
            decisions: numbers.into_iter().map(decision).collect(),
        }
    }

    /// What points handed in, newest first: the zone's first key is in its ledger as well.
    async fn told(world: &World) -> Vec<Event> {
        let mut events = world.events("acme").await;
        events.retain(|event| event.component == Component::Filter);
        events
    }

    #[tokio::test]
    async fn a_batch_of_the_peers_own_zone_is_recorded_under_its_name() {
        let world = World::open().await;
        for _ in 0..2 {
            let durable = world
                .service()
                .append(Some(PAYOUT), batch("acme", [1, 2]))
                .await;
            assert_eq!(durable.unwrap(), 2);
        }
        assert_eq!(told(&world).await.len(), 2);
    }

    #[tokio::test]
    async fn what_became_of_a_request_is_recorded_with_its_decision_or_behind_it() {
        let world = World::open().await;
        let mut both = batch("acme", [1, 2, 3]);
        let ends = both.decisions.iter_mut().zip([(200, 0), (0, 0), (504, 2)]);
        for (event, (status, decision)) in ends {
            event.status = status;
            event.decision = decision;
        }
        both.decisions[0].duration_us = Some(1_250);
        both.decisions[2].duration_us = Some(u64::MAX);
        "proxy".clone_into(&mut both.decisions[2].ended_by);
        world.service().append(Some(PAYOUT), both).await.unwrap();
        let told: Vec<_> = told(&world)
            .await
            .into_iter()
            .rev()
            .map(|event| {
                let status = event.status.map(HttpStatus::get);
                (event.action, status, event.duration_us, event.decision)
            })
            .collect();
        let longest = Some((1 << 53) - 1);
        let expected = [
            (Action::Request, Some(200), Some(1_250), None),
            (Action::Request, None, None, None),
            (Action::Response, Some(504), longest, Some(2)),
        ];
        assert_eq!(told, expected);
    }

    #[tokio::test]
    async fn a_decision_about_a_monstrous_request_is_recorded_shortened_and_not_stuck_for_ever() {
        let world = World::open().await;
        let mut monster = batch("acme", [1]);
        for decision in &mut monster.decisions {
            decision.path = "\u{1}".repeat(MAX_EVENT_BYTES);
            decision.holder = "h".repeat(MAX_EVENT_BYTES);
        }
        let durable = world.service().append(Some(PAYOUT), monster).await;
        assert_eq!(durable.unwrap(), 1);
        assert_eq!(told(&world).await.len(), 1);
    }

    #[tokio::test]
    async fn anything_else_is_refused_whole() {
        let world = World::open().await;
        let service = world.service();
        let unknown = |change: fn(&mut Decision)| {
            let mut unknown = batch("acme", [1, 2]);
            change(&mut unknown.decisions[1]);
            (Some(PAYOUT), unknown, tonic::Code::InvalidArgument)
        };
        let cases = [
            unknown(|decision| "because".clone_into(&mut decision.reason)),
            unknown(|decision| "nobody".clone_into(&mut decision.ended_by)),
            unknown(|decision| decision.status = 99),
            unknown(|decision| decision.status = u32::MAX),
            // A response to itself, to what is still to come, and to a refusal.
            unknown(|decision| decision.decision = 2),
            unknown(|decision| decision.decision = 3),
            unknown(|decision| {
                decision.decision = 1;
                "revoked".clone_into(&mut decision.reason);
            }),
            (
                Some(PAYOUT),
                batch("acme", [1, 0]),
                tonic::Code::InvalidArgument,
            ),
            (
                Some(PAYOUT),
                batch("acme", 1..=1001),
                tonic::Code::InvalidArgument,
            ),
            (
                Some(PAYOUT),
                batch("umbrella", [1]),
                tonic::Code::PermissionDenied,
            ),
            (None, batch("acme", [1]), tonic::Code::PermissionDenied),
            (
                Some("spiffe://d.example/stranger"),
                batch("acme", [1]),
                tonic::Code::PermissionDenied,
            ),
        ];
        for (peer, batch, code) in cases {
            let refused = service.append(peer, batch).await.unwrap_err();
            assert_eq!(Status::from(refused).code(), code);
        }
        assert!(told(&world).await.is_empty());
        world.ledger.clone().close().await;
        let refused = service.append(Some(PAYOUT), batch("acme", [1])).await;
        let status = Status::from(refused.unwrap_err());
        assert_eq!(status.code(), tonic::Code::Unavailable);
    }
}
