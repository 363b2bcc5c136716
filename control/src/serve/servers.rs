//! The servers of a process, and their end.

use std::fmt::Display;
use std::io::Write as _;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How long calls in flight may take to end.
const IN_FLIGHT_PATIENCE: Duration = Duration::from_secs(10);

/// Completes when a server should stop.
pub(super) type Stop = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A server that has its door and does not answer yet.
type Server = Pin<Box<dyn Future<Output = anyhow::Result<()>> + Send>>;

/// Servers, and what an operator is told of them. None answers before all have their doors: who is told
/// that the process is ready finds each one open.
pub(super) struct Servers {
    waiting: Vec<Server>,
    running: JoinSet<anyhow::Result<()>>,
    stop: watch::Sender<bool>,
    lines: Vec<(&'static str, String)>,
}

impl Default for Servers {
    fn default() -> Self {
        Self {
            waiting: Vec::new(),
            running: JoinSet::new(),
            stop: watch::Sender::new(false),
            lines: Vec::new(),
        }
    }
}

impl Servers {
    /// Adds one, which has its door.
    pub(super) fn add<F>(&mut self, name: &'static str, server: impl FnOnce(Stop) -> F)
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let mut stopped = self.stop.subscribe();
        let stop = Box::pin(async move {
            // An error means that the sender is gone, which is a reason to stop as well.
            let _stopped = stopped.wait_for(|stopped| *stopped).await;
        });
        let server = server(stop);
        self.waiting
            .push(Box::pin(async move { server.await.context(name) }));
    }

    /// Notes where something is.
    pub(super) fn tell(&mut self, what: &'static str, place: &impl Display) {
        self.lines.push((what, place.to_string()));
    }

    /// Prints what was noted.
    pub(super) fn announce(&self) -> anyhow::Result<()> {
        let mut stdout = std::io::stdout().lock();
        for (what, place) in &self.lines {
            writeln!(stdout, "{what:<24} {place}")?;
        }
        Ok(stdout.flush()?)
    }

    /// Starts all, and serves until a signal asks to stop or one of the servers fails. After a signal
    /// everything is served for another `drain`, while `draining` has made readiness say no; a second signal ends
    /// that. Then the doors close, and what is in flight is answered.
    pub(super) async fn until_stopped(
        mut self,
        drain: Duration,
        draining: impl FnOnce(),
    ) -> anyhow::Result<()> {
        let mut signals = Signals::listen()?;
        for server in self.waiting.drain(..) {
            self.running.spawn(server);
        }
        let mut outcome = tokio::select! {
            () = signals.any() => Ok(()),
            Some(ended) = self.running.join_next() => Err(failure(ended)),
        };
        draining();
        if outcome.is_ok() {
            tracing::info!(
                ?drain,
                "stopping: readiness says no, requests are still taken"
            );
            outcome = tokio::select! {
                () = tokio::time::sleep(drain) => Ok(()),
                () = signals.any() => Ok(()),
                Some(ended) = self.running.join_next() => Err(failure(ended)),
            };
        }
        tracing::info!("stopping: no more requests are taken");
        self.stop.send_replace(true);
        let ended = async { while self.running.join_next().await.is_some() {} };
        if tokio::time::timeout(IN_FLIGHT_PATIENCE, ended)
            .await
            .is_err()
        {
            tracing::warn!("some calls did not end in time and are cut off");
            self.running.shutdown().await;
        }
        outcome
    }
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> anyhow::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn any(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

fn failure(ended: Result<anyhow::Result<()>, tokio::task::JoinError>) -> anyhow::Error {
    match ended {
        Ok(Err(error)) => error,
        Ok(Ok(())) => anyhow!("a server ended by itself"),
        Err(panic) => panic.into(),
    }
}

/// Opens a listener.
pub(super) async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(address).await;
    listener.with_context(|| format!("cannot listen on {address}"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[tokio::test]
    async fn none_answers_before_all_have_their_doors() {
        let answers = Arc::new(AtomicBool::new(false));
        let mut servers = Servers::default();
        let first = Arc::clone(&answers);
        servers.add("the first", async move |stop| {
            first.store(true, Ordering::SeqCst);
            stop.await;
            Ok(())
        });
        // While the others are bound, which takes its time.
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(!answers.load(Ordering::SeqCst));
        servers.add("the second", async move |_stop| {
            anyhow::bail!("it cannot be served")
        });
        let ended = servers.until_stopped(Duration::ZERO, || {}).await;
        assert!(answers.load(Ordering::SeqCst));
        assert_eq!(ended.unwrap_err().to_string(), "the second");
    }
}
