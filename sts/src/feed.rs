//! `Enforcement.Watch`: live authority for enforcement points.
//!
//! The promise of a pong: everything that was committed before the read that it names began stands
//! before it on the same stream. Leases rest on nothing else.

mod chunk;
mod registry;
mod stream;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use caracal_proto::enforcement::enforcement_server::Enforcement;
use caracal_proto::enforcement::watch_request::Message;
use caracal_proto::enforcement::{Hello, WatchRequest, WatchResponse};
use caracal_store::model::MAX_LEASE_MS;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt as _};
use tonic::{Request, Response, Status, Streaming};

pub use registry::{AckReport, PointStatus};
pub(crate) use registry::{Peer, Registry};
use stream::Feed;

use crate::authority::{FeedGap, FeedScope, Identity};
use crate::server::peer_id;
use crate::service::Service;

/// How long a point may take to say who it is.
const HELLO_PATIENCE: Duration = Duration::from_secs(5);

/// Messages that wait for a point that reads slowly. Each is at most one chunk.
const QUEUE: usize = 16;

/// Longest text of a Hello that is kept, in characters.
const MAX_TEXT: usize = 128;

/// Why a stream ends.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FeedError {
    /// The peer is nobody that is known.
    #[error("the peer is neither an application nor an enforcement point")]
    UnknownPeer,
    /// The point is configured for another zone.
    #[error("the peer does not belong to the zone that it names")]
    OtherZone,
    /// No Hello, or not in time.
    #[error("the first message must be a Hello, within 5 seconds")]
    NoHello,
    /// A lease that is not possible.
    #[error("the lease must be 1 to {MAX_LEASE_MS} milliseconds")]
    Lease,
    /// A message that makes no sense where it came.
    #[error("a message is empty, repeated, or acknowledges what was not sent")]
    Protocol,
    /// The point does not read.
    #[error("the point does not read its feed")]
    Stuck,
    /// The kept items do not reach back far enough.
    #[error(transparent)]
    Gap(#[from] FeedGap),
    /// The service goes down.
    #[error("the service is shutting down")]
    Stopping,
}

/// The one place where feed errors become gRPC statuses.
impl From<FeedError> for Status {
    fn from(error: FeedError) -> Self {
        let text = error.to_string();
        match error {
            FeedError::UnknownPeer | FeedError::OtherZone => Self::permission_denied(text),
            FeedError::NoHello | FeedError::Lease | FeedError::Protocol => {
                Self::invalid_argument(text)
            }
            FeedError::Stuck => Self::resource_exhausted(text),
            // The point reconnects and starts over with a snapshot.
            FeedError::Gap(FeedGap) => Self::out_of_range(text),
            FeedError::Stopping => Self::unavailable(text),
        }
    }
}

/// The service behind `Watch`.
pub(crate) struct FeedService {
    pub(crate) service: Arc<Service>,
    pub(crate) stop: watch::Receiver<bool>,
}

#[tonic::async_trait]
impl Enforcement for FeedService {
    type WatchStream = ReceiverStream<Result<WatchResponse, Status>>;

    async fn watch(
        &self,
        request: Request<Streaming<WatchRequest>>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let peer = peer_id(&request).map(|peer| peer.to_string());
        let inbound = request.into_inner();
        let service = Arc::clone(&self.service);
        let outbound = open(service, peer, inbound, self.stop.clone())?;
        Ok(Response::new(outbound))
    }
}

/// Starts a stream for a peer that is known. The Hello is awaited in the background: the response's
/// head must go out before some clients send their first message.
pub(crate) fn open<S>(
    service: Arc<Service>,
    peer: Option<String>,
    inbound: S,
    stop: watch::Receiver<bool>,
) -> Result<ReceiverStream<Result<WatchResponse, Status>>, FeedError>
where
    S: Stream<Item = Result<WatchRequest, Status>> + Unpin + Send + 'static,
{
    let spiffe_id = peer.ok_or(FeedError::UnknownPeer)?;
    let identity = service.authority.read().identity(&spiffe_id).cloned();
    let identity = identity.ok_or(FeedError::UnknownPeer)?;
    let (out, outbound) = mpsc::channel(QUEUE);
    tokio::spawn(async move {
        if let Err(error) = serve(service, spiffe_id, &identity, inbound, stop, &out).await {
            tracing::info!(%error, zone = %identity.zone(), "a feed ended");
            // A point that does not read does not read this either.
            let _full = out.try_send(Err(error.into()));
        }
    });
    Ok(ReceiverStream::new(outbound))
}

async fn serve<S>(
    service: Arc<Service>,
    spiffe_id: String,
    identity: &Identity,
    mut inbound: S,
    stop: watch::Receiver<bool>,
    out: &mpsc::Sender<Result<WatchResponse, Status>>,
) -> Result<(), FeedError>
where
    S: Stream<Item = Result<WatchRequest, Status>> + Unpin + Send,
{
    let first = tokio::time::timeout(HELLO_PATIENCE, inbound.next()).await;
    let Ok(Some(Ok(WatchRequest {
        message: Some(Message::Hello(hello)),
    }))) = first
    else {
        return Err(FeedError::NoHello);
    };
    let Hello {
        zone,
        instance,
        boot,
        role,
        software,
        lease_ms,
    } = hello;
    if zone != identity.zone().as_str() {
        return Err(FeedError::OtherZone);
    }
    if !(1..=MAX_LEASE_MS).contains(&lease_ms.into()) {
        return Err(FeedError::Lease);
    }
    let short = |text: String| text.chars().take(MAX_TEXT).collect::<String>();
    let peer = Peer {
        zone: identity.zone().clone(),
        spiffe_id,
        instance: short(instance),
        boot: short(boot),
        role: short(role),
        software: short(software),
        lease_ms: lease_ms.into(),
    };
    let scope = match identity {
        Identity::Application { .. } => FeedScope::Zone,
        Identity::Point { point, .. } => FeedScope::of(point),
    };
    let registered = service.registry.connect(peer);
    let feed = Feed::new(&service, registered, scope, out);
    feed.run(inbound, stop).await
}
