//! What all replicas count together, in Redis.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use caracal_mandate::name::Name;
use redis::Script;

use super::failures::{MAX_FAILURES, WINDOW_MS};
use super::rate::Rate;
use crate::canonical::framed;
use crate::peers::{Link, PeerKey, RedisConfig, Unavailable};

/// The counters. Each decision is one script, which the server runs as one step.
pub(super) struct Shared {
    link: Link,
    key: PeerKey,
    prefix: String,
    rate: Script,
    window: Script,
}

impl Shared {
    pub(super) fn new(config: &RedisConfig, link: Link) -> Self {
        Self {
            link,
            key: config.key.clone(),
            prefix: config.prefix.clone(),
            rate: Script::new(include_str!("rate.lua")),
            window: Script::new(include_str!("window.lua")),
        }
    }

    /// Whether the failures of a source for a client are still few, this one included.
    pub(super) async fn count_failure(
        &self,
        source: Option<IpAddr>,
        zone: &Name,
        client: &str,
    ) -> Result<bool, Unavailable> {
        let source = source.map(|address| address.to_string());
        let key = self.name(&[
            b"caracal/failures/v1",
            zone.as_str().as_bytes(),
            client.as_bytes(),
            source.as_deref().unwrap_or_default().as_bytes(),
        ]);
        let count = self.run(self.window.key(key).arg(WINDOW_MS)).await?;
        Ok(count <= u64::from(MAX_FAILURES))
    }

    /// Whether a client has one more exchange.
    pub(super) async fn admit_exchange(
        &self,
        rate: Rate,
        zone: &Name,
        client: &Name,
    ) -> Result<bool, Unavailable> {
        let (zone, client) = (zone.as_str().as_bytes(), client.as_str().as_bytes());
        let key = self.name(&[b"caracal/exchanges/v1", zone, client]);
        let mut call = self.rate.key(key);
        call.arg(rate.interval_us()).arg(rate.capacity_us());
        Ok(self.run(&call).await? == 1)
    }

    /// Name of a counter. It does not tell whoever reads Redis who is counted, nor let somebody who
    /// knows that choose the counter of another.
    fn name(&self, row: &[&[u8]]) -> String {
        let digest = self.key.sign(&framed(row));
        format!("{}limit:{}", self.prefix, URL_SAFE_NO_PAD.encode(digest))
    }

    async fn run(&self, call: &redis::ScriptInvocation<'_>) -> Result<u64, Unavailable> {
        let mut line = self.link.line().ok_or(Unavailable)?;
        let answer = call.invoke_async(&mut line.connection).await;
        self.link.answer(&line, answer)
    }
}
