use super::*;

/// Everything back to where the log `a` had 10 entries.
const PUT_BACK: &str = "DELETE FROM log_entries WHERE zone = 'a' AND idx >= 10; \
    DELETE FROM checkpoints WHERE zone = 'a' AND size > 10; \
    UPDATE log_state SET size = 10, checkpoint_size = 10, frontier = checkpoints.frontier \
    FROM checkpoints WHERE checkpoints.zone = 'a' AND log_state.zone = 'a'";

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_put_back_while_the_process_runs_shows_at_once() {
    for site in Site::both().await {
        site.history().await;
        let ledger = site.open().await;
        let mut check = site.checker(&ledger);
        check.finds_nothing().await;
        site.sql(PUT_BACK).await;
        check.0.step(false).await;
        let found = check.status().findings;
        assert_eq!(
            about(&found),
            [(FindingKind::Missing, "a", Some(10), Some(19))]
        );
        assert!(found[0].what.contains("put back"), "{found:?}");
        // And it stays so, although what is there is whole in itself.
        assert!(!check.steps().await.is_empty());
        assert!(!check.steps().await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_zone_that_is_dropped_while_the_process_runs_shows_at_once() {
    for site in Site::both().await {
        site.history().await;
        let ledger = site.open().await;
        let mut check = site.checker(&ledger);
        check.finds_nothing().await;
        for table in ["log_entries", "checkpoints", "log_state"] {
            site.sql(&format!("DELETE FROM {table} WHERE zone = 'a'"))
                .await;
        }
        check.0.step(false).await;
        let found = check.status().findings;
        assert_eq!(
            about(&found),
            [(FindingKind::State, "a", Some(0), Some(19))]
        );
    }
}

/// Puts a file in the place of another one, as a restore from a backup does.
fn replace(file: &std::path::Path, by: &std::path::Path) {
    for end in ["-wal", "-shm"] {
        let beside = format!("{}{end}", file.display());
        // There may be none.
        let _ignored = std::fs::remove_file(beside);
    }
    std::fs::rename(by, file).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_takes_the_place_of_the_ledger_is_seen_although_the_old_one_is_still_open() {
    let site = Site::sqlite();
    site.history().await;
    let path = site.place.path();
    let backup = path.with_extension("backup");
    std::fs::copy(&path, &backup).unwrap();
    let ledger = site.open().await;
    ledger.append(submissions("a", 21..=25)).await.unwrap();
    let mut check = site.checker(&ledger);
    check.0.step(false).await;
    assert!(check.status().is_intact());
    replace(&path, &backup);
    check.0.step(false).await;
    let found = check.status().findings;
    assert_eq!(
        about(&found),
        [(FindingKind::Missing, "a", Some(20), Some(24))]
    );
    std::fs::remove_file(&path).unwrap();
    check.0.step(false).await;
    let found = check.status().findings;
    assert!(
        found.iter().any(|one| one.evidence.contains("is gone")),
        "{found:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn another_history_under_the_same_key_is_not_what_this_process_has_seen() {
    let site = Site::sqlite();
    site.history().await;
    let ledger = site.open().await;
    let mut check = site.checker(&ledger);
    check.finds_nothing().await;
    let path = site.place.path();
    let fork = path.with_extension("fork");
    let other = Ledger::open(&fork, site.place.signer(), Arc::new(FixedClock))
        .await
        .unwrap();
    for (zone, last) in [("a", 20), ("b", 10)] {
        let mut events = submissions(zone, 1..=last);
        events[4].event.detail = Some("another".to_owned());
        other.append(events).await.unwrap();
    }
    other.close().await;
    replace(&path, &fork);
    let found = check.steps().await;
    let named = |zone: &str| {
        found
            .iter()
            .any(|one| one.kind == FindingKind::State && one.zone == zone)
            && found
                .iter()
                .any(|one| one.kind == FindingKind::Root && one.zone == zone)
    };
    assert!(named("a") && named("b"), "{found:?}");
}
