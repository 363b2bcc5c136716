//! Fields that only this system or Envoy may set, names that are read as others, and syntax.

use caracal_mandate::reason::Reason::{MalformedHeader, MalformedHost};

use super::{HONEST_LINE, pay, read};
use crate::hostile::case::{Case, Expect};
use crate::hostile::class::{Class, FIELD_SYNTAX, HOP_BY_HOP, INTERNAL, UNDERSCORE};
use crate::hostile::site::{BANK, Kit};

/// Taken away, or of no effect: what arrives is the honest request without them.
const HARMLESS: &[(Class, &str, &str)] = &[
    (INTERNAL, "x-caracal-decision", "allow"),
    (INTERNAL, "X-Caracal-Reason", "none"),
    (
        INTERNAL,
        "x-caracal-holder",
        "spiffe://caracal.dev/ns/bank/sa/proxy",
    ),
    (INTERNAL, "x-envoy-retry-on", "5xx,connect-failure"),
    (INTERNAL, "x-envoy-max-retries", "10"),
    (INTERNAL, "x-envoy-original-path", "/payments"),
    (INTERNAL, "x-envoy-original-host", "evil.internal"),
    (INTERNAL, "x-envoy-upstream-rq-timeout-ms", "1"),
    (INTERNAL, "x-envoy-upstream-rq-per-try-timeout-ms", "1"),
    (INTERNAL, "x-envoy-hedge-on-per-try-timeout", "true"),
    (INTERNAL, "x-envoy-internal", "true"),
    (INTERNAL, "x-envoy-decorator-operation", "pay"),
    (INTERNAL, "x-forwarded-for", "127.0.0.1"),
    (INTERNAL, "x-forwarded-proto", "https"),
    (
        INTERNAL,
        "x-forwarded-client-cert",
        "URI=spiffe://caracal.dev/ns/bank/sa/proxy",
    ),
    (HOP_BY_HOP, "connection", "authorization"),
    (HOP_BY_HOP, "Connection", "close, Authorization"),
    (HOP_BY_HOP, "connection", "x-caracal-decision"),
    (HOP_BY_HOP, "connection", "host, x-request-id"),
    (HOP_BY_HOP, "connection", "content-length"),
    (HOP_BY_HOP, "proxy-connection", "authorization"),
    (HOP_BY_HOP, "keep-alive", "timeout=600"),
    (HOP_BY_HOP, "te", "trailers"),
];

const FOLDED: &[(&str, &str)] = &[
    ("x_caracal_decision", "allow"),
    ("x-caracal_decision", "allow"),
    ("X_HTTP_METHOD_OVERRIDE", "DELETE"),
    ("x_original_url", "/payments"),
    ("x_forwarded_host", "vault.internal"),
    ("x_request_id", "1"),
    ("content_length", "100"),
    ("transfer_encoding", "chunked"),
    ("content_type", "application/grpc"),
];

pub(super) fn cases(kit: &Kit) -> Vec<Case> {
    let harmless = HARMLESS.iter().map(|(class, field, value)| {
        let name = format!("{field}: {value}");
        // HTTP/2 has no connection-specific fields: RFC 9113 §8.2.2 makes them malformed.
        let expect = if *class == HOP_BY_HOP {
            Expect::EnvoyOr(vec![HONEST_LINE.to_owned()])
        } else {
            Expect::line(HONEST_LINE)
        };
        Case::new(*class, &name, read(kit).field(field, value), expect)
    });
    let folded = FOLDED.iter().map(|(field, value)| {
        let request = pay(kit).field(field, value);
        Case::new(UNDERSCORE, field, request, Expect::Refused(MalformedHeader))
    });
    let twice = Case::new(
        INTERNAL,
        "x-request-id twice",
        read(kit)
            .field("x-request-id", "a")
            .field("x-request-id", "b"),
        Expect::EnvoyOr(vec![HONEST_LINE.to_owned()]),
    );
    harmless
        .chain(folded)
        .chain([twice])
        .chain(syntax(kit))
        .collect()
}

