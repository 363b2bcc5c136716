//! The way of finished spans to the collector: OTLP over gRPC.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use caracal_proto::otlp::ExportTraceServiceRequest;
use caracal_proto::otlp::trace_service_client::TraceServiceClient;
use caracal_proto::otlp::{ResourceSpans, ScopeSpans, Span};
use tokio::sync::{mpsc, oneshot};
use tonic::transport::Channel;

use super::collector::{Collector, PATIENCE, TelemetryError};
use super::{TelemetryConfig, TelemetryStats};

/// Finished traces that wait. With about five spans each this is below 5 MB.
const QUEUE: usize = 2048;

/// Traces in one message, and how long the first of them waits for more.
const BATCH: usize = 256;
const GATHERING: Duration = Duration::from_millis(500);

/// How often a collector that is away is mentioned in the log.
const COMPLAINTS: Duration = Duration::from_mins(1);

enum Message {
    Trace(Vec<Span>),
    Flush(oneshot::Sender<()>),
}

#[derive(Default)]
struct Counters {
    exported: AtomicU64,
    dropped: AtomicU64,
}

/// Where traces are left.
#[derive(Clone)]
pub(super) struct Queue {
    sender: mpsc::Sender<Message>,
    counters: Arc<Counters>,
}

impl Queue {
    /// Never waits.
    pub(super) fn send(&self, spans: Vec<Span>) {
        let count = number(spans.len());
        if self.sender.try_send(Message::Trace(spans)).is_err() {
            self.counters.dropped.fetch_add(count, Ordering::Relaxed);
        }
    }
}

/// The task behind the queue ends with the last handle.
pub(super) struct Exporter(Queue);

impl Exporter {
    pub(super) fn start(config: &TelemetryConfig, instance: &str) -> Result<Self, TelemetryError> {
        let collector = Collector::new(config, instance)?;
        let (sender, inbox) = mpsc::channel(QUEUE);
        let counters = Arc::<Counters>::default();
        let sending = Sending {
            client: TraceServiceClient::new(collector.channel.clone()),
            collector,
            counters: Arc::clone(&counters),
            complained: None,
        };
        tokio::spawn(sending.run(inbox));
        Ok(Self(Queue { sender, counters }))
    }

    pub(super) fn queue(&self) -> Queue {
        self.0.clone()
    }

    pub(super) fn stats(&self) -> TelemetryStats {
        let Counters { exported, dropped } = &*self.0.counters;
        TelemetryStats {
            exported: exported.load(Ordering::Relaxed),
            dropped: dropped.load(Ordering::Relaxed),
        }
    }

    /// Waits until what was queued before has been sent, or not.
    pub(super) async fn flush(&self) {
        let (done, sent) = oneshot::channel();
        if self.0.sender.send(Message::Flush(done)).await.is_ok() {
            // An error means that the task has ended, and there is nothing to wait for.
            let _sent = sent.await;
        }
    }
}

struct Sending {
    client: TraceServiceClient<Channel>,
    collector: Collector,
    counters: Arc<Counters>,
    complained: Option<tokio::time::Instant>,
}

impl Sending {
    async fn run(mut self, mut inbox: mpsc::Receiver<Message>) {
        let mut messages = Vec::with_capacity(BATCH);
        while inbox.recv_many(&mut messages, BATCH).await > 0 {
            let flushing = |message: &Message| matches!(message, Message::Flush(_));
            if messages.len() < BATCH && !messages.iter().any(flushing) {
                self.gather(&mut messages, &mut inbox).await;
            }
            let mut spans = Vec::new();
            let mut waiting = Vec::new();
            for message in messages.drain(..) {
                match message {
                    Message::Trace(trace) => spans.extend(trace),
                    Message::Flush(done) => waiting.push(done),
                }
            }
            self.send(spans).await;
            for done in waiting {
                // Nobody waits any more.
                let _gone = done.send(());
            }
        }
    }

    /// More of what comes soon, so that a quiet service does not send each trace alone.
    async fn gather(&self, messages: &mut Vec<Message>, inbox: &mut mpsc::Receiver<Message>) {
        let until = tokio::time::sleep(GATHERING);
        tokio::pin!(until);
        while messages.len() < BATCH {
            tokio::select! {
                () = &mut until => return,
                message = inbox.recv() => match message {
                    None => return,
                    Some(message) => {
                        let flushing = matches!(message, Message::Flush(_));
                        messages.push(message);
                        if flushing {
                            return;
                        }
                    }
                },
            }
        }
    }

    async fn send(&mut self, spans: Vec<Span>) {
        if spans.is_empty() {
            return;
        }
        let count = number(spans.len());
        let request = ExportTraceServiceRequest {
            resource_spans: vec![ResourceSpans {
                resource: Some(self.collector.resource.clone()),
                scope_spans: vec![ScopeSpans {
                    scope: Some(self.collector.scope.clone()),
                    spans,
                }],
            }],
        };
        let request = self.collector.request(request);
        // No second try: what waits behind it would be lost instead.
        let refused = match tokio::time::timeout(PATIENCE, self.client.export(request)).await {
            Ok(Ok(answer)) => {
                let rejected = answer.into_inner().partial_success;
                let rejected = rejected.map_or(0, |partial| partial.rejected_spans);
                let rejected = u64::try_from(rejected).unwrap_or(0).min(count);
                let taken = count.saturating_sub(rejected);
                self.counters.exported.fetch_add(taken, Ordering::Relaxed);
                self.counters.dropped.fetch_add(rejected, Ordering::Relaxed);
                return;
            }
            Ok(Err(status)) => status.code().description(),
            Err(_) => "no answer in time",
        };
        self.counters.dropped.fetch_add(count, Ordering::Relaxed);
        let now = tokio::time::Instant::now();
        let quiet = self
            .complained
            .is_some_and(|at| now.saturating_duration_since(at) < COMPLAINTS);
        if !quiet {
            self.complained = Some(now);
            tracing::warn!(refused, "traces are lost: the collector does not take them");
        }
    }
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
