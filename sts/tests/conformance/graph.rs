//! Random histories of delegation: the service, its database and the filter's own feed and verification on
//! one side, a page of plain sets on the other. Whatever either allows, the other does.
//!
//! Several writers work on one zone at a time, each on agents of its own, so that what its model says
//! does not depend on the others. `make graph` runs it at length.

mod actor;
mod counts;
mod model;
mod point;
mod random;
mod rights;

use std::sync::Arc;

use caracal_store::DatabaseUrl;
use caracal_store::testing::PostgresServer;
use caracal_sts::StsConfig;

use crate::support::World;
use actor::Actor;
use point::Point;

/// Writers at the same time.
const WRITERS: u64 = 4;

/// Operations of all writers together, unless `CARACAL_GRAPH_OPERATIONS` says otherwise.
const OPERATIONS: u64 = 4_000;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_allowed_that_the_model_refuses_and_the_reverse_on_sqlite() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("authority.db");
    play(file.as_path().into()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_allowed_that_the_model_refuses_and_the_reverse_on_postgres() {
    play(PostgresServer::shared().database().await).await;
}

async fn play(place: DatabaseUrl) {
    let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    let operations = number("CARACAL_GRAPH_OPERATIONS").unwrap_or(OPERATIONS);
    let seed = number("CARACAL_GRAPH_SEED").unwrap_or(1);
    let config = StsConfig {
        default_lifetime_s: 900,
        exchange_rate: "1000000/1000000".parse().unwrap(),
        ..StsConfig::default()
    };
    let world = Arc::new(World::start_on(place, config).await);
    let point = Point::connect(&world).await;
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let (world, point) = (Arc::clone(&world), point.clone());
        writers.spawn(async move {
            let mut actor = Actor::new(world, point, writer, seed * WRITERS + writer).await;
            actor.play(operations / WRITERS).await;
            actor.counts()
        });
    }
    let mut counts = counts::Counts::default();
    while let Some(writer) = writers.join_next().await {
        counts += writer.unwrap();
    }
    println!("{counts:?}");
    let some = operations / 100;
    let all_kinds = [
        counts.issued,
        counts.not_issued,
        counts.passed,
        counts.not_passed,
        counts.deep * 4,
    ];
    assert!(all_kinds.iter().all(|count| *count >= some), "{counts:?}");
}