/// Bytes of HTTP/1.1 around and inside of fields.
fn syntax(kit: &Kit) -> Vec<Case> {
    let case = |name: &str, lines: &str, expect: Expect| {
        let text = format!(
            "GET /accounts/42 HTTP/1.1\r\nhost: {BANK}\r\nauthorization: Bearer {}\r\n{lines}\r\n\r\n",
            kit.account
        );
        Case::new(FIELD_SYNTAX, name, text.into_bytes(), expect)
    };
    let raw = |name: &str, text: String, expect: Expect| {
        Case::new(FIELD_SYNTAX, name, text.into_bytes(), expect)
    };
    let token = &kit.account;
    let envoy = || Expect::ByEnvoy;
    let either = || Expect::EnvoyOr(vec![HONEST_LINE.to_owned()]);
    let mut cases = vec![
        case("blank before the colon", "x-a : b", envoy()),
        case("tab before the colon", "x-a\t: b", envoy()),
        case("blank in the name", "x a: b", envoy()),
        case("no colon", "x-a", envoy()),
        case("no name", ": b", envoy()),
        case("control character in the name", "x\x01a: b", envoy()),
        case("parenthesis in the name", "x(a): b", envoy()),
        case("NUL in the value", "x-a: b\0c", envoy()),
        case(
            "CR in the value",
            "x-a: b\rx-caracal-decision: allow",
            either(),
        ),
        case(
            "LF in the value",
            "x-a: b\nx-caracal-decision: allow",
            either(),
        ),
        case("folded line", "x-a: b\r\n c", either()),
        case(
            "folded line that looks like a field",
            "x-a: b\r\n\tauthorization: Bearer x",
            either(),
        ),
        case("first line folded", " x-a: b", either()),
        raw(
            "bare LF for every line end",
            format!("GET /accounts/42 HTTP/1.1\nhost: {BANK}\nauthorization: Bearer {token}\n\n"),
            either(),
        ),
        raw(
            "bare CR for every line end",
            format!("GET /accounts/42 HTTP/1.1\rhost: {BANK}\rauthorization: Bearer {token}\r\r"),
            envoy(),
        ),
        raw(
            "empty lines before the request",
            format!(
                "\r\n\r\nGET /accounts/42 HTTP/1.1\r\nhost: {BANK}\r\nauthorization: Bearer {token}\r\n\r\n"
            ),
            either(),
        ),
        raw("HTTP/0.9", "GET /accounts/42\r\n".to_owned(), envoy()),
        raw(
            "HTTP/1.0",
            format!(
                "GET /accounts/42 HTTP/1.0\r\nhost: {BANK}\r\nauthorization: Bearer {token}\r\n\r\n"
            ),
            either(),
        ),
        raw(
            "HTTP/1.0 without a host",
            format!("GET /accounts/42 HTTP/1.0\r\nauthorization: Bearer {token}\r\n\r\n"),
            Expect::Refused(MalformedHost),
        ),
        raw(
            "HTTP/1.2",
            format!(
                "GET /accounts/42 HTTP/1.2\r\nhost: {BANK}\r\nauthorization: Bearer {token}\r\n\r\n"
            ),
            either(),
        ),
        raw(
            "HTTP/2.0 in a request line",
            format!(
                "GET /accounts/42 HTTP/2.0\r\nhost: {BANK}\r\nauthorization: Bearer {token}\r\n\r\n"
            ),
            either(),
        ),
        raw(
            "tab in the request line",
            format!(
                "GET\t/accounts/42\tHTTP/1.1\r\nhost: {BANK}\r\nauthorization: Bearer {token}\r\n\r\n"
            ),
            either(),
        ),
        raw(
            "something behind the version",
            format!(
                "GET /accounts/42 HTTP/1.1 x\r\nhost: {BANK}\r\nauthorization: Bearer {token}\r\n\r\n"
            ),
            envoy(),
        ),
    ];
    let utf8 = |name: &str, field: &[u8], value: &[u8]| {
        let request = read(kit).field(field, value);
        Case::new(FIELD_SYNTAX, name, request, either())
    };
    cases.extend([
        utf8("value that is not UTF-8", b"x-a", b"caf\xe9"),
        utf8("value of a lone continuation byte", b"x-a", b"\x80"),
        utf8("name that is not ASCII", b"x-\xe9", b"a"),
        utf8("x-request-id that is not UTF-8", b"x-request-id", b"\xff"),
        utf8("traceparent that is not UTF-8", b"traceparent", b"\xff"),
    ]);
    cases
}
