//! The cases: one table for each group of classes.

#![expect(clippy::too_many_lines, reason = "tables of cases")]

mod claims;
mod credential;
mod fields;
mod host;
mod http2;
mod jws;
mod method;
mod path;
mod sides;
mod size;
mod smuggling;
mod target;

use super::case::{Case, Expect, Request};
use super::class::HONEST;
use super::site::{BANK, Kit};

/// What the honest request looks like upstream.
const HONEST_LINE: &str = "GET /accounts/42 HTTP/1.1";

/// Every case.
#[must_use]
pub fn all(kit: &Kit) -> Vec<Case> {
    [
        honest(kit),
        path::cases(kit),
        target::cases(kit),
        host::cases(kit),
        method::cases(kit),
        fields::cases(kit),
        smuggling::cases(kit),
        http2::cases(kit),
        size::cases(kit),
        credential::cases(kit),
        jws::cases(kit),
        claims::cases(kit),
        sides::cases(kit),
    ]
    .concat()
}

/// The honest request: nothing is wrong with it, and each hostile one differs from it in one thing.
fn read(kit: &Kit) -> Request {
    Request::new("GET", BANK, "/accounts/42").mandate(&kit.account)
}

/// The honest payment.
fn pay(kit: &Kit) -> Request {
    Request::new("POST", BANK, "/payments")
        .mandate(&kit.payment)
        .content("{}")
}

fn honest(kit: &Kit) -> Vec<Case> {
    let case = |name, request: Request, line| Case::new(HONEST, name, request, Expect::line(line));
    vec![
        case("reads an account", read(kit), HONEST_LINE),
        case("pays", pay(kit), "POST /payments HTTP/1.1"),
        case(
            "has a query",
            read(kit).target("/accounts/42?from=2026-01&x=/../"),
            "GET /accounts/42?from=2026-01&x=/../ HTTP/1.1",
        ),
        case(
            "an account with an encoded blank",
            read(kit).target("/accounts/a%20b"),
            "GET /accounts/a%20b HTTP/1.1",
        ),
        case(
            "an account in Unicode, hex digits in lower case",
            read(kit).target("/accounts/caf%c3%a9"),
            "GET /accounts/caf%c3%a9 HTTP/1.1",
        ),
    ]
}
