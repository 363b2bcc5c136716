//! A zone with everything in it, behind real listeners.

mod ask;
pub(crate) mod challenge;
mod check;
pub(crate) mod jwt;
pub(crate) mod pki;
pub(crate) mod publisher;
pub(crate) mod wire;
mod world;

pub(crate) use ask::{WISH, wish};
pub(crate) use check::{BANK_POINT, Checked};
pub(crate) use wire::{Auth, Reply};
pub(crate) use world::{
    BANK, KUBERNETES, PAYOUT, PAYOUT_SECRET, TWIN_A, TWIN_SECRET, UNBOUND_SECRET, WORKER,
    WORKER_SECRET, World,
};

/// RFC 8693 §2.1.
pub(crate) const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// RFC 8693 §3.
pub(crate) const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// RFC 8693 §3.
pub(crate) const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
/// RFC 7523 §2.2.
pub(crate) const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Our own type of a mandate that is to be passed on.
pub(crate) const DELEGATION: &str = "urn:caracal:params:oauth:token-type:delegation";

/// The payout application with its secret in the header.
pub(crate) const PAYOUT_BASIC: Auth<'static> = Auth::Basic("payout", PAYOUT_SECRET);
/// The worker application with its secret in the header.
pub(crate) const WORKER_BASIC: Auth<'static> = Auth::Basic("worker", WORKER_SECRET);

/// The current time in Unix seconds.
pub(crate) fn now() -> u64 {
    use caracal_sts::Clock as _;
    caracal_sts::SystemClock::new().unix_ms() / 1000
}
