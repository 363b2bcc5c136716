//! Paths that servers read in more than one way. Each carries a mandate for the honest request.

use caracal_mandate::reason::Reason::{MalformedPath, OperationUnregistered};

use super::read;
use crate::hostile::case::{Case, Expect};
use crate::hostile::class::{
    Class, PATH_DOTS, PATH_ENCODING, PATH_PARAMETERS, PATH_ROUTES, PATH_SLASHES,
};
use crate::hostile::site::Kit;

const MALFORMED: &[(Class, &str, &[u8])] = &[
    (PATH_ENCODING, "encoded letter", b"/%61ccounts/42"),
    (PATH_ENCODING, "encoded digit", b"/accounts/%342"),
    (
        PATH_ENCODING,
        "encoded unreserved: hyphen",
        b"/accounts/a%2db",
    ),
    (PATH_ENCODING, "encoded unreserved: tilde", b"/accounts/%7e"),
    (PATH_ENCODING, "double encoded letter", b"/accounts/%2561"),
    (PATH_ENCODING, "double encoded slash", b"/accounts%252f42"),
    (
        PATH_ENCODING,
        "double encoded dot",
        b"/accounts/%252e%252e/payments",
    ),
    (
        PATH_ENCODING,
        "triple encoded dot",
        b"/accounts/%25252e%25252e/payments",
    ),
    (PATH_ENCODING, "encoded percent alone", b"/accounts/%25"),
    (
        PATH_ENCODING,
        "encoded percent before hex",
        b"/accounts/42%2534",
    ),
    (
        PATH_ENCODING,
        "overlong slash of two bytes",
        b"/accounts%c0%af42",
    ),
    (
        PATH_ENCODING,
        "overlong slash of three bytes",
        b"/accounts%e0%80%af42",
    ),
    (
        PATH_ENCODING,
        "overlong dot",
        b"/accounts/%c0%ae%c0%ae/payments",
    ),
    (PATH_ENCODING, "overlong NUL", b"/accounts/42%c0%80"),
    (PATH_ENCODING, "surrogate", b"/accounts/%ed%a0%80"),
    (PATH_ENCODING, "beyond Unicode", b"/accounts/%f4%90%80%80"),
    (PATH_ENCODING, "UTF-8 cut short", b"/accounts/caf%c3"),
    (
        PATH_ENCODING,
        "UTF-8 split by a letter",
        b"/accounts/%c3a%a9",
    ),
    (PATH_ENCODING, "Latin-1", b"/accounts/caf%e9"),
    (PATH_ENCODING, "raw UTF-8", b"/accounts/caf\xc3\xa9"),
    (PATH_ENCODING, "raw Latin-1", b"/accounts/caf\xe9"),
    (PATH_ENCODING, "percent at the end", b"/accounts/42%"),
    (PATH_ENCODING, "percent and one digit", b"/accounts/42%2"),
    (PATH_ENCODING, "percent and no hex", b"/accounts/42%zz"),
    (PATH_ENCODING, "percent and a sign", b"/accounts/42%+1"),
    (PATH_ENCODING, "IIS %u encoding", b"/accounts/%u0034"),
    (PATH_ENCODING, "IIS %u slash", b"/accounts%u002f42"),
    (PATH_ENCODING, "fullwidth slash by %u", b"/accounts%uff0f42"),
    (PATH_ENCODING, "encoded question mark", b"/accounts/42%3fx"),
    (PATH_ENCODING, "encoded fragment sign", b"/accounts/42%23x"),
    (PATH_DOTS, "one level up", b"/accounts/../payments"),
    (PATH_DOTS, "up and down again", b"/accounts/x/../42"),
    (PATH_DOTS, "above the root", b"/../accounts/42"),
    (PATH_DOTS, "single dot", b"/accounts/./42"),
    (PATH_DOTS, "dot at the end", b"/accounts/."),
    (PATH_DOTS, "dots at the end", b"/accounts/.."),
    (
        PATH_DOTS,
        "encoded dots in lower case",
        b"/accounts/%2e%2e/payments",
    ),
    (
        PATH_DOTS,
        "encoded dots in upper case",
        b"/accounts/%2E%2E/payments",
    ),
    (
        PATH_DOTS,
        "one dot of two encoded",
        b"/accounts/.%2e/payments",
    ),
    (PATH_DOTS, "encoded single dot", b"/accounts/%2e"),
    (
        PATH_DOTS,
        "encoded dot inside a segment",
        b"/accounts/a%2eb",
    ),
    (
        PATH_DOTS,
        "dots with a parameter",
        b"/accounts/..;/payments",
    ),
    (PATH_DOTS, "dots with a NUL", b"/accounts/..%00/payments"),
    (
        PATH_DOTS,
        "dots with a backslash",
        b"/accounts/..\\payments",
    ),
    (
        PATH_DOTS,
        "dots and encoded backslash",
        b"/accounts/..%5cpayments",
    ),
    (
        PATH_DOTS,
        "dots and encoded slash",
        b"/accounts/..%2fpayments",
    ),
    (PATH_SLASHES, "two at the start", b"//accounts/42"),
    (PATH_SLASHES, "two in the middle", b"/accounts//42"),
    (PATH_SLASHES, "three in the middle", b"/accounts///42"),
    (PATH_SLASHES, "two at the end", b"/accounts/42//"),
    (
        PATH_SLASHES,
        "network-path reference",
        b"//evil.internal/accounts/42",
    ),
    (PATH_SLASHES, "encoded slash", b"/accounts%2f42"),
    (
        PATH_SLASHES,
        "encoded slash in upper case",
        b"/accounts%2F42",
    ),
    (PATH_SLASHES, "encoded slash at the end", b"/accounts/42%2f"),
    (
        PATH_SLASHES,
        "encoded slash at the start",
        b"/%2faccounts/42",
    ),
    (PATH_SLASHES, "backslash for a slash", b"/accounts\\42"),
    (PATH_SLASHES, "backslash at the start", b"\\accounts\\42"),
    (PATH_SLASHES, "slash and backslash", b"/\\accounts/42"),
    (PATH_SLASHES, "encoded backslash", b"/accounts%5c42"),
    (
        PATH_SLASHES,
        "encoded backslash in upper case",
        b"/accounts%5C42",
    ),
    (PATH_PARAMETERS, "session id", b"/accounts/42;jsessionid=1"),
    (
        PATH_PARAMETERS,
        "parameter before the route",
        b"/accounts;x=1/42",
    ),
    (PATH_PARAMETERS, "empty parameter", b"/accounts/42;"),
    (
        PATH_PARAMETERS,
        "parameter for a segment",
        b"/accounts/;/42",
    ),
    (PATH_PARAMETERS, "encoded semicolon", b"/accounts/42%3bx=1"),
    (PATH_PARAMETERS, "fragment", b"/accounts/42#x"),
    (
        PATH_PARAMETERS,
        "fragment with another path",
        b"/accounts/42#/../../payments",
    ),
    (PATH_PARAMETERS, "encoded NUL", b"/accounts/42%00"),
    (
        PATH_PARAMETERS,
        "encoded NUL and suffix",
        b"/accounts/42%00.json",
    ),
    (
        PATH_PARAMETERS,
        "encoded CR LF",
        b"/accounts/42%0d%0ahost:evil",
    ),
    (PATH_PARAMETERS, "encoded LF", b"/accounts/42%0a"),
    (PATH_PARAMETERS, "encoded tab", b"/accounts/42%09"),
    (PATH_PARAMETERS, "encoded DEL", b"/accounts/42%7f"),
    (PATH_PARAMETERS, "raw NUL", b"/accounts/42\0"),
    (PATH_PARAMETERS, "raw tab", b"/accounts/42\tx"),
    (PATH_PARAMETERS, "raw DEL", b"/accounts/42\x7f"),
    (PATH_PARAMETERS, "raw delimiter: quote", b"/accounts/\"42\""),
    (PATH_PARAMETERS, "raw delimiter: bracket", b"/accounts/[42]"),
];

