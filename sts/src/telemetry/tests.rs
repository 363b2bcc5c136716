use std::sync::Arc;
use std::time::Duration;

use super::{Telemetry, TelemetryConfig, child};
use crate::clock::{SystemClock, SystemRandom};

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn telemetry(config: Option<&TelemetryConfig>) -> Telemetry {
    let (clock, random) = (Arc::new(SystemClock::new()), Arc::new(SystemRandom::new()));
    Telemetry::start(config, "sts", clock, random).unwrap()
}

/// Nothing listens there.
async fn dead_collector() -> TelemetryConfig {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    TelemetryConfig {
        endpoint: format!("http://{address}").parse().unwrap(),
        service_name: "test".to_owned(),
        authorities: None,
        headers: Vec::new(),
    }
}

#[tokio::test]
async fn without_a_collector_there_are_no_traces() {
    let telemetry = telemetry(None);
    assert!(telemetry.begin("question", || Some(PARENT)).is_none());
    assert_eq!(telemetry.stats(), None);
    // A step outside of any trace is nothing.
    drop(child("step"));
}

#[tokio::test]
async fn what_its_beginner_does_not_record_is_not_recorded_here() {
    let config = dead_collector().await;
    let telemetry = telemetry(Some(&config));
    let unsampled = PARENT.replace("-01", "-00");
    assert!(telemetry.begin("question", || Some(&unsampled)).is_none());
    assert!(telemetry.begin("question", || None).is_some());
}

#[tokio::test]
async fn a_collector_that_is_away_costs_spans_which_are_counted() {
    let config = dead_collector().await;
    let telemetry = telemetry(Some(&config));
    let started = tokio::time::Instant::now();
    let mut spans = 0;
    // More than may wait.
    for _ in 0..5000 {
        let trace = telemetry.begin("question", || Some(PARENT)).unwrap();
        trace.scope(async { drop(child("step")) }).await;
        spans += 2;
    }
    assert!(started.elapsed() < Duration::from_secs(5), "it waited");
    telemetry.flush().await;
    let stats = telemetry.stats().unwrap();
    assert_eq!((stats.exported, stats.dropped), (0, spans));
}
