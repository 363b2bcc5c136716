//! The table: every hostile request, and what needs more than one workload, gRPC, or a change of
//! authority on the way.

use crate::hostile::case::{At, Message, Request};
use crate::hostile::corpus;
use crate::hostile::site::{BANK, Kit, VAULT, WORKLOAD};

/// One request, and who sends it where.
#[derive(Debug, Clone)]
pub struct Case {
    /// Its class.
    pub class: &'static str,
    /// Its name, unique in its class.
    pub name: String,
    /// Where it is sent.
    pub at: At,
    /// Who sends it.
    pub peer: &'static str,
    /// What is sent.
    pub message: Message,
}

const PEERS: &str = "other workloads";
const GRPC: &str = "gRPC";
const PLAIN: &str = "everyday requests";
const REVOKED: &str = "after the revocation of an application";
/// The class of cases that are sent while nobody answers.
pub const AWAY: &str = "while the token service does not answer";

fn case(class: &'static str, name: &str, at: At, peer: &'static str, request: Request) -> Case {
    let (name, message) = (name.to_owned(), Message::Both(request));
    Case {
        class,
        name,
        at,
        peer,
        message,
    }
}

/// The cases of an authority as it is.
#[must_use]
pub fn all(kit: &Kit) -> Vec<Case> {
    let hostile = corpus::all(kit).into_iter().map(|case| Case {
        class: case.class.name,
        name: case.name,
        at: case.at,
        peer: WORKLOAD,
        message: case.message,
    });
    hostile
        .chain(plain(kit))
        .chain(peers(kit))
        .chain(grpc(kit))
        .collect()
}

fn account() -> Request {
    Request::new("GET", BANK, "/accounts/42")
}

fn payment() -> Request {
    Request::new("POST", BANK, "/payments").content("{}")
}

fn plain(kit: &Kit) -> Vec<Case> {
    let mut cases = Vec::new();
    for at in [At::Resource, At::Gateway, At::Agent] {
        let name = |what: &str| format!("{what}, {at:?}");
        let plain = |what: &str, request| case(PLAIN, &name(what), at, WORKLOAD, request);
        cases.extend([
            plain("no mandate", account()),
            plain("no mandate for a payment", payment()),
            plain("a mandate", account().mandate(&kit.account)),
            plain(
                "a list",
                Request::new("GET", BANK, "/accounts").mandate(&kit.account),
            ),
            plain(
                "a mandate for something else",
                payment().mandate(&kit.account),
            ),
            plain("a mandate for a payment", payment().mandate(&kit.payment)),
            plain("a revoked mandate", account().mandate(&kit.revoked)),
            plain(
                "an unknown host",
                Request::new("GET", "nobody.internal", "/"),
            ),
            plain(
                "an unknown path",
                account().target("/nothing").mandate(&kit.account),
            ),
            plain(
                "an unknown method",
                account().method("PUT").mandate(&kit.account),
            ),
            plain("HEAD", account().method("HEAD").mandate(&kit.account)),
            plain("OPTIONS", account().method("OPTIONS").mandate(&kit.account)),
            plain(
                "a resource without a grant",
                account().host(VAULT).mandate(&kit.account),
            ),
            plain(
                "an operation that nobody has a grant for",
                Request::new("GET", BANK, "/payments"),
            ),
            plain("Basic", account().field("authorization", "Basic YTpi")),
            plain(
                "an empty bearer token",
                account().field("authorization", "Bearer "),
            ),
            plain(
                "a list of types",
                account()
                    .mandate(&kit.account)
                    .field("accept", "a/b, c/d")
                    .field("accept", "e/f"),
            ),
            plain(
                "bytes that are no text",
                account().mandate(&kit.account).field("x-note", b"caf\xe9"),
            ),
            plain(
                "a trace",
                account().mandate(&kit.account).field(
                    "traceparent",
                    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                ),
            ),
        ]);
    }
    cases
}

fn peers(kit: &Kit) -> Vec<Case> {
    let mut cases = Vec::new();
    for peer in ["research", "stranger", "gateway"] {
        let name = |what: &str| format!("{what}, {peer}");
        let at = |at, what: &str, request| case(PEERS, &name(what), at, peer, request);
        cases.extend([
            at(
                At::Resource,
                "payout's mandate",
                account().mandate(&kit.account),
            ),
            at(
                At::Resource,
                "research's mandate",
                account().mandate(&kit.stolen),
            ),
            at(
                At::Resource,
                "a revoked mandate",
                account().mandate(&kit.revoked),
            ),
            at(At::Resource, "no mandate", account()),
            at(At::Gateway, "no mandate", account()),
            at(
                At::Gateway,
                "payout's mandate",
                account().mandate(&kit.account),
            ),
            at(At::Gateway, "a payment", payment()),
            at(At::Gateway, "an unknown path", account().target("/nothing")),
            at(
                At::Gateway,
                "an unknown host",
                account().host("nobody.internal"),
            ),
            at(
                At::Gateway,
                "a path in two readings",
                account().target("/accounts/%2e%2e/x"),
            ),
        ]);
    }
    cases
}

fn grpc(kit: &Kit) -> Vec<Case> {
    let mut cases = Vec::new();
    for kind in [
        "application/grpc",
        "application/grpc+proto",
        "application/grpc-web",
        "application/grpcs",
    ] {
        let name = |what: &str| format!("{what}, {kind}");
        let grpc = |what: &str, at, request: Request| {
            let request = request.field("content-type", kind).field("te", "trailers");
            case(GRPC, &name(what), at, WORKLOAD, request)
        };
        cases.extend([
            grpc("allowed", At::Resource, payment().mandate(&kit.payment)),
            grpc("no mandate", At::Resource, payment()),
            grpc("wrong scope", At::Resource, payment().mandate(&kit.account)),
            grpc(
                "unknown operation",
                At::Resource,
                payment().target("/x.Y/Z"),
            ),
            grpc("two readings", At::Resource, payment().target("//payments")),
            grpc("allowed at the gateway", At::Gateway, payment()),
            grpc(
                "no grant at the gateway",
                At::Gateway,
                account().method("DELETE"),
            ),
            grpc(
                "two readings at the agent",
                At::Agent,
                payment().target("/a/../payments"),
            ),
        ]);
    }
    cases
}

/// The cases after the application of `research` was revoked.
#[must_use]
pub fn revoked(kit: &Kit) -> Vec<Case> {
    let research = |name: &str, at, request| case(REVOKED, name, at, "research", request);
    vec![
        research("its mandate", At::Resource, account().mandate(&kit.stolen)),
        research("a new one", At::Gateway, account()),
        research("a new one for a payment", At::Gateway, payment()),
        case(
            REVOKED,
            "another application",
            At::Resource,
            WORKLOAD,
            account().mandate(&kit.account),
        ),
        case(
            REVOKED,
            "another one, at the gateway",
            At::Gateway,
            WORKLOAD,
            account(),
        ),
    ]
}

/// The cases while the token service does not answer, and every lease has ended.
#[must_use]
pub fn away(kit: &Kit) -> Vec<Case> {
    let away = |name: &str, at, request| case(AWAY, name, at, WORKLOAD, request);
    vec![
        away("a mandate", At::Resource, account().mandate(&kit.account)),
        away("no mandate", At::Resource, account()),
        away("at the gateway", At::Gateway, account()),
        away("at the agent", At::Agent, account()),
        away(
            "two readings",
            At::Resource,
            account().target("//accounts/42").mandate(&kit.account),
        ),
    ]
}
