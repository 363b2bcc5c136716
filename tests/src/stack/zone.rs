//! The zone of the tests: three services, two applications, two enforcement points.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::identity::spiffe_id;
use super::{Stack, ZONE};
use crate::client::Request;
use crate::upstream::{BANK, COMPLIANCE, INVOICES};

/// Which applications may do anything at all; grants say what.
const POLICY: &str = r#"package caracal.policy

default allow := false

allow if input.application.name in {"payout-agent", "research-agent"}
"#;

/// What a grant is made of.
#[derive(Debug, Clone, Copy)]
pub struct Grant<'a> {
    /// Application.
    pub application: &'a str,
    /// Resource.
    pub resource: &'a str,
    /// Scopes.
    pub scopes: &'a [&'a str],
    /// Longest life of its mandates in seconds.
    pub max_lifetime: Option<u64>,
}

impl Stack {
    /// Registers everything but grants and the policy: nothing is allowed yet.
    pub async fn register(&self) -> Result<()> {
        self.register_as("https://sts.caracal.dev/payments").await
    }

    /// The same with an issuer of one's own, such as one where discovery finds the zone.
    pub async fn register_as(&self, issuer: &str) -> Result<()> {
        self.post("/v1/zones", &json!({"name": ZONE, "issuer": issuer}))
            .await?;
        for (name, workload) in [("payout-agent", "payout"), ("research-agent", "research")] {
            let application = json!({"name": name, "spiffe_ids": [spiffe_id(workload)?]});
            self.create("applications", &application).await?;
        }
        for resource in resources() {
            self.create("resources", &resource).await?;
        }
        let names = ["mercury-bank", "invoices", "compliance"];
        let proxy = json!({"name": "bank-proxy", "spiffe_id": spiffe_id("bank-proxy")?, "role": "resource", "resources": names});
        self.create("points", &proxy).await?;
        let gateway = json!({"name": "egress", "spiffe_id": spiffe_id("gateway")?, "role": "gateway", "resources": []});
        self.create("points", &gateway).await?;
        Ok(())
    }

    /// Activates the policy.
    pub async fn activate_policy(&self) -> Result<()> {
        let file = self.write("policy.rego", POLICY).await?;
        let file = file.display().to_string();
        self.caracal(&["policy", "apply", &file, "--zone", ZONE])
            .await?;
        Ok(())
    }

    /// Makes a grant; returns its id.
    pub async fn grant(&self, grant: Grant<'_>) -> Result<String> {
        let Grant {
            application,
            resource,
            scopes,
            max_lifetime,
        } = grant;
        let lifetime = max_lifetime.map(|seconds| format!("{seconds}s"));
        let mut arguments = vec![
            "grant",
            "create",
            "--zone",
            ZONE,
            "--app",
            application,
            "--resource",
            resource,
            "--scope",
        ];
        arguments.extend(scopes);
        if let Some(lifetime) = &lifetime {
            arguments.extend(["--max-lifetime", lifetime]);
        }
        let made = self.caracal(&arguments).await?;
        Ok(made
            .get("id")
            .and_then(Value::as_str)
            .context("the grant has no id")?
            .to_owned())
    }

    /// Grants all that the payout agent needs; returns the id of the grant for payments.
    pub async fn grant_payout(&self) -> Result<String> {
        let application = "payout-agent";
        for (resource, scope) in [
            ("invoices", "invoices:read"),
            ("compliance", "compliance:check"),
        ] {
            self.grant(Grant {
                application,
                resource,
                scopes: &[scope],
                max_lifetime: None,
            })
            .await?;
        }
        self.grant(Grant {
            application,
            resource: "mercury-bank",
            scopes: &["payments:write"],
            max_lifetime: None,
        })
        .await
    }

    /// The enforcement points that are connected now.
    pub async fn connected_points(&self) -> Result<Vec<Value>> {
        let answer = self
            .authority
            .call(Request::get(
                "localhost",
                &format!("/v1/zones/{ZONE}/points/status"),
            ))
            .await?;
        Ok(answer
            .get("items")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default())
    }

    /// Registers something in the zone.
    pub(crate) async fn create(&self, kind: &str, body: &Value) -> Result<Value> {
        self.post(&format!("/v1/zones/{ZONE}/{kind}"), body).await
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.authority
            .call(Request::post("localhost", path, &body.to_string()))
            .await
            .with_context(|| format!("POST {path} {body}"))
    }
}

fn resources() -> [Value; 3] {
    let operation = |name: &str, method: &str, path: &str, scope: &str| json!({"name": name, "method": method, "path": path, "scopes": [scope]});
    [
        json!({"name": "mercury-bank", "uri": format!("http://{BANK}"), "hosts": [BANK], "operations": [
            operation("create-payment", "POST", "/payments", "payments:write"),
            operation("read-account", "GET", "/accounts/{id}", "accounts:read"),
            {"name": "wire-transfer", "method": "POST", "path": "/transfers", "scopes": ["payments:write"], "irreversible": true},
        ]}),
        json!({"name": "invoices", "uri": format!("http://{INVOICES}"), "hosts": [INVOICES], "operations": [
            operation("read-invoice", "GET", "/invoices/{id}", "invoices:read"),
        ]}),
        json!({"name": "compliance", "uri": format!("http://{COMPLIANCE}"), "hosts": [COMPLIANCE], "operations": [
            operation("check", "POST", "/checks", "compliance:check"),
        ]}),
    ]
}
