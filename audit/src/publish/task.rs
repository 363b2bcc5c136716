//! A publisher that runs.

use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::status::{Failure, PublisherStatus};
use super::step::TilePublisher;
use super::store::TileStore;

/// A running publisher. It ends with this value, at whatever point it is; that does no harm.
#[derive(Debug)]
pub struct PublisherTask {
    stop: Option<oneshot::Sender<()>>,
    status: watch::Receiver<PublisherStatus>,
    task: JoinHandle<()>,
}

impl<S: TileStore> TilePublisher<S> {
    /// Publishes now and then every so often, until it is stopped. A step that fails is tried again.
    #[must_use]
    pub fn start(self, every: Duration) -> PublisherTask {
        let (stop, stopped) = oneshot::channel();
        let (report, status) = watch::channel(PublisherStatus::default());
        let task = tokio::spawn(self.run(every, stopped, report));
        PublisherTask {
            stop: Some(stop),
            status,
            task,
        }
    }

    async fn run(
        self,
        every: Duration,
        mut stopped: oneshot::Receiver<()>,
        report: watch::Sender<PublisherStatus>,
    ) {
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut last = false;
        while !last {
            last = tokio::select! {
                _ = &mut stopped => true,
                _ = ticks.tick() => false,
            };
            let result = self.publish().await;
            let failure = result.as_ref().err().map(Failure::new);
            self.tell(report.borrow().failure.as_ref(), failure.as_ref());
            report.send_modify(|status| {
                if let Ok(size) = result {
                    status.size = size;
                }
                status.failure = failure;
            });
        }
    }

    /// Logs what is new, not the same every second.
    fn tell(&self, before: Option<&Failure>, now: Option<&Failure>) {
        let zone = self.zone().as_str();
        match now {
            _ if before == now => {}
            None => tracing::info!(zone, "the log is published again"),
            Some(Failure { text, fork: false }) => {
                tracing::warn!(zone, error = %text, "the log was not published, will try again");
            }
            Some(Failure { text, fork: true }) => {
                tracing::error!(zone, error = %text, "two histories of one log: nothing is published");
            }
        }
    }
}

impl PublisherTask {
    /// How far it has got.
    #[must_use]
    pub fn status(&self) -> PublisherStatus {
        self.status.borrow().clone()
    }

    /// The same, to wait for changes.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<PublisherStatus> {
        self.status.clone()
    }

    /// Publishes once more and ends, but waits for no longer than `patience`. To be called after the
    /// ledger was closed, which signs what is in it.
    pub async fn stop(mut self, patience: Duration) -> PublisherStatus {
        if let Some(stop) = self.stop.take() {
            // Fails only if the task has ended already.
            let _ended = stop.send(());
        }
        let _late = timeout(patience, &mut self.task).await;
        self.status()
    }
}

impl Drop for PublisherTask {
    fn drop(&mut self) {
        self.task.abort();
    }
}
