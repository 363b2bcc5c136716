//! Who owns the database: runs any SQL, and recomputes whatever needs no private key.

use caracal_audit::{Frontier, Hash, Record};
use caracal_mandate::event::Outcome;
use caracal_mandate::reason::Reason;
use caracal_store::DatabaseUrl;
use caracal_store::testing::connect;
use sqlx::any::AnyArguments;
use sqlx::{AnyConnection, Arguments as _, AssertSqlSafe, Connection as _};

use super::image::Image;

pub(crate) struct Owner<'a> {
    connection: AnyConnection,
    pub(crate) image: &'a Image,
}

/// One value of a statement.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Integer(Option<i64>),
    Text(Option<String>),
    Bytes(Vec<u8>),
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(Some(value))
    }
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::Integer(Some(value.try_into().unwrap()))
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(Some(value.to_owned()))
    }
}

impl From<Option<&str>> for Value {
    fn from(value: Option<&str>) -> Self {
        Self::Text(value.map(str::to_owned))
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Bytes(value)
    }
}

/// What is made to fit after entries were changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mended {
    Nothing,
    /// Size, frontier and root in `log_state`.
    State,
    /// The frontiers beside the checkpoints as well.
    Frontiers,
}

impl<'a> Owner<'a> {
    pub(crate) async fn of(place: &DatabaseUrl, image: &'a Image) -> Self {
        let mut connection = connect(place).await.unwrap();
        let free = match place {
            DatabaseUrl::Sqlite(_) => "PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF",
            // Neither references are checked nor triggers run.
            DatabaseUrl::Postgres(_) => "SET session_replication_role = replica",
        };
        sqlx::raw_sql(free).execute(&mut connection).await.unwrap();
        Self { connection, image }
    }

    pub(crate) async fn close(self) {
        self.connection.close().await.unwrap();
    }

    /// Runs a statement, and returns how many rows it changed.
    pub(crate) async fn run<const N: usize>(&mut self, sql: &str, values: [Value; N]) -> u64 {
        let mut arguments = AnyArguments::default();
        for value in values {
            match value {
                Value::Integer(value) => arguments.add(value),
                Value::Text(value) => arguments.add(value),
                Value::Bytes(value) => arguments.add(value),
            }
            .unwrap();
        }
        let statement = sqlx::query_with(AssertSqlSafe(sql.to_owned()), arguments);
        let done = statement.execute(&mut self.connection).await;
        done.unwrap_or_else(|error| panic!("{sql}: {error}"))
            .rows_affected()
    }

    /// Runs a statement that has to change something: a manipulation that changes nothing is none.
    pub(crate) async fn change<const N: usize>(&mut self, sql: &str, values: [Value; N]) {
        assert!(self.run(sql, values).await > 0, "{sql}");
    }

    /// Moves all entries from an index on.
    pub(crate) async fn shift(&mut self, zone: &str, from: u64, by: i64) {
        // Far away first: the key is checked row by row.
        const FAR: i64 = 1_000_000;
        let away = "UPDATE log_entries SET idx = idx + $1 WHERE zone = $2 AND idx >= $3";
        let moved = self.run(away, [FAR.into(), zone.into(), from.into()]).await;
        let back = self
            .run(away, [(by - FAR).into(), zone.into(), FAR.into()])
            .await;
        assert_eq!(moved, back);
    }

    /// Moves one entry.
    pub(crate) async fn renumber(&mut self, zone: &str, from: u64, to: u64) {
        let sql = "UPDATE log_entries SET idx = $1 WHERE zone = $2 AND idx = $3";
        self.change(sql, [to.into(), zone.into(), from.into()])
            .await;
    }

    /// Makes an entry what the ledger would have made of this record: body, hash and columns.
    pub(crate) async fn write(&mut self, zone: &str, index: u64, record: &Record) {
        let body = record.to_canonical().unwrap();
        let event = &record.event;
        let issued = event.chain.is_some() && event.outcome == Outcome::Allow;
        let mandate = event.mandate.as_deref().filter(|_| issued);
        let request = event.request_id.as_deref();
        let key = |id: Option<&str>| Value::Integer(id.map(|id| search_key(index, id)));
        let outcome = match event.outcome {
            Outcome::Allow => "allow",
            Outcome::Deny => "deny",
        };
        let sql = "UPDATE log_entries SET body = $1, leaf_hash = $2, recorded_ms = $3, seq = $4, \
            request_id = $5, request_key = $6, mandate = $7, mandate_key = $8, application = $9, \
            resource = $10, outcome = $11, reason = $12 WHERE zone = $13 AND idx = $14";
        let values = [
            body.clone().into(),
            Hash::leaf(&body).0.to_vec().into(),
            record.recorded_ms.into(),
            event.emitter.seq.into(),
            request.into(),
            key(request),
            mandate.into(),
            key(mandate),
            event.application.as_deref().into(),
            event.resource.as_deref().into(),
            outcome.into(),
            event.reason.map(Reason::as_str).into(),
            zone.into(),
            index.into(),
        ];
        self.change(sql, values).await;
    }

    /// The tree over the stored hashes, up to each size.
    pub(crate) async fn trees(&mut self, zone: &str) -> Vec<Frontier> {
        let sql = "SELECT leaf_hash FROM log_entries WHERE zone = $1 ORDER BY idx";
        let hashes = sqlx::query_scalar::<_, Vec<u8>>(sql).bind(zone.to_owned());
        let hashes = hashes.fetch_all(&mut self.connection).await.unwrap();
        let mut trees = vec![Frontier::new()];
        for hash in hashes {
            let mut tree = trees.last().unwrap().clone();
            tree.append(Hash::from_bytes(&hash).unwrap());
            trees.push(tree);
        }
        trees
    }

    /// Makes everything fit that needs no private key.
    pub(crate) async fn mend(&mut self, zone: &str, mended: Mended) {
        if mended == Mended::Nothing {
            return;
        }
        let trees = self.trees(zone).await;
        let tree = trees.last().unwrap();
        let sql = "UPDATE log_state SET size = $1, frontier = $2, root = $3 WHERE zone = $4";
        let root = tree.root().0.to_vec();
        let values = [
            tree.size().into(),
            tree.to_bytes().into(),
            root.into(),
            zone.into(),
        ];
        self.change(sql, values).await;
        if mended == Mended::Frontiers {
            for tree in &trees[1..] {
                let sql = "UPDATE checkpoints SET frontier = $1 WHERE zone = $2 AND size = $3";
                self.run(
                    sql,
                    [tree.to_bytes().into(), zone.into(), tree.size().into()],
                )
                .await;
            }
        }
    }
}

/// As the ledger makes it: the segment, of which a test has only the first, and 29 bits of FNV-1a of the id.
fn search_key(index: u64, id: &str) -> i64 {
    assert!(index < 4_096, "one segment");
    let hash = id.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    (hash >> 3).into()
}
