//! Searches, on a file and on a server.

#![expect(clippy::arithmetic_side_effects, reason = "a test may fail")]

mod paging;
mod tailing;
mod times;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use caracal_mandate::event::{Action, Component, Outcome};
use caracal_store::DatabaseUrl;
use caracal_store::testing::PostgresServer;

use super::*;
use crate::ledger::{Clock, Submission};
use crate::testing::{Place, issue, submission, submissions};

/// A clock that is set to the millisecond.
#[derive(Default)]
struct Watch(AtomicU64);

impl Watch {
    fn at(ms: u64) -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(ms)))
    }

    fn set(&self, ms: u64) {
        self.0.store(ms, Ordering::SeqCst);
    }
}

impl Clock for Watch {
    fn unix_ms(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Where a ledger may lie. The directory, with the key, is kept beside it.
struct Home {
    place: Place,
    url: DatabaseUrl,
}

impl Home {
    fn file() -> Self {
        let place = Place::new();
        let url = place.path().as_path().into();
        Self { place, url }
    }

    async fn server() -> Self {
        let url = PostgresServer::shared().empty_database().await;
        let place = Place::new();
        Self { place, url }
    }

    async fn open(&self, clock: &Arc<Watch>) -> Ledger {
        let clock: Arc<dyn Clock> = Arc::<Watch>::clone(clock);
        Ledger::connect(&self.url, self.place.signer(), clock)
            .await
            .unwrap()
    }
}

fn query(zone: &str) -> ListQuery {
    ListQuery {
        zone: zone.to_owned(),
        ..ListQuery::default()
    }
}

#[expect(clippy::unnecessary_wraps, reason = "filters are options")]
fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

async fn found(ledger: &Ledger, query: ListQuery) -> Vec<u64> {
    let entries = ledger.list(query).await.unwrap();
    entries.iter().map(|entry| entry.index).collect()
}

/// What is asked for, and the indexes of what is found.
type Case<'a> = (&'a dyn Fn(&mut ListQuery), &'a [u64]);

/// Entries that differ in everything that is searched for.
fn varied() -> Vec<Submission> {
    let mut entries = submissions("a", 1..=8);
    for (number, entry) in entries.iter_mut().enumerate() {
        let event = &mut entry.event;
        event.session = Some(format!("ses_{}", number % 2));
        event.holder = Some(format!("spiffe://mesh/{}", number % 3));
        event.grant = Some(format!("grt_{}", number % 4));
        event.mandate = Some(format!("mdt_{}", number % 2));
        event.host = some(["bank.internal", "käse \"x\"\\\u{1}"][number % 2]);
        event.path = some(["/accounts/42", "/accounts/%\"ü", "/pay_1", "/payx1"][number % 4]);
    }
    entries[7].event.component = Component::Control;
    entries[7].event.action = Action::Admin;
    let mut exchange = issue("a", 9, "mdt_0");
    // The session stands in the chain as well, and the chain names another mandate.
    exchange.event.session = some("ses_9");
    let chain = exchange.event.chain.as_mut().unwrap();
    chain.hops[0].session = "ses_0".to_owned();
    chain.from = vec!["mdt_1".to_owned()];
    entries.push(exchange);
    entries
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_a_record_says_of_itself_can_be_searched_for_on_both_databases() {
    let homes = [Home::file(), Home::server().await];
    for home in &homes {
        let ledger = home.open(&Watch::at(1000)).await;
        ledger.append(varied()).await.unwrap();
        let of = |change: &dyn Fn(&mut ListQuery)| {
            let mut query = query("a");
            change(&mut query);
            query
        };
        let cases: [Case<'_>; 19] = [
            (&|q| q.session = some("ses_0"), &[6, 4, 2, 0]),
            (&|q| q.session = some("ses_9"), &[8]),
            (&|q| q.session = some("ses_"), &[]),
            (&|q| q.holder = some("spiffe://mesh/2"), &[5, 2]),
            (&|q| q.grant = some("grt_3"), &[7, 3]),
            // Its issue and its uses, not those of what was made from it.
            (&|q| q.mandate = some("mdt_0"), &[8, 6, 4, 2, 0]),
            (&|q| q.mandate = some("mdt_1"), &[7, 5, 3, 1]),
            (&|q| q.issued = some("mdt_0"), &[8]),
            (&|q| q.host = some("käse \"x\"\\\u{1}"), &[7, 5, 3, 1]),
            (&|q| q.host = some("bank"), &[]),
            (&|q| q.path_prefix = some("/accounts/"), &[5, 4, 1, 0]),
            (&|q| q.path_prefix = some("/accounts/%\""), &[5, 1]),
            // No wildcards: neither a percent sign nor an underscore.
            (&|q| q.path_prefix = some("/pay_"), &[6, 2]),
            (&|q| q.component = Some(Component::Sts), &[8]),
            (&|q| q.action = Some(Action::Admin), &[7]),
            (&|q| q.outcome = Some(Outcome::Allow), &[8, 6, 4, 2, 0]),
            (&|q| q.request_id = some("req-a-3"), &[2]),
            (
                &|q| (q.session, q.path_prefix) = (some("ses_0"), some("/pay")),
                &[6, 2],
            ),
            (
                &|q| (q.order, q.after) = (Order::OldestFirst, Some(5)),
                &[6, 7, 8],
            ),
        ];
        for (change, expected) in cases {
            let wanted = of(change);
            assert_eq!(found(&ledger, wanted.clone()).await, expected, "{wanted:?}");
        }
        ledger.close().await;
    }
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_listed_where_columns_decide_and_nowhere_else() {
    let home = Home::file();
    let ledger = home.open(&Watch::at(1000)).await;
    ledger.append(varied()).await.unwrap();
    // As if somebody had added a space.
    home.place
        .sql("UPDATE log_entries SET body = CAST(CAST(body AS TEXT) || ' ' AS BLOB) WHERE idx = 2")
        .await;
    let application = ListQuery {
        application: some("payout"),
        ..query("a")
    };
    assert!(found(&ledger, application).await.contains(&2));
    let session = ListQuery {
        session: some("ses_0"),
        ..query("a")
    };
    assert_eq!(found(&ledger, session).await, [6, 4, 0]);
}

#[tokio::test]
async fn a_log_that_is_shorter_than_what_was_seen_says_so() {
    let home = Home::file();
    let ledger = home.open(&Watch::at(1000)).await;
    ledger.append(submissions("a", 1..=3)).await.unwrap();
    let behind = |after| ListQuery {
        after: Some(after),
        order: Order::OldestFirst,
        ..query("a")
    };
    let page = ledger.search(&behind(2)).await.unwrap();
    assert_eq!((page.entries.len(), page.is_end, page.bound), (0, true, 3));
    let refused = ledger.search(&behind(3)).await.unwrap_err();
    let said = "the log of zone \"a\" has 3 entries, and entry 3 is not among them";
    assert!(refused.to_string().starts_with(said), "{refused}");
}

#[tokio::test]
async fn what_retention_has_removed_is_no_part_of_a_search() {
    let home = Home::file();
    let ledger = home.open(&Watch::at(1000)).await;
    ledger.append(submissions("a", 1..=9)).await.unwrap();
    home.place
        .sql("DELETE FROM log_entries WHERE idx < 4")
        .await;
    let page = ledger.search_within(&query("a"), 5).await.unwrap();
    assert_eq!((page.entries.len(), page.is_end), (5, true));
    let after = ListQuery {
        after: Some(1),
        order: Order::OldestFirst,
        ..query("a")
    };
    assert_eq!(found(&ledger, after).await, [4, 5, 6, 7, 8]);
}
