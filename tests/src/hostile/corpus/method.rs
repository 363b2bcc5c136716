//! Methods, and fields that replace method or path after the decision.

use caracal_mandate::reason::Reason::{MalformedHeader, MalformedMethod, OperationUnregistered};

use super::{pay, read};
use crate::hostile::case::{Case, Expect};
use crate::hostile::class::{METHOD, OVERRIDE};
use crate::hostile::site::Kit;

/// Not plain upper-case names. HTTP/1.1 has a parser in front that knows some of this as well.
const MALFORMED: &[(&str, &[u8])] = &[
    ("lower case", b"get"),
    ("mixed case", b"Get"),
    ("with a digit", b"GET2"),
    ("with a hyphen", b"M-SEARCH"),
    ("with an underscore", b"GET_"),
    ("with a colon", b"GET:"),
    ("with a NUL", b"GET\0"),
    ("with a blank", b"GET /payments"),
    ("raw UTF-8", b"G\xc3\x89T"),
    ("longer than any", b"ABCDEFGHIJKLMNOPQRS"),
    ("empty", b""),
    ("a comma list", b"GET,DELETE"),
];

const UNREGISTERED: &[&str] = &[
    "HEAD", "PUT", "PATCH", "OPTIONS", "TRACE", "TRACK", "PROPFIND", "PURGE", "DEBUG", "PRI", "FOO",
];

/// What each replaces is the method, the path or both.
const OVERRIDES: &[(&str, &str)] = &[
    ("X-HTTP-Method-Override", "DELETE"),
    ("x-http-method-override", "GET"),
    ("X-HTTP-Method", "DELETE"),
    ("X-Method-Override", "DELETE"),
    ("X-Original-Method", "DELETE"),
    ("X-Forwarded-Method", "DELETE"),
    ("X-Original-URL", "/payments"),
    ("X-Rewrite-URL", "/payments"),
    ("X-Original-URI", "/payments"),
    ("X-Forwarded-Uri", "/payments"),
    ("X-Forwarded-Path", "/payments"),
    ("X-Override-URL", "/payments"),
];

pub(super) fn cases(kit: &Kit) -> Vec<Case> {
    let malformed = MALFORMED.iter().map(|(name, method)| {
        let request = read(kit).method(method);
        Case::new(METHOD, name, request, Expect::Refused(MalformedMethod))
    });
    let unregistered = UNREGISTERED.iter().map(|method| {
        let request = read(kit).method(method);
        Case::new(
            METHOD,
            method,
            request,
            Expect::Refused(OperationUnregistered),
        )
    });
    let another = Case::new(
        METHOD,
        "DELETE with a mandate for GET",
        read(kit).method("DELETE"),
        Expect::Refused(caracal_mandate::reason::Reason::InsufficientScope),
    );
    let overrides = OVERRIDES.iter().map(|(name, value)| {
        let request = pay(kit).field(name, value);
        Case::new(OVERRIDE, name, request, Expect::Refused(MalformedHeader))
    });
    malformed
        .chain(unregistered)
        .chain([another])
        .chain(overrides)
        .collect()
}
