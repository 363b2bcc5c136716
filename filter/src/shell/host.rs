//! What the host knows and can do.

use std::cell::Cell;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::OnceLock;
use std::time::{Duration, Instant, UNIX_EPOCH};

use caracal_mandate::event::{EndedBy, HttpStatus};
use caracal_mandate::key::{PublicKey, SIGNATURE_BYTES, SignatureVerifier};
use caracal_mandate::lease::{Reading, SteadyClock};
use p256::ecdsa::Signature;
use prost::encoding::{WireType, encode_key, encode_varint};
use proxy_wasm::hostcalls;
use proxy_wasm::types::Bytes;

use crate::calls::SharedData;
use crate::decision::End;
use crate::time::Moment;

/// Both clocks. A host without a wall clock gives 0: then every mandate is issued in the future,
/// and nothing passes.
pub(super) fn read() -> Reading {
    read_both().0
}

/// The same, with the monotonic clock as it is.
fn read_both() -> (Reading, Instant) {
    static START: OnceLock<Instant> = OnceLock::new();
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where the filter reads the monotonic clock"
    )]
    let instant = Instant::now();
    let since_start = instant.saturating_duration_since(*START.get_or_init(|| instant));
    let unix = hostcalls::get_current_time()
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let reading = Reading {
        monotonic_ms: u64::try_from(since_start.as_millis()).unwrap_or(u64::MAX),
        unix_ms: unix
            .and_then(|unix| u64::try_from(unix.as_millis()).ok())
            .unwrap_or(0),
    };
    (reading, instant)
}

/// Both clocks, the monotonic one with the time that the machine stood still.
pub(super) fn now() -> Moment {
    now_and_instant().0
}

/// The same, with what durations are measured by.
pub(super) fn now_and_instant() -> (Moment, Instant) {
    thread_local! {
        static STEADY: Cell<SteadyClock> = const { Cell::new(SteadyClock::new()) };
    }
    let (reading, instant) = read_both();
    let mut steady = STEADY.get();
    let monotonic_ms = steady.read(reading);
    STEADY.set(steady);
    let now = Moment {
        monotonic_ms,
        unix_ms: reading.unix_ms,
    };
    (now, instant)
}

/// How the request of the effective context ended, and how long it took. Good when it is over: the host
/// knows the status of the whole request in the last callback of it, so that none is needed in between.
pub(super) fn end(duration: Option<Duration>) -> End {
    let status = property(&["response", "code"])
        .and_then(|code| Some(i64::from_le_bytes(code.try_into().ok()?)))
        .and_then(|code| HttpStatus::try_from(u16::try_from(code).ok()?).ok());
    let ended_by = match status {
        // Whoever asked is gone: whatever becomes of the upstream, the proxy has an answer.
        None => Some(EndedBy::Client),
        // What proxies say in an upstream's place are errors, and only then is there a second call.
        Some(status) if status.is_error() && is_by_proxy() => Some(EndedBy::Proxy),
        Some(_) => None,
    };
    let duration_us = duration.and_then(|duration| u64::try_from(duration.as_micros()).ok());
    End {
        status,
        ended_by,
        duration_us,
    }
}

/// Whether the proxy made the response itself. Measured on Envoy 1.40: what came from the upstream is
/// `via_upstream`, unless the caller left in the middle of it.
fn is_by_proxy() -> bool {
    property(&["response", "code_details"])
        .is_some_and(|details| details != b"via_upstream" && !details.starts_with(b"downstream_"))
}

fn property(path: &[&str]) -> Option<Bytes> {
    hostcalls::get_property(path.to_vec()).ok().flatten()
}

/// A random name. It tells lives of a VM apart and is no secret, so the seed of the standard
/// library's hasher, which comes from the host's `random_get`, is good enough.
pub(super) fn random_name() -> String {
    let word = || RandomState::new().hash_one(0_u8);
    format!("{:016x}{:016x}", word(), word())
}

/// SPIFFE ID of the downstream peer: the first URI SAN of its certificate, which the listener has
/// verified before any filter runs.
pub(super) fn peer() -> Option<String> {
    let value = property(&["connection", "uri_san_peer_certificate"])?;
    String::from_utf8(value)
        .ok()
        .filter(|peer| !peer.is_empty())
}

/// The map that all VMs with this one's `vm_id` share, on all workers.
#[derive(Debug, Default)]
pub(super) struct HostShared;

impl SharedData for HostShared {
    fn get(&self, key: &str) -> Option<(Vec<u8>, u32)> {
        let (value, version) = hostcalls::get_shared_data(key).ok()?;
        version.map(|version| (value.unwrap_or_default(), version))
    }

    fn set(&self, key: &str, value: &[u8], version: u32) -> bool {
        let version = (version != 0).then_some(version);
        hostcalls::set_shared_data(key, Some(value), version).is_ok()
    }
}

/// ES256 by the host's BoringSSL, at about an eighth of the cost of p256 in the VM.
#[derive(Debug, Default)]
pub(super) struct HostVerifier;

impl SignatureVerifier for HostVerifier {
    fn verify(&self, key: &PublicKey, message: &[u8], signature: &[u8; SIGNATURE_BYTES]) -> bool {
        // The host wants DER where JWS has r and s. `from_slice` refuses zero and out of range.
        let Ok(signature) = Signature::from_slice(signature) else {
            return false;
        };
        let signature = signature.to_der();
        let mut arguments = Vec::with_capacity(message.len().saturating_add(256));
        // VerifySignatureArguments: hash_function 1, public_key 2, signature 3, text 4.
        for (number, bytes) in [
            (1, &b"sha256"[..]),
            (2, key.spki()),
            (3, signature.as_bytes()),
            (4, message),
        ] {
            encode_key(number, WireType::LengthDelimited, &mut arguments);
            encode_varint(
                u64::try_from(bytes.len()).unwrap_or(u64::MAX),
                &mut arguments,
            );
            arguments.extend_from_slice(bytes);
        }
        let result = hostcalls::call_foreign_function("verify_signature", Some(&arguments));
        // VerifySignatureResult { result: true } starts with field 1 = 1. Everything else is a no.
        matches!(result, Ok(Some(bytes)) if bytes.starts_with(&[0x08, 0x01]))
    }
}
