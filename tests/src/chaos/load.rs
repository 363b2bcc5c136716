//! The load: callers of every kind at every replica, and grants that come and go.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::admin::Admin;
use super::caller::{Answer, CheckDoor, TokenDoor};
use super::cast::{self, DIRECT, Pair, TOKEN_CLIENT, steady, workload};
use super::judge::Attempt;
use super::oracle::Span;
use super::plan::Plan;
use super::site::{REPLICAS, Site};
use crate::stack::wait;

/// Longest time until everybody has been allowed once.
const WARM_UP: Duration = Duration::from_secs(30);

/// Every attempt so far, in the order in which they ended.
#[derive(Debug, Clone, Default)]
pub(super) struct Journal {
    attempts: Arc<Mutex<Vec<Attempt>>>,
    next: Arc<AtomicU64>,
}

impl Journal {
    fn request_id(&self) -> String {
        format!("chaos-{}", self.next.fetch_add(1, Ordering::Relaxed))
    }

    fn add(&self, attempt: Attempt) {
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        attempts.push(attempt);
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        let attempts = self.attempts.lock();
        attempts.unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Those from a place on.
    pub(super) fn since(&self, from: usize) -> Vec<Attempt> {
        let attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        attempts.get(from..).unwrap_or_default().to_vec()
    }
}

/// One caller at one replica.
struct Caller {
    replica: usize,
    door: Door,
    /// What it asks for, in turn.
    pairs: Vec<Pair>,
}

enum Door {
    Own(CheckDoor),
    Gateway(CheckDoor),
    Token(TokenDoor),
}

impl Caller {
    async fn ask(&mut self, request_id: &str, pair: Pair) -> Answer {
        let target = &pair.target;
        match &mut self.door {
            Door::Own(door) => door.ask(request_id, None, target).await,
            Door::Gateway(door) => {
                let principal = workload(pair.application);
                door.ask(request_id, Some(&principal), target).await
            }
            Door::Token(door) => door.ask(request_id, target).await,
        }
    }

    async fn run(mut self, journal: Journal, pace: Duration) {
        // Replicas are asked for different things at the same time.
        let first = self.replica * self.pairs.len() / REPLICAS;
        for pair in self.pairs.clone().into_iter().cycle().skip(first) {
            let request_id = journal.request_id();
            let sent = Instant::now();
            let answer = self.ask(&request_id, pair).await;
            let answered = Instant::now();
            journal.add(Attempt {
                request_id,
                replica: self.replica,
                pair,
                span: Span { sent, answered },
                answer,
            });
            tokio::time::sleep(pace).await;
        }
    }
}

/// Everything that runs until it is dropped.
pub(super) struct Load {
    pub(super) journal: Journal,
    tasks: JoinSet<Result<()>>,
}

impl Load {
    /// Lets every caller be allowed once, then all of them go on.
    pub(super) async fn start(site: &Site, plan: Plan) -> Result<Self> {
        let journal = Journal::default();
        let mut tasks = JoinSet::new();
        let mut callers = Vec::new();
        for replica in 0..REPLICAS {
            let mut of_replica = callers_of(site, replica).await?;
            for caller in &mut of_replica {
                warm(caller, replica).await?;
            }
            callers.extend(of_replica);
        }
        for caller in callers {
            let journal = journal.clone();
            tasks.spawn(async move {
                caller.run(journal, plan.pace).await;
                Ok(())
            });
        }
        tasks.spawn(churn(site.admin.clone(), site.churning.clone(), plan.churn));
        Ok(Self { journal, tasks })
    }

    /// Fails if part of the load has ended, which nothing should.
    pub(super) fn check(&mut self) -> Result<()> {
        match self.tasks.try_join_next() {
            None => Ok(()),
            Some(ended) => {
                ended??;
                bail!("a caller has ended")
            }
        }
    }
}

async fn callers_of(site: &Site, replica: usize) -> Result<Vec<Caller>> {
    let authority = site.replica(replica)?;
    let mut callers = Vec::new();
    let mut add = |door, pairs| {
        callers.push(Caller {
            replica,
            door,
            pairs,
        });
    };
    for (application, identity) in DIRECT {
        let identity = site.stack.identity(identity)?;
        let door = CheckDoor::open(identity, authority.grpc_port).await?;
        add(Door::Own(door), vec![steady(application)]);
    }
    let gateway = site.stack.identity("gateway")?;
    for pairs in [cast::churning(), cast::behind_gateway()] {
        let door = CheckDoor::open(gateway, authority.grpc_port).await?;
        add(Door::Gateway(door), pairs);
    }
    let door = TokenDoor::new(authority.http_port, TOKEN_CLIENT, &site.secret);
    add(Door::Token(door), vec![steady(TOKEN_CLIENT)]);
    Ok(callers)
}

/// Sessions are opened, and every replica has heard of them.
async fn warm(caller: &mut Caller, replica: usize) -> Result<()> {
    for pair in caller.pairs.clone() {
        let mut last = None;
        let allowed = wait::until("an exchange is allowed", WARM_UP, async || {
            let answer = caller.ask("chaos-warm-up", pair).await;
            let allowed = matches!(answer, Answer::Allowed { .. });
            last = Some(answer);
            allowed.then_some(())
        });
        let allowed = allowed.await;
        allowed.with_context(|| format!("{pair:?} at replica {replica}: {last:?}"))?;
    }
    Ok(())
}

/// Revokes each grant and makes it again, one after the other, at each replica in turn.
async fn churn(admin: Admin, grants: Vec<(Pair, String)>, pause: Duration) -> Result<()> {
    let mut grants: Vec<_> = grants
        .into_iter()
        .map(|(pair, id)| (pair, Some(id)))
        .collect();
    if grants.is_empty() {
        bail!("nothing comes and goes");
    }
    let mut replica = 0;
    loop {
        for (pair, id) in &mut grants {
            *id = match id.take() {
                Some(id) => {
                    admin.revoke_grant(replica, *pair, &id).await?;
                    None
                }
                None => Some(admin.grant(replica, *pair).await?),
            };
            replica = (replica + 1) % REPLICAS;
            tokio::time::sleep(pause).await;
        }
    }
}
