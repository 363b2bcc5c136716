//! Hosts: their form, and more than one of them.

use caracal_mandate::reason::Reason::{
    MalformedHeader, MalformedHost, MandateAudience, ResourceUnregistered,
};

use super::{HONEST_LINE, read};
use crate::hostile::case::{Case, Expect};
use crate::hostile::class::{HOST, HOST_TWO};
use crate::hostile::site::{BANK, Kit, VAULT};

const MALFORMED: &[(&str, &[u8])] = &[
    ("trailing dot", b"mercury-bank.internal."),
    ("leading dot", b".mercury-bank.internal"),
    ("two dots", b"mercury-bank..internal"),
    ("userinfo", b"user@mercury-bank.internal"),
    ("userinfo and password", b"a:b@mercury-bank.internal"),
    (
        "the bank as userinfo",
        b"mercury-bank.internal@evil.internal",
    ),
    ("empty port", b"mercury-bank.internal:"),
    ("port 0", b"mercury-bank.internal:0"),
    ("port beyond 65535", b"mercury-bank.internal:65616"),
    ("port with a sign", b"mercury-bank.internal:+80"),
    ("port with letters", b"mercury-bank.internal:80x"),
    ("two ports", b"mercury-bank.internal:80:80"),
    (
        "port and userinfo",
        b"mercury-bank.internal:80@evil.internal",
    ),
    ("percent-encoding", b"mercury-bank%2einternal"),
    ("underscore", b"mercury_bank.internal"),
    ("raw UTF-8", b"mercury-b\xc3\xa4nk.internal"),
    ("fullwidth letters", b"\xef\xbd\x8dercury-bank.internal"),
    ("Kelvin sign for k", b"mercury-ban\xe2\x84\xaa.internal"),
    ("a slash", b"mercury-bank.internal/accounts"),
    ("a list", b"mercury-bank.internal,evil.internal"),
    ("IPv6 literal", b"[::1]"),
    ("empty", b""),
];

const UNKNOWN: &[(&str, &[u8])] = &[
    ("a host of nobody", b"evil.internal"),
    (
        "the bank as a subdomain of another",
        b"mercury-bank.internal.evil.internal",
    ),
    ("a subdomain of the bank", b"www.mercury-bank.internal"),
    ("punycode of a look-alike", b"xn--mercury-bnk-r8a.internal"),
    ("first label alone", b"mercury-bank"),
    ("IPv4 literal", b"127.0.0.1"),
    ("IPv4 as one number", b"2130706433"),
];

pub(super) fn cases(kit: &Kit) -> Vec<Case> {
    let refused = |reason| {
        move |(name, host): &(&str, &[u8])| {
            let request = read(kit).host(host);
            Case::new(HOST, name, request, Expect::Refused(reason))
        }
    };
    let mut cases: Vec<_> = MALFORMED.iter().map(refused(MalformedHost)).collect();
    cases.extend(UNKNOWN.iter().map(refused(ResourceUnregistered)));
    cases.extend(
        [
            ("in capitals", "MERCURY-BANK.INTERNAL"),
            ("with a port", "mercury-bank.internal:8080"),
        ]
        .map(|(name, host)| Case::new(HOST, name, read(kit).host(host), Expect::line(HONEST_LINE))),
    );
    cases.push(Case::new(
        HOST,
        "another resource's",
        read(kit).host(VAULT),
        Expect::Refused(MandateAudience),
    ));
    cases.extend(two(kit));
    cases
}

fn two(kit: &Kit) -> Vec<Case> {
    let with = |name: &str, field: &str, value: &str, expect: Expect| {
        Case::new(HOST_TWO, name, read(kit).field(field, value), expect)
    };
    let host = || Expect::Refused(MalformedHost);
    let header = || Expect::Refused(MalformedHeader);
    let auth = format!("authorization: Bearer {}", kit.account);
    let http1 = |name: &str, text: String, expect: Expect| {
        Case::new(HOST_TWO, name, text.into_bytes(), expect)
    };
    let line = || Expect::line(HONEST_LINE);
    vec![
        with(
            "a second Host field, another",
            "Host",
            VAULT,
            Expect::EnvoyOr(vec![HONEST_LINE.to_owned()]),
        ),
        with(
            "a second Host field, the same",
            "Host",
            BANK,
            Expect::EnvoyOr(vec![HONEST_LINE.to_owned()]),
        ),
        with(
            "x-forwarded-host, another",
            "x-forwarded-host",
            VAULT,
            host(),
        ),
        with(
            "x-forwarded-host, the bank and another",
            "x-forwarded-host",
            &format!("{BANK}, {VAULT}"),
            host(),
        ),
        with(
            "x-forwarded-host, the same",
            "x-forwarded-host",
            BANK,
            line(),
        ),
        with("x-host", "x-host", VAULT, header()),
        with("x-original-host", "x-original-host", VAULT, header()),
        with(
            "x-http-host-override",
            "x-http-host-override",
            VAULT,
            header(),
        ),
        with(
            "Forwarded with another host",
            "forwarded",
            &format!("for=1.2.3.4;host={VAULT}"),
            host(),
        ),
        with(
            "Forwarded with another host in quotes",
            "forwarded",
            &format!("host=\"{VAULT}\""),
            host(),
        ),
        http1(
            "no Host field",
            format!("GET /accounts/42 HTTP/1.1\r\n{auth}\r\n\r\n"),
            host(),
        ),
        http1(
            "Host field of a blank before the colon",
            format!(
                "GET /accounts/42 HTTP/1.1\r\nhost : {VAULT}\r\nhost: {BANK}\r\n{auth}\r\n\r\n"
            ),
            Expect::ByEnvoy,
        ),
        http1(
            "absolute form against Host field",
            format!("GET http://{BANK}/accounts/42 HTTP/1.1\r\nhost: {VAULT}\r\n{auth}\r\n\r\n"),
            line(),
        ),
        http1(
            "absolute form of another against the bank's Host field",
            format!("GET http://{VAULT}/accounts/42 HTTP/1.1\r\nhost: {BANK}\r\n{auth}\r\n\r\n"),
            Expect::Refused(MandateAudience),
        ),
        http1(
            "Host field on a continuation line",
            format!("GET /accounts/42 HTTP/1.1\r\nhost: {BANK}\r\n {VAULT}\r\n{auth}\r\n\r\n"),
            host(),
        ),
    ]
}