/// Readable in one way as paths, but not as operations.
const UNREGISTERED: &[(&str, &str)] = &[
    ("trailing slash", "/accounts/42/"),
    ("trailing slash on a literal", "/accounts/"),
    ("first segment in capitals", "/ACCOUNTS/42"),
    ("first segment with one capital", "/Accounts/42"),
    (
        "a literal beside a parameter, in capitals",
        "/accounts/SUMMARY",
    ),
    (
        "a literal beside a parameter, with one capital",
        "/accounts/Summary",
    ),
    ("a literal with a format", "/accounts/summary.json"),
    ("a literal with a dot", "/accounts/summary."),
    ("a literal with an encoded blank", "/accounts/summary%20"),
    ("a segment more", "/accounts/42/payments"),
    ("a segment less", "/"),
    ("the literal of another method", "/payments.json"),
];

pub(super) fn cases(kit: &Kit) -> Vec<Case> {
    let malformed = MALFORMED.iter().map(|(class, name, target)| {
        let request = read(kit).target(target);
        Case::new(*class, name, request, Expect::Refused(MalformedPath))
    });
    let unregistered = UNREGISTERED.iter().map(|(name, target)| {
        let request = read(kit).target(target);
        Case::new(
            PATH_ROUTES,
            name,
            request,
            Expect::Refused(OperationUnregistered),
        )
    });
    malformed.chain(unregistered).collect()
}
