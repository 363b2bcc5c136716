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

/// Servers that run, and what an operator is told of them.
pub(super) struct Servers {
    running: JoinSet<anyhow::Result<()>>,
    stop: watch::Sender<bool>,
    lines: Vec<(&'static str, String)>,
}

impl Default for Servers {
    fn default() -> Self {
        Self {
            running: JoinSet::new(),
            stop: watch::Sender::new(false),
            lines: Vec::new(),
        }
    }
}

impl Servers {
    /// Starts one.
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
        self.running
            .spawn(async move { server.await.context(name) });
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

    /// Serves until a signal asks to stop or one of the servers fails. After a signal everything is
    /// served for another `drain`, while `draining` has made readiness say no; a second signal ends
    /// that. Then the doors close, and what is in flight is answered.
    pub(super) async fn until_stopped(
        mut self,
        drain: Duration,
        draining: impl FnOnce(),
    ) -> anyhow::Result<()> {
        let mut signals = Signals::listen()?;
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
