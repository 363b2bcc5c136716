//! A steady load on both Envoys: through the agent's sidecar, and straight to the resource's with
//! mandates that are known one by one. Open loop: each connection has its own schedule, and what was
//! late is made up for.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Result;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};

use crate::client::{Connection, Request, tls};
use crate::upstream::{BANK, MARK};

/// Connections straight to the resource's Envoy, and through the agent's.
const DIRECT: u32 = 12;
const THROUGH: u32 = 4;

/// What the agents read.
pub(super) const PATH: &str = "/accounts/42";

/// Numbers of requests are below this; the mandate that was shown stands above them in the mark.
const REQUESTS: u64 = 1 << 32;

/// A mandate that the load shows, by its place in the series.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) number: u64,
    pub(super) token: Arc<str>,
}

/// Mandates of the load: the one that is good, and those that were revoked a short while ago, which are
/// shown as often.
#[derive(Debug, Clone, Default)]
pub(super) struct Wallet(Arc<Mutex<Mandates>>);

#[derive(Debug, Default)]
struct Mandates {
    good: Option<Held>,
    revoked: VecDeque<(Instant, Held)>,
}

/// Which mandate a mark stands for; 0 is none that is known.
pub(super) const fn mandate_of(mark: u64) -> u64 {
    mark / REQUESTS
}

impl Wallet {
    fn lock(&self) -> MutexGuard<'_, Mandates> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new one to show.
    pub(super) fn hold(&self, held: Held) {
        self.lock().good = Some(held);
    }

    /// The good one was revoked; it is shown until then.
    pub(super) fn revoked(&self, until: Instant) {
        let mut all = self.lock();
        if let Some(held) = all.good.take() {
            all.revoked.push_back((until, held));
        }
    }

    fn pick(&self, turn: u64) -> Option<Held> {
        let mut all = self.lock();
        let now = Instant::now();
        while all.revoked.front().is_some_and(|(until, _)| *until < now) {
            all.revoked.pop_front();
        }
        let old = usize::try_from(turn / 2).unwrap_or(0) % all.revoked.len().max(1);
        let revoked = all.revoked.get(old).map(|(_, held)| held.clone());
        if turn.is_multiple_of(2) {
            all.good.clone().or(revoked)
        } else {
            revoked.or_else(|| all.good.clone())
        }
    }
}

/// What came of the requests of a load.
#[derive(Debug, Clone, Copy, Default, serde::Serialize)]
pub(super) struct Sent {
    /// Answers.
    pub(super) answered: u64,
    /// Of them with status 200.
    pub(super) allowed: u64,
    /// Of them refused with 401 or 403.
    pub(super) refused: u64,
    /// Answers of any other kind.
    pub(super) other: u64,
    /// Connections that were closed instead of an answer.
    pub(super) broken: u64,
}

impl Sent {
    fn count(&mut self, status: u16) {
        self.answered += 1;
        match status {
            200 => self.allowed += 1,
            401 | 403 => self.refused += 1,
            _ => self.other += 1,
        }
    }
}

/// A running load.
#[derive(Debug)]
pub(super) struct Load {
    stop: Arc<AtomicBool>,
    tasks: JoinSet<Result<Sent>>,
}

impl Load {
    /// Starts it at so many requests in a second.
    pub(super) fn start(
        (agent, resource): (u16, u16),
        client: &tls::Client,
        wallet: &Wallet,
        per_second: u32,
    ) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let numbers = Arc::new(AtomicU64::new(0));
        let every = Duration::from_secs(1) * (DIRECT + THROUGH) / per_second.max(1);
        let mut tasks = JoinSet::new();
        for at in 0..DIRECT + THROUGH {
            let direct = at < DIRECT;
            let place = if direct {
                Place::Resource(resource, client.clone())
            } else {
                Place::Agent(agent)
            };
            let one = OneConnection {
                place,
                wallet: direct.then(|| wallet.clone()),
                stop: Arc::clone(&stop),
                numbers: Arc::clone(&numbers),
            };
            let shift = every * at / (DIRECT + THROUGH);
            tasks.spawn(one.run(shift, every));
        }
        Self { stop, tasks }
    }

    /// Stops it.
    pub(super) async fn stop(mut self) -> Result<Sent> {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Sent::default();
        while let Some(sent) = self.tasks.join_next().await {
            let sent = sent??;
            all.answered += sent.answered;
            all.allowed += sent.allowed;
            all.refused += sent.refused;
            all.other += sent.other;
            all.broken += sent.broken;
        }
        Ok(all)
    }
}

struct OneConnection {
    place: Place,
    /// None: the sidecar has mandates of its own.
    wallet: Option<Wallet>,
    stop: Arc<AtomicBool>,
    numbers: Arc<AtomicU64>,
}

/// Where a connection leads.
enum Place {
    Agent(u16),
    Resource(u16, tls::Client),
}

impl Place {
    async fn connect(&self) -> Result<Connection> {
        match self {
            Self::Agent(port) => Connection::plain(*port).await,
            Self::Resource(port, client) => Connection::mutual(*port, client).await,
        }
    }
}

impl OneConnection {
    async fn run(self, shift: Duration, every: Duration) -> Result<Sent> {
        let mut sent = Sent::default();
        let mut connection = self.place.connect().await?;
        let mut times = tokio::time::interval_at(Instant::now() + shift, every);
        times.set_missed_tick_behavior(MissedTickBehavior::Burst);
        loop {
            times.tick().await;
            if self.stop.load(Ordering::Relaxed) {
                return Ok(sent);
            }
            let Some(request) = self.request() else {
                continue;
            };
            if let Ok(response) = connection.send(&request).await {
                sent.count(response.status);
            } else {
                // An Envoy closes connections now and then; what reached the service is counted there.
                sent.broken += 1;
                connection = self.place.connect().await?;
            }
        }
    }

    /// The next request; none before there is a mandate.
    fn request(&self) -> Option<Request> {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let mut request = Request::get(BANK, PATH);
        let mut mark = number;
        if let Some(wallet) = &self.wallet {
            let held = wallet.pick(number)?;
            mark += held.number * REQUESTS;
            request = request.mandate(&held.token);
        }
        Some(request.header(MARK, &mark.to_string()))
    }
}
