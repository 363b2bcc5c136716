//! The management API of the replica that is left alone.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::client::{Connection, Request};
use crate::stack::ZONE;
use crate::stack::authority::Authority;

/// Whoever commits.
#[derive(Debug, Clone)]
pub(super) struct Committer {
    port: u16,
    token: String,
}

impl Committer {
    /// By a replica.
    pub(super) async fn of(authority: &Authority) -> Result<Self> {
        let token = tokio::fs::read_to_string(authority.token_file()).await?;
        Ok(Self {
            port: authority.admin_port,
            token: token.trim().to_owned(),
        })
    }

    /// Makes a grant; returns its id.
    pub(super) async fn grant(
        &self,
        application: &str,
        resource: &str,
        scopes: &[&str],
    ) -> Result<String> {
        let body = json!({"application": application, "resource": resource, "scopes": scopes});
        let made = self.post("grants", &body).await?;
        let id = made.get("id").and_then(Value::as_str);
        Ok(id.context("the grant has no id")?.to_owned())
    }

    /// Revokes a grant.
    pub(super) async fn revoke(&self, grant: &str) -> Result<()> {
        let body = json!({ "target": format!("grant/{grant}") });
        self.post("revocations", &body).await.map(|_| ())
    }

    /// Commits something that no mandate rests on.
    pub(super) async fn stir(&self) -> Result<()> {
        self.grant("research-agent", "invoices", &["invoices:read"])
            .await
            .map(|_| ())
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let path = format!("/v1/zones/{ZONE}/{path}");
        let request = Request::post("localhost", &path, &body.to_string()).mandate(&self.token);
        let response = Connection::plain(self.port).await?.send(&request).await?;
        let text = String::from_utf8_lossy(&response.body);
        ensure!(
            (200..300).contains(&response.status),
            "POST {path} {body}: {} {text}",
            response.status
        );
        Ok(serde_json::from_slice(&response.body)?)
    }
}
