//! Several processes on one database: what one of them may decide once, and how much together.

use std::time::Duration;

use caracal_store::testing::{PostgresServer, RedisServer};
use caracal_sts::{PeerKey, RedisConfig, Sts, StsConfig};
use tokio::task::JoinSet;

use crate::support::{Auth, PAYOUT_BASIC, PAYOUT_SECRET, Reply, WISH, WORKER_SECRET, World};

const HERE: [u8; 4] = [127, 0, 0, 1];
const THERE: [u8; 4] = [127, 0, 0, 2];

/// Two replicas on one `PostgreSQL` and one Redis.
struct Pair {
    world: World,
    other: Sts,
    ports: [u16; 2],
    redis: RedisServer,
}

impl Pair {
    async fn start() -> Self {
        Self::with(StsConfig::default()).await
    }

    async fn with(config: StsConfig) -> Self {
        let redis = RedisServer::start();
        let config = |replica: &str| {
            let (url, key) = (redis.url().parse().unwrap(), PeerKey::from_bytes([9; 32]));
            StsConfig {
                redis: Some(RedisConfig::new(url, key, replica.parse().unwrap())),
                ..config.clone()
            }
        };
        let place = PostgresServer::shared().database().await;
        let world = World::start_on(place, config("one")).await;
        let (other, port) = world.replica(config("two")).await;
        let ports = [world.http, port];
        let pair = Self {
            world,
            other,
            ports,
            redis,
        };
        pair.connected().await;
        pair
    }

    /// Waits until both have found Redis.
    async fn connected(&self) {
        let listening = |sts: &Sts| sts.peer_stats().unwrap().listening;
        let wait = async {
            while !(listening(&self.world.sts) && listening(&self.other)) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), wait)
            .await
            .unwrap();
    }

    async fn ask(&self, replica: usize, source: [u8; 4], auth: Auth<'_>) -> Reply {
        World::token_at(self.ports[replica], source, &WISH, auth).await
    }

    fn assertion(&self, jti: &str) -> String {
        self.world.client_key.sign(&self.world.assertion(jti))
    }

    /// Sends one assertion many times to both at once; returns how many were let in.
    async fn replay(&self, jwt: &str) -> usize {
        let mut tries = JoinSet::new();
        for index in 0..16 {
            let (port, jwt) = (self.ports[index % 2], jwt.to_owned());
            tries.spawn(async move {
                World::token_at(port, HERE, &WISH, Auth::Assertion(&jwt))
                    .await
                    .status
            });
        }
        let statuses = tries.join_all().await;
        assert!(
            statuses
                .iter()
                .all(|status| matches!(status, 200 | 401 | 429)),
            "{statuses:?}"
        );
        statuses.iter().filter(|status| **status == 200).count()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc7523_s3_a_jti_is_taken_once_over_all_replicas_whatever_becomes_of_redis() {
    let pair = Pair::start().await;
    for round in 0..6 {
        let jwt = pair.assertion(&format!("r{round}"));
        assert_eq!(pair.replay(&jwt).await, 1, "{round}");
    }
    let used = pair.assertion("emptied");
    assert_eq!(pair.ask(0, HERE, Auth::Assertion(&used)).await.status, 200);
    pair.redis.stop();
    assert_eq!(pair.replay(&used).await, 0, "without Redis");
    pair.redis.restart();
    pair.connected().await;
    assert_eq!(pair.replay(&used).await, 0, "with an empty Redis");
    pair.redis.freeze();
    assert_eq!(pair.replay(&used).await, 0, "with one that hangs");
    assert_eq!(pair.replay(&pair.assertion("hangs")).await, 1);
    pair.redis.thaw();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_has_its_rate_over_all_replicas_and_nobody_elses() {
    let config = StsConfig {
        exchange_rate: "1/12".parse().unwrap(),
        ..StsConfig::default()
    };
    let pair = Pair::with(config).await;
    let began = tokio::time::Instant::now();
    let mut tries = JoinSet::new();
    for index in 0..40 {
        let port = pair.ports[index % 2];
        tries.spawn(World::token_at(port, HERE, &WISH, PAYOUT_BASIC));
    }
    let replies = tries.join_all().await;
    let most = 12 + usize::try_from(began.elapsed().as_secs()).unwrap() + 1;
    let admitted = replies.iter().filter(|reply| reply.status == 200).count();
    assert!(
        (12..=most).contains(&admitted),
        "{admitted} of at most {most}"
    );
    let refused = replies.iter().find(|reply| reply.status != 200).unwrap();
    refused.refuses(429, "slow_down");
    assert_eq!(refused.header("retry-after"), Some("1"));
    let other = pair
        .ask(1, HERE, Auth::Basic("worker", WORKER_SECRET))
        .await;
    assert_ne!(other.status, 429, "{}", other.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_counted_over_all_replicas_and_lock_nobody_out() {
    let pair = Pair::start().await;
    let wrong = Auth::Basic("payout", "cs_wrong");
    for index in 0..10 {
        pair.ask(index % 2, THERE, wrong)
            .await
            .refuses(401, "invalid_client");
    }
    for replica in 0..2 {
        pair.ask(replica, THERE, wrong)
            .await
            .refuses(429, "slow_down");
        pair.ask(replica, HERE, wrong)
            .await
            .refuses(401, "invalid_client");
    }
    for _ in 0..50 {
        pair.ask(0, THERE, wrong).await.refuses(429, "slow_down");
    }
    for (replica, source) in [(0, HERE), (1, HERE), (0, THERE), (1, THERE)] {
        let reply = pair
            .ask(replica, source, Auth::Basic("payout", PAYOUT_SECRET))
            .await;
        assert_eq!(reply.status, 200, "{replica} {source:?}: {}", reply.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_each_replica_counts_alone_and_refuses_nobody_for_it() {
    let config = StsConfig {
        exchange_rate: "1/8".parse().unwrap(),
        ..StsConfig::default()
    };
    let pair = Pair::with(config).await;
    let worker = Auth::Basic("worker", WORKER_SECRET);
    for (step, client) in [("stopped", PAYOUT_BASIC), ("hanging", worker)] {
        if step == "stopped" {
            pair.redis.stop();
        } else {
            pair.redis.restart();
            pair.connected().await;
            pair.redis.freeze();
        }
        for replica in 0..2 {
            let began = tokio::time::Instant::now();
            for index in 0..8 {
                let reply = pair.ask(replica, HERE, client).await;
                assert_ne!(
                    reply.status, 429,
                    "{step} {replica} {index}: {}",
                    reply.text
                );
                assert_ne!(
                    reply.status, 503,
                    "{step} {replica} {index}: {}",
                    reply.text
                );
            }
            let took = began.elapsed();
            assert!(
                took < Duration::from_secs(5),
                "only the first one waits: {took:?}"
            );
        }
        let mut statuses = Vec::new();
        for _ in 0..6 {
            statuses.push(pair.ask(0, HERE, client).await.status);
        }
        assert!(
            statuses.contains(&429),
            "{step}: each one alone still limits: {statuses:?}"
        );
    }
    pair.redis.thaw();
}
