//! What a policy reads.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;

/// The input document:
///
/// ```json
/// {
///   "zone": "acme",
///   "application": {"name": "payout", "spiffe_id": "spiffe://corp.example/ns/agents/sa/payout"},
///   "resource": {"name": "bank", "uri": "https://bank.internal"},
///   "operation": {"name": "read-account", "method": "GET", "path": "/accounts/{id}"},
///   "scopes": ["accounts:read"],
///   "grant": {"id": "grt_..."},
///   "subject": {"type": "application", "id": "payout", "issuer": null, "acr": null, "auth_time": null},
///   "delegation": ["payout"],
///   "session": {"declared": true, "labels": {"run": "nightly"}},
///   "request": {"method": "GET", "path": "/accounts/42", "host": "bank.internal"},
///   "now": 1767225600
/// }
/// ```
///
/// `operation.path` is the template, `request.path` the path in normal form without the query;
/// `now` is Unix seconds. `operation` and `request` are `null` where authority is asked for without a
/// request. `subject.type` is `application` or `user`; a user has the `issuer` that authenticated it
/// and what the issuer says about that. `delegation` lists the applications that the authority went
/// through, root first and who asks last. `session.declared` says whether an administrator declared the session
/// that the workload is in; `session.labels` are those that administrators gave it and the sessions on
/// whose behalf it is.
#[derive(Debug, Serialize)]
pub struct PolicyInput<'a> {
    /// Zone.
    pub zone: &'a str,
    /// Who asks.
    pub application: ApplicationInput<'a>,
    /// What is to be reached.
    pub resource: ResourceInput<'a>,
    /// What is to be done there.
    pub operation: Option<OperationInput<'a>>,
    /// The scopes that would be issued.
    pub scopes: Vec<&'a str>,
    /// The grant that covers them.
    pub grant: GrantInput<'a>,
    /// On whose behalf.
    pub subject: SubjectInput<'a>,
    /// The applications that the authority went through, root first.
    pub delegation: Vec<&'a str>,
    /// The session that the workload is in.
    pub session: SessionInput<'a>,
    /// The request that gave rise to the question.
    pub request: Option<RequestInput<'a>>,
    /// Unix seconds.
    pub now: u64,
}

/// The member `application`.
#[derive(Debug, Serialize)]
pub struct ApplicationInput<'a> {
    /// Name.
    pub name: &'a str,
    /// The workload that will hold the mandate.
    pub spiffe_id: &'a str,
}

/// The member `resource`.
#[derive(Debug, Serialize)]
pub struct ResourceInput<'a> {
    /// Name.
    pub name: &'a str,
    /// Identifier.
    pub uri: &'a str,
}

/// The member `operation`.
#[derive(Debug, Serialize)]
pub struct OperationInput<'a> {
    /// Name.
    pub name: &'a str,
    /// Method.
    pub method: &'a str,
    /// Path template.
    pub path: String,
}

/// The member `grant`.
#[derive(Debug, Serialize)]
pub struct GrantInput<'a> {
    /// Id.
    pub id: &'a str,
}

/// The member `subject`.
#[derive(Debug, Serialize)]
pub struct SubjectInput<'a> {
    /// `application` or `user`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Application, or what the issuer calls the user.
    pub id: &'a str,
    /// Name of the trusted issuer of a user.
    pub issuer: Option<&'a str>,
    /// How the user authenticated, if the issuer says it.
    pub acr: Option<&'a str>,
    /// When the user authenticated in Unix seconds, if the issuer says it.
    pub auth_time: Option<u64>,
}

/// The member `session`.
#[derive(Debug, Serialize)]
pub struct SessionInput<'a> {
    /// Whether an administrator declared it.
    pub declared: bool,
    /// By name.
    pub labels: Cow<'a, BTreeMap<String, String>>,
}

/// The member `request`.
#[derive(Debug, Serialize)]
pub struct RequestInput<'a> {
    /// Method.
    pub method: &'a str,
    /// Path in normal form.
    pub path: &'a str,
    /// Host in normal form.
    pub host: &'a str,
}

/// An input document with every member in it, for tests and for the trial run of a check.
pub(super) fn sample() -> PolicyInput<'static> {
    PolicyInput {
        zone: "acme",
        application: ApplicationInput {
            name: "payout",
            spiffe_id: "spiffe://corp.example/ns/agents/sa/payout",
        },
        resource: ResourceInput {
            name: "bank",
            uri: "https://bank.internal",
        },
        operation: Some(OperationInput {
            name: "read-account",
            method: "GET",
            path: "/accounts/{id}".to_owned(),
        }),
        scopes: vec!["accounts:read"],
        grant: GrantInput {
            id: "grt_0123456789abcdefghijkl",
        },
        subject: SubjectInput {
            kind: "user",
            id: "248289761001",
            issuer: Some("corp-idp"),
            acr: Some("urn:mfa"),
            auth_time: Some(1_767_225_000),
        },
        delegation: vec!["payout"],
        session: SessionInput {
            declared: true,
            labels: Cow::Owned(BTreeMap::from([("run".to_owned(), "nightly".to_owned())])),
        },
        request: Some(RequestInput {
            method: "GET",
            path: "/accounts/42",
            host: "bank.internal",
        }),
        now: 1_767_225_600,
    }
}
