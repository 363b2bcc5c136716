//! Several sequencers on one ledger.

use std::collections::BTreeSet;

use caracal_store::DatabaseUrl;
use caracal_store::testing::{Durability, OWNER, PostgresServer};

use super::*;
use crate::copy::copy;
use crate::testing::FixedClock;
use crate::verify::{Report, verify};

/// A ledger on a server, opened by as many processes as a test likes.
struct Shared {
    place: Place,
    url: DatabaseUrl,
}

impl Shared {
    async fn new() -> Self {
        Self::on(PostgresServer::shared()).await
    }

    async fn on(server: &PostgresServer) -> Self {
        let url = server.empty_database().await;
        Ledger::migrate(&url).await.unwrap();
        let place = Place::new();
        Self { place, url }
    }

    async fn open_at(&self, url: &DatabaseUrl) -> Ledger {
        Ledger::connect(url, self.place.signer(), Arc::new(FixedClock))
            .await
            .unwrap()
    }

    async fn open(&self) -> Ledger {
        self.open_at(&self.url).await
    }

    fn database(&self) -> String {
        let text = self.url.to_string();
        text.rsplit('/').next().unwrap().to_owned()
    }

    async fn verify(&self) -> Report {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("copy.db");
        copy(&self.url, &file).await.unwrap();
        let key = self.place.signer().verifier().to_text();
        verify(&file, &key, None, |_| {}).unwrap()
    }
}

