//! Request targets of other forms, and queries.

use caracal_mandate::reason::Reason::{
    MalformedMethod, MalformedPath, OperationUnregistered, ResourceUnregistered,
};

use super::{HONEST_LINE, read};
use crate::hostile::case::{Case, Expect};
use crate::hostile::class::{QUERY, TARGET_FORM};
use crate::hostile::site::{BANK, Kit, VAULT};

pub(super) fn cases(kit: &Kit) -> Vec<Case> {
    [forms(kit), queries(kit)].concat()
}

/// HTTP/1.1 alone has these (RFC 9112 §3.2).
fn forms(kit: &Kit) -> Vec<Case> {
    let case = |name: &str, target: String, expect: Expect| {
        let bytes = read(kit).target(target).http1();
        Case::new(TARGET_FORM, name, bytes, expect)
    };
    let refused = Expect::Refused;
    let honest = || Expect::line(HONEST_LINE);
    let mut cases = vec![
        case(
            "absolute form",
            format!("http://{BANK}/accounts/42"),
            honest(),
        ),
        case(
            "absolute form with a port",
            format!("http://{BANK}:80/accounts/42"),
            honest(),
        ),
        case(
            "absolute form, scheme in capitals",
            format!("HTTP://{BANK}/accounts/42"),
            honest(),
        ),
        case(
            "absolute form, https",
            format!("https://{BANK}/accounts/42"),
            honest(),
        ),
        case(
            "absolute form of another resource",
            format!("http://{VAULT}/accounts/42"),
            refused(caracal_mandate::reason::Reason::MandateAudience),
        ),
        case(
            "absolute form of an unknown host",
            "http://evil.internal/accounts/42".to_owned(),
            refused(ResourceUnregistered),
        ),
        case(
            "absolute form with dots",
            format!("http://{BANK}/accounts/../payments"),
            refused(MalformedPath),
        ),
        case(
            "absolute form with two slashes",
            format!("http://{BANK}//accounts/42"),
            refused(MalformedPath),
        ),
        case(
            "absolute form without a path",
            format!("http://{BANK}"),
            refused(OperationUnregistered),
        ),
        case(
            "absolute form and a query without a path",
            format!("http://{BANK}?/accounts/42"),
            refused(OperationUnregistered),
        ),
    ];
    let malformed_host = caracal_mandate::reason::Reason::MalformedHost;
    cases.extend([
        case(
            "absolute form with userinfo",
            format!("http://{BANK}@evil.internal/accounts/42"),
            refused(ResourceUnregistered),
        ),
        case(
            "absolute form with the bank as userinfo",
            format!("http://user@{BANK}/accounts/42"),
            honest(),
        ),
        case(
            "absolute form with password",
            format!("http://a:b@{BANK}/accounts/42"),
            honest(),
        ),
        case(
            "absolute form with a backslash",
            format!("http://{BANK}\\@evil.internal/accounts/42"),
            refused(malformed_host),
        ),
        case(
            "absolute form with a fragment in the host",
            format!("http://evil.internal#@{BANK}/accounts/42"),
            refused(malformed_host),
        ),
        case(
            "absolute form without a host",
            "http:///accounts/42".to_owned(),
            Expect::ByEnvoy,
        ),
        case(
            "another scheme",
            format!("ftp://{BANK}/accounts/42"),
            Expect::ByEnvoy,
        ),
        case(
            "file scheme",
            "file:///accounts/42".to_owned(),
            Expect::ByEnvoy,
        ),
        case(
            "authority form for GET",
            format!("{BANK}:80"),
            Expect::Refused(MalformedPath),
        ),
        case(
            "asterisk form for GET",
            "*".to_owned(),
            refused(MalformedPath),
        ),
        case(
            "no slash at the start",
            "accounts/42".to_owned(),
            refused(MalformedPath),
        ),
        case(
            "at sign at the start",
            "@evil.internal/accounts/42".to_owned(),
            refused(MalformedPath),
        ),
        case(
            "blank in the target",
            "/accounts/42 /payments".to_owned(),
            Expect::ByEnvoy,
        ),
        case(
            "two blanks before the target",
            " /accounts/42".to_owned(),
            Expect::EnvoyOr(vec![HONEST_LINE.to_owned()]),
        ),
    ]);
    cases
}

fn queries(kit: &Kit) -> Vec<Case> {
    let case = |name: &str, target: &[u8], expect: Expect| {
        Case::new(QUERY, name, read(kit).target(target), expect)
    };
    let path = || Expect::Refused(MalformedPath);
    let method = || Expect::Refused(MalformedMethod);
    let same = |target: &str| Expect::line(&format!("GET {target} HTTP/1.1"));
    vec![
        case(
            "a request line in the query",
            b"/accounts/42?x HTTP/1.1",
            path(),
        ),
        case(
            "CR LF in the query",
            b"/accounts/42?x\r\nx-caracal-decision: allow",
            path(),
        ),
        case("LF in the query", b"/accounts/42?x\nhost: evil", path()),
        case("NUL in the query", b"/accounts/42?x=\0", path()),
        case("tab in the query", b"/accounts/42?x=\t1", path()),
        case(
            "fragment in the query",
            b"/accounts/42?x#/../../payments",
            path(),
        ),
        case(
            "raw UTF-8 in the query",
            b"/accounts/42?x=caf\xc3\xa9",
            path(),
        ),
        case(
            "method in the query",
            b"/accounts/42?_method=DELETE",
            method(),
        ),
        case(
            "method in the query, encoded",
            b"/accounts/42?%5Fmethod=DELETE",
            method(),
        ),
        case(
            "method in the query, behind a semicolon",
            b"/accounts/42?a=1;_method=DELETE",
            method(),
        ),
        case(
            "method in the query, as PHP spells it",
            b"/accounts/42?.method=DELETE",
            method(),
        ),
        case(
            "dot segments in the query",
            b"/accounts/42?/../../payments",
            same("/accounts/42?/../../payments"),
        ),
        case(
            "encoded slashes in the query",
            b"/accounts/42?x=%2f..%2f",
            same("/accounts/42?x=%2f..%2f"),
        ),
        case(
            "a second question mark",
            b"/accounts/42?a?b",
            same("/accounts/42?a?b"),
        ),
        case(
            "a token in the query, which is none of ours",
            b"/accounts/42?access_token=x",
            same("/accounts/42?access_token=x"),
        ),
        case("an empty query", b"/accounts/42?", same("/accounts/42?")),
    ]
}
