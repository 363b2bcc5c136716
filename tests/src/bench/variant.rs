//! What is compared, as Envoy's HTTP filters.

use serde_json::{Value, json};

/// One way to enforce.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Variant {
    /// Nothing: what Envoy itself costs.
    Router,
    /// Envoy's `jwt_authn`, which verifies every token anew.
    JwtAuthn,
    /// Envoy's `jwt_authn` with its token cache.
    JwtAuthnCached,
    /// The same on a mandate that was delegated [`DELEGATIONS`] times, which is longer.
    JwtAuthnCachedDeep,
    /// Envoy's `ext_authz` with our token service.
    ExtAuthz,
    /// A filter in our place that decides nothing (`tests/floor`), and the net behind it.
    Floor,
    /// Our filter on a mandate that it knows.
    Cached,
    /// The same on a mandate that was delegated [`DELEGATIONS`] times.
    CachedDeep,
    /// With [`REVOCATIONS`] of other mandates.
    CachedCrowded,
    /// With both.
    CachedCrowdedDeep,
    /// Our filter on mandates that it sees for the first time.
    FirstSeen,
    /// Our filter without live authority: it asks about every request.
    Stale,
}

/// How often the mandate of the deep variants was delegated.
pub(super) const DELEGATIONS: u8 = 5;

/// Revocations that are live beside the crowded variants.
pub(super) const REVOCATIONS: u64 = 100_000;

/// Mandates that a variant is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// One, again and again.
    Known,
    /// One that was delegated, again and again.
    Deep,
    /// Another one each time.
    Rotating,
}

/// What the filters need to know of the surroundings.
#[derive(Debug)]
pub(super) struct Surroundings {
    pub(super) wasm: String,
    pub(super) floor: String,
    pub(super) jwks: String,
    pub(super) issuer: String,
    pub(super) audience: String,
    pub(super) zone: String,
}

/// Verified mandates that the filter of [`Variant::FirstSeen`] remembers: fewer than half of the
/// mandates that it is shown in turn, so that each one is forgotten before it comes again.
pub(super) const SMALL_CACHE: usize = 1024;

const MARK: &str = "bench-allow-mark-0123456789";

/// What operators run. The callbacks that it leaves out would cost each request several entries
/// into the VM.
const TEMPLATE: &str = include_str!("../../../envoy/resource.yaml");

/// The template's capability restriction.
fn allowed_capabilities() -> Value {
    let names = TEMPLATE
        .lines()
        .map(str::trim)
        .skip_while(|line| *line != "allowed_capabilities:")
        .skip(1)
        .map_while(|line| line.strip_suffix(": {}"));
    Value::Object(names.map(|name| (name.to_owned(), json!({}))).collect())
}

impl Variant {
    pub(super) const ALL: [Self; 12] = [
        Self::Router,
        Self::JwtAuthn,
        Self::JwtAuthnCached,
        Self::JwtAuthnCachedDeep,
        Self::ExtAuthz,
        Self::Floor,
        Self::Cached,
        Self::CachedDeep,
        Self::CachedCrowded,
        Self::CachedCrowdedDeep,
        Self::FirstSeen,
        Self::Stale,
    ];

    /// On a mandate that is known, beside the native filter on the same one.
    pub(super) const CACHED: [(Self, Self); 4] = [
        (Self::Cached, Self::JwtAuthnCached),
        (Self::CachedDeep, Self::JwtAuthnCachedDeep),
        (Self::CachedCrowded, Self::JwtAuthnCached),
        (Self::CachedCrowdedDeep, Self::JwtAuthnCachedDeep),
    ];

