//! Where the replicas keep what they share, and how another one is made.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Result;
use caracal_audit::Ledger;
use caracal_store::Store;
use caracal_store::testing::PostgresServer;

use super::super::plan::LEASE;
use crate::stack::Stack;
use crate::stack::authority::Authority;

/// Where the replicas keep what they share.
pub(super) struct Places {
    pub(super) authority: String,
    pub(super) ledger: String,
    pub(super) redis: String,
    pub(super) redis_key: PathBuf,
}

impl Places {
    /// Of `caracal up`.
    pub(super) fn arguments(&self, replica: usize) -> Vec<String> {
        let pairs = [
            ("--database", self.authority.clone()),
            ("--ledger-database", self.ledger.clone()),
            ("--redis-url", self.redis.clone()),
            ("--redis-key", self.redis_key.display().to_string()),
            ("--replica", format!("sts-{replica}")),
            ("--lease-ms", LEASE.as_millis().to_string()),
        ];
        let flat = pairs
            .into_iter()
            .flat_map(|(name, value)| [name.to_owned(), value]);
        flat.collect()
    }
}

/// The database of the authority state, with the rights of the services and no more; its name, and
/// the place for a replica.
pub(super) async fn authority_place(server: &PostgresServer) -> Result<(String, String)> {
    let owner = server.empty_database().await;
    Store::migrate(&owner).await?;
    Store::create_roles(&owner).await?;
    let roles = "CREATE ROLE service LOGIN IN ROLE caracal_control, caracal_sts";
    server.execute("postgres", roles).await;
    let name = name_of(&owner.to_string());
    let place = server.url_text("service", &name);
    Ok((name, place))
}

/// The same for the ledger.
pub(super) async fn ledger_place(server: &PostgresServer) -> Result<(String, String)> {
    let owner = server.empty_database().await;
    Ledger::migrate(&owner).await?;
    Ledger::create_roles(&owner).await?;
    let roles = "CREATE ROLE service LOGIN IN ROLE caracal_ledger";
    server.execute("postgres", roles).await;
    let name = name_of(&owner.to_string());
    let place = server.url_text("service", &name);
    Ok((name, place))
}

fn name_of(url: &str) -> String {
    url.rsplit('/').next().unwrap_or_default().to_owned()
}

/// Starts another replica, with the secrets that all of them need.
pub(super) async fn another(stack: &Stack, places: &Places, replica: usize) -> Result<Authority> {
    let folder = stack.folder().join(format!("replica-{replica}"));
    let data = folder.join("data");
    tokio::fs::create_dir_all(&data).await?;
    for name in ["kek", "ledger.key", "ledger.vkey"] {
        tokio::fs::copy(stack.authority.data.join(name), data.join(name)).await?;
    }
    let arguments = places.arguments(replica);
    Authority::start(&stack.parts, &stack.identities, &folder, &arguments).await
}

/// The key that replicas know each other by.
pub(super) async fn redis_key(folder: &Path) -> Result<PathBuf> {
    let path = folder.join("redis.key");
    tokio::fs::write(&path, [7; 32]).await?;
    tokio::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).await?;
    Ok(path)
}
