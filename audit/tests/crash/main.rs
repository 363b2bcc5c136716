//! What the ledger acknowledged is there, once and at its index, whatever was killed meanwhile; and what it
//! published is what it goes on from.
//!
//! The process that appends is this program again ([`process`]). `CARACAL_CRASH_KILLS` (40) is how many kills
//! there are on each database, `CARACAL_CRASH_SEED` (1) chooses other moments, as far as they are chosen.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "a step that fails here fails its test"
)]

mod contents;
#[path = "../support/events.rs"]
mod events;
mod figures;
mod handle;
mod history;
mod process;
#[path = "../support/random.rs"]
mod random;
mod victim;
mod wal;

use std::process::Command;
use std::time::Duration;

use caracal_store::DatabaseUrl;
use caracal_store::testing::{Durability, PostgresServer, connect};
use sqlx::Connection as _;

use figures::Figures;
use handle::{Line, Process};
use random::Random;
use victim::Victim;
use wal::Torn;

/// Kills on each database, unless `CARACAL_CRASH_KILLS` says otherwise.
const KILLS: u64 = 40;
/// Kills of one ledger. Another one begins then: all of it is looked at after each kill.
const KILLS_OF_ONE: u64 = 10;

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |text| {
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is no number"))
    })
}

fn random() -> Random {
    Random::new(number("CARACAL_CRASH_SEED", 1))
}

/// How many kills each ledger is for.
fn ledgers() -> impl Iterator<Item = u64> {
    let kills = number("CARACAL_CRASH_KILLS", KILLS);
    let full = std::iter::repeat_n(KILLS_OF_ONE, (kills / KILLS_OF_ONE).try_into().unwrap());
    full.chain(Some(kills % KILLS_OF_ONE))
        .filter(|kills| *kills > 0)
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_when_the_process_is_killed_or_the_power_fails_on_sqlite() {
    let mut random = random();
    let mut figures = Figures::default();
    for kills in ledgers() {
        let mut victim = Victim::in_a_file();
        for _ in 0..kills {
            let process = victim.start();
            if random.percent(15) {
                // While it starts: schema, recovery, first checkpoint.
                let moment = Duration::from_millis(random.within(0..=120));
                process.hear_for(&mut victim.history, moment);
            } else {
                victim.let_work(&process, &mut random);
            }
            process.kill(&mut victim.history);
            figures.kills += 1;
            if random.percent(50) {
                let DatabaseUrl::Sqlite(path) = &victim.place else {
                    panic!("it is a file");
                };
                match wal::tear(path, &victim.history, &mut random).await {
                    Torn::Nothing => {}
                    Torn::Tail => figures.torn_tails += 1,
                    Torn::Commit => figures.torn_commits += 1,
                }
            }
            victim.check().await;
        }
        victim.close().await;
        figures.count(&victim.history);
    }
    println!("SQLite: {figures}");
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_when_the_process_or_the_server_is_killed_on_postgres() {
    let mut random = random();
    let mut figures = Figures::default();
    let server = PostgresServer::start(Durability::Disk);
    for kills in ledgers() {
        let mut victim = Victim::on(&server).await;
        for _ in 0..kills {
            let process = victim.start();
            victim.let_work(&process, &mut random);
            if random.percent(40) {
                kill_server(&server, &victim, &mut random).await;
                figures.of_the_server += 1;
                // What it had said before, and then that it goes on.
                process.hear_for(&mut victim.history, Duration::from_millis(10));
                victim.hear_acknowledged(&process, 40);
            }
            process.kill(&mut victim.history);
            figures.kills += 1;
            victim.check().await;
        }
        victim.close().await;
        figures.count(&victim.history);
    }
    println!("PostgreSQL: {figures}");
}

/// Kills one process of the server, whichever it is, which makes it end all others and recover; or all of
/// them. Returns when it answers again.
async fn kill_server(server: &PostgresServer, victim: &Victim, random: &mut Random) {
    let processes = server.processes();
    let children = &processes[1..];
    let killed = random.percent(70) && !children.is_empty() && {
        let child = random.one(children).to_string();
        let kill = Command::new("kill").args(["-9", &child]).status();
        kill.unwrap().success()
    };
    if !killed {
        server.stop();
        server.start_again();
    }
    let recovered = async {
        loop {
            let is_new = |process| !children.contains(process);
            if server.processes()[1..].iter().all(is_new)
                && let Ok(connection) = connect(&victim.place).await
            {
                connection.close().await.unwrap();
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let patience = Duration::from_mins(1);
    tokio::time::timeout(patience, recovered).await.unwrap();
}

#[tokio::test]
async fn a_full_disk_refuses_what_it_cannot_hold_and_takes_it_when_there_is_room() {
    let mut random = random();
    let mut figures = Figures::default();
    let mut victim = Victim::in_a_file();
    for _ in 0..number("CARACAL_CRASH_KILLS", KILLS).div_ceil(8) {
        let process = victim.start();
        victim.hear_acknowledged(&process, 20);
        let room = random.within(1_000..=300_000);
        limit_files(&process, &(victim.largest_file() + room).to_string());
        let mut refused = 0;
        process.hear(&mut victim.history, |line| {
            refused += u64::from(matches!(line, Line::Refused));
            refused == 20
        });
        victim.check().await;
        limit_files(&process, "unlimited");
        victim.hear_acknowledged(&process, 40);
        process.kill(&mut victim.history);
        figures.kills += 1;
        victim.check().await;
    }
    victim.close().await;
    figures.count(&victim.history);
    println!("full disk: {figures}");
}

/// Bytes that a file of the process may have, from now on.
fn limit_files(process: &Process, bytes: &str) {
    let mut command = Command::new("prlimit");
    command
        .arg(format!("--pid={}", process.id()))
        .arg(format!("--fsize={bytes}:"));
    assert!(command.status().unwrap().success());
}