#[tokio::test]
async fn two_sequencers_on_one_file_take_turns_and_make_one_log() {
    let place = Place::new();
    let (one, two) = (place.open().await, place.open().await);
    let at = |positions: Result<Vec<Position>, AppendError>| indexes(&positions.unwrap());
    assert_eq!(at(one.append(submissions("a", 1..=2)).await), [0, 1]);
    assert_eq!(at(two.append(submissions("a", 3..=3)).await), [2]);
    assert_eq!(at(one.append(submissions("a", 3..=4)).await), [2, 3]);
    one.close().await;
    two.close().await;
    assert_eq!(place.verify(None).worst(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_commit_is_settled_by_what_the_database_says() {
    let shared = Shared::new().await;
    let ledger = shared.open().await;
    ledger.append(submissions("a", 1..=2)).await.unwrap();
    // A deferred foreign key fails nowhere but in COMMIT.
    let database = shared.database();
    let sql = |sql| PostgresServer::shared().execute(&database, sql);
    sql("CREATE TABLE parent (id BIGINT PRIMARY KEY); \
         CREATE TABLE child (id BIGINT REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED); \
         CREATE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql AS \
         'BEGIN INSERT INTO child VALUES (1); RETURN NULL; END'; \
         CREATE TRIGGER fault AFTER INSERT ON log_entries FOR EACH ROW \
         WHEN (NEW.seq IN (4, 9)) EXECUTE FUNCTION fault()")
    .await;
    for refused in [submissions("a", 3..=4), submissions("c", 9..=9)] {
        assert!(matches!(
            ledger.append(refused).await,
            Err(AppendError::Storage(_))
        ));
    }
    sql("DROP TRIGGER fault ON log_entries").await;
    let at = |positions: Result<Vec<Position>, AppendError>| indexes(&positions.unwrap());
    assert_eq!(at(ledger.append(submissions("a", 3..=4)).await), [2, 3]);
    assert_eq!(at(ledger.append(submissions("c", 1..=1)).await), [0]);
    ledger.close().await;
    assert_eq!(shared.verify().await.worst(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exchange_that_issued_a_mandate_is_found_on_a_server_and_in_a_copy_of_it() {
    let shared = Shared::new().await;
    let ledger = shared.open().await;
    let entries = vec![
        submission("a", 1),
        issue("a", 2, "mdt_1"),
        issue("a", 3, "mdt_2"),
    ];
    ledger.append(entries).await.unwrap();
    for (mandate, found) in [("mdt_1", &[1][..]), ("mdt_2", &[2]), ("mdt_3", &[])] {
        let issued = ListQuery {
            issued: Some(mandate.to_owned()),
            ..query("a")
        };
        assert_eq!(listed(&ledger, issued).await, found);
    }
    ledger.close().await;
    assert_eq!(shared.verify().await.worst(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_at_once_give_every_event_one_place_and_leave_no_gap() {
    let shared = Shared::new().await;
    let mut tasks = Vec::new();
    for replica in 0..3_u64 {
        let ledger = shared.open().await;
        tasks.push(tokio::spawn(async move {
            let mut taken = Vec::new();
            for round in 0..20_u64 {
                // A third of what each hands in, the next one hands in as well.
                let first = 1 + round * 30 + replica * 10;
                let events = submissions("a", first..=first + 14);
                let own = 1 + round * 3 + replica;
                let events = events.into_iter().chain(submissions("b", own..=own));
                let positions = ledger.append(events.collect()).await.unwrap();
                taken.extend(positions);
            }
            ledger.close().await;
            taken
        }));
    }
    let mut taken = BTreeSet::new();
    for task in tasks {
        let positions = task.await.unwrap();
        taken.extend(positions.into_iter().map(|at| (at.zone, at.index)));
    }
    let last = 1 + 19 * 30 + 20 + 14;
    let all_of_a = (0..last).map(|index| ("a".to_owned(), index));
    let all_of_b = (0..60).map(|index| ("b".to_owned(), index));
    assert!(taken.into_iter().eq(all_of_a.chain(all_of_b)));
    let report = shared.verify().await;
    assert_eq!(report.worst(), None);
    let signed: Vec<_> = report.zones.iter().map(|zone| zone.signed).collect();
    assert_eq!(signed, [last, 60]);
}

#[tokio::test]
async fn a_log_that_was_put_back_stops_who_knows_better() {
    let shared = Shared::new().await;
    let ledger = shared.open().await;
    ledger.append(submissions("a", 1..=3)).await.unwrap();
    let back = "CREATE TABLE kept AS SELECT * FROM log_state";
    let server = PostgresServer::shared();
    server.execute(&shared.database(), back).await;
    ledger.append(submissions("a", 4..=5)).await.unwrap();
    let back = "DELETE FROM log_entries WHERE idx >= 3; DELETE FROM checkpoints WHERE size > 3; \
        UPDATE log_state SET (size, frontier, root, checkpoint_size) = \
        (SELECT size, frontier, root, checkpoint_size FROM kept)";
    server.execute(&shared.database(), back).await;
    let refused = ledger.append(submissions("a", 6..=6)).await;
    assert!(matches!(refused, Err(AppendError::Fenced { zone }) if zone == "a"));
    let refused = ledger.append(submissions("b", 1..=1)).await;
    assert!(matches!(refused, Err(AppendError::Stopped)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_was_acknowledged_survives_a_server_that_crashes() {
    let server = PostgresServer::start(Durability::Disk);
    let shared = Shared::on(&server).await;
    let ledger = shared.open().await;
    ledger.append(submissions("a", 1..=3)).await.unwrap();
    server
        .without(async {
            let refused = ledger.append(submissions("a", 4..=4)).await;
            assert!(matches!(refused, Err(AppendError::Storage(_))));
        })
        .await;
    let taken = ledger.append(submissions("a", 2..=4)).await.unwrap();
    assert_eq!(indexes(&taken), [1, 2, 3]);
    ledger.close().await;
    assert_eq!(shared.verify().await.worst(), None);
}

#[tokio::test]
async fn the_role_that_appends_changes_nothing_that_was_written() {
    let shared = Shared::new().await;
    let server = PostgresServer::shared();
    Ledger::create_roles(&shared.url).await.unwrap();
    Ledger::create_roles(&shared.url).await.unwrap();
    let user = "CREATE ROLE ledger_user LOGIN IN ROLE caracal_ledger";
    server.execute("postgres", user).await;
    let url = server.url("ledger_user", &shared.database());
    let ledger = shared.open_at(&url).await;
    ledger.append(submissions("a", 1..=3)).await.unwrap();
    ledger.close().await;
    assert_eq!(shared.verify().await.worst(), None);
    for statement in [
        "UPDATE log_entries SET body = ''",
        "DELETE FROM log_entries",
        "TRUNCATE log_entries CASCADE",
        "UPDATE checkpoints SET size = 1",
        "DELETE FROM checkpoints",
        "UPDATE emitters SET peer = 'x'",
        "DELETE FROM log_state",
        "UPDATE log_state SET zone = 'x'",
        "DROP TABLE log_entries",
    ] {
        assert_eq!(code(&url, statement).await, "42501", "{statement}");
    }
    // Nor does the owner by mistake: the table says no.
    let owner = server.url(OWNER, &shared.database());
    assert_eq!(code(&owner, "DELETE FROM log_entries").await, "P0001");
}

/// The code that the server refuses a statement with.
async fn code(url: &DatabaseUrl, statement: &'static str) -> String {
    let mut connection = caracal_store::testing::connect(url).await.unwrap();
    let refused = sqlx::raw_sql(statement).execute(&mut connection).await;
    let error = refused.unwrap_err().into_database_error().unwrap();
    error.code().unwrap().into_owned()
}

#[tokio::test]
async fn a_search_finds_the_same_on_both_databases() {
    let shared = Shared::new().await;
    let (file, server) = (shared.place.open().await, shared.open().await);
    for ledger in [&file, &server] {
        ledger.append(submissions("a", 1..=40)).await.unwrap();
        ledger.append(submissions("b", 1..=4)).await.unwrap();
    }
    let of = |change: fn(&mut ListQuery)| {
        let mut query = query("a");
        change(&mut query);
        query
    };
    for (wanted, count) in [
        (of(|_| {}), 40),
        (of(|query| query.request_id = Some("req-a-7".to_owned())), 1),
        (of(|query| query.request_id = Some("req-b-1".to_owned())), 0),
        (of(|query| query.outcome = Some(Outcome::Deny)), 20),
        (
            of(|query| query.reason_prefix = Some("invalid_mandate".to_owned())),
            20,
        ),
        (of(|query| query.reason_prefix = Some("%".to_owned())), 0),
        (
            of(|query| query.application = Some("payout".to_owned())),
            40,
        ),
        (of(|query| query.resource = Some("none".to_owned())), 0),
        (of(|query| (query.before, query.limit) = (Some(10), 3)), 3),
    ] {
        let found = server.list(wanted.clone()).await.unwrap();
        assert_eq!(found.len(), count, "{wanted:?}");
        assert_eq!(found, file.list(wanted).await.unwrap());
    }
}
