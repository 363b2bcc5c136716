//! A running token service on one kind of database.

use anyhow::Result;
use caracal_audit::Ledger;
use caracal_store::Store;
use caracal_store::testing::{Durability, PostgresServer};

use crate::stack::Stack;
use crate::stack::zone::Grant;

/// The service, and the server below it if it has one.
pub(super) struct Place {
    pub(super) name: &'static str,
    pub(super) stack: Stack,
    pub(super) server: Option<PostgresServer>,
}

impl Place {
    /// On files.
    pub(super) async fn sqlite() -> Result<Self> {
        Ok(Self {
            name: "sqlite",
            stack: prepared(Stack::start().await?).await?,
            server: None,
        })
    }

    /// On a server that writes to the disk before it acknowledges, with the rights of the services
    /// and no more.
    pub(super) async fn postgres() -> Result<Self> {
        let server = PostgresServer::start(Durability::Disk);
        let owner = server.empty_database().await;
        Store::migrate(&owner).await?;
        Store::create_roles(&owner).await?;
        Ledger::migrate(&owner).await?;
        Ledger::create_roles(&owner).await?;
        let roles = "CREATE ROLE service LOGIN \
            IN ROLE caracal_control, caracal_sts, caracal_ledger";
        server.execute("postgres", roles).await;
        let owner = owner.to_string();
        let database = owner.rsplit('/').next().unwrap_or_default();
        let url = server.url_text("service", database);
        let arguments = ["--database", &url, "--ledger-database", &url].map(str::to_owned);
        Ok(Self {
            name: "postgres",
            stack: prepared(Stack::start_with(&arguments).await?).await?,
            server: Some(server),
        })
    }
}

/// A zone in which the payout agent may read accounts.
async fn prepared(stack: Stack) -> Result<Stack> {
    stack.register().await?;
    stack.activate_policy().await?;
    stack
        .grant(Grant {
            application: "payout-agent",
            resource: "mercury-bank",
            scopes: &["accounts:read"],
            max_lifetime: Some(900),
        })
        .await?;
    Ok(stack)
}
