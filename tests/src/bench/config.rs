//! Envoy's configurations for the benchmark: everything but the HTTP filters is the same.

use serde_json::{Value, json};

use crate::stack::TRUST_DOMAIN;
use crate::stack::identity::Identity;

const TYPE: &str = "type.googleapis.com/envoy.extensions";

/// Ports of one variant's Envoy.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ports {
    pub(super) listener: u16,
    pub(super) admin: u16,
    pub(super) upstream: u16,
    pub(super) sts: u16,
    /// Nothing listens here.
    pub(super) dead: u16,
}

/// An Envoy with mTLS, the given filters, and a plain upstream.
pub(super) fn enforcing(
    ports: Ports,
    filters: Vec<Value>,
    identity: &Identity,
    sts_id: &str,
) -> Value {
    let route = json!({"cluster": "upstream", "timeout": "15s"});
    let mut manager = manager("bench", &json!({"route": route}));
    if let Some(list) = manager
        .pointer_mut("/typed_config/http_filters")
        .and_then(Value::as_array_mut)
    {
        list.splice(0..0, filters);
    }
    let tls = json!({"name": "envoy.transport_sockets.tls", "typed_config": {
        "@type": format!("{TYPE}.transport_sockets.tls.v3.DownstreamTlsContext"),
        "require_client_certificate": true,
        "common_tls_context": tls_context(identity, &json!({"prefix": format!("spiffe://{TRUST_DOMAIN}/")})),
    }});
    let upstream_tls = json!({"name": "envoy.transport_sockets.tls", "typed_config": {
        "@type": format!("{TYPE}.transport_sockets.tls.v3.UpstreamTlsContext"),
        "common_tls_context": tls_context(identity, &json!({"exact": sts_id})),
    }});
    let sts = |name: &str, port: u16| {
        let mut cluster = cluster(name, port);
        if let Some(cluster) = cluster.as_object_mut() {
            cluster.insert("transport_socket".to_owned(), upstream_tls.clone());
            cluster.insert("typed_extension_protocol_options".to_owned(), http2());
        }
        cluster
    };
    json!({
        "admin": {"address": address(ports.admin)},
        "static_resources": {
            "listeners": [{
                "name": "bench",
                "address": address(ports.listener),
                "filter_chains": [{"filters": [manager], "transport_socket": tls}],
            }],
            "clusters": [
                cluster("upstream", ports.upstream),
                sts("caracal_sts", ports.sts),
                sts("nowhere", ports.dead),
            ],
        },
    })
}

/// An Envoy that answers 200 by itself.
pub(super) fn answering(listener: u16, admin: u16) -> Value {
    let answer = json!({"direct_response": {"status": 200, "body": {"inline_string": "ok\n"}}});
    json!({
        "admin": {"address": address(admin)},
        "static_resources": {"listeners": [{
            "name": "upstream",
            "address": address(listener),
            "filter_chains": [{"filters": [manager("upstream", &answer)]}],
        }]},
    })
}

fn manager(name: &str, action: &Value) -> Value {
    let mut route = json!({"match": {"prefix": "/"}});
    if let (Some(route), Some(action)) = (route.as_object_mut(), action.as_object()) {
        route.extend(action.clone());
    }
    json!({"name": "envoy.filters.network.http_connection_manager", "typed_config": {
        "@type": format!("{TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager"),
        "stat_prefix": name,
        "use_remote_address": true,
        "route_config": {"name": name, "virtual_hosts": [{"name": name, "domains": ["*"], "routes": [route]}]},
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": {
            "@type": format!("{TYPE}.filters.http.router.v3.Router"),
        }}],
    }})
}

fn tls_context(identity: &Identity, matcher: &Value) -> Value {
    let file = |path: &std::path::Path| json!({"filename": path.display().to_string()});
    json!({
        "tls_params": {"tls_minimum_protocol_version": "TLSv1_3", "tls_maximum_protocol_version": "TLSv1_3"},
        "tls_certificates": [{
            "certificate_chain": file(&identity.certificate),
            "private_key": file(&identity.key),
        }],
        "validation_context": {
            "trusted_ca": file(&identity.authority),
            "match_typed_subject_alt_names": [{"san_type": "URI", "matcher": matcher}],
        },
    })
}

fn http2() -> Value {
    json!({"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": format!("{TYPE}.upstreams.http.v3.HttpProtocolOptions"),
        "explicit_http_config": {"http2_protocol_options": {}},
    }})
}

fn cluster(name: &str, port: u16) -> Value {
    json!({
        "name": name,
        "type": "STATIC",
        "connect_timeout": "0.25s",
        "load_assignment": {"cluster_name": name, "endpoints": [
            {"lb_endpoints": [{"endpoint": {"address": address(port)}}]},
        ]},
    })
}

fn address(port: u16) -> Value {
    json!({"socket_address": {"address": "127.0.0.1", "port_value": port}})
}
