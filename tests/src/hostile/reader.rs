//! The filter's own core, reading what reached the upstream: it must find there the operation that it
//! decided on, and nothing that was to be taken away.

use anyhow::{Context as _, Result};
use caracal_filter::head::Head;
use caracal_mandate::catalog::{CatalogEntry, Resource};

use super::site::{BANK, bank};
use super::upstream::{Arrived, Request};

/// What the mandates of the cases are good for.
const GRANTED: [&str; 3] = ["list-accounts", "read-account", "create-payment"];

/// The bank's operations, as the filter finds them.
#[derive(Debug)]
pub(super) struct Reader(CatalogEntry);

impl Reader {
    pub(super) fn new() -> Result<Self> {
        let bank: Resource = serde_json::from_value(bank())?;
        Ok(Self(CatalogEntry::new(bank)))
    }

    /// What is wrong about requests that got through.
    pub(super) fn problem(&self, arrived: &Arrived) -> Option<String> {
        if arrived.requests.is_empty() {
            return Some("bytes that are no request".to_owned());
        }
        let mut problems = arrived.requests.iter().filter_map(|request| {
            let wrong = self.wrong(request).err()?;
            Some(format!("{wrong:#}; upstream got {:?}", request.head))
        });
        problems.next()
    }

    fn wrong(&self, request: &Request) -> Result<()> {
        let mut parts = request.line().split(' ');
        let (method, target) = (parts.next(), parts.next());
        let version = parts.next();
        anyhow::ensure!(
            version == Some("HTTP/1.1") && parts.next().is_none(),
            "request line"
        );
        anyhow::ensure!(
            request
                .head
                .split("\r\n")
                .all(|line| !line.contains(['\r', '\n', '\0'])),
            "a line end within a line"
        );
        let mut upgrades = request.values("upgrade");
        anyhow::ensure!(upgrades.all(|name| name == "websocket"), "an upgrade");
        let hosts: Vec<_> = request.values("host").collect();
        let [host] = hosts.as_slice() else {
            anyhow::bail!("{} Host fields", hosts.len());
        };
        let pairs = [
            (":method", method),
            (":path", target),
            (":authority", Some(*host)),
        ];
        let pairs =
            pairs.map(|(name, value)| (name.to_owned(), Vec::from(value.unwrap_or_default())));
        let head = Head::parse(&pairs)
            .map_err(|malformed| anyhow::anyhow!("the head is {}", malformed.reason))?;
        anyhow::ensure!(head.host == BANK, "host {}", head.host);
        let operation = self.0.operation(head.method, &head.path);
        let name = operation.context("no operation")?.name.to_string();
        anyhow::ensure!(GRANTED.contains(&name.as_str()), "operation {name}");
        for (name, _) in request.fields() {
            let name = name.to_ascii_lowercase().replace('_', "-");
            let ours = name == "authorization" || name.starts_with("x-caracal-");
            let steering =
                name.starts_with("x-envoy-retry") || name.starts_with("x-envoy-original");
            anyhow::ensure!(!ours && !steering, "field {name}");
        }
        anyhow::ensure!(request.values("content-length").count() <= 1, "two lengths");
        let framings = request
            .values("content-length")
            .chain(request.values("transfer-encoding"));
        anyhow::ensure!(framings.count() <= 1, "two framings");
        Ok(())
    }
}