    /// Key in the report.
    pub(super) const fn key(self) -> &'static str {
        match self {
            Self::Router => "router",
            Self::JwtAuthn => "jwt_authn",
            Self::JwtAuthnCached => "jwt_authn_cached",
            Self::JwtAuthnCachedDeep => "jwt_authn_cached_deep",
            Self::ExtAuthz => "ext_authz",
            Self::Floor => "floor",
            Self::Cached => "cached",
            Self::CachedDeep => "cached_deep",
            Self::CachedCrowded => "cached_crowded",
            Self::CachedCrowdedDeep => "cached_crowded_deep",
            Self::FirstSeen => "first_seen",
            Self::Stale => "stale",
        }
    }

    /// For people.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Router => "router only",
            Self::JwtAuthn => "jwt_authn (native), every token verified",
            Self::JwtAuthnCached => "jwt_authn (native), token cache",
            Self::JwtAuthnCachedDeep => "  the same, mandate delegated 5 times",
            Self::ExtAuthz => "ext_authz (native) + token service",
            Self::Floor => "Wasm filter that decides nothing",
            Self::Cached => "caracal, known mandate",
            Self::CachedDeep => "  the same, delegated 5 times",
            Self::CachedCrowded => "  with 100,000 revocations",
            Self::CachedCrowdedDeep => "  with 100,000 revocations, delegated 5 times",
            Self::FirstSeen => "caracal, first-seen mandates",
            Self::Stale => "caracal, no live authority: asks each time",
        }
    }

    /// The mandates that it is shown.
    pub(super) const fn shown(self) -> Shown {
        match self {
            Self::JwtAuthn | Self::FirstSeen => Shown::Rotating,
            Self::JwtAuthnCachedDeep | Self::CachedDeep | Self::CachedCrowdedDeep => Shown::Deep,
            _ => Shown::Known,
        }
    }

    /// Whether it stands where there are [`REVOCATIONS`].
    pub(super) const fn is_crowded(self) -> bool {
        matches!(self, Self::CachedCrowded | Self::CachedCrowdedDeep)
    }

    /// Whether it is our filter with live authority.
    pub(super) const fn watches(self) -> bool {
        matches!(
            self,
            Self::Cached
                | Self::CachedDeep
                | Self::CachedCrowded
                | Self::CachedCrowdedDeep
                | Self::FirstSeen
        )
    }

    /// The HTTP filters before the router.
    pub(super) fn filters(self, around: &Surroundings) -> Vec<Value> {
        match self {
            Self::Router => Vec::new(),
            Self::JwtAuthn => vec![jwt_authn(around, false)],
            Self::JwtAuthnCached | Self::JwtAuthnCachedDeep => vec![jwt_authn(around, true)],
            Self::ExtAuthz => vec![ext_authz()],
            Self::Floor => vec![wasm(self, &around.floor, MARK), net()],
            Self::Cached
            | Self::CachedDeep
            | Self::CachedCrowded
            | Self::CachedCrowdedDeep
            | Self::Stale => ours(self, around, json!({})),
            Self::FirstSeen => ours(self, around, json!({"mandate_cache": SMALL_CACHE})),
        }
    }
}

fn jwt_authn(around: &Surroundings, cache: bool) -> Value {
    let mut provider = json!({
        "issuer": around.issuer,
        "audiences": [around.audience],
        "local_jwks": {"inline_string": around.jwks},
    });
    if let (true, Some(provider)) = (cache, provider.as_object_mut()) {
        let cache = json!({"jwt_cache_size": 1000, "jwt_max_token_size": 4096});
        provider.insert("jwt_cache_config".to_owned(), cache);
    }
    json!({"name": "envoy.filters.http.jwt_authn", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
        "providers": {"zone": provider},
        "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "zone"}}],
    }})
}

fn ext_authz() -> Value {
    json!({"name": "envoy.filters.http.ext_authz", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
        "transport_api_version": "V3",
        "grpc_service": {"envoy_grpc": {"cluster_name": "caracal_sts", "authority": "caracal-sts"}, "timeout": "2s"},
    }})
}

/// The filter and its net, as in `envoy/resource.yaml`.
fn ours(variant: Variant, around: &Surroundings, more: Value) -> Vec<Value> {
    let mut sts = json!({"cluster": "caracal_sts", "authority": "caracal-sts", "timeout_ms": 2000});
    if let (Variant::Stale, Some(sts)) = (variant, sts.as_object_mut()) {
        sts.insert("watch_cluster".to_owned(), "nowhere".into());
    }
    let mut settings = json!({
        "role": "resource",
        "zone": around.zone,
        "instance": format!("bench-{}", variant.key()),
        "sts": sts,
        "lease_ms": 2000,
        "audit": "required",
        "allow_mark": MARK,
    });
    if let (Some(settings), Value::Object(more)) = (settings.as_object_mut(), more) {
        settings.extend(more);
    }
    vec![wasm(variant, &around.wasm, &settings.to_string()), net()]
}

fn wasm(variant: Variant, module: &str, settings: &str) -> Value {
    json!({"name": "caracal", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
        "config": {
            "name": "caracal",
            "root_id": "caracal",
            "failure_policy": "FAIL_RELOAD",
            "vm_config": {
                "vm_id": format!("bench.{}", variant.key()),
                "runtime": "envoy.wasm.runtime.v8",
                "code": {"local": {"filename": module}},
                "capability_restriction_config": {"allowed_capabilities": allowed_capabilities()},
            },
            "configuration": {
                "@type": "type.googleapis.com/google.protobuf.StringValue",
                "value": settings,
            },
        },
    }})
}

/// Behind the filter: nothing passes without its mark.
fn net() -> Value {
    json!({"name": "envoy.filters.http.rbac", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC",
        "rules": {"action": "ALLOW", "policies": {"decided_by_caracal": {
            "permissions": [{"any": true}],
            "principals": [{"filter_state": {"key": "wasm.caracal.decision", "string_match": {"exact": MARK}}}],
        }}},
    }})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_capabilities_are_those_of_the_template() {
        let allowed = allowed_capabilities();
        assert!(allowed.get("proxy_on_request_headers").is_some());
        assert!(allowed.get("proc_exit").is_some(), "the last one");
        assert!(allowed.get("proxy_on_response_headers").is_none());
    }
}
