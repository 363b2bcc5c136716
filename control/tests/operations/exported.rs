//! The ledger's entries as logs of OpenTelemetry, received by its own service, and followed by people.

use std::collections::BTreeSet;
use std::fs::File;
use std::process::{Child, Stdio};
use std::time::Duration;

use caracal_proto::otlp_logs::LogRecord;
use serde_json::Value;

use crate::support::collector::{Collector, log_attribute};
use crate::support::zone::{Admin, exchange};
use crate::support::{Place, Serving, until};

/// Ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail when it has ended, which is as good.
        let _killed = self.0.kill();
        let _ended = self.0.wait();
    }
}

/// Nothing listens there, for now.
fn free() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

fn up(place: &Place, admin: &str, more: &[&str]) -> Serving {
    let doors = ["--grpc", "--http", "--metrics"].map(|flag| [flag, "127.0.0.1:0"]);
    let mut command = place.command(["up", "--drain-ms", "0", "--admin", admin]);
    command.args(doors.concat()).args(more);
    place.serve("up", command)
}

/// Everything that is in the ledger of the zone, oldest first.
fn ledger(admin: &Admin<'_>) -> Vec<Value> {
    let all = admin.run(&["audit", "list", "--order", "oldest", "--limit", "1000"]);
    all["items"].as_array().unwrap().clone()
}

fn index_of(record: &LogRecord) -> u64 {
    let index = log_attribute(record, "caracal.index").unwrap();
    index.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_entry_reaches_the_collector_once_although_it_was_away_and_the_server_was_stopped() {
    let place = Place::new();
    let address = free();
    let endpoint = format!("http://{address}");
    let asked = ["--otlp-ledger-endpoint", &*endpoint];
    let mut first = up(&place, "127.0.0.1:0", &asked);
    let admin = Admin::of(&place, &first);
    admin.make_zone();
    let secret = admin.secret();
    assert_eq!(exchange(&first.http(), &secret).await.0, 200);
    assert_eq!(exchange(&first.http(), "not-the-secret").await.0, 401);
    let door = first.admin();
    until(
        "it says how far behind it is, and is ready all the same",
        async || {
            let (status, body) = first.readiness(&door).await;
            assert_eq!(status, 200, "{body}");
            let export = &body["ledger_export"];
            export["behind"].as_u64() > Some(0) && export["trouble"].is_string()
        },
    )
    .await;
    let metrics = reqwest::get(first.address("metrics")).await.unwrap();
    let metrics = metrics.text().await.unwrap();
    assert!(
        metrics.contains("caracal_ledger_export_entries_total 0\n"),
        "{metrics}"
    );
    assert!(
        metrics.contains("caracal_ledger_export_active 1\n"),
        "{metrics}"
    );

    // The collector comes, takes all of it, and the server is stopped in between.
    let collector = Collector::start_at(&address).await;
    until("all have arrived", async || {
        collector.records().len() == ledger(&admin).len()
    })
    .await;
    let before = collector.records().len();
    first.signal("TERM");
    assert!(first.ended(Duration::from_secs(20)).success());
    let again = up(&place, "127.0.0.1:0", &asked);
    let admin = Admin::of(&place, &again);
    assert_eq!(exchange(&again.http(), &secret).await.0, 200);
    let entries = ledger(&admin);
    assert!(entries.len() > before);
    until("the rest has arrived", async || {
        collector.records().len() >= entries.len()
    })
    .await;
    let records = collector.records();
    let indexes: Vec<_> = records.iter().map(index_of).collect();
    let expected: Vec<_> = (0..entries.len() as u64).collect();
    assert_eq!(indexes, expected);
    for (record, entry) in records.iter().zip(&entries) {
        let event = &entry["event"];
        for (key, member) in [
            ("caracal.zone", "zone"),
            ("caracal.action", "action"),
            ("caracal.outcome", "outcome"),
            ("caracal.application", "application"),
            ("caracal.mandate", "mandate"),
            ("caracal.reason", "reason"),
        ] {
            let told = log_attribute(record, key);
            assert_eq!(told.as_deref(), event[member].as_str(), "{key} of {event}");
        }
        let severity = if event["outcome"] == "deny" {
            "WARN"
        } else {
            "INFO"
        };
        assert_eq!(record.severity_text, severity);
    }
    assert!(collector.spans().is_empty(), "nobody asked for traces");
    assert!(!collector.text().contains(&secret));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_follows_the_ledger_misses_nothing_when_the_server_is_started_again() {
    let place = Place::new();
    let address = free();
    let mut first = up(&place, &address, &[]);
    let admin = Admin::of(&place, &first);
    admin.make_zone();
    let newest = admin.run(&["audit", "list", "--limit", "1"]);
    let newest = newest["items"][0]["index"].as_u64().unwrap();
    let (out, err) = (place.path("tail.out"), place.path("tail.err"));
    let mut tail = place.command(["--output", "json", "--server", &first.admin()]);
    tail.arg("--token-file").arg(first.token_file());
    tail.args(["audit", "tail", "--follow", "-n", "2", "--zone", "bank"])
        .stdout(File::create(&out).unwrap())
        .stderr(File::create(&err).unwrap())
        .stdin(Stdio::null());
    let _tail = Running(tail.spawn().unwrap());
    let read = || std::fs::read_to_string(&out).unwrap();
    until("the newest are told", async || read().lines().count() == 2).await;
    let change = |admin: &Admin<'_>, name: &str| {
        let id = format!("spiffe://caracal.dev/{name}");
        admin.run(&["app", "create", name, "--spiffe-id", &id]);
    };
    change(&admin, "one");
    until("what is new is told", async || read().lines().count() == 3).await;
    first.signal("TERM");
    assert!(first.ended(Duration::from_secs(20)).success());
    let said = || std::fs::read_to_string(&err).unwrap();
    until("it says that nobody answers", async || {
        said().contains("trying again every second")
    })
    .await;
    let again = up(&place, &address, &[]);
    let admin = Admin::of(&place, &again);
    change(&admin, "two");
    change(&admin, "three");
    until("all is told", async || read().lines().count() >= 5).await;
    let told: Vec<Value> = read()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let indexes: Vec<_> = told
        .iter()
        .map(|entry| entry["index"].as_u64().unwrap())
        .collect();
    let expected: Vec<_> = (newest - 1..=newest + 3).collect();
    assert_eq!(indexes, expected);
    let all = ledger(&admin);
    assert_eq!(told, all[all.len() - told.len()..]);
    assert_eq!(said().matches("trying again").count(), 1, "{}", said());
    assert_eq!(said().matches("answers again").count(), 1, "{}", said());
    // Each of them is found by its time, too.
    let since = admin.run(&["audit", "list", "--since", "1h", "--limit", "1000"]);
    let since = since["items"].as_array().unwrap().iter();
    let since: BTreeSet<_> = since.map(|entry| entry["index"].as_u64()).collect();
    assert_eq!(since.len(), all.len());
    let later = admin.run(&["audit", "list", "--since", "2100-01-01T00:00:00Z"]);
    assert_eq!(later["items"].as_array().unwrap().len(), 0);
}
