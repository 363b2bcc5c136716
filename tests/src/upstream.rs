//! The protected services: one process-local server for the three hosts, which counts what comes.

use std::sync::{Arc, Mutex};

use anyhow::Result;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tokio::time::Instant;

/// The bank.
pub const BANK: &str = "mercury-bank.internal";
/// The invoices.
pub const INVOICES: &str = "invoices.internal";
/// The compliance service.
pub const COMPLIANCE: &str = "compliance.internal";

/// Header by which the load generator knows its requests again.
pub const MARK: &str = "x-load-mark";

/// One request that reached a protected service.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// When.
    pub at: Instant,
    /// Host.
    pub host: String,
    /// Method.
    pub method: String,
    /// Path.
    pub path: String,
    /// The load generator's mark.
    pub mark: Option<u64>,
    /// Whether a credential came through that should have been stripped.
    pub leaked: bool,
}

/// Every request that reached them.
#[derive(Debug, Clone, Default)]
pub struct Arrivals(Arc<Mutex<Vec<Arrival>>>);

impl Arrivals {
    fn push(&self, arrival: Arrival) {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .push(arrival);
    }

    /// A copy of all.
    #[must_use]
    pub fn all(&self) -> Vec<Arrival> {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }

    /// How many.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .len()
    }
}

/// The running services.
#[derive(Debug)]
pub struct Upstream {
    /// Their port.
    pub port: u16,
    /// What came.
    pub arrivals: Arrivals,
    server: tokio::task::JoinHandle<()>,
}

impl Upstream {
    /// Starts them on a free port.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let arrivals = Arrivals::default();
        let router = Router::new().fallback(serve).with_state(arrivals.clone());
        let server = tokio::spawn(async move {
            // It ends with the task.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self {
            port,
            arrivals,
            server,
        })
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(State(arrivals): State<Arrivals>, request: Request) -> Response {
    let headers = request.headers();
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text("host").unwrap_or_default().to_owned();
    let path = request.uri().path().to_owned();
    let method = request.method().to_string();
    let body = match (host.as_str(), method.as_str(), path.as_str()) {
        (INVOICES, "GET", path) if path.starts_with("/invoices/") => Some(
            r#"{"invoice":"2041","payee":"Lynx Supplies","amount":"1250.00","currency":"EUR"}"#,
        ),
        (COMPLIANCE, "POST", "/checks") => Some(r#"{"cleared":true}"#),
        (BANK, "POST", "/payments" | "/transfers") => Some(r#"{"payment":"accepted"}"#),
        (BANK, "GET", path) if path.starts_with("/accounts/") => Some(r#"{"balance":"90210.00"}"#),
        _ => None,
    };
    arrivals.push(Arrival {
        at: Instant::now(),
        mark: text(MARK).and_then(|mark| mark.parse().ok()),
        leaked: leaks(headers),
        host,
        method,
        path,
    });
    match body {
        Some(body) => ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Whether anything in the headers is or names a credential of ours.
fn leaks(headers: &HeaderMap) -> bool {
    headers.contains_key(header::AUTHORIZATION)
        || headers.iter().any(|(name, value)| {
            name.as_str().starts_with("x-caracal")
                || value.as_bytes().starts_with(b"Bearer ")
                || (name == "tracestate"
                    && String::from_utf8_lossy(value.as_bytes()).contains("caracal="))
        })
}
