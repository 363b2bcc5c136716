//! Other people's Envoys: our configuration without its hardening.
//!
//! The filter must not depend on how the connection manager in front of it is set up. `bare` takes
//! off what can be taken off; `repairing` makes Envoy rewrite paths before the filter sees them.

use anyhow::{Result, bail};

/// A change of a rendered configuration.
pub(super) type Edit = fn(&str) -> Result<String>;

/// Every hardening of the connection manager taken off, tunnels allowed, the peer trusted.
pub(super) fn bare(configuration: &str) -> Result<String> {
    edited(
        configuration,
        &[
            (
                "path_with_escaped_slashes_action: REJECT_REQUEST",
                "path_with_escaped_slashes_action: KEEP_UNCHANGED",
            ),
            (
                "headers_with_underscores_action: REJECT_REQUEST",
                "headers_with_underscores_action: ALLOW",
            ),
            ("max_headers_count: 100", "max_headers_count: 2000"),
            ("max_request_headers_kb: 32", "max_request_headers_kb: 96"),
            ("use_remote_address: true", "use_remote_address: false"),
            (
                "suppress_envoy_headers: true",
                "suppress_envoy_headers: false",
            ),
            ("max_retries: 0", "max_retries: 3"),
            (
                "          http2_protocol_options:\n            max_concurrent_streams: 100\n",
                concat!(
                    "          http_protocol_options: { allow_chunked_length: true, accept_http_10: true }\n",
                    "          upgrade_configs: [ { upgrade_type: websocket }, { upgrade_type: h2c }, { upgrade_type: CONNECT } ]\n",
                    "          http2_protocol_options:\n            allow_connect: true\n",
                    "            override_stream_error_on_invalid_http_message: true\n",
                    "            max_concurrent_streams: 100\n",
                ),
            ),
            (
                "              - match: { prefix: \"/\" }\n                route: { cluster: upstream,",
                concat!(
                    "              - match: { connect_matcher: {} }\n",
                    "                route: { cluster: upstream, upgrade_configs: [ { upgrade_type: CONNECT, connect_config: {} } ] }\n",
                    "              - match: { prefix: \"/\" }\n                route: { cluster: upstream,",
                ),
            ),
        ],
    )
}

/// Envoy normalizes paths, merges slashes and decodes encoded ones before any filter.
pub(super) fn repairing(configuration: &str) -> Result<String> {
    edited(
        configuration,
        &[
            ("normalize_path: false", "normalize_path: true"),
            ("merge_slashes: false", "merge_slashes: true"),
            (
                "path_with_escaped_slashes_action: REJECT_REQUEST",
                "path_with_escaped_slashes_action: UNESCAPE_AND_FORWARD",
            ),
        ],
    )
}

fn edited(configuration: &str, changes: &[(&str, &str)]) -> Result<String> {
    let mut text = configuration.to_owned();
    for (from, to) in changes {
        if !text.contains(from) {
            bail!("the configuration does not say {from:?}");
        }
        text = text.replace(from, to);
    }
    Ok(text)
}
