//! Replicas on one `PostgreSQL` and one Redis, both real.
//!
//! Most of them poll once a minute, so that whatever they learn sooner they were told.

mod dead_letters;
mod encryption;
mod outages;
mod wake_ups;

use std::sync::Arc;
use std::time::Duration;

use caracal_audit::{CheckpointSigner, Ledger};
use caracal_mandate::name::Name;
use caracal_store::model::{Application, Change, Zone};
use caracal_store::testing::{PostgresServer, RedisServer};
use caracal_store::{DatabaseUrl, Store};
use redis::aio::MultiplexedConnection;
use redis::{FromRedisValue, Value};

use super::message::{Sender, WakeUp};
use super::*;
use crate::clock::{SystemClock, SystemRandom};
use crate::config::StsConfig;
use crate::keys::KeyEncryptionKey;
use crate::start::Sts;

const MINUTE_MS: u64 = 60_000;

/// Far below a minute, and far above what a machine with much to do takes.
const SOON: Duration = Duration::from_secs(10);

struct LedgerClock(SystemClock);

impl caracal_audit::Clock for LedgerClock {
    fn unix_ms(&self) -> u64 {
        self.0.unix_ms()
    }
}

/// A database with a zone, and a Redis server.
struct Scene {
    redis: RedisServer,
    place: DatabaseUrl,
    zone: Name,
    timing: PeerTiming,
    /// As whom replicas come, in the form of a query.
    login: &'static str,
    /// Where replicas find the server, if not at its socket, and the authority that they believe.
    remote: Option<(String, Option<Vec<u8>>)>,
}

/// One process.
struct Replica {
    sts: Sts,
    store: Store,
    _directory: tempfile::TempDir,
}

fn key() -> PeerKey {
    PeerKey::from_bytes([9; 32])
}

impl Scene {
    async fn new() -> Self {
        let place = PostgresServer::shared().database().await;
        let zone: Name = "acme".parse().unwrap();
        let store = Store::connect(&place).await.unwrap();
        let issuer = "https://sts.example/zones/acme".to_owned();
        let change = Change::ZoneCreated(Zone {
            name: zone.clone(),
            issuer,
        });
        store.commit(&zone, change, 0, None).await.unwrap();
        // Quick, so that what happens at intervals happens while a test waits.
        let timing = PeerTiming {
            upkeep: Duration::from_millis(200),
            reclaim_after: Duration::from_millis(200),
            ..PeerTiming::default()
        };
        Self {
            redis: RedisServer::start(),
            place,
            zone,
            timing,
            login: "",
            remote: None,
        }
    }

    /// A replica that listens.
    async fn replica(&self, name: &str, poll_ms: u64) -> Replica {
        let replica = self.silent(name, poll_ms).await;
        replica.until("it listens", |stats| stats.listening).await;
        replica
    }

    /// A replica that may not have found the others yet.
    async fn silent(&self, name: &str, poll_ms: u64) -> Replica {
        let own = || (format!("{}{}", self.redis.url(), self.login), None);
        let (url, authorities) = self.remote.clone().unwrap_or_else(own);
        let url = url.parse().unwrap();
        let redis = RedisConfig {
            authorities,
            timing: self.timing,
            ..RedisConfig::new(url, key(), name.parse().unwrap())
        };
        let config = StsConfig {
            poll_ms,
            lease_ms: MINUTE_MS,
            redis: Some(redis),
            ..StsConfig::default()
        };
        let directory = tempfile::tempdir().unwrap();
        let store = Store::connect(&self.place).await.unwrap();
        let signer = CheckpointSigner::generate("test").unwrap();
        let clock = Arc::new(LedgerClock(SystemClock::new()));
        let path = directory.path().join("ledger.db");
        let ledger = Ledger::open(&path, signer, clock).await.unwrap();
        let (kek, _) = KeyEncryptionKey::generate().unwrap();
        let (clock, random) = (Arc::new(SystemClock::new()), Arc::new(SystemRandom::new()));
        let sts = Sts::start(store.clone(), ledger, kek, clock, random, config);
        Replica {
            sts: sts.await.unwrap(),
            store,
            _directory: directory,
        }
    }

    /// Commits something, in whichever process the store is of.
    async fn commit(&self, store: &Store) -> u64 {
        let name = format!("a{}", store.head().await.unwrap());
        let application = Application {
            name: name.parse().unwrap(),
            spiffe_ids: Vec::new(),
        };
        let change = Change::ApplicationCreated(application);
        let committed = store.commit(&self.zone, change, 0, None).await;
        committed.unwrap().seq
    }

    /// Somebody with a connection to Redis.
    async fn stranger(&self) -> MultiplexedConnection {
        let client = redis::Client::open(self.redis.url()).unwrap();
        client.get_multiplexed_async_connection().await.unwrap()
    }

    /// Runs a command, in words.
    async fn run<T: FromRedisValue>(&self, words: &[&str]) -> T {
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        let mut stranger = self.stranger().await;
        command.query_async(&mut stranger).await.unwrap()
    }

    /// Puts an entry into the stream.
    async fn put(&self, fields: &[(&[u8], &[u8])]) -> String {
        let mut command = redis::cmd("XADD");
        command.arg("caracal:authority").arg("*");
        for (name, value) in fields {
            command.arg(*name).arg(*value);
        }
        let mut stranger = self.stranger().await;
        command.query_async(&mut stranger).await.unwrap()
    }

    /// Puts a message into the stream, signed by a key.
    async fn say(&self, message: WakeUp, key: &PeerKey) -> String {
        let bytes = message.to_bytes();
        let signature = key.sign(&bytes);
        self.put(&[(b"m", &bytes), (b"s", signature.as_ref())])
            .await
    }

    /// How many deliveries a group has not acknowledged.
    async fn open(&self, group: &str) -> u64 {
        let answer: Vec<Value> = self.run(&["XPENDING", "caracal:authority", group]).await;
        u64::from_redis_value(answer[0].clone()).unwrap()
    }

    async fn groups(&self) -> Vec<String> {
        let groups: Vec<std::collections::HashMap<String, Value>> =
            self.run(&["XINFO", "GROUPS", "caracal:authority"]).await;
        let name = |group: &std::collections::HashMap<String, Value>| {
            String::from_redis_value(group["name"].clone()).unwrap()
        };
        groups.iter().map(name).collect()
    }
}

impl Replica {
    fn stats(&self) -> PeerStats {
        self.sts.peer_stats().unwrap()
    }

    fn applied(&self) -> u64 {
        self.sts.service().authority.read().applied()
    }

    async fn learns(&self, seq: u64) -> bool {
        self.sts.wait_read(seq, SOON).await
    }

    async fn until(&self, what: &str, is_so: impl Fn(&PeerStats) -> bool) {
        eventually(what, async || is_so(&self.stats())).await;
    }
}

/// Waits for something, and says what when it does not come.
async fn eventually(what: &str, is_so: impl AsyncFn() -> bool) {
    let wait = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let came = tokio::time::timeout(SOON, wait).await;
    assert!(came.is_ok(), "{what}");
}

/// A message that a replica would send now.
fn message(term: u64, seq: u64, nonce: u8) -> WakeUp {
    WakeUp {
        sender: Sender([3; 16]),
        term,
        seq,
        sent_ms: SystemClock::new().unix_ms(),
        nonce: [nonce; 16],
    }
}
