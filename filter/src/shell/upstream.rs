//! gRPC upstreams.

use std::time::Duration;

use proxy_wasm::hostcalls;
use proxy_wasm::types::Status;

use crate::config::MAX_UPSTREAM_NAME;
use crate::engine::CallToken;

/// A cluster, in the form that the host takes.
///
/// The host first tries to read the given text as a serialized `GrpcService`, and a cluster name
/// that happens to be valid protobuf (`st`, `p1`, `edges`) aborts the whole proxy. So the message
/// itself is passed: `GrpcService { envoy_grpc(1): { cluster_name(1), authority(2) } }`. The SDK
/// takes text; tags and lengths below 0x80 keep the bytes UTF-8.
pub(super) struct Upstream {
    service: String,
    timeout: Duration,
}

impl Upstream {
    /// `None` when a name does not fit; the configuration was checked for that before.
    pub(super) fn new(cluster: &str, authority: &str, timeout_ms: u32) -> Option<Self> {
        let field = |tag: char, value: &str| {
            let length = u8::try_from(value.len())
                .ok()
                .filter(|length| *length < 0x80)?;
            Some(
                [
                    String::from(tag),
                    char::from(length).to_string(),
                    value.to_owned(),
                ]
                .concat(),
            )
        };
        if cluster.is_empty() || cluster.len() > MAX_UPSTREAM_NAME {
            return None;
        }
        let mut inner = field('\u{0a}', cluster)?;
        // Both together must stay below 0x80; the authority is a nicety, the cluster is not.
        if inner
            .len()
            .saturating_add(authority.len())
            .saturating_add(2)
            < 0x80
        {
            inner.push_str(&field('\u{12}', authority)?);
        }
        let service = field('\u{0a}', &inner)?;
        Some(Self {
            service,
            timeout: Duration::from_millis(timeout_ms.into()),
        })
    }

    /// Sends one call.
    pub(super) fn call(
        &self,
        service: &str,
        method: &str,
        message: &[u8],
    ) -> Result<CallToken, Status> {
        hostcalls::dispatch_grpc_call(
            &self.service,
            service,
            method,
            Vec::new(),
            Some(message),
            self.timeout,
        )
    }

    /// Opens a stream.
    pub(super) fn open(&self, service: &str, method: &str) -> Result<CallToken, Status> {
        hostcalls::open_grpc_stream(&self.service, service, method, Vec::new())
    }
}
