//! What a policy reads.

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
///   "request": {"method": "GET", "path": "/accounts/42", "host": "bank.internal"},
///   "now": 1767225600
/// }
/// ```
///
/// `operation.path` is the template, `request.path` the path in normal form without the query;
/// `now` is Unix seconds. `operation` is `null` where authority is asked for without a request.
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
    /// The request that gave rise to the question.
    pub request: RequestInput<'a>,
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
