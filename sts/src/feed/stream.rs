//! One stream: snapshot, deltas, pongs.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use caracal_mandate::lease::Knowledge;
use caracal_proto::enforcement::watch_request::Message;
use caracal_proto::enforcement::watch_response::Message as Response;
use caracal_proto::enforcement::{Items, Ping, SnapshotBegin, SnapshotEnd, Version, WatchRequest};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_stream::{Stream, StreamExt as _};
use tonic::Status;

use super::FeedError;
use super::chunk::chunks;
use super::frame::Frame;
use super::line::{Deltas, Line, Queued};
use super::registry::{Acknowledged, Registered};
use crate::authority::{FeedScope, State};
use crate::service::Service;

/// How long a full queue may stay full.
const SEND_PATIENCE: Duration = Duration::from_secs(5);

/// One stream's own task.
pub(super) struct Feed<'a> {
    service: &'a Arc<Service>,
    registered: Registered,
    scope: FeedScope,
    out: &'a mpsc::Sender<Result<Frame, Status>>,
}

impl<'a> Feed<'a> {
    pub(super) const fn new(
        service: &'a Arc<Service>,
        registered: Registered,
        scope: FeedScope,
        out: &'a mpsc::Sender<Result<Frame, Status>>,
    ) -> Self {
        Self {
            service,
            registered,
            scope,
            out,
        }
    }

    /// Serves until the point leaves, misbehaves, or the service stops.
    pub(super) async fn run<S>(
        self,
        mut inbound: S,
        mut stop: watch::Receiver<bool>,
    ) -> Result<(), FeedError>
    where
        S: Stream<Item = Result<WatchRequest, Status>> + Unpin + Send,
    {
        let line = Arc::new(Line::new(self.out.clone(), self.snapshot().await?));
        let zone = self.registered.zone();
        let _joined = self.service.fanout.join(zone, &self.scope, &line);
        // What was applied between the snapshot and the fan-out.
        self.catch_up(&line, None).await?;
        // Made once: what a message wakes is this task, at each acknowledgement of each point.
        let mut stopping = pin!(stop.changed());
        let mut gone = pin!(self.out.closed());
        let mut behind = pin!(line.left_behind());
        loop {
            tokio::select! {
                message = inbound.next() => match message {
                    Some(Ok(message)) => self.receive(&line, message).await?,
                    // The point closed the stream, or the connection broke.
                    Some(Err(_)) | None => return Ok(()),
                },
                () = &mut behind => {
                    self.catch_up(&line, None).await?;
                    behind.set(line.left_behind());
                }
                _ = &mut stopping => return Err(FeedError::Stopping),
                () = &mut gone => return Ok(()),
            }
        }
    }

    async fn receive(&self, line: &Line, message: WatchRequest) -> Result<(), FeedError> {
        match message.message {
            Some(Message::Ping(Ping { nonce })) => self.pong(line, nonce).await,
            Some(Message::Ack(ack)) => {
                let version = ack.version.ok_or(FeedError::Protocol)?;
                // What was not sent cannot be applied.
                let sent = version == self.version(version.epoch) && version.epoch <= line.cursor();
                if !sent {
                    return Err(FeedError::Protocol);
                }
                self.acknowledged(version.epoch);
                Ok(())
            }
            Some(Message::Hello(_)) | None => Err(FeedError::Protocol),
        }
    }

    fn acknowledged(&self, epoch: u64) {
        let state = self.service.authority.read();
        let Acknowledged { before, covered } = self.registered.acknowledge(epoch, &state);
        let metrics = &self.service.metrics;
        // Of a snapshot nobody knows how long its last change has been there.
        if before > 0
            && before < epoch
            && let Some(took_us) = self.since_commit_us(&state, epoch)
        {
            metrics.propagated(took_us);
        }
        for seq in covered {
            if let Some(took_us) = self.since_commit_us(&state, seq) {
                metrics.covered(took_us);
            }
        }
    }

    /// Since a change was committed: by this process's own clock, or by that of who did it.
    fn since_commit_us(&self, state: &State, seq: u64) -> Option<u64> {
        if let Some(began) = self.service.store.commit_began(seq) {
            return u64::try_from(began.elapsed().as_micros()).ok();
        }
        let now_ms = self.service.clock.unix_ms();
        let took_ms = now_ms.saturating_sub(state.committed_ms(seq)?);
        Some(took_ms.saturating_mul(1000))
    }

    /// Queues the snapshot; returns its position.
    async fn snapshot(&self) -> Result<u64, FeedError> {
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
        Ok(applied)
    }

    /// Queues everything that is applied and not queued yet, and then the pong with this nonce and age.
    async fn catch_up(&self, line: &Line, pong: Option<(u64, u64)>) -> Result<(), FeedError> {
        let authority = &self.service.authority;
        let term = authority.version(0).term;
        let after = |cursor| {
            let state = authority.read();
            let zone = state
                .zone(self.registered.zone())
                .ok_or(FeedError::UnknownPeer)?;
            Ok::<_, FeedError>(Deltas::after(cursor, term, &state, zone, &self.scope)?)
        };
        while line.catch_up(term, after, pong)? == Queued::Full {
            let room = timeout(SEND_PATIENCE, self.out.reserve()).await;
            // A queue that nobody empties any more is seen elsewhere.
            drop(room.map_err(|_| FeedError::Stuck)?);
        }
        Ok(())
    }

    async fn pong(&self, line: &Line, nonce: u64) -> Result<(), FeedError> {
        let arrived = self.service.clock.reading();
        self.registered.pinged(arrived.monotonic_ms);
        // First the moment, then the state: what the moment confirms is in what is queued next.
        let Some(confirmed_ms) = self.service.authority.confirmed_ms(arrived) else {
            return Ok(());
        };
        let knowledge = Knowledge::new(arrived.monotonic_ms, confirmed_ms);
        // The lease is in the book before the state is read. Whoever waits for a change to be in effect
        // finds the lease there, or the change is applied already and is queued before this pong.
        self.registered.extend_lease(knowledge);
        self.catch_up(line, Some((nonce, knowledge.age_ms()))).await
    }

    async fn send(&self, message: Response) -> Result<(), FeedError> {
        self.out
            .send_timeout(Ok(Frame::new(message)), SEND_PATIENCE)
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
