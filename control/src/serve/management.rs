//! The management API and its health.

use std::time::Duration;

use anyhow::Context as _;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use caracal_audit::{Ledger, WitnessStatus};
use caracal_store::Store;
use caracal_sts::{Draining, LogExportStatus, LogExportWatch, LogExporter};
use serde_json::{Value, json};

use super::base::{Base, Shared};
use super::publication::{Publication, Publishing};
use super::servers::{Servers, bind};
use crate::api::{Api, Authority};
use crate::settings::ManagementSettings;

/// How long the database may take to say where its log is.
const HEAD_PATIENCE: Duration = Duration::from_secs(2);

/// Changes that are under way.
pub(super) struct Changes(std::pin::Pin<Box<dyn Future<Output = ()> + Send>>);

impl Changes {
    /// Waits until each one is committed or refused, and recorded.
    pub(super) async fn settled(self) {
        self.0.await;
    }
}

/// Starts it and opens its door.
pub(super) async fn start<A: Authority>(
    settings: ManagementSettings,
    base: &Base,
    shared: &Shared,
    authority: A,
    servers: &mut Servers,
) -> anyhow::Result<Changes> {
    let ManagementSettings {
        admin,
        token_services: _,
    } = settings;
    let api = Api::new(
        base.store.clone(),
        base.ledger.clone(),
        authority.clone(),
        base.clock.clone(),
        base.random.clone(),
        Duration::from_millis(shared.lease_ms),
    )?
    .stopping_with(base.draining.clone());
    let asked = Health {
        store: base.store.clone(),
        ledger: base.ledger.clone(),
        authority,
        publication: base.publishing.as_ref().map(Publishing::publication),
        ledger_export: base.ledger_export.as_ref().map(LogExporter::watch),
        draining: base.draining.clone(),
    };
    let health = Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready::<A>))
        .with_state(asked);
    // The API's own routes come last: what is not health needs the token.
    let router = health.fallback_service(api.clone().router(base.data.admin_token()?));
    let listener = bind(admin).await?;
    let admin = listener.local_addr()?;
    if !admin.ip().is_loopback() {
        tracing::warn!(%admin, "the management API is plain HTTP and not on loopback");
    }
    servers.tell("management API", &format!("http://{admin}"));
    let token = base.data.admin_token_file();
    servers.tell("administrator's token", &token.display());
    servers.add("the management API", async move |stop| {
        let server = axum::serve(listener, router).with_graceful_shutdown(stop);
        server.await.context("it cannot be served")
    });
    Ok(Changes(Box::pin(async move { api.drain().await })))
}

#[derive(Clone)]
struct Health<A> {
    store: Store,
    ledger: Ledger,
    authority: A,
    publication: Option<Publication>,
    ledger_export: Option<LogExportWatch>,
    draining: Draining,
}

/// Zones whose newest checkpoint waits for witnesses, and what those said.
fn held_back(ledger: &Ledger) -> Vec<String> {
    let status = ledger.witness_status().filter(WitnessStatus::is_held_back);
    let short = status.map(|status| status.short).unwrap_or_default();
    let reasons = short.into_iter().map(|(zone, said)| {
        let said = said.join("; ");
        format!(
            "the ledger of zone {zone} is not published: too few witnesses have cosigned ({said})"
        )
    });
    reasons.collect()
}

/// What the management API needs for its next change, asked right now.
async fn ready<A: Authority>(State(health): State<Health<A>>) -> Response {
    let mut reasons = Vec::new();
    if health.draining.has_begun() {
        reasons.push("the process was told to stop".to_owned());
    }
    match tokio::time::timeout(HEAD_PATIENCE, health.store.head()).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => reasons.push(format!("the authority database: {error}")),
        Err(_) => reasons.push("the authority database does not answer".to_owned()),
    }
    if !health.ledger.is_running() {
        reasons.push("the ledger takes no events".to_owned());
    }
    let self_check = health.ledger.self_check();
    reasons.extend(self_check.reasons());
    reasons.extend(held_back(&health.ledger));
    reasons.extend(health.publication.iter().flat_map(Publication::forks));
    reasons.extend(health.authority.troubles().await);
    let ready = reasons.is_empty();
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let mut answer = json!({ "ready": ready, "reasons": reasons, "ledger_self_check": self_check });
    // No reason to say no: nobody waits for a collector.
    if let (Some(export), Some(answer)) = (health.ledger_export, answer.as_object_mut()) {
        answer.insert("ledger_export".to_owned(), exported(export.status()));
    }
    (status, Json(answer)).into_response()
}

/// How far the export of the ledger is, for people and programs.
fn exported(status: LogExportStatus) -> Value {
    let LogExportStatus {
        is_active,
        exported,
        rejected,
        skipped,
        behind,
        trouble,
    } = status;
    json!({
        "active": is_active,
        "exported": exported,
        "rejected": rejected,
        "skipped": skipped,
        "behind": behind,
        "trouble": trouble,
    })
}
