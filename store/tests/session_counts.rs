//! The counts of open sessions are those of the rows: in every history, with several writers, and from before
//! there were counts.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a step that fails here fails its test"
)]

mod fixture;

use caracal_mandate::name::Name;
use caracal_store::model::Change;
use caracal_store::testing::PostgresServer;
use caracal_store::{CommitError, Connector, DatabaseUrl, Store, bring_up_to_date};
use fixture::crowd::{counted, counts, crowd};
use fixture::{AT_MS, Database, Fixture, NOW_S, application, child, name, session};
use proptest::prelude::*;
use proptest::sample::Index;

/// Sessions of `payout` that are there from the beginning, so that there is room for a few.
const CROWD: u32 = 19_994;

/// Room of an application, and levels of a tree.
const MOST: usize = 20_000;
const LEVELS: usize = 9;

const APPLICATIONS: [&str; 2] = ["payout", "worker"];

#[derive(Debug, Clone)]
enum Step {
    /// Of one of the applications, below one of those that were opened before.
    Open(usize, Option<Index>),
    End(Index),
}

fn step() -> impl Strategy<Value = Step> {
    let of = prop_oneof![3 => Just(0), 1 => Just(1_usize)];
    let below = proptest::option::weighted(0.7, any::<Index>());
    prop_oneof![
        3 => (of, below).prop_map(|(of, below)| Step::Open(of, below)),
        1 => any::<Index>().prop_map(Step::End),
    ]
}

/// A session as somebody sees it who ends trees at once.
struct Opened {
    application: usize,
    parent: Option<usize>,
    is_revoked: bool,
}

#[derive(Default)]
struct Model(Vec<Opened>);

impl Model {
    /// The session and all above it.
    fn lineage(&self, session: Option<usize>) -> impl Iterator<Item = &Opened> {
        std::iter::successors(session.map(|at| &self.0[at]), |below| {
            below.parent.map(|at| &self.0[at])
        })
    }

    fn is_live(&self, session: Option<usize>) -> bool {
        self.lineage(session).all(|above| !above.is_revoked)
    }

    fn takes(&self, application: usize, parent: Option<usize>) -> bool {
        let of_it = (0..self.0.len())
            .filter(|at| self.0[*at].application == application && self.is_live(Some(*at)));
        let crowd = if application == 0 { CROWD as usize } else { 0 };
        self.is_live(parent)
            && self.lineage(parent).count() < LEVELS
            && of_it.count() + crowd < MOST
    }
}

fn opened(id: &str, application: &str, parent: Option<&str>) -> Change {
    match parent {
        None => session(id, application, application),
        Some(parent) => child(id, application, application, parent),
    }
}

/// A bank with room for six sessions of `payout`, and any number of `worker`.
async fn crowded(database: Database) -> Fixture {
    let fixture = Fixture::bank(database).await;
    let worker = application("worker", &["worker"]);
    fixture.commit(worker).await.unwrap();
    crowd(&fixture.place, "payout", None, CROWD).await;
    fixture
}

async fn play(steps: Vec<Step>, database: Database) {
    let fixture = crowded(database).await;
    let mut model = Model::default();
    for step in steps {
        let known = model.0.len();
        let pick = |index: Index| (known > 0).then(|| index.index(known));
        match step {
            Step::Open(application, below) => {
                let parent = below.and_then(pick);
                let above = parent.map(|at| format!("ses_{at}"));
                let id = format!("ses_{known}");
                let change = opened(&id, APPLICATIONS[application], above.as_deref());
                let result = fixture.commit(change).await;
                let expected = model.takes(application, parent);
                assert_eq!(result.is_ok(), expected, "{id} below {above:?}: {result:?}");
                if expected {
                    model.0.push(Opened {
                        application,
                        parent,
                        is_revoked: false,
                    });
                }
            }
            Step::End(index) => {
                if let Some(at) = pick(index) {
                    fixture.revoke(&format!("session/ses_{at}")).await.unwrap();
                    model.0[at].is_revoked = true;
                }
            }
        }
        assert_eq!(counts(&fixture.place).await, counted(&fixture.place).await);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]

    #[test]
    fn there_is_room_where_a_model_has_room_and_the_counts_are_those_of_the_rows(
        steps in proptest::collection::vec(step(), 20..60),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        for database in [Database::Sqlite, Database::Postgres] {
            runtime.block_on(play(steps.clone(), database));
        }
    }
}

