//! Exports to a collector that runs, over gRPC.

use std::path::Path;
use std::sync::{Arc, Mutex};

use caracal_audit::{CheckpointSigner, Submission};
use caracal_mandate::event::{Action, Component, Emitter, Event, Outcome};
use caracal_mandate::reason::Reason;
use caracal_proto::otlp::any_value::Value;
use caracal_proto::otlp_logs::logs_service_server::{LogsService, LogsServiceServer};
use caracal_proto::otlp_logs::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse, LogRecord,
};
use tokio::net::TcpListener;
use tokio::time::Instant;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

use super::*;

const PATIENCE: Duration = Duration::from_secs(30);

/// What a collector does with the next calls, and what it took before.
#[derive(Clone, Default)]
struct Collector {
    taken: Arc<Mutex<Vec<Vec<LogRecord>>>>,
    refuses: Arc<Mutex<bool>>,
    rejects: Arc<Mutex<i64>>,
}

#[tonic::async_trait]
impl LogsService for Collector {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        if *self.refuses.lock().unwrap() {
            return Err(Status::unavailable("not now"));
        }
        let resources = request.into_inner().resource_logs;
        let scopes = resources.into_iter().flat_map(|logs| logs.scope_logs);
        let records = scopes.flat_map(|logs| logs.log_records).collect();
        self.taken.lock().unwrap().push(records);
        let rejected_log_records = std::mem::take(&mut *self.rejects.lock().unwrap());
        Ok(Response::new(ExportLogsServiceResponse {
            partial_success: Some(ExportLogsPartialSuccess {
                rejected_log_records,
                error_message: String::new(),
            }),
        }))
    }
}

impl Collector {
    async fn start(&self) -> TelemetryConfig {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = LogsServiceServer::new(self.clone());
        let server = tonic::transport::Server::builder().add_service(service);
        tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
        TelemetryConfig {
            endpoint: format!("http://{address}").parse().unwrap(),
            service_name: "test".to_owned(),
            authorities: None,
            headers: Vec::new(),
        }
    }

    fn records(&self) -> Vec<LogRecord> {
        self.taken.lock().unwrap().concat()
    }

    /// Zone and index of everything, in the order in which it came.
    fn places(&self) -> Vec<(String, String)> {
        let records = self.records();
        let of = |record: &LogRecord, key: &str| text(record, key).unwrap();
        let places = records
            .iter()
            .map(|record| (of(record, "caracal.zone"), of(record, "caracal.index")));
        places.collect()
    }
}

fn text(record: &LogRecord, key: &str) -> Option<String> {
    let mut attributes = record.attributes.iter();
    let found = attributes.find(|attribute| attribute.key == key)?;
    match found.value.clone()?.value? {
        Value::StringValue(text) => Some(text),
        Value::IntValue(number) => Some(number.to_string()),
        Value::BoolValue(flag) => Some(flag.to_string()),
    }
}

struct Clock;

impl caracal_audit::Clock for Clock {
    fn unix_ms(&self) -> u64 {
        1_800_000_000_000
    }
}

async fn ledger(folder: &Path) -> Ledger {
    let signer = CheckpointSigner::generate("ledger.test").unwrap();
    let path = folder.join("ledger.db");
    Ledger::open(&path, signer, Arc::new(Clock)).await.unwrap()
}

fn event(zone: &str, seq: u64) -> Event {
    let emitter = Emitter {
        boot: "b".to_owned(),
        name: format!("edge-{zone}"),
        seq,
    };
    Event::new(
        zone,
        Component::Filter,
        Action::Request,
        Outcome::Allow,
        emitter,
        seq,
    )
}

async fn append(ledger: &Ledger, events: impl IntoIterator<Item = Event>) {
    let submissions = events.into_iter().map(|event| Submission {
        event,
        peer: "spiffe://mesh/edge".to_owned(),
    });
    ledger.append(submissions.collect()).await.unwrap();
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < PATIENCE, "never: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn indexes(zone: &str, range: std::ops::Range<u64>) -> Vec<(String, String)> {
    let place = |index: u64| (zone.to_owned(), index.to_string());
    range.map(place).collect()
}

