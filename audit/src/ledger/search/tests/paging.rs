//! Pages of any size put together are the filtered log: in order, everything once.

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use super::*;
use crate::{Cursor, Record};

const ENTRIES: u64 = 120;
const CASES: u32 = 150;

/// Few values, so that filters meet.
fn few(prefix: &'static str) -> impl Strategy<Value = Option<String>> {
    prop::option::of((0..3_u8).prop_map(move |number| format!("{prefix}{number}")))
}

fn entry(seq: u64) -> impl Strategy<Value = (u64, Submission)> {
    let texts = (few("ses_"), few("mdt_"), few("app"), few("/p"), few("r"));
    (0..40_u64, texts, any::<bool>()).prop_map(move |(later_ms, texts, sts)| {
        let mut submission = submission("a", seq);
        let event = &mut submission.event;
        (
            event.session,
            event.mandate,
            event.application,
            event.path,
            event.request_id,
        ) = texts;
        if sts {
            event.component = Component::Sts;
        }
        (later_ms, submission)
    })
}

fn wanted() -> impl Strategy<Value = ListQuery> {
    let texts = (few("ses_"), few("mdt_"), few("app"), few("/p"));
    let times = prop::option::of(1000..1000 + 20 * ENTRIES);
    let rare = prop::option::weighted(0.2, 0..3_u8);
    let order = prop_oneof![Just(Order::NewestFirst), Just(Order::OldestFirst)];
    (
        texts,
        times.clone(),
        times,
        rare,
        order,
        any::<Option<bool>>(),
    )
        .prop_map(
            |(
                (session, mandate, application, path_prefix),
                since_ms,
                until_ms,
                request,
                order,
                sts,
            )| {
                ListQuery {
                    session,
                    mandate,
                    application,
                    path_prefix,
                    since_ms,
                    until_ms,
                    request_id: request.map(|number| format!("r{number}")),
                    component: sts.filter(|sts| *sts).map(|_| Component::Sts),
                    order,
                    ..query("a")
                }
            },
        )
}

/// What a search means, said once more.
fn expected(all: &[(u64, Record)], wanted: &ListQuery) -> Vec<u64> {
    let is = |wanted: &Option<String>, found: &Option<String>| wanted.is_none() || wanted == found;
    let mut matching: Vec<_> = all
        .iter()
        .filter(|(_, record)| {
            let event = &record.event;
            let path = event.path.clone().unwrap_or_default();
            is(&wanted.session, &event.session)
                && is(&wanted.mandate, &event.mandate)
                && is(&wanted.application, &event.application)
                && is(&wanted.request_id, &event.request_id)
                && path.starts_with(wanted.path_prefix.as_deref().unwrap_or_default())
                && wanted.component.is_none_or(|one| one == event.component)
                && wanted.since_ms.is_none_or(|ms| record.recorded_ms >= ms)
                && wanted.until_ms.is_none_or(|ms| record.recorded_ms < ms)
        })
        .map(|(index, _)| *index)
        .collect();
    if wanted.order == Order::NewestFirst {
        matching.reverse();
    }
    matching
}

/// Follows the cursors, as a client does, with limits and windows in turn.
async fn paged(ledger: &Ledger, wanted: &ListQuery, sizes: &[(u32, u64)]) -> Vec<u64> {
    let mut found = Vec::new();
    let mut next: Option<String> = None;
    for (limit, window) in sizes.iter().cycle() {
        let mut asked = wanted.clone();
        asked.limit = *limit;
        if let Some(next) = next {
            next.parse::<Cursor>().unwrap().apply(&mut asked).unwrap();
        }
        let page = ledger.search_within(&asked, *window).await.unwrap();
        assert!(page.entries.len() <= usize::try_from(*limit).unwrap());
        found.extend(page.entries.iter().map(|entry| entry.index));
        if page.is_end {
            break;
        }
        assert!(page.looked_at > 0, "it goes on");
        next = Some(Cursor::after(&asked, &page).to_string());
    }
    found
}

async fn check(home: Home) {
    let mut runner = TestRunner::deterministic();
    let clock = Watch::at(1000);
    let ledger = home.open(&clock).await;
    for seq in 1..=ENTRIES {
        let (later_ms, entry) = entry(seq).new_tree(&mut runner).unwrap().current();
        clock.set(clock.unix_ms() + later_ms);
        ledger.append(vec![entry]).await.unwrap();
    }
    let all = ledger.list(query("a")).await.unwrap();
    let all: Vec<_> = all
        .into_iter()
        .rev()
        .map(|entry| (entry.index, entry.record.unwrap()))
        .collect();
    assert_eq!(all.len() as u64, ENTRIES);
    let sizes = prop::collection::vec((1..9_u32, 1..40_u64), 1..4);
    for _ in 0..CASES {
        let wanted = wanted().new_tree(&mut runner).unwrap().current();
        let sizes = sizes.new_tree(&mut runner).unwrap().current();
        let found = paged(&ledger, &wanted, &sizes).await;
        assert_eq!(found, expected(&all, &wanted), "{wanted:?} by {sizes:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_any_size_are_together_the_filtered_log_in_a_file() {
    check(Home::file()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_any_size_are_together_the_filtered_log_on_a_server() {
    check(Home::server().await).await;
}