/// Opens and ends sessions, its own ones; how often there was no room.
async fn write(store: Store, writer: usize) -> usize {
    let (mut open, mut refused): (Vec<String>, _) = (Vec::new(), 0);
    for index in 0..24 {
        let id = format!("ses_{writer}-{index}");
        let parent = open.get(index % 3).map(String::as_str);
        let change = opened(&id, "payout", parent);
        match store.commit(&name("bank"), change, AT_MS, None).await {
            Ok(_) => open.push(id),
            Err(CommitError::Limit(_)) => {
                refused += 1;
                // With all below it, as far as the others let it.
                let ended = (!open.is_empty()).then(|| open.remove(0));
                open.clear();
                for id in ended.iter().chain(&ended) {
                    let target = format!("session/{id}").parse().unwrap();
                    let revoked = store.revoke(&name("bank"), target, NOW_S, None).await;
                    revoked.unwrap();
                }
            }
            Err(error) => panic!("{error:?}"),
        }
    }
    refused
}

async fn writers_of_several_processes_count_together(database: Database) {
    let fixture = crowded(database).await;
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..4 {
        writers.spawn(write(fixture.another().await, writer));
    }
    let refused = writers.join_all().await;
    assert!(refused.iter().sum::<usize>() > 4, "{refused:?}");
    let counts = counts(&fixture.place).await;
    assert_eq!(counts, counted(&fixture.place).await);
    let payout = ["application", "payout", "bank"].map(str::to_owned).into();
    assert!(counts[&payout] <= 20_000, "{counts:?}");
}

/// What there was before the step that counts it: a tree of two applications with an ended session in its
/// middle, below which one is noted as ended and one is not; and another zone.
const BEFORE: &str = "UPDATE meta SET head = 1; \
    INSERT INTO authority_log VALUES (1, 'bank', 0, '', ''); \
    INSERT INTO zones VALUES ('bank', '', 1), ('shop', '', 1), ('empty', '', 1); \
    INSERT INTO applications (zone, name, definition, seq) \
    VALUES ('bank', 'a', '', 1), ('bank', 'b', '', 1), ('shop', 'a', '', 1); \
    INSERT INTO sessions (id, zone, application, parent, revoked_seq, ended_seq, definition, seq) VALUES \
    ('ses_0', 'bank', 'a', NULL, NULL, NULL, '', 1), \
    ('ses_1', 'bank', 'b', 'ses_0', NULL, NULL, '', 1), \
    ('ses_2', 'bank', 'a', 'ses_0', 1, NULL, '', 1), \
    ('ses_3', 'bank', 'a', 'ses_2', NULL, 1, '', 1), \
    ('ses_4', 'bank', 'b', 'ses_2', NULL, NULL, '', 1), \
    ('ses_5', 'bank', 'b', 'ses_3', 1, 1, '', 1), \
    ('ses_6', 'shop', 'a', NULL, NULL, NULL, '', 1)";

async fn sessions_from_before_there_were_counts_are_counted(database: Database) {
    let directory = tempfile::tempdir().unwrap();
    let place = match database {
        Database::Sqlite => DatabaseUrl::Sqlite(directory.path().join("authority.db")),
        Database::Postgres => PostgresServer::shared().empty_database().await,
    };
    let connector = Connector::new(&place).unwrap();
    let mut connection = connector.first().await.unwrap();
    let mut before = sqlx::migrate!("./migrations");
    before.migrations.to_mut().retain(|step| step.version < 7);
    let done = bring_up_to_date(&mut connection, connector.dialect(), &before).await;
    done.unwrap();
    let rows = sqlx::raw_sql(BEFORE).execute(&mut connection).await;
    rows.unwrap();

    let store = Store::connect(&place).await.unwrap();
    let expected = [
        ("application", "a", "bank", 1),
        ("application", "a", "shop", 1),
        ("application", "b", "bank", 2),
        ("session", "ses_0", "bank", 1),
        ("session", "ses_2", "bank", 2),
        ("zone", "bank", "bank", 3),
        ("zone", "shop", "shop", 1),
    ]
    .map(|(kind, name, zone, open)| ((kind.into(), name.into(), zone.into()), open));
    assert_eq!(counts(&place).await, expected.into());
    assert_eq!(counts(&place).await, counted(&place).await);
    let zones: [Name; 2] = ["bank", "shop"].map(name);
    for (id, zone) in [
        ("ses_3", &zones[0]),
        ("ses_4", &zones[0]),
        ("ses_6", &zones[1]),
    ] {
        let target = format!("session/{id}").parse().unwrap();
        let ended = store.revoke(zone, target, NOW_S, None).await;
        assert!(ended.is_ok(), "{ended:?}");
        assert_eq!(counts(&place).await, counted(&place).await);
    }
}

on_both_databases!(
    writers_of_several_processes_count_together,
    sessions_from_before_there_were_counts_are_counted,
);
