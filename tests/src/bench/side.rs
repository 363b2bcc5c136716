//! One authority with what enforces by it, and with mandates that are known there.

use std::io::Write;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::generator::Requests;
use super::variant::{DELEGATIONS, REVOCATIONS, Shown, Surroundings};
use crate::client::{Request, tls};
use crate::hostile::forge::Forge;
use crate::mandates::{self, Exchange};
use crate::stack::zone::Grant;
use crate::stack::{Stack, ZONE, parts, revocations};
use crate::upstream::BANK;

/// Exchanges at the same time.
const EXCHANGES: usize = 16;

const PATH: &str = "/accounts/42";

/// See above.
#[derive(Debug)]
pub(super) struct Side {
    pub(super) stack: Stack,
    pub(super) client: tls::Client,
    pub(super) around: Surroundings,
    known: Arc<Requests>,
    deep: Arc<Requests>,
    rotating: Arc<Requests>,
    /// Bytes of one mandate, and of one that was delegated.
    pub(super) mandate_bytes: [usize; 2],
    /// Mandates that are shown in turn.
    pub(super) mandates: usize,
    /// The zone's key, and a good mandate.
    pub(super) forge: Forge,
}

impl Side {
    /// An authority that has issued so many mandates.
    pub(super) async fn start(mandates: usize, out: &mut (dyn Write + Send)) -> Result<Self> {
        let stack = Stack::start().await?;
        stack.register().await?;
        stack.activate_policy().await?;
        // The longest life that there is: the benchmark takes longer than the usual five minutes.
        stack
            .grant(Grant {
                application: "payout-agent",
                resource: "mercury-bank",
                scopes: &["accounts:read"],
                max_lifetime: Some(900),
            })
            .await?;
        let start = Instant::now();
        let tokens = obtain(&stack, mandates).await?;
        let seconds = start.elapsed().as_secs_f64();
        writeln!(
            out,
            "{} mandates from the token service in {seconds:.1} s",
            tokens.len()
        )?;
        let first = tokens.first().context("no mandate")?;
        let forge = Forge::open(&stack.authority.data, first).await?;
        let deep = forge.delegated(DELEGATIONS);
        let request = |token: &String| Request::get(BANK, PATH).mandate(token).bytes();
        Ok(Self {
            around: surroundings(&stack, first).await?,
            client: tls::Client::new(stack.identity("payout")?)?,
            mandate_bytes: [first.len(), deep.len()],
            mandates: tokens.len(),
            forge,
            known: Arc::new(Requests::new(vec![request(first)])),
            deep: Arc::new(Requests::new(vec![request(&deep)])),
            rotating: Arc::new(Requests::new(tokens.iter().map(request).collect())),
            stack,
        })
    }

    /// The same where many other mandates are revoked.
    pub(super) async fn crowded(out: &mut (dyn Write + Send)) -> Result<Self> {
        let mut side = Self::start(EXCHANGES, out).await?;
        side.stack.authority.kill().await?;
        revocations::insert(&side.stack.authority.data, REVOCATIONS).await?;
        let parts = side.stack.parts.clone();
        side.stack.authority.restart(&parts).await?;
        Ok(side)
    }

    pub(super) const fn requests(&self, shown: Shown) -> &Arc<Requests> {
        match shown {
            Shown::Known => &self.known,
            Shown::Deep => &self.deep,
            Shown::Rotating => &self.rotating,
        }
    }
}

/// Mandates from the token service, each with an id of its own.
async fn obtain(stack: &Stack, count: usize) -> Result<Vec<String>> {
    let mut tasks = JoinSet::new();
    for _ in 0..EXCHANGES {
        let mut exchange =
            Exchange::connect(stack.identity("payout")?, stack.authority.grpc_port).await?;
        tasks.spawn(async move {
            let mut tokens = Vec::new();
            for _ in 0..count / EXCHANGES {
                tokens.push(exchange.mandate("GET", BANK, PATH).await?);
            }
            anyhow::Ok(tokens)
        });
    }
    let mut all = Vec::new();
    while let Some(tokens) = tasks.join_next().await {
        all.extend(tokens??);
    }
    all.sort_unstable();
    all.dedup();
    Ok(all)
}

async fn surroundings(stack: &Stack, token: &str) -> Result<Surroundings> {
    let claims = mandates::claims(token)?;
    let text = |name: &str| -> Result<String> {
        Ok(claims
            .get(name)
            .and_then(Value::as_str)
            .with_context(|| format!("no {name}"))?
            .to_owned())
    };
    Ok(Surroundings {
        wasm: stack.parts.filter.display().to_string(),
        floor: parts::floor()?.display().to_string(),
        jwks: stack.authority.jwks(ZONE).await?.to_string(),
        issuer: text("iss")?,
        audience: text("aud")?,
        zone: ZONE.to_owned(),
    })
}
