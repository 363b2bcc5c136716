//! What the name of a header field means for a decision, and what its value may say.

use std::borrow::Cow;

use crate::host::normal_host;
use crate::reason::Reason;

/// Prefix of the headers that only this system may set; copies from outside are removed.
const INTERNAL_PREFIX: &str = "x-caracal-";

/// Headers by which some frameworks replace the method, the path or the host that was decided on.
/// Symfony and IIS read `x-original-url` and `x-rewrite-url` (CVE-2018-14773).
const OVERRIDES: [&str; 15] = [
    "x-forwarded-method",
    "x-forwarded-path",
    "x-forwarded-uri",
    "x-host",
    "x-http-host-override",
    "x-http-method",
    "x-http-method-override",
    "x-http-path-override",
    "x-method-override",
    "x-original-host",
    "x-original-method",
    "x-original-uri",
    "x-original-url",
    "x-override-url",
    "x-rewrite-url",
];

/// Headers by which a peer that Envoy trusts steers its router: a second try would be a second
/// payment. Whom Envoy trusts is set elsewhere, so they are removed here.
const STEERING: [&str; 10] = [
    "x-envoy-hedge-on-per-try-timeout",
    "x-envoy-max-retries",
    "x-envoy-original-host",
    "x-envoy-original-path",
    "x-envoy-retriable-header-names",
    "x-envoy-retriable-status-codes",
    "x-envoy-retry-grpc-on",
    "x-envoy-retry-on",
    "x-envoy-upstream-rq-per-try-timeout-ms",
    "x-envoy-upstream-rq-timeout-ms",
];

/// What a field is to a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Method,
    Authority,
    Path,
    Scheme,
    Authorization,
    RequestId,
    ContentType,
    ContentLength,
    TransferEncoding,
    Upgrade,
    Traceparent,
    Tracestate,
    /// Says which host was meant; must say the same.
    OtherHost,
    /// To be removed.
    Internal,
    /// Not to be there at all.
    Forbidden(Reason),
    /// Of no concern.
    Other,
}

impl Field {
    /// By the name as the host gives it, in lower case.
    pub(super) fn of(name: &str) -> Self {
        if !name.contains('_') {
            return Self::of_plain(name);
        }
        // CGI, WSGI, PHP and others cannot tell `x_y` from `x-y`.
        match Self::of_plain(&name.replace('_', "-")) {
            Self::Other | Self::Traceparent | Self::Tracestate => Self::Other,
            _ => Self::Forbidden(Reason::MalformedHeader),
        }
    }

    fn of_plain(name: &str) -> Self {
        match name {
            ":method" => Self::Method,
            ":authority" => Self::Authority,
            ":path" => Self::Path,
            ":scheme" => Self::Scheme,
            "authorization" => Self::Authorization,
            "x-request-id" => Self::RequestId,
            "content-type" => Self::ContentType,
            "content-length" => Self::ContentLength,
            "transfer-encoding" => Self::TransferEncoding,
            "upgrade" => Self::Upgrade,
            "traceparent" => Self::Traceparent,
            "tracestate" => Self::Tracestate,
            "x-forwarded-host" | "forwarded" => Self::OtherHost,
            // The host gives `host` as `:authority`; one beside it would be a second one upstream.
            "host" => Self::Forbidden(Reason::MalformedHost),
            other if other.starts_with(':') => Self::Forbidden(Reason::MalformedHeader),
            // The lists are of such names alone.
            other if !other.starts_with("x-") => Self::Other,
            other if is_ours(other) => Self::Internal,
            other if OVERRIDES.contains(&other) => Self::Forbidden(Reason::MalformedHeader),
            other if STEERING.contains(&other) => Self::Internal,
            _ => Self::Other,
        }
    }
}

/// Whether only this system may set a header of this name.
#[must_use]
pub fn is_ours(name: &str) -> bool {
    name.starts_with(INTERNAL_PREFIX)
}

/// Whether `x-forwarded-host` (a list) or `forwarded` (RFC 7239 §4) names another host than the one
/// that the decision is about. What cannot be read names another.
pub(super) fn names_another_host(value: &[u8], host: &str) -> bool {
    let is_host = |text: &[u8]| normal_host(text).is_ok_and(|other| other == host);
    value
        .split(|byte| matches!(byte, b',' | b';'))
        .map(<[u8]>::trim_ascii)
        .any(|part| {
            let Some(equals) = part.iter().position(|byte| *byte == b'=') else {
                return !is_host(part);
            };
            let (name, text) = part.split_at(equals);
            let text = text.get(1..).unwrap_or_default().trim_ascii();
            let quoted = text
                .strip_prefix(b"\"")
                .and_then(|rest| rest.strip_suffix(b"\""));
            name.trim_ascii().eq_ignore_ascii_case(b"host") && !is_host(quoted.unwrap_or(text))
        })
}

/// Whether the query has a parameter `_method`, which Symfony, Laravel and others take for the
/// method. PHP reads `.method` and ` method` as that name too.
pub(super) fn overrides_method(target: &[u8]) -> bool {
    let query = target
        .splitn(2, |byte| *byte == b'?')
        .nth(1)
        .unwrap_or_default();
    query
        .split(|byte| matches!(byte, b'&' | b';'))
        .any(|parameter| {
            let name = parameter.split(|byte| *byte == b'=').next();
            let name = decoded(name.unwrap_or_default());
            let name = name.trim_ascii_start();
            matches!(name.split_first(), Some((b'_' | b'.' | b' ', rest)) if rest.eq_ignore_ascii_case(b"method"))
        })
}

/// A parameter's name, decoded once.
fn decoded(name: &[u8]) -> Cow<'_, [u8]> {
    if !name.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        return Cow::Borrowed(name);
    }
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let mut out = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        let pair = digit(tail.first()).zip(digit(tail.get(1)));
        match (first, pair) {
            (b'%', Some((high, low))) => {
                out.push(u8::try_from(high.saturating_mul(16).saturating_add(low)).unwrap_or(0));
                rest = tail.get(2..).unwrap_or_default();
            }
            (b'+', _) => out.push(b' '),
            (byte, _) => out.push(*byte),
        }
    }
    Cow::Owned(out)
}
