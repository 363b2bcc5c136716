//! How much anybody may ask for. Limits protect capacity and not authority: what they let pass is
//! decided as ever, and where replicas cannot count together each one counts alone.
//!
//! Failures are counted for source and client together, never for a client by its public name, so that
//! whoever knows a `client_id` can use up the attempts of its own address only. And a proof that is
//! good is good: behind an address that many share, somebody else's failures must not lock a client
//! out, which costs nothing where secrets have 256 random bits. What the limit takes away is the work
//! of recording failures, and the answer that says `invalid_client`.
//!
//! Exchanges are counted for the client that has proven who it is, so that nobody uses up another's.

mod failures;
mod rate;
mod shared;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv6Addr};

use caracal_mandate::name::Name;

use crate::config::StsConfig;
use crate::peers::Peers;
use failures::{Failures, MAX_CLIENT_BYTES};
use rate::Buckets;
pub use rate::{Rate, RateError};
use shared::Shared;

/// The limits of this process, and of all replicas where they are connected.
pub(crate) struct Limits {
    failures: Failures,
    exchanges: Buckets,
    exchange_rate: Rate,
    shared: Option<Shared>,
}

impl Limits {
    pub(crate) fn new(config: &StsConfig, peers: Option<&Peers>) -> Self {
        let redis = config.redis.as_ref().zip(peers);
        Self {
            failures: Failures::default(),
            exchanges: Buckets::default(),
            exchange_rate: config.exchange_rate,
            shared: redis.map(|(redis, peers)| Shared::new(redis, peers.link().clone())),
        }
    }

    /// Counts a failure to be a client. False once there were too many.
    pub(crate) async fn count_failure(
        &self,
        source: Option<IpAddr>,
        zone: &Name,
        client: &str,
        now_ms: u64,
    ) -> bool {
        let source = source.map(network);
        // Cut to the same length everywhere; a longer one is the name of nobody.
        let client = client.get(..MAX_CLIENT_BYTES).unwrap_or(client);
        // What this process alone refuses needs no question, which is what hammering comes to.
        if !self.failures.count(source, zone.as_str(), client, now_ms) {
            return false;
        }
        let Some(shared) = &self.shared else {
            return true;
        };
        let answer = shared.count_failure(source, zone, client).await;
        answer.unwrap_or(true)
    }

    /// Whether an authenticated client may have one more exchange.
    pub(crate) async fn admit_exchange(&self, zone: &Name, client: &Name, now_ms: u64) -> bool {
        let (alone, rate) = (&self.exchanges, self.exchange_rate);
        if !alone.admit(rate, zone, client, now_ms.saturating_mul(1000)) {
            return false;
        }
        let Some(shared) = &self.shared else {
            return true;
        };
        let answer = shared.admit_exchange(rate, zone, client).await;
        answer.unwrap_or(true)
    }
}

/// Who is behind an address: with IPv6 one host has 64 bits of addresses to choose from.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    }
}
