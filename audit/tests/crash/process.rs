//! The process that is killed: it appends from several tasks, and says on its standard output what was
//! acknowledged.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use caracal_audit::{AppendError, CheckpointSigner, Ledger, Position, Submission};
use caracal_store::DatabaseUrl;

use super::events::{FixedClock, submission};
use super::random::Random;

/// Where the ledger is, and what else the process has to be told.
pub(crate) const DATABASE: &str = "CARACAL_CRASH_DATABASE";
/// The file of its signing key.
pub(crate) const KEY: &str = "CARACAL_CRASH_KEY";
/// The next number of each task, with commas in between: what was not acknowledged is handed in again.
pub(crate) const NEXT: &str = "CARACAL_CRASH_NEXT";

/// Tasks that append at the same time, each an emitter of its own.
pub(crate) const TASKS: usize = 4;
/// The name of [`appends_until_it_is_killed`].
pub(crate) const TEST: &str = "process::appends_until_it_is_killed";

const ZONES: [&str; 3] = ["bank", "lab", "ops"];

pub(crate) fn signer(key: &[u8]) -> CheckpointSigner {
    CheckpointSigner::from_pkcs8("audit.example", key).unwrap()
}

pub(crate) fn emitter(task: usize) -> String {
    format!("task-{task}")
}

fn event(task: usize, seq: u64) -> Submission {
    let turn = usize::try_from(seq / 3).unwrap();
    let zone = ZONES[(turn + task) % ZONES.len()];
    submission(zone, &emitter(task), "boot", seq)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the process that the other tests start and kill"]
async fn appends_until_it_is_killed() {
    let told = |name| std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"));
    let place: DatabaseUrl = told(DATABASE).parse().unwrap();
    let signer = signer(&std::fs::read(PathBuf::from(told(KEY))).unwrap());
    let ledger = Ledger::connect(&place, signer, Arc::new(FixedClock))
        .await
        .unwrap();
    say("\nready\n");
    let mut tasks = tokio::task::JoinSet::new();
    for (task, next) in told(NEXT).split(',').enumerate() {
        tasks.spawn(append(ledger.clone(), task, next.parse().unwrap()));
    }
    tasks.spawn(tell_checkpoints(ledger));
    // None of them ends, unless it panics; and then all of it has to end.
    tasks.join_next().await.unwrap().unwrap();
}

/// Hands in batches, and goes on to the next numbers when they are acknowledged.
async fn append(ledger: Ledger, task: usize, mut next: u64) {
    let mut random = Random::new(next + u64::from(std::process::id()));
    loop {
        let last = next + random.within(0..=7);
        let events = (next..=last).map(|seq| event(task, seq)).collect();
        match ledger.append(events).await {
            Ok(places) => {
                let lines = (next..=last).zip(places).map(|(seq, place)| {
                    let Position { zone, index } = place;
                    format!("acknowledged {task} {seq} {zone} {index}\n")
                });
                say(&lines.collect::<String>());
                next = last + 1;
            }
            Err(AppendError::Storage(_) | AppendError::Overloaded) => {
                say(&format!("refused {task}\n"));
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(error) => panic!("task {task}, number {next}: {error}"),
        }
        let pause = random.within(0..=4000);
        tokio::time::sleep(Duration::from_micros(pause)).await;
    }
}

async fn tell_checkpoints(ledger: Ledger) {
    let mut told = vec![String::new(); ZONES.len()];
    loop {
        for (zone, told) in ZONES.iter().zip(&mut told) {
            // While the server is away, nothing is read.
            if let Ok(Some(note)) = ledger.checkpoint(zone).await
                && note != *told
            {
                say(&format!("checkpoint {}\n", serde_json::json!(note)));
                *told = note;
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Writes whole lines at once: a pipe takes so few bytes all or none, and nothing waits in this process.
fn say(lines: &str) {
    let mut output = std::io::stdout().lock();
    output.write_all(lines.as_bytes()).unwrap();
    output.flush().unwrap();
}
