//! Three replicas on `PostgreSQL` and Redis, each a real `caracal up`.

mod places;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use caracal_store::testing::{Durability, PostgresServer, RedisServer};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::admin::{Admin, Door};
use super::cast::{
    self, BARRED, CHURN, DIRECT, MORTAL, POLICY, Pair, TOKEN_CLIENT, steady, workload,
};
use super::disk::SmallDisk;
use super::ledger::Auditor;
use crate::client::{Connection, Request};
use crate::stack::authority::Authority;
use crate::stack::{Stack, ZONE, wait};
use places::{Places, another, authority_place, ledger_place, redis_key};

/// How many replicas there are.
pub(super) const REPLICAS: usize = 3;

/// Everything that runs. What is started last is dropped first.
pub(super) struct Site {
    /// The first replica, with the certificates and the folder of all.
    pub(super) stack: Stack,
    /// The others.
    others: Vec<Authority>,
    pub(super) redis: Arc<RedisServer>,
    pub(super) authority_server: Arc<PostgresServer>,
    pub(super) ledger_server: Arc<PostgresServer>,
    pub(super) disk: Arc<SmallDisk>,
    /// The authority's database.
    pub(super) authority_database: String,
    /// Changes of authority.
    pub(super) admin: Admin,
    /// Grants that come and go, with their ids.
    pub(super) churning: Vec<(Pair, String)>,
    /// The client secret of [`TOKEN_CLIENT`].
    pub(super) secret: String,
    /// When the zone was made, and its keys with it.
    pub(super) zone_made: Instant,
    /// Copies, verifies and compares the ledger.
    pub(super) auditor: Auditor,
    /// The key that the replicas share.
    _shared: tempfile::TempDir,
}

impl Site {
    /// Starts all of it and registers everybody.
    pub(super) async fn start() -> Result<Self> {
        // Each of these waits for a child process.
        let servers = tokio::task::spawn_blocking(|| {
            let disk = SmallDisk::mount()?;
            let ledger = PostgresServer::start_below(disk.directory(), Durability::Disk);
            let authority = PostgresServer::start(Durability::Disk);
            anyhow::Ok((disk, ledger, authority, RedisServer::start()))
        });
        let (disk, ledger_server, authority_server, redis) = servers.await??;
        let shared = tempfile::Builder::new()
            .prefix("caracal-chaos-")
            .tempdir()?;
        // The log grows into what is left of the disk, and not the write-ahead log.
        for setting in ["max_wal_size = '64MB'", "min_wal_size = '32MB'"] {
            let statement = format!("ALTER SYSTEM SET {setting}");
            ledger_server.execute("postgres", &statement).await;
        }
        let reload = "SELECT pg_reload_conf()";
        ledger_server.execute("postgres", reload).await;
        let (authority_database, authority) = authority_place(&authority_server).await?;
        let (ledger_database, ledger) = ledger_place(&ledger_server).await?;
        let places = Places {
            authority,
            ledger,
            redis: redis.url(),
            redis_key: redis_key(shared.path()).await?,
        };
        let stack = Stack::start_with(&places.arguments(0)).await?;
        let mut others = Vec::new();
        for replica in 1..REPLICAS {
            others.push(another(&stack, &places, replica).await?);
        }
        let mut doors = Vec::new();
        for replica in std::iter::once(&stack.authority).chain(&others) {
            let token = tokio::fs::read_to_string(replica.token_file()).await?;
            doors.push(Door {
                port: replica.admin_port,
                token: token.trim().to_owned(),
            });
        }
        let verifier_key = stack.authority.data.join("ledger.vkey");
        let caracal = stack.parts.caracal.clone();
        let folder = stack.folder().to_owned();
        let auditor = Auditor::new(
            &caracal,
            &ledger_server,
            &ledger_database,
            verifier_key,
            &folder,
        );
        let mut site = Self {
            stack,
            others,
            redis: Arc::new(redis),
            authority_server: Arc::new(authority_server),
            ledger_server: Arc::new(ledger_server),
            disk: Arc::new(disk),
            authority_database,
            admin: Admin::new(doors),
            churning: Vec::new(),
            secret: String::new(),
            zone_made: Instant::now(),
            auditor,
            _shared: shared,
        };
        site.register().await?;
        Ok(site)
    }

    async fn register(&mut self) -> Result<()> {
        self.stack.register().await?;
        for application in CHURN
            .into_iter()
            .chain(MORTAL)
            .chain([BARRED, TOKEN_CLIENT])
        {
            let body = json!({"name": application, "spiffe_ids": [workload(application)]});
            self.admin.call(0, "applications", &body).await?;
        }
        let path = format!("applications/{TOKEN_CLIENT}/credentials");
        let proof = json!({"proof": {"kind": "secret"}});
        let credential = self.admin.call(0, &path, &proof).await?;
        let secret = credential.get("secret").and_then(Value::as_str);
        secret
            .context("the secret is not shown")?
            .clone_into(&mut self.secret);
        self.activate(POLICY).await?;
        let direct = DIRECT.map(|(application, _)| steady(application));
        let steady = direct.into_iter().chain([steady(TOKEN_CLIENT)]);
        for pair in steady.chain(cast::behind_gateway()) {
            self.admin.grant(0, pair).await?;
        }
        for pair in cast::churning() {
            let id = self.admin.grant(0, pair).await?;
            self.churning.push((pair, id));
        }
        Ok(())
    }

    /// Activates a policy with the command that people use.
    pub(super) async fn activate(&self, source: &str) -> Result<()> {
        let file = self.stack.write("chaos.rego", source).await?;
        let file = file.display().to_string();
        let apply = ["policy", "activate", &file, "--zone", ZONE];
        self.stack.caracal(&apply).await.map(|_| ())
    }

    /// A replica.
    pub(super) fn replica(&self, at: usize) -> Result<&Authority> {
        match at.checked_sub(1) {
            None => Ok(&self.stack.authority),
            Some(at) => self.others.get(at).context("no such replica"),
        }
    }

    /// Kills a replica; not the first, which the command line talks to.
    pub(super) async fn kill(&mut self, at: usize) -> Result<()> {
        self.other(at)?.kill().await
    }

    /// Starts a replica again on its data and ports, and waits until it is ready.
    pub(super) async fn restart(&mut self, at: usize) -> Result<()> {
        let parts = self.stack.parts.clone();
        self.other(at)?.restart(&parts).await
    }

    fn other(&mut self, at: usize) -> Result<&mut Authority> {
        let other = at.checked_sub(1).and_then(|at| self.others.get_mut(at));
        other.context("no such replica")
    }

    /// Waits until each replica says that it is ready.
    pub(super) async fn well(&self, patience: Duration) -> Result<()> {
        for at in 0..REPLICAS {
            let port = self.replica(at)?.http_port;
            let what = format!("replica {at} is ready");
            wait::until(&what, patience, async || {
                let mut connection = Connection::plain(port).await.ok()?;
                let request = Request::get("localhost", "/readyz");
                let response = connection.send(&request).await.ok()?;
                (response.status == 200).then_some(())
            })
            .await?;
        }
        Ok(())
    }
}
