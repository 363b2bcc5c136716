//! The sides that obtain mandates: an agent's sidecar, which anything beside it can speak to, and the
//! gateway, which speaks for whoever it sees. What is sent there carries no mandate of its own.

use caracal_mandate::reason::Reason::{
    self, MalformedHeader, MalformedHost, MalformedMethod, MalformedPath, NoGrant,
    OperationUnregistered, ResourceUnregistered,
};

use super::{HONEST_LINE, Request};
use crate::hostile::case::{At, Case, Expect};
use crate::hostile::class::{AGENT, GATEWAY};
use crate::hostile::site::{BANK, Kit, VAULT};

pub(super) fn cases(kit: &Kit) -> Vec<Case> {
    let mut cases = Vec::new();
    for (class, at) in [(AGENT, At::Agent), (GATEWAY, At::Gateway)] {
        let case =
            |name: &str, request: Request, expect| Case::new(class, name, request, expect).at(at);
        let bare = || Request::new("GET", BANK, "/accounts/42");
        let line = || Expect::line(HONEST_LINE);
        let refused = |reason: Reason| Expect::Refused(reason);
        cases.extend([
            case("the honest request", bare(), line()),
            case(
                "a key of its own in authorization",
                bare().field("authorization", "Bearer sk-live-1"),
                line(),
            ),
            case(
                "another workload's mandate",
                bare().mandate(&kit.stolen),
                line(),
            ),
            case("two credentials", bare().mandate("a").mandate("b"), line()),
            case(
                "Connection names authorization",
                bare().field("connection", "authorization"),
                Expect::EnvoyOr(vec![HONEST_LINE.to_owned()]),
            ),
            case(
                "a decision of its own",
                bare().field("x-caracal-decision", "allow"),
                line(),
            ),
            case(
                "a peer of its own",
                bare().field(
                    "x-forwarded-client-cert",
                    "URI=spiffe://caracal.dev/ns/bank/sa/proxy",
                ),
                line(),
            ),
            case(
                "a retry policy of its own",
                bare().field("x-envoy-retry-on", "5xx"),
                line(),
            ),
            case(
                "encoded dots",
                bare().target("/accounts/%2e%2e/payments"),
                refused(MalformedPath),
            ),
            case(
                "encoded slash",
                bare().target("/accounts%2f42"),
                refused(MalformedPath),
            ),
            case(
                "two slashes",
                bare().target("//accounts/42"),
                refused(MalformedPath),
            ),
            case(
                "a route in capitals",
                bare().target("/accounts/Summary"),
                refused(OperationUnregistered),
            ),
            case(
                "a trailing dot on the host",
                bare().host(format!("{BANK}.")),
                refused(MalformedHost),
            ),
            case(
                "a host of nobody",
                bare().host("evil.internal"),
                refused(ResourceUnregistered),
            ),
            case(
                "a second host",
                bare().field("x-forwarded-host", VAULT),
                refused(MalformedHost),
            ),
            case(
                "a resource without a grant",
                bare().host(VAULT),
                refused(NoGrant),
            ),
            case(
                "an operation without a grant",
                bare().method("DELETE"),
                refused(NoGrant),
            ),
            case(
                "a method in lower case",
                bare().method("get"),
                refused(MalformedMethod),
            ),
            case(
                "a method override",
                bare().field("x-http-method-override", "DELETE"),
                refused(MalformedHeader),
            ),
            case(
                "a method in the query",
                bare().target("/accounts/42?_method=DELETE"),
                refused(MalformedMethod),
            ),
        ]);
        let http1 = |name: &str, text: String, expect| {
            Case::new(class, name, text.into_bytes(), expect).at(at)
        };
        cases.extend([
            http1("absolute form, as a proxy's clients send it", format!("GET http://{BANK}/accounts/42 HTTP/1.1\r\nhost: {BANK}\r\n\r\n"), line()),
            http1("absolute form of a resource without a grant, Host of the bank", format!("GET http://{VAULT}/accounts/42 HTTP/1.1\r\nhost: {BANK}\r\n\r\n"), refused(NoGrant)),
            http1("CONNECT, as a proxy's clients send it", format!("CONNECT {BANK}:443 HTTP/1.1\r\nhost: {BANK}:443\r\n\r\n"), refused(MalformedMethod)),
            http1("upgrade to h2c", format!("GET /accounts/42 HTTP/1.1\r\nhost: {BANK}\r\nconnection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n\r\n"), Expect::EnvoyOr(vec![HONEST_LINE.to_owned()])),
        ]);
    }
    cases
}