#[tokio::test]
async fn an_entry_is_a_log_record_with_its_leaf_as_body() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = ledger(folder.path()).await;
    let some = |text: &str| Some(text.to_owned());
    let allowed = Event {
        application: some("payout"),
        session: some("ses_1"),
        method: some("GET"),
        host: some("bank.internal"),
        path: some("/a"),
        request_id: some("r"),
        ..event("a", 1)
    };
    let denied = |seq, reason, shadow| Event {
        outcome: Outcome::Deny,
        reason: Some(reason),
        shadow,
        ..event("a", seq)
    };
    let events = [
        allowed,
        denied(2, Reason::MandateExpired, true),
        denied(3, Reason::AuditUnavailable, false),
    ];
    append(&ledger, events).await;
    let collector = Collector::default();
    let config = collector.start().await;
    let cursor = folder.path().join("c.json");
    let exporter = LogExporter::start(&config, "one", ledger.clone(), cursor).unwrap();
    until("all arrived", || collector.records().len() == 3).await;
    exporter.stop(PATIENCE).await;
    let records = collector.records();
    let stored = ledger.list(caracal_audit::ListQuery {
        zone: "a".to_owned(),
        order: caracal_audit::Order::OldestFirst,
        ..caracal_audit::ListQuery::default()
    });
    for (record, entry) in records.iter().zip(stored.await.unwrap()) {
        let body = record.body.clone().unwrap().value.unwrap();
        let leaf = String::from_utf8(entry.body).unwrap();
        assert_eq!(body, Value::StringValue(leaf));
        assert_eq!(record.observed_time_unix_nano, 1_800_000_000_000_000_000);
        assert_eq!(record.time_unix_nano, (entry.index + 1) * 1_000_000);
        assert_eq!(record.event_name, "caracal.request");
    }
    let severities: Vec<_> = records
        .iter()
        .map(|record| &*record.severity_text)
        .collect();
    assert_eq!(severities, ["INFO", "WARN", "ERROR"]);
    for (key, value) in [
        ("caracal.application", "payout"),
        ("caracal.session", "ses_1"),
        ("caracal.outcome", "allow"),
        ("caracal.component", "filter"),
        ("caracal.request_id", "r"),
        ("caracal.emitter", "edge-a"),
        ("caracal.peer", "spiffe://mesh/edge"),
        ("http.request.method", "GET"),
        ("server.address", "bank.internal"),
        ("url.path", "/a"),
    ] {
        assert_eq!(text(&records[0], key).as_deref(), Some(value), "{key}");
    }
    assert_eq!(text(&records[0], "caracal.shadow"), None);
    assert_eq!(text(&records[1], "caracal.shadow").as_deref(), Some("true"));
    let reason = text(&records[1], "caracal.reason");
    assert_eq!(reason.as_deref(), Some("invalid_mandate.expired"));
    assert_eq!(text(&records[1], "error.type"), reason);
}

#[tokio::test]
async fn a_collector_that_refuses_delays_no_append_and_loses_nothing_across_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = ledger(folder.path()).await;
    let collector = Collector::default();
    *collector.refuses.lock().unwrap() = true;
    let config = collector.start().await;
    let start = || {
        let cursor = folder.path().join("c.json");
        LogExporter::start(&config, "one", ledger.clone(), cursor).unwrap()
    };
    let exporter = start();
    append(&ledger, (1..=700).map(|seq| event("a", seq))).await;
    append(&ledger, (1..=3).map(|seq| event("b", seq))).await;
    let watch = exporter.watch();
    until("it is told how far behind it is", || {
        let status = watch.status();
        status.behind == 703 && status.trouble.is_some() && status.is_active
    })
    .await;
    assert_eq!(watch.status().exported, 0);
    exporter.stop(PATIENCE).await;
    *collector.refuses.lock().unwrap() = false;
    let exporter = start();
    until("all arrived", || collector.records().len() == 703).await;
    append(&ledger, [event("a", 701)]).await;
    exporter.stop(PATIENCE).await;
    // Another start sends nothing again.
    let exporter = start();
    append(&ledger, [event("b", 4)]).await;
    let watch = exporter.watch();
    until("what is new arrived", || watch.status().exported == 1).await;
    exporter.stop(PATIENCE).await;
    let (a, b): (Vec<_>, Vec<_>) = collector.places().into_iter().partition(|at| at.0 == "a");
    assert_eq!(a, indexes("a", 0..701));
    assert_eq!(b, indexes("b", 0..4));
    let largest = collector.taken.lock().unwrap().iter().map(Vec::len).max();
    assert_eq!(largest, Some(512));
}

#[tokio::test]
async fn what_the_collector_rejects_is_counted_and_a_batch_is_bounded_in_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = ledger(folder.path()).await;
    let long = |seq| Event {
        path: Some("p".repeat(7000)),
        ..event("a", seq)
    };
    append(&ledger, (1..=400).map(long)).await;
    let collector = Collector::default();
    *collector.rejects.lock().unwrap() = 7;
    let config = collector.start().await;
    let cursor = folder.path().join("c.json");
    let exporter = LogExporter::start(&config, "one", ledger, cursor).unwrap();
    let watch = exporter.watch();
    until("all left", || watch.status().exported == 393).await;
    assert_eq!(watch.status().rejected, 7);
    assert_eq!(collector.places(), indexes("a", 0..400));
    assert!(collector.taken.lock().unwrap().len() >= 3);
    exporter.stop(PATIENCE).await;
}

#[tokio::test]
async fn one_process_exports_and_another_takes_over() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = ledger(folder.path()).await;
    let collector = Collector::default();
    let config = collector.start().await;
    let start = || {
        let cursor = folder.path().join("c.json");
        LogExporter::start(&config, "one", ledger.clone(), cursor).unwrap()
    };
    let first = start();
    let watch = first.watch();
    until("one has it", || watch.status().is_active).await;
    let second = start();
    append(&ledger, (1..=5).map(|seq| event("a", seq))).await;
    until("all arrived", || collector.records().len() == 5).await;
    assert!(!second.watch().status().is_active);
    first.stop(PATIENCE).await;
    append(&ledger, [event("a", 6)]).await;
    let watch = second.watch();
    until("it took over", || watch.status().is_active).await;
    until("the rest arrived", || collector.records().len() == 6).await;
    assert_eq!(collector.places(), indexes("a", 0..6));
    second.stop(PATIENCE).await;
}
