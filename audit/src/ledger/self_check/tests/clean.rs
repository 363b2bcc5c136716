use super::*;

/// Batches of many sizes, from one that a look takes at once to some that it does not.
const BATCHES: [usize; 6] = [1, 64, 1, 300, 2, 600];

/// Appends to a zone of its own, and to one that all share as one of three.
async fn busy(ledger: Ledger, number: u64) {
    let own = format!("own-{number}");
    let mut numbers = 1..=u64::MAX;
    let mut shared = (number..).step_by(3);
    for size in BATCHES {
        let batch = numbers.by_ref().take(size);
        let mut events: Vec<_> = batch.map(|seq| submission(&own, seq)).collect();
        events.extend(shared.next().map(|seq| submission("shared", seq)));
        ledger.append(events).await.unwrap();
        sleep(Duration::from_millis(100)).await;
    }
    ledger.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_ledger_that_nobody_touches_stays_green() {
    for site in Site::both().await {
        // Replicas in each other's logs.
        let ledgers = [site.open().await, site.open().await, site.open().await];
        let mut checks: Vec<_> = ledgers.iter().map(|ledger| site.checker(ledger)).collect();
        let writers: Vec<_> = (1..)
            .zip(&ledgers)
            .map(|(number, ledger)| tokio::spawn(busy(ledger.clone(), number)))
            .collect();
        while !writers.iter().all(tokio::task::JoinHandle::is_finished) {
            for check in &mut checks {
                check.0.step(true).await;
                let status = check.status();
                assert_eq!((status.findings, status.unreadable), (vec![], None));
            }
            // One that begins just now, whatever is appended and signed meanwhile.
            for ledger in &ledgers {
                let mut begun = site.checker(ledger);
                begun.0.step(false).await;
                let status = begun.status();
                assert_eq!((status.findings, status.unreadable), (vec![], None));
            }
            sleep(Duration::from_millis(20)).await;
        }
        for writer in writers {
            writer.await.unwrap();
        }
        let events = 3 * (BATCHES.iter().sum::<usize>() + BATCHES.len());
        let events = u64::try_from(events).unwrap();
        for check in &mut checks {
            let before = check.status().checked;
            let mut passes = 0;
            for _ in 0..200 {
                let step = check.0.step(true).await;
                passes += u64::from(step.passed && !step.behind);
                if passes == 2 {
                    break;
                }
            }
            let status = check.status();
            assert_eq!(status.findings, []);
            assert_eq!((passes, status.waiting), (2, 0));
            // The second of both passes alone read every entry.
            assert!(status.checked - before >= events, "{status:?}");
        }
        drop(ledgers);
        assert_eq!(site.verify().await.worst(), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_is_short_and_a_pass_goes_on_where_it_was_left() {
    let site = Site::sqlite();
    let ledger = site.open().await;
    for first in [1, 1001, 2001] {
        ledger
            .append(submissions("a", first..=first + 999))
            .await
            .unwrap();
    }
    ledger.close().await;
    let ledger = site.open().await;
    let mut check = site.checker(&ledger);
    let mut positions = vec![];
    while !check.0.step(true).await.passed {
        let status = check.status();
        assert_eq!(status.zone.as_deref(), Some("a"));
        positions.push(status.position);
    }
    assert_eq!(positions, [512, 1024, 1536, 2048, 2560]);
    assert_eq!(check.status().checked, 3000);
}
