//! The classes, by the weakness that each stands for.

/// A class of hostile requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Class {
    /// Place in the table.
    pub order: u8,
    /// Name.
    pub name: &'static str,
    /// The published weakness, by its number or its common name.
    pub weakness: &'static str,
}

macro_rules! classes {
    ($($constant:ident = $name:literal, $weakness:literal;)*) => {
        classes!(@ 0u8; $($constant = $name, $weakness;)*);
    };
    (@ $order:expr;) => {};
    (@ $order:expr; $constant:ident = $name:literal, $weakness:literal; $($rest:tt)*) => {
        #[doc = $name]
        pub const $constant: Class = Class { order: $order, name: $name, weakness: $weakness };
        classes!(@ $order + 1; $($rest)*);
    };
}

classes! {
    HONEST = "honest twins", "none: these must pass, or nothing below proves anything";
    PATH_ENCODING = "path: percent-encoding", "CWE-177, CWE-174 (double), CWE-176 (overlong UTF-8, CVE-2000-0884)";
    PATH_DOTS = "path: dot segments", "CWE-22, CWE-23";
    PATH_SLASHES = "path: slashes and backslashes", "CWE-41, CWE-647 (CVE-2021-29492 in Envoy)";
    PATH_PARAMETERS = "path: parameters, fragments, control characters", "CWE-436 (CVE-2021-32779 in Envoy: fragments)";
    PATH_ROUTES = "path: another route for lenient routers", "CWE-178 (case), CWE-706; suffix and trailing-slash matching";
    TARGET_FORM = "request target: absolute, authority, asterisk form", "CWE-436";
    QUERY = "query: ends, splits, overrides", "CWE-444 (HTTP/2 request line injection), CWE-650";
    HOST = "host: form", "CWE-20, CWE-178, CWE-1289";
    HOST_TWO = "host: two of them", "CWE-436 (Host header attacks)";
    METHOD = "method", "CWE-650, CWE-749 (TRACE: Cross-Site Tracing)";
    OVERRIDE = "method and path override fields", "CWE-650; CVE-2018-14773";
    INTERNAL = "fields of ours and of Envoy, from outside", "CWE-290, CWE-348";
    UNDERSCORE = "underscores for hyphens", "CWE-436 (WSGI and CGI name folding, CVE-2015-0219)";
    HOP_BY_HOP = "Connection-named fields", "hop-by-hop header abuse (CVE-2022-1388 on BIG-IP)";
    FIELD_SYNTAX = "field syntax", "CWE-113, CWE-93; RFC 9112 section 5.2 (obs-fold)";
    SMUGGLING = "request smuggling", "CWE-444: CL.TE, TE.CL, TE.TE, CL.0, chunk syntax";
    HTTP2_PSEUDO = "HTTP/2 pseudo-header fields", "CWE-444: RFC 9113 section 8.3";
    HTTP2_FIELDS = "HTTP/2 fields and framing", "CWE-444: H2.CL, H2.TE, CRLF injection in the downgrade";
    TUNNEL = "upgrade and CONNECT", "CWE-441; h2c smuggling";
    SIZE = "oversized", "CWE-770, CWE-400";
    CREDENTIAL = "credentials: form and number", "CWE-287; RFC 6750 section 2";
    JWS_ALGORITHM = "JWS: algorithm", "CVE-2015-9235 (none, algorithm confusion)";
    JWS_KEY = "JWS: key from the token", "CVE-2018-0114 (embedded jwk); jku, x5u, x5c and kid injection";
    JWS_FORM = "JWS: form", "CWE-347; RFC 7515 section 5.2, RFC 8725 section 3";
    JWS_SIGNATURE = "JWS: signature", "CVE-2022-21449 (psychic signatures), CWE-347";
    CLAIMS = "claims", "CWE-613, CWE-345; RFC 8725 sections 3.8 to 3.12 (cross-JWT confusion)";
    BINDING = "holder, audience, scope, chain, revocation", "CWE-294, CWE-863; RFC 8705, RFC 8693";
    AGENT = "at the agent's sidecar", "CWE-441 (confused deputy), CWE-290";
    GATEWAY = "at the gateway", "CWE-441 (confused deputy), CWE-290";
}
