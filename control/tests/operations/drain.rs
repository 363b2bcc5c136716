//! The end of a process under load: readiness first, then the doors, and nothing lost between.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::support::zone::{Admin, exchange, request};
use crate::support::{Place, Serving, until};

fn start(place: &Place, drain_ms: &str) -> Serving {
    let addresses = ["--grpc", "--http", "--admin"];
    let addresses = addresses.map(|flag| [flag, "127.0.0.1:0"]).concat();
    let mut command = place.command(["up", "--drain-ms", drain_ms]);
    command.args(addresses);
    place.serve("up", command)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_that_was_accepted_is_lost_and_the_ledger_has_each_of_them() {
    let place = Place::new();
    let mut up = start(&place, "2000");
    let admin = Admin::of(&place, &up);
    admin.make_zone();
    let secret = Arc::<str>::from(admin.secret());
    let door = Arc::<str>::from(up.http());
    let (balanced, allowed) = (
        Arc::new(AtomicBool::new(true)),
        Arc::new(AtomicUsize::new(0)),
    );
    let mut load = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (door, secret) = (Arc::clone(&door), Arc::clone(&secret));
        let (balanced, allowed) = (Arc::clone(&balanced), Arc::clone(&allowed));
        load.spawn(async move {
            while balanced.load(Ordering::Acquire) {
                // Any error of the connection is a request that was lost.
                let (status, body) = exchange(&door, &secret).await;
                match status {
                    200 => _ = allowed.fetch_add(1, Ordering::AcqRel),
                    // The limit of one client at this door, which is no loss.
                    429 => tokio::time::sleep(Duration::from_millis(20)).await,
                    _ => panic!("{status} {body}"),
                }
            }
        });
    }
    until("there is load", async || {
        allowed.load(Ordering::Acquire) > 100
    })
    .await;
    up.signal("TERM");
    let told = Instant::now();
    // What a load balancer does: it looks, and sends no more once it sees red.
    until("readiness is red", async || {
        let (status, body) = up.readiness(&door).await;
        status == 503 && body["stopping"] == true
    })
    .await;
    assert!(
        told.elapsed() < Duration::from_millis(500),
        "{:?}",
        told.elapsed()
    );
    let before = allowed.load(Ordering::Acquire);
    until("exchanges go on", async || {
        allowed.load(Ordering::Acquire) > before + 20
    })
    .await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    balanced.store(false, Ordering::Release);
    while let Some(ended) = load.join_next().await {
        ended.expect("no request was lost");
    }
    let status = up.ended(Duration::from_secs(15));
    assert!(status.success(), "{status} {}", up.printed());
    assert!(told.elapsed() >= Duration::from_secs(2), "it drained");

    // The ledger was flushed and published: offline, it has a decision for each answer.
    let ledger = up.data.join("ledger.db");
    let mut verify = place.command(["audit", "verify", "--ledger"]);
    verify.arg(&ledger).arg("--key").arg(up.data.join("ledger.vkey"));
    let verified = verify.output();
    crate::support::succeeded(&verified.unwrap());
    let again = start(&place, "0");
    let admin = Admin::of(&place, &again);
    let issued = admin.run(&["audit", "list", "--outcome", "allow", "--limit", "1000"]);
    let issued = issued["items"].as_array().unwrap();
    let issued = issued
        .iter()
        .filter(|entry| entry.to_string().contains("\"exchange\""));
    let allowed = allowed.load(Ordering::Acquire);
    assert!(
        issued.count() >= allowed.min(900),
        "{allowed} were answered"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_kept_is_told_to_close_while_the_process_drains() {
    let place = Place::new();
    let mut up = start(&place, "60000");
    let admin = Admin::of(&place, &up);
    admin.make_zone();
    let (door, secret) = (up.http(), admin.secret());
    let closing = async || {
        let answer = request(&door, &secret).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer
            .headers()
            .get("connection")
            .is_some_and(|value| value == "close")
    };
    assert!(!closing().await);
    up.signal("TERM");
    until("answers ask to close", closing).await;
    // A second signal says that nobody needs the time.
    let told = Instant::now();
    up.signal("TERM");
    assert!(
        up.ended(Duration::from_secs(15)).success(),
        "{}",
        up.printed()
    );
    assert!(told.elapsed() < Duration::from_secs(12));
}
