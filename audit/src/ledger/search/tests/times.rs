//! Times along a log, and ranges of them.

use proptest::prelude::*;

use super::range::CLOCKS_APART_MS;
use super::*;

async fn recorded(ledger: &Ledger) -> Vec<u64> {
    let entries = ledger.list(query("a")).await.unwrap();
    let times = entries.into_iter().rev();
    times
        .map(|entry| entry.record.unwrap().recorded_ms)
        .collect()
}

#[tokio::test]
async fn a_clock_that_is_put_back_does_not_put_back_the_log() {
    let home = Home::file();
    let clock = Watch::at(5000);
    let ledger = home.open(&clock).await;
    for (seq, now_ms) in [(1, 5000), (2, 3000), (3, 5001)] {
        clock.set(now_ms);
        ledger.append(vec![submission("a", seq)]).await.unwrap();
    }
    ledger.close().await;
    // Nor does a process that starts with such a clock.
    clock.set(10);
    let again = home.open(&clock).await;
    // A duplicate in the same batch is no new entry, and the next one is not earlier either.
    again.append(submissions("a", 3..=4)).await.unwrap();
    assert_eq!(recorded(&again).await, [5000, 5000, 5001, 5001]);
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_whose_clocks_differ_make_one_log_whose_time_does_not_run_backwards() {
    let home = Home::server().await;
    let clocks = [Watch::at(9000), Watch::at(4000)];
    let replicas = [home.open(&clocks[0]).await, home.open(&clocks[1]).await];
    for seq in 1..=6 {
        let at = usize::try_from(seq % 2).unwrap();
        replicas[at]
            .append(vec![submission("a", seq)])
            .await
            .unwrap();
        clocks[at].set(clocks[at].unix_ms() + 7);
    }
    let times = recorded(&replicas[0]).await;
    assert!(times.is_sorted(), "{times:?}");
    assert_eq!(times, [4000, 9000, 9000, 9007, 9007, 9014]);
}

/// Times of an old log: forward in general, with steps back that clocks of replicas may have made.
fn old_times() -> impl Strategy<Value = Vec<u64>> {
    let steps = prop::collection::vec((0..9_000_u64, 0..=CLOCKS_APART_MS), 1..60);
    steps.prop_map(|steps| {
        let mut now_ms = 1_000_000;
        let times = steps.into_iter().map(|(forward, behind)| {
            now_ms += forward;
            now_ms - behind
        });
        times.collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn an_old_log_with_steps_back_is_searched_by_each_entrys_own_time(
        times in old_times(),
        bounds in prop::collection::vec((990_000..1_600_000_u64, 0..200_000_u64), 12),
    ) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(check(times, bounds));
    }
}

async fn check(times: Vec<u64>, bounds: Vec<(u64, u64)>) {
    let home = Home::file();
    let clock = Watch::at(1_000_000);
    let ledger = home.open(&clock).await;
    let count = u64::try_from(times.len()).unwrap();
    ledger.append(submissions("a", 1..=count)).await.unwrap();
    let mut connection = caracal_store::testing::connect(&home.url).await.unwrap();
    for (index, time) in times.iter().enumerate() {
        sqlx::query("UPDATE log_entries SET recorded_ms = $1 WHERE idx = $2")
            .bind(i64::try_from(*time).unwrap())
            .bind(i64::try_from(index).unwrap())
            .execute(&mut connection)
            .await
            .unwrap();
    }
    for (since_ms, span_ms) in bounds {
        let until_ms = since_ms + span_ms;
        let wanted = ListQuery {
            since_ms: Some(since_ms),
            until_ms: Some(until_ms),
            order: Order::OldestFirst,
            ..query("a")
        };
        let within = |time: &u64| since_ms <= *time && *time < until_ms;
        let expected: Vec<_> = (0..count)
            .filter(|index| within(&times[usize::try_from(*index).unwrap()]))
            .collect();
        assert_eq!(found(&ledger, wanted).await, expected);
    }
}
