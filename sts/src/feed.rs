//! `Enforcement.Watch`: live authority for enforcement points.
//!
//! The promise of a pong: everything that was committed before the read that it names began stands
//! before it on the same stream. Leases rest on nothing else.

mod chunk;
mod door;
mod fanout;
mod frame;
mod line;
mod registry;
mod stream;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use caracal_proto::enforcement::watch_request::Message;
use caracal_proto::enforcement::{Hello, WatchRequest};
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt as _};
use tonic::Status;

pub(crate) use door::FeedDoor;
pub(crate) use fanout::{Fanout, run as fan_out};
use frame::Frame;
pub use registry::{AckReport, PointStatus};
pub(crate) use registry::{Past, Peer, Registry};
use stream::Feed;

use crate::authority::{FeedGap, FeedScope, Identity};
use crate::server::OpenFeed;
use crate::service::Service;

/// How long a point may take to say who it is.
const HELLO_PATIENCE: Duration = Duration::from_secs(5);

/// Messages that wait for a point that reads slowly. Each is at most one chunk.
const QUEUE: usize = 16;

/// Longest text of a Hello that is kept, in characters.
const MAX_TEXT: usize = 128;

/// The mode of a point that names none.
const ENFORCE: &str = "enforce";

/// The role of a filter in front of what is protected.
const RESOURCE: &str = "resource";

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
    /// A lease that is not possible. One that is longer than the service's own would outlive what a
    /// new process waits for, and what a wait for acknowledgements is bounded by.
    #[error("the lease must be 1 to {0} milliseconds: no longer than the service's own")]
    Lease(u64),
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
            FeedError::NoHello | FeedError::Lease(_) | FeedError::Protocol => {
                Self::invalid_argument(text)
            }
            FeedError::Stuck => Self::resource_exhausted(text),
            // The point reconnects and starts over with a snapshot.
            FeedError::Gap(FeedGap) => Self::out_of_range(text),
            FeedError::Stopping => Self::unavailable(text),
        }
    }
}

/// Starts a stream for a peer that is known. The Hello is awaited in the background: the response's
/// head must go out before some clients send their first message. `on` is kept for as long as it lives.
pub(crate) fn open<S>(
    service: Arc<Service>,
    peer: Option<String>,
    inbound: S,
    stop: watch::Receiver<bool>,
    on: Option<OpenFeed>,
) -> Result<ReceiverStream<Result<Frame, Status>>, FeedError>
where
    S: Stream<Item = Result<WatchRequest, Status>> + Unpin + Send + 'static,
{
    let spiffe_id = peer.ok_or(FeedError::UnknownPeer)?;
    let identity = service.authority.read().identity(&spiffe_id).cloned();
    let identity = identity.ok_or(FeedError::UnknownPeer)?;
    let (out, outbound) = mpsc::channel(QUEUE);
    tokio::spawn(async move {
        let _open = on;
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
    out: &mpsc::Sender<Result<Frame, Status>>,
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
        mode,
        last_error,
        streams,
    } = hello;
    if zone != identity.zone().as_str() {
        return Err(FeedError::OtherZone);
    }
    let longest_ms = service.config.lease_ms;
    if !(1..=longest_ms).contains(&lease_ms.into()) {
        return Err(FeedError::Lease(longest_ms));
    }
    let short = |text: String| text.chars().take(MAX_TEXT).collect::<String>();
    // Points from before there were modes enforce.
    let mode = if mode.is_empty() {
        ENFORCE.to_owned()
    } else {
        short(mode)
    };
    let peer = Peer {
        zone: identity.zone().clone(),
        spiffe_id,
        instance: short(instance),
        boot: short(boot),
        role: short(role),
        software: short(software),
        lease_ms: lease_ms.into(),
        mode,
    };
    let past = Past {
        streams,
        last_error: short(last_error),
    };
    let scope = match identity {
        // The filter in front of an application, with the identity of its workload.
        Identity::Application { name, .. } if peer.role == RESOURCE => {
            FeedScope::AnsweredBy(name.clone())
        }
        Identity::Application { .. } => FeedScope::Zone,
        Identity::Point { point, .. } => FeedScope::of(point),
    };
    let registered = service.registry.connect(peer, past);
    let feed = Feed::new(&service, registered, scope, out);
    feed.run(inbound, stop).await
}
