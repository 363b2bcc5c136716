//! What only frames can say: pseudo-header fields, forbidden fields, and tunnels of both protocols.

use super::{HONEST_LINE, pay, read};
use crate::hostile::case::{Case, Expect};
use crate::hostile::class::{HTTP2_FIELDS, HTTP2_PSEUDO, TUNNEL};
use crate::hostile::http2::Frames;
use crate::hostile::site::{BANK, Kit, VAULT};

pub(super) fn cases(kit: &Kit) -> Vec<Case> {
    [pseudo(kit), fields(kit), tunnels(kit)].concat()
}

fn field(name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> (Vec<u8>, Vec<u8>) {
    (name.as_ref().to_vec(), value.as_ref().to_vec())
}

/// The honest request with its fields changed.
fn changed(kit: &Kit, change: impl FnOnce(&mut Vec<(Vec<u8>, Vec<u8>)>)) -> Frames {
    let mut frames = read(kit).http2();
    change(&mut frames.fields);
    frames
}

fn with(kit: &Kit, name: &str, value: &str) -> Frames {
    changed(kit, |fields| fields.push(field(name, value)))
}

fn without(kit: &Kit, name: &str) -> Frames {
    changed(kit, |fields| {
        fields.retain(|(known, _)| known != name.as_bytes());
    })
}

fn replaced(kit: &Kit, name: &str, value: &str) -> Frames {
    changed(kit, |fields| {
        for (known, old) in fields {
            if known == name.as_bytes() {
                *old = value.as_bytes().to_vec();
            }
        }
    })
}

/// RFC 9113 §8.3.
fn pseudo(kit: &Kit) -> Vec<Case> {
    let case = |name: &str, frames: Frames, expect| Case::new(HTTP2_PSEUDO, name, frames, expect);
    let refused = || Expect::Refused(caracal_mandate::reason::Reason::MalformedHeader);
    let envoy = || Expect::ByEnvoy;
    let path = || Expect::Refused(caracal_mandate::reason::Reason::MalformedPath);
    let host = || Expect::Refused(caracal_mandate::reason::Reason::MalformedHost);
    let second = |name: &'static str, value: &'static str| {
        changed(kit, |fields| fields.insert(4, field(name, value)))
    };
    vec![
        case(":path twice", second(":path", "/payments"), envoy()),
        case(
            ":path twice, the same",
            second(":path", "/accounts/42"),
            envoy(),
        ),
        case(":method twice", second(":method", "DELETE"), envoy()),
        case(":authority twice", second(":authority", VAULT), envoy()),
        case(":scheme twice", second(":scheme", "http"), envoy()),
        case(
            "an unknown pseudo-header field",
            second(":evil", "1"),
            envoy(),
        ),
        case(":status in a request", second(":status", "200"), envoy()),
        case(
            "pseudo-header fields behind others",
            changed(kit, |fields| fields.reverse()),
            envoy(),
        ),
        case(
            ":path behind a field",
            with(kit, ":path", "/payments"),
            envoy(),
        ),
        case("no :path", without(kit, ":path"), envoy()),
        case("no :method", without(kit, ":method"), envoy()),
        case("no :scheme", without(kit, ":scheme"), envoy()),
        case("no :authority", without(kit, ":authority"), host()),
        case("empty :path", replaced(kit, ":path", ""), path()),
        case(
            ":path without a slash",
            replaced(kit, ":path", "accounts/42"),
            path(),
        ),
        case(
            ":path in absolute form",
            replaced(kit, ":path", &format!("http://{BANK}/accounts/42")),
            path(),
        ),
        case(
            ":path in absolute form of another",
            replaced(kit, ":path", &format!("https://{VAULT}/accounts/42")),
            path(),
        ),
        case(":path is an asterisk", replaced(kit, ":path", "*"), path()),
        case("empty :scheme", replaced(kit, ":scheme", ""), refused()),
        case(
            ":scheme is a URL",
            replaced(kit, ":scheme", "http://evil.internal/x?"),
            refused(),
        ),
        case(
            ":scheme of another protocol",
            replaced(kit, ":scheme", "ftp"),
            refused(),
        ),
        case(
            ":scheme in capitals",
            replaced(kit, ":scheme", "HTTPS"),
            Expect::EnvoyOr(vec![HONEST_LINE.to_owned()]),
        ),
        case(
            ":scheme http over TLS",
            replaced(kit, ":scheme", "http"),
            Expect::line(HONEST_LINE),
        ),
        case(
            ":authority and another Host",
            with(kit, "host", VAULT),
            Expect::EnvoyOr(vec![HONEST_LINE.to_owned()]),
        ),
        case(
            ":authority and the same Host",
            with(kit, "host", BANK),
            Expect::EnvoyOr(vec![HONEST_LINE.to_owned()]),
        ),
        case(
            "Host alone",
            changed(kit, |fields| {
                for (name, _) in fields.iter_mut().filter(|(name, _)| name == b":authority") {
                    *name = b"host".to_vec();
                }
                fields.swap(2, 3);
            }),
            Expect::EnvoyOr(vec![HONEST_LINE.to_owned()]),
        ),
        case(
            ":authority with a path",
            replaced(kit, ":authority", &format!("{BANK}/accounts/42?")),
            host(),
        ),
        case(
            ":authority with CR LF",
            replaced(kit, ":authority", &format!("{BANK}\r\nx-a: b")),
            envoy(),
        ),
        case(
            ":method with CR LF",
            replaced(kit, ":method", "GET / HTTP/1.1\r\nx-a: b"),
            envoy(),
        ),
        case(
            ":path with CR LF",
            replaced(kit, ":path", "/accounts/42 HTTP/1.1\r\nx-a: b"),
            path(),
        ),
    ]
}

fn fields(kit: &Kit) -> Vec<Case> {
    let case = |name: &str, frames: Frames, expect| Case::new(HTTP2_FIELDS, name, frames, expect);
    let envoy = || Expect::ByEnvoy;
    let paid = |change: &[(&str, &str)], content: &str| {
        let mut frames = pay(kit).http2();
        let more = change.iter().map(|(name, value)| field(name, value));
        frames.fields.extend(more);
        frames.content = Some(content.as_bytes().to_vec());
        frames
    };
    let one = || Expect::EnvoyOr(vec!["POST /payments HTTP/1.1".to_owned()]);
    let trailers = |name: &str, value: &str| {
        let mut frames = paid(&[], "{}");
        frames.trailers.push(field(name, value));
        frames
    };
    vec![
        case("field name in capitals", with(kit, "X-A", "b"), envoy()),
        case(
            "authorization in capitals beside it",
            with(kit, "Authorization", "Bearer x"),
            envoy(),
        ),
        case("empty field name", with(kit, "", "b"), envoy()),
        case("blank in the name", with(kit, "x a", "b"), envoy()),
        case("colon in the name", with(kit, "x:a", "b"), envoy()),
        case(
            "CR LF in the name",
            with(kit, "x-a: b\r\nx-caracal-decision", "allow"),
            envoy(),
        ),
        case(
            "CR LF in the value",
            with(kit, "x-a", "b\r\nx-caracal-decision: allow"),
            envoy(),
        ),
        case(
            "LF in the value",
            with(kit, "x-a", "b\nhost: evil"),
            envoy(),
        ),
        case("NUL in the value", with(kit, "x-a", "b\0"), envoy()),
        case(
            "a request in a value",
            with(kit, "x-a", "b\r\n\r\nGET /payments HTTP/1.1"),
            envoy(),
        ),
        case(
            "blank at the start of a value",
            with(kit, "x-a", " b"),
            Expect::EnvoyOr(vec![HONEST_LINE.to_owned()]),
        ),
        case(
            "connection",
            with(kit, "connection", "authorization"),
            envoy(),
        ),
        case("keep-alive", with(kit, "keep-alive", "1"), envoy()),
        case(
            "proxy-connection",
            with(kit, "proxy-connection", "close"),
            envoy(),
        ),
        case(
            "H2.TE: transfer-encoding chunked",
            paid(&[("transfer-encoding", "chunked")], "0\r\n\r\n"),
            envoy(),
        ),
        case(
            "H2.TE: transfer-encoding identity",
            paid(&[("transfer-encoding", "identity")], "{}"),
            envoy(),
        ),
        case(
            "H2.CL: content longer than its length",
            paid(&[("content-length", "0")], "GET /x HTTP/1.1\r\n\r\n"),
            one(),
        ),
        case(
            "H2.CL: two lengths",
            paid(&[("content-length", "2"), ("content-length", "3")], "{}"),
            envoy(),
        ),
        case(
            "H2.CL: length with a plus",
            paid(&[("content-length", "+2")], "{}"),
            envoy(),
        ),
        case(
            "H2.CL: the right length",
            paid(&[("content-length", "2")], "{}"),
            one(),
        ),
        case(
            "te: chunked",
            with(kit, "te", "chunked"),
            Expect::EnvoyOr(vec![HONEST_LINE.to_owned()]),
        ),
        case(
            "trailer is a mandate",
            trailers("authorization", "Bearer x"),
            one(),
        ),
        case(
            "trailer is a pseudo-header field",
            trailers(":path", "/x"),
            Expect::CutOff,
        ),
        case(
            "trailer of ours",
            trailers("x-caracal-decision", "allow"),
            one(),
        ),
    ]
}

fn tunnels(kit: &Kit) -> Vec<Case> {
    let case = |name: &str, message: crate::hostile::case::Message, expect| {
        Case::new(TUNNEL, name, message, expect)
    };
    let method = || Expect::Refused(caracal_mandate::reason::Reason::MalformedMethod);
    let header = || Expect::Refused(caracal_mandate::reason::Reason::MalformedHeader);
    let auth = format!("authorization: Bearer {}", kit.account);
    let http1 = |name: &str, target: &str, lines: &str, expect| {
        let text = format!("{target} HTTP/1.1\r\nhost: {BANK}\r\n{auth}\r\n{lines}\r\n\r\n");
        case(name, text.into_bytes().into(), expect)
    };
    let upgrade = |protocol: &str| format!("connection: Upgrade\r\nupgrade: {protocol}");
    let connect = |extended: &[(&str, &str)]| {
        let mut frames = replaced(kit, ":method", "CONNECT");
        if extended.is_empty() {
            frames
                .fields
                .retain(|(name, _)| name != b":path" && name != b":scheme");
        }
        for (name, value) in extended {
            frames.fields.insert(4, field(name, value));
        }
        frames
    };
    let get = "GET /accounts/42";
    vec![
        http1(
            "CONNECT to the bank",
            &format!("CONNECT {BANK}:80"),
            "x-a: b",
            method(),
        ),
        http1(
            "CONNECT to the authority",
            "CONNECT 127.0.0.1:9090",
            "x-a: b",
            method(),
        ),
        http1(
            "CONNECT with a path",
            "CONNECT /accounts/42",
            "x-a: b",
            Expect::ByEnvoy,
        ),
        http1(
            "upgrade to h2c",
            get,
            "connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__",
            Expect::EnvoyOr(vec![HONEST_LINE.to_owned()]),
        ),
        http1(
            "upgrade to h2c, Connection without settings",
            get,
            &upgrade("h2c"),
            Expect::EnvoyOr(vec![HONEST_LINE.to_owned()]),
        ),
        http1(
            "upgrade to h2c and websocket",
            get,
            &upgrade("websocket, h2c"),
            header(),
        ),
        http1("upgrade to TLS", get, &upgrade("TLS/1.0"), header()),
        http1(
            "upgrade to an unknown protocol",
            get,
            &upgrade("evil"),
            header(),
        ),
        http1(
            "upgrade without Connection",
            get,
            "upgrade: h2c",
            Expect::EnvoyOr(vec![HONEST_LINE.to_owned()]),
        ),
        http1(
            "HTTP/2 preface on HTTP/1.1",
            "PRI *",
            "x-a: b",
            Expect::ByEnvoy,
        ),
        case("CONNECT in HTTP/2", connect(&[]).into(), method()),
        case(
            "CONNECT with path and scheme",
            replaced(kit, ":method", "CONNECT").into(),
            Expect::ByEnvoy,
        ),
        case(
            "extended CONNECT for websocket at an account",
            connect(&[(":protocol", "websocket")]).into(),
            Expect::EnvoyOr(vec![HONEST_LINE.to_owned()]),
        ),
        case(
            "extended CONNECT for connect-udp",
            connect(&[(":protocol", "connect-udp")]).into(),
            header(),
        ),
        case(
            ":protocol without CONNECT",
            with_protocol(kit).into(),
            Expect::ByEnvoy,
        ),
        case(
            "upgrade in HTTP/2",
            with(kit, "upgrade", "h2c").into(),
            Expect::ByEnvoy,
        ),
    ]
}

fn with_protocol(kit: &Kit) -> Frames {
    changed(kit, |fields| {
        fields.insert(4, field(":protocol", "websocket"));
    })
}
