//! Mandates, each shown once.

use anyhow::{Context as _, Result, ensure};
use axum::Router;
use tokio::net::TcpListener;

use crate::client::{Connection, Request, tls};
use crate::hostile::forge::Forge;
use crate::hostile::site::BANK;
use crate::stack::Stack;
use crate::stack::envoy::Envoy;

/// Mandates like an issued one, with ids of their own and the same length.
pub(super) fn tokens(forge: &Forge, count: usize) -> Result<Vec<String>> {
    let claims = forge.claims();
    let id = claims.get("jti").and_then(serde_json::Value::as_str);
    let length = id.context("no jti")?.len().saturating_sub(4);
    let token = |number: usize| {
        forge.with_claims(|claims| {
            let id = format!("mdt_{number:0length$}");
            claims.insert("jti".to_owned(), id.into());
        })
    };
    Ok((0..count).map(token).collect())
}

/// A service that answers; its port. It ends with the runtime.
pub(super) async fn upstream() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let service = Router::new().fallback(async || "ok");
    tokio::spawn(async move { axum::serve(listener, service).await });
    Ok(port)
}

/// Shows each mandate once; each must be let through.
pub(super) async fn send(stack: &Stack, envoy: &Envoy, tokens: &[String]) -> Result<()> {
    let client = tls::Client::new(stack.identity("payout")?)?;
    let mut connection = Connection::mutual(envoy.port(), &client).await?;
    for token in tokens {
        let request = Request::get(BANK, "/accounts/42").mandate(token);
        let response = connection.send(&request).await?;
        ensure!(response.status == 200, "{}", response.verdict());
    }
    Ok(())
}
