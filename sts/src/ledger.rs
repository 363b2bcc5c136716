//! The way of enforcement points' decisions into the ledger.

use std::sync::Arc;

use caracal_audit::{AppendError, Submission};
use caracal_mandate::event::{Component, Event};
use caracal_proto::ledger::ledger_server::Ledger;
use caracal_proto::ledger::{AppendRequest, AppendResponse};
use tonic::{Request, Response, Status};

use crate::service::Service;
use crate::tls::peer_id;

/// Most events of one call.
const MAX_EVENTS: usize = 1000;

/// Most bytes of one call's events.
pub(crate) const MAX_BATCH_BYTES: usize = 1024 * 1024;

/// The service behind `Append`.
pub(crate) struct LedgerService(pub(crate) Arc<Service>);

/// Why a batch is not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BatchError {
    /// The peer is nobody that is known.
    #[error("the peer is neither an application nor an enforcement point")]
    UnknownPeer,
    /// Too many events or bytes.
    #[error("a batch has at most {MAX_EVENTS} events and {MAX_BATCH_BYTES} bytes")]
    TooLarge,
    /// One event is not acceptable; `None` of the batch was recorded.
    #[error("event {0} of the batch is not an event of this peer's zone by a filter")]
    Event(usize),
    /// The ledger said no.
    #[error("the batch was not recorded: {0}")]
    Append(#[from] AppendError),
}

/// The one place where batch errors become gRPC statuses.
impl From<BatchError> for Status {
    fn from(error: BatchError) -> Self {
        let text = error.to_string();
        match error {
            BatchError::UnknownPeer => Self::permission_denied(text),
            BatchError::TooLarge | BatchError::Event(_) => Self::invalid_argument(text),
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
        let durable = self
            .0
            .append(peer.as_deref(), &request.into_inner().events)
            .await?;
        Ok(Response::new(AppendResponse { durable }))
    }
}

impl Service {
    /// Records a batch of canonical events, all or none.
    pub(crate) async fn append(
        &self,
        peer: Option<&str>,
        events: &[Vec<u8>],
    ) -> Result<u64, BatchError> {
        let peer = peer.ok_or(BatchError::UnknownPeer)?;
        let zone = {
            let state = self.authority.read();
            state.identity(peer).map(|identity| identity.zone().clone())
        };
        let zone = zone.ok_or(BatchError::UnknownPeer)?;
        let bytes = events.iter().map(Vec::len).fold(0, usize::saturating_add);
        if events.len() > MAX_EVENTS || bytes > MAX_BATCH_BYTES {
            return Err(BatchError::TooLarge);
        }
        let submissions = events.iter().enumerate().map(|(index, bytes)| {
            let event = Event::from_canonical(bytes).map_err(|_| BatchError::Event(index))?;
            // Nobody writes in the name of another component or into another zone's log.
            if event.component != Component::Filter || event.zone != zone.as_str() {
                return Err(BatchError::Event(index));
            }
            Ok(Submission {
                event,
                peer: peer.to_owned(),
            })
        });
        let submissions = submissions.collect::<Result<Vec<_>, _>>()?;
        let positions = self.recorder.ledger().append(submissions).await?;
        Ok(u64::try_from(positions.len()).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use caracal_mandate::event::{Action, Emitter, Outcome};

    use super::*;
    use crate::testing::{PAYOUT, World};

    fn event(zone: &str, component: Component, seq: u64) -> Vec<u8> {
        let emitter = Emitter {
            boot: "b".to_owned(),
            name: "sidecar".to_owned(),
            seq,
        };
        let event = Event::new(zone, component, Action::Request, Outcome::Allow, emitter, 1);
        event.to_canonical().unwrap()
    }

    #[tokio::test]
    async fn a_batch_of_the_peers_own_zone_is_recorded_under_its_name() {
        let world = World::open().await;
        let batch = [
            event("acme", Component::Filter, 1),
            event("acme", Component::Filter, 2),
        ];
        assert_eq!(
            world.service().append(Some(PAYOUT), &batch).await.unwrap(),
            2
        );
        assert_eq!(
            world.service().append(Some(PAYOUT), &batch).await.unwrap(),
            2
        );
        assert_eq!(world.events("acme").await.len(), 2);
    }

    #[tokio::test]
    async fn anything_else_is_refused_whole() {
        let world = World::open().await;
        let good = || event("acme", Component::Filter, 1);
        let service = world.service();
        for bad in [
            event("umbrella", Component::Filter, 2),
            event("acme", Component::Sts, 2),
            event("acme", Component::Control, 2),
            b"{}".to_vec(),
            [&good()[..], b" "].concat(),
        ] {
            let refused = service
                .append(Some(PAYOUT), &[good(), bad])
                .await
                .unwrap_err();
            assert!(matches!(refused, BatchError::Event(1)));
        }
        let many: Vec<_> = (1..=1001)
            .map(|seq| event("acme", Component::Filter, seq))
            .collect();
        let refused = service.append(Some(PAYOUT), &many).await.unwrap_err();
        assert_eq!(Status::from(refused).code(), tonic::Code::InvalidArgument);
        for peer in [None, Some("spiffe://d.example/stranger")] {
            let refused = service.append(peer, &[good()]).await.unwrap_err();
            assert_eq!(Status::from(refused).code(), tonic::Code::PermissionDenied);
        }
        assert!(world.events("acme").await.is_empty());
        world.ledger.clone().close().await;
        let refused = service.append(Some(PAYOUT), &[good()]).await.unwrap_err();
        assert_eq!(Status::from(refused).code(), tonic::Code::Unavailable);
    }
}
