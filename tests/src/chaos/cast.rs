//! Who asks for what.
//!
//! | application | its grants | asks through | why |
//! |---|---|---|---|
//! | `payout-agent`, `research-agent` | steady | its own certificate, `Check` | nothing but a fault may refuse it |
//! | `token-client` | steady | the token endpoint, a client secret | the same, with limits counted in Redis |
//! | `churn-N` | made and revoked all the time | a gateway, `Check` | a replica that is behind would allow it |
//! | `mortal-N` | steady | a gateway | one is revoked for good right before each fault |
//! | `barred` | steady | a gateway | the second policy refuses it |

use crate::upstream::{BANK, COMPLIANCE, INVOICES};

/// One operation of one resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Target {
    /// The resource's registered name.
    pub(super) resource: &'static str,
    /// Its host.
    pub(super) host: &'static str,
    /// Method.
    pub(super) method: &'static str,
    /// Path.
    pub(super) path: &'static str,
    /// The scope that the operation needs.
    pub(super) scope: &'static str,
}

/// What is asked for. The first is what everybody with a steady grant asks for.
pub(super) const TARGETS: [Target; 3] = [
    Target {
        resource: "mercury-bank",
        host: BANK,
        method: "GET",
        path: "/accounts/42",
        scope: "accounts:read",
    },
    Target {
        resource: "invoices",
        host: INVOICES,
        method: "GET",
        path: "/invoices/2041",
        scope: "invoices:read",
    },
    Target {
        resource: "compliance",
        host: COMPLIANCE,
        method: "POST",
        path: "/checks",
        scope: "compliance:check",
    },
];

/// The workload of each application that has a certificate.
pub(super) const DIRECT: [(&str, &str); 2] =
    [("payout-agent", "payout"), ("research-agent", "research")];

/// The application that uses the token endpoint.
pub(super) const TOKEN_CLIENT: &str = "token-client";

/// The application that the second policy refuses.
pub(super) const BARRED: &str = "barred";

/// Applications whose grants come and go.
pub(super) const CHURN: [&str; 4] = ["churn-0", "churn-1", "churn-2", "churn-3"];

/// Applications that end, one with each fault.
pub(super) const MORTAL: [&str; 8] = [
    "mortal-0", "mortal-1", "mortal-2", "mortal-3", "mortal-4", "mortal-5", "mortal-6", "mortal-7",
];

/// Application and target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Pair {
    /// The application's name.
    pub(super) application: &'static str,
    /// What it asks for.
    pub(super) target: Target,
}

/// Every pair whose grant comes and goes.
pub(super) fn churning() -> Vec<Pair> {
    TARGETS
        .into_iter()
        .flat_map(|target| {
            CHURN.map(|application| Pair {
                application,
                target,
            })
        })
        .collect()
}

/// Every pair that a gateway asks for and whose grant stays.
pub(super) fn behind_gateway() -> Vec<Pair> {
    MORTAL.into_iter().chain([BARRED]).map(steady).collect()
}

/// What an application with a steady grant asks for.
pub(super) const fn steady(application: &'static str) -> Pair {
    let [target, ..] = TARGETS;
    Pair {
        application,
        target,
    }
}

/// The workload of an application that only gateways speak for, or that has a secret.
pub(super) fn workload(application: &str) -> String {
    format!(
        "spiffe://{}/ns/chaos/sa/{application}",
        crate::stack::TRUST_DOMAIN
    )
}

/// The policy that everything begins with.
pub(super) const POLICY: &str = r#"package caracal.policy

default allow := false

allow if input.application.name != ""
"#;

/// The one that is activated: it refuses one application, and nobody else.
pub(super) const SECOND_POLICY: &str = r#"package caracal.policy

default allow := false

allow if input.application.name != ""

deny contains "barred" if input.application.name == "barred"
"#;
