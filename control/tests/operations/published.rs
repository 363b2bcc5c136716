//! The ledger for others: published as files, and cosigned by a witness in another process.

use std::fs::File;
use std::process::{Child, Command};
use std::time::Duration;

use tokio::time::Instant;

use crate::support::zone::{Admin, exchange};
use crate::support::{PATIENCE, Place, Serving, succeeded, text, until};

const WITNESS: &str = "north.example/w";

/// Ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail when it has ended, which is as good.
        let _killed = self.0.kill();
        let _ended = self.0.wait();
    }
}

fn up(place: &Place, more: &[&str]) -> Serving {
    let doors = ["--grpc", "--http", "--admin"].map(|flag| [flag, "127.0.0.1:0"]);
    let mut command = place.command(["up", "--drain-ms", "0"]);
    command.args(doors.concat()).args(more);
    place.serve("up", command)
}

fn printed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    succeeded(&output);
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A witness of the zone's log, and the policy that asks for it.
fn witness(place: &Place) -> Running {
    let (state, key, said) = (
        place.path("witness"),
        place.path("witness.key"),
        place.path("witness.out"),
    );
    let mut init = place.command(["witness", "init", "--name", WITNESS]);
    let line = printed(init.arg("--state").arg(&state).arg("--key").arg(&key));
    let ledger = place.path("up-data/ledger.vkey");
    let mut log = place.command(["witness", "log", "--of", "bank", "--key"]);
    let log = printed(log.arg(&ledger));
    let mut serve = place.command(["witness", "serve", "--listen", "127.0.0.1:0", "--log", &log]);
    let serving = serve.arg("--state").arg(&state).arg("--key").arg(&key);
    let child = serving.stdout(File::create(&said).unwrap()).spawn();
    let child = Running(child.unwrap());
    let started = Instant::now();
    while !text(&said).contains("http://") {
        assert!(started.elapsed() < PATIENCE, "the witness answers nowhere");
        std::thread::sleep(Duration::from_millis(20));
    }
    let door = text(&said);
    let door = door.split_whitespace().last().unwrap();
    let policy = format!(
        "log {}\nwitness north {line} {door}/\nquorum north\n",
        text(&ledger)
    );
    std::fs::write(place.path("witnesses.policy"), policy).unwrap();
    child
}

fn verified(place: &Place) -> std::process::Output {
    let data = place.path("up-data");
    let mut verify = place.command(["audit", "verify", "--ledger"]);
    verify.arg(data.join("ledger.db"));
    verify.arg("--key").arg(data.join("ledger.vkey"));
    verify.arg("--policy").arg(place.path("witnesses.policy"));
    verify.output().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_was_cosigned_and_what_no_witness_saw_is_held_back() {
    let place = Place::new();
    // The first start makes the ledger's key.
    let mut first = up(&place, &[]);
    first.signal("TERM");
    assert!(first.ended(PATIENCE).success(), "{}", first.printed());
    let running = witness(&place);
    let tiles = place.path("tiles");
    let policy = place.path("witnesses.policy");
    let mut serving = up(
        &place,
        &[
            "--tiles",
            tiles.to_str().unwrap(),
            "--witness-policy",
            policy.to_str().unwrap(),
        ],
    );
    let admin = Admin::of(&place, &serving);
    admin.make_zone();
    let secret = admin.secret();
    let door = serving.http();
    until("a mandate is issued", async || {
        exchange(&door, &secret).await.0 == 200
    })
    .await;
    let published = || std::fs::read_to_string(tiles.join("bank/checkpoint")).unwrap_or_default();
    let size = || {
        published()
            .lines()
            .nth(1)
            .and_then(|line| line.parse::<u64>().ok())
    };
    until("its record is published", async || size() >= Some(6)).await;
    assert!(
        published().contains(&format!("\n— {WITNESS} ")),
        "{}",
        published()
    );
    let first_tile = std::fs::read_dir(tiles.join("bank/tile/entries")).unwrap();
    assert!(first_tile.count() > 0);
    assert_eq!(serving.readiness(&serving.admin()).await.0, 200);
    // Without its witness the ledger goes on, and nobody is shown what it has not seen.
    drop(running);
    let before = size();
    assert_eq!(exchange(&door, &secret).await.0, 200);
    until("readiness says so", async || {
        let (status, body) = serving.readiness(&serving.admin()).await;
        status == 503 && body.to_string().contains("too few witnesses have cosigned")
    })
    .await;
    assert_eq!(exchange(&door, &secret).await.0, 200);
    assert_eq!(size(), before);
    serving.signal("TERM");
    assert!(serving.ended(PATIENCE).success(), "{}", serving.printed());
    assert_eq!(size(), before);
    // One checkpoint is on its way to the witness still, which is no finding; without it there are none.
    succeeded(&verified(&place));
    let policy = std::fs::read_to_string(&policy).unwrap();
    let mut init = place.command(["witness", "init", "--name", "south.example/w"]);
    let (state, key) = (place.path("south"), place.path("south.key"));
    let south = printed(init.arg("--state").arg(state).arg("--key").arg(key));
    let policy = policy.replace(
        "quorum north",
        &format!("witness south {south}\nquorum south"),
    );
    std::fs::write(place.path("witnesses.policy"), policy).unwrap();
    let refused = verified(&place);
    assert!(!refused.status.success());
    let said = String::from_utf8_lossy(&refused.stdout);
    assert!(
        said.contains("UNWITNESSED") && said.contains("south"),
        "{said}"
    );
}
