//! What the host knows and can do.

use std::cell::Cell;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::OnceLock;
use std::time::{Instant, UNIX_EPOCH};

use caracal_mandate::key::{PublicKey, SIGNATURE_BYTES, SignatureVerifier};
use caracal_mandate::lease::{Reading, SteadyClock};
use p256::ecdsa::Signature;
use prost::encoding::{WireType, encode_key, encode_varint};
use proxy_wasm::hostcalls;
use proxy_wasm::types::Bytes;

use crate::calls::SharedData;
use crate::time::Moment;

/// Both clocks. A host without a wall clock gives 0: then every mandate is issued in the future,
/// and nothing passes.
pub(super) fn read() -> Reading {
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
    Reading {
        monotonic_ms: u64::try_from(since_start.as_millis()).unwrap_or(u64::MAX),
        unix_ms: unix
            .and_then(|unix| u64::try_from(unix.as_millis()).ok())
            .unwrap_or(0),
    }
}

/// Both clocks, the monotonic one with the time that the machine stood still.
pub(super) fn now() -> Moment {
    thread_local! {
        static STEADY: Cell<SteadyClock> = const { Cell::new(SteadyClock::new()) };
    }
    let reading = read();
    let mut steady = STEADY.get();
    let monotonic_ms = steady.read(reading);
    STEADY.set(steady);
    Moment {
        monotonic_ms,
        unix_ms: reading.unix_ms,
    }
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
    let value: Bytes = hostcalls::get_property(vec!["connection", "uri_san_peer_certificate"])
        .ok()
        .flatten()?;
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
