//! One stream: snapshot, deltas, pongs.

use std::sync::Arc;
use std::time::Duration;

use caracal_proto::enforcement::watch_request::Message;
use caracal_proto::enforcement::watch_response::Message as Response;
use caracal_proto::enforcement::{
    Delta, Items, Ping, Pong, SnapshotBegin, SnapshotEnd, Version, WatchRequest, WatchResponse,
};
use tokio::sync::{mpsc, watch};
use tokio_stream::{Stream, StreamExt as _};
use tonic::Status;

use super::FeedError;
use super::chunk::chunks;
use super::registry::Registered;
use crate::authority::FeedScope;
use crate::service::Service;

/// How long a full queue may stay full.
const SEND_PATIENCE: Duration = Duration::from_secs(5);

/// The sending side of one stream, and how far it is.
pub(super) struct Feed<'a> {
    service: &'a Arc<Service>,
    registered: Registered,
    scope: FeedScope,
    out: &'a mpsc::Sender<Result<WatchResponse, Status>>,
    /// Everything up to this position is in the queue.
    cursor: u64,
}

impl<'a> Feed<'a> {
    pub(super) const fn new(
        service: &'a Arc<Service>,
        registered: Registered,
        scope: FeedScope,
        out: &'a mpsc::Sender<Result<WatchResponse, Status>>,
    ) -> Self {
        Self {
            service,
            registered,
            scope,
            out,
            cursor: 0,
        }
    }

    /// Serves until the point leaves, misbehaves, or the service stops.
    pub(super) async fn run<S>(
        mut self,
        mut inbound: S,
        mut stop: watch::Receiver<bool>,
    ) -> Result<(), FeedError>
    where
        S: Stream<Item = Result<WatchRequest, Status>> + Unpin + Send,
    {
        let mut changes = self.service.authority.changes();
        self.snapshot().await?;
        loop {
            tokio::select! {
                message = inbound.next() => match message {
                    Some(Ok(message)) => self.receive(message).await?,
                    // The point closed the stream, or the connection broke.
                    Some(Err(_)) | None => return Ok(()),
                },
                Ok(()) = changes.changed() => self.catch_up().await?,
                _ = stop.changed() => return Err(FeedError::Stopping),
                () = self.out.closed() => return Ok(()),
            }
        }
    }

    async fn receive(&mut self, message: WatchRequest) -> Result<(), FeedError> {
        match message.message {
            Some(Message::Ping(Ping { nonce })) => self.pong(nonce).await,
            Some(Message::Ack(ack)) => {
                let version = ack.version.ok_or(FeedError::Protocol)?;
                // What was not sent cannot be applied.
                let sent = version == self.version(version.epoch) && version.epoch <= self.cursor;
                if !sent {
                    return Err(FeedError::Protocol);
                }
                let before = self.registered.acknowledge(version.epoch);
                // Of a snapshot nobody knows how long its last change has been there.
                if before > 0 && before < version.epoch {
                    self.measure(version.epoch);
                }
                Ok(())
            }
            Some(Message::Hello(_)) | None => Err(FeedError::Protocol),
        }
    }

    fn measure(&self, epoch: u64) {
        let committed_ms = self.service.authority.read().committed_ms(epoch);
        if let Some(committed_ms) = committed_ms {
            let now_ms = self.service.clock.unix_ms();
            let metrics = &self.service.metrics;
            metrics.propagated(now_ms.saturating_sub(committed_ms));
        }
    }

    async fn snapshot(&mut self) -> Result<(), FeedError> {
        let (applied, issuer, items) = {
            let state = self.service.authority.read();
            let zone = state
                .zone(self.registered.zone())
                .ok_or(FeedError::UnknownPeer)?;
            (
                state.applied(),
                zone.zone.issuer.clone(),
                zone.snapshot(&self.scope),
            )
        };
        let version = Some(self.version(applied));
        let count = u64::try_from(items.len()).unwrap_or(u64::MAX);
        self.send(Response::SnapshotBegin(SnapshotBegin { version, issuer }))
            .await?;
        for chunk in chunks(items.into_iter().map(|item| (applied, item)).collect()) {
            let items = chunk.into_iter().map(|(_, item)| item).collect();
            self.send(Response::SnapshotChunk(Items { items })).await?;
        }
        self.send(Response::SnapshotEnd(SnapshotEnd {
            version,
            items: count,
        }))
        .await?;
        self.cursor = applied;
        Ok(())
    }

    /// Queues everything that is applied and not queued yet.
    async fn catch_up(&mut self) -> Result<(), FeedError> {
        let (applied, items) = {
            let state = self.service.authority.read();
            let applied = state.applied();
            if applied == self.cursor {
                return Ok(());
            }
            let zone = state
                .zone(self.registered.zone())
                .ok_or(FeedError::UnknownPeer)?;
            (applied, zone.feed.after(self.cursor, &self.scope)?)
        };
        let mut runs = chunks(items).into_iter().peekable();
        // Positions of other zones and of changes that points are not told still move the version,
        // because mandates are held until the position of their issue is applied.
        if runs.peek().is_none() {
            return self.delta(applied, Vec::new()).await;
        }
        while let Some(run) = runs.next() {
            let end = run.last().map_or(applied, |(seq, _)| *seq);
            let to = if runs.peek().is_none() { applied } else { end };
            self.delta(to, run.into_iter().map(|(_, item)| item).collect())
                .await?;
        }
        Ok(())
    }

    async fn delta(
        &mut self,
        to: u64,
        items: Vec<caracal_proto::enforcement::Item>,
    ) -> Result<(), FeedError> {
        let from = Some(self.version(self.cursor));
        self.send(Response::Delta(Delta {
            from,
            to: Some(self.version(to)),
            items,
        }))
        .await?;
        self.cursor = to;
        Ok(())
    }

    async fn pong(&mut self, nonce: u64) -> Result<(), FeedError> {
        let arrived_ms = self.service.clock.monotonic_ms();
        self.registered.pinged(arrived_ms);
        // First the moment, then the state: what the moment confirms is in what is queued next.
        let Some(confirmed_ms) = self.service.authority.confirmed_ms() else {
            return Ok(());
        };
        self.catch_up().await?;
        // Noted before it goes out: from then on the point may decide alone until this moment.
        self.registered.extend_lease(confirmed_ms);
        let pong = Pong {
            nonce,
            version: Some(self.version(self.cursor)),
            read_age_ms: arrived_ms.saturating_sub(confirmed_ms),
        };
        self.send(Response::Pong(pong)).await
    }

    async fn send(&self, message: Response) -> Result<(), FeedError> {
        let message = Ok(WatchResponse {
            message: Some(message),
        });
        self.out
            .send_timeout(message, SEND_PATIENCE)
            .await
            .map_err(|_| FeedError::Stuck)
    }

    fn version(&self, epoch: u64) -> Version {
        Version {
            term: self.service.authority.version(epoch).term,
            epoch,
        }
    }
}
