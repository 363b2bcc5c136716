//! More than an enforcement point reads.

use caracal_mandate::reason::Reason::{MalformedPath, MandateSize, OperationUnregistered};

use super::{HONEST_LINE, read};
use crate::hostile::case::{Case, Expect};
use crate::hostile::class::SIZE;
use crate::hostile::site::{BANK, Kit};

pub(super) fn cases(kit: &Kit) -> Vec<Case> {
    let case = |name: &str, request, expect| Case::new(SIZE, name, request, expect);
    let many = |count: usize| {
        (0..count).fold(read(kit), |request, at| {
            request.field(format!("x-{at}"), "1")
        })
    };
    let either = || Expect::EnvoyOr(vec![HONEST_LINE.to_owned()]);
    let query = "a".repeat(8000);
    let target = format!("/accounts/42?{query}");
    let line = format!("GET {target} HTTP/1.1");
    let refused = Expect::Refused;
    vec![
        case(
            "a path of 5000 bytes",
            read(kit).target(format!("/accounts/{}", "a".repeat(5000))),
            refused(MalformedPath),
        ),
        case(
            "a path of 40000 bytes",
            read(kit).target(format!("/accounts/{}", "a".repeat(40_000))),
            refused(MalformedPath),
        ),
        case(
            "a path of 70 segments",
            read(kit).target("/a".repeat(70)),
            refused(MalformedPath),
        ),
        case(
            "a path of 60 segments",
            read(kit).target("/a".repeat(60)),
            refused(OperationUnregistered),
        ),
        case(
            "a query of 8000 bytes",
            read(kit).target(target),
            Expect::line(&line),
        ),
        case(
            "a field of 33000 bytes",
            read(kit).field("x-a", "a".repeat(33_000)),
            either(),
        ),
        case(
            "a field of 70000 bytes",
            read(kit).field("x-a", "a".repeat(70_000)),
            refused(caracal_mandate::reason::Reason::RequestTooLarge),
        ),
        case(
            "a field name of 70000 bytes",
            read(kit).field("a".repeat(70_000), "1"),
            refused(caracal_mandate::reason::Reason::RequestTooLarge),
        ),
        case("120 fields", many(120), either()),
        case("1500 fields", many(1500), either()),
        case(
            "a host of 300 bytes",
            read(kit).host(format!("{}.{BANK}", "a".repeat(300))),
            refused(caracal_mandate::reason::Reason::MalformedHost),
        ),
        case(
            "a mandate of 5000 bytes",
            super::Request::new("GET", BANK, "/accounts/42").mandate(&"a".repeat(5000)),
            refused(MandateSize),
        ),
        case(
            "a mandate of 20000 bytes",
            super::Request::new("GET", BANK, "/accounts/42").mandate(&"a".repeat(20_000)),
            refused(MandateSize),
        ),
    ]
}
