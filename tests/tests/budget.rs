//! Small and fast, held to numbers. Each has room for a busy machine and for honest growth, and none
//! for a dependency that nobody noticed.

use std::time::Duration;

use caracal_tests::budget::{MANDATES, REVOCATIONS, memory, size, start_up};
use caracal_tests::stack::parts::Parts;

/// Bytes of the module that is shipped. A sidecar's calls are 45,000 of them (sealing, and
/// the slots), signatures of delegators 23,000.
const MODULE: u64 = 810_000;

/// CPU time that the filter adds to reading a configuration: compiling it, and the first VM. Measured:
/// 1.7 s.
const START_UP: Duration = Duration::from_secs(4);

/// Memory of a worker.
const WORKER: u64 = 24 * 1024 * 1024;

/// The same after a second snapshot was received beside the first. The memory of a VM never shrinks,
/// so it keeps that.
const RECONNECTED: u64 = 30 * 1024 * 1024;

#[test]
fn the_module_is_small() {
    let size = size(&Parts::find().unwrap().filter).unwrap();
    println!("module: {size} bytes of {MODULE}");
    assert!(size <= MODULE, "{size} bytes");
}

#[tokio::test]
async fn the_filter_starts_quickly() {
    let [with, without] = start_up(3).await.unwrap();
    let added = with.saturating_sub(without);
    println!("CPU of a start: {with:?} with the filter, {without:?} without");
    assert!(added <= START_UP, "{added:?} more than without the filter");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_holds_what_it_has_to_in_little_memory() {
    let held = memory().await.unwrap();
    println!("{REVOCATIONS} revocations, {MANDATES} mandates: {held:#?}");
    assert!(held.nothing.worker() > 0, "no VM is found");
    assert!(held.nothing.worker() < held.revocations.worker());
    assert!(held.revocations.worker() < held.mandates.worker());
    let worker = held.mandates.worker();
    assert!(worker <= WORKER, "{worker} bytes in a worker");
    let worker = held.again.worker();
    assert!(worker <= RECONNECTED, "{worker} bytes after a reconnect");
}
