//! Which decisions are wanted.

use std::fmt::Write as _;

use caracal_mandate::name::Name;
use clap::{Args, ValueEnum};

use super::moment::Moment;
use super::percent_encoded;

/// What was decided.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum OutcomeFilter {
    /// Allowed.
    Allow,
    /// Refused.
    Deny,
}

/// Who decided.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum ComponentFilter {
    /// Enforcement points.
    Filter,
    /// The token service.
    Sts,
    /// The management API.
    Control,
}

/// What was decided on.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum ActionFilter {
    /// Requests at enforcement points.
    Request,
    /// The issue of mandates.
    Exchange,
    /// Requests that enforcement points asked about.
    Authorize,
    /// Changes of authority.
    Admin,
}

/// Filters; all of them have to be met.
#[derive(Debug, Args)]
pub(crate) struct FilterArgs {
    /// Decisions on this request only.
    #[arg(long, value_name = "ID")]
    request_id: Option<String>,
    /// The exchange that issued this mandate.
    #[arg(long, value_name = "MANDATE")]
    issued: Option<String>,
    /// Decisions about this mandate: its issue, and every use of it.
    #[arg(long, value_name = "MANDATE")]
    mandate: Option<String>,
    /// Decisions about this application only.
    #[arg(long = "app", value_name = "NAME")]
    application: Option<Name>,
    /// Decisions about this peer only.
    #[arg(long, value_name = "SPIFFE-ID")]
    holder: Option<String>,
    /// Decisions in this session only, not in those below it.
    #[arg(long, value_name = "SESSION")]
    session: Option<String>,
    /// Decisions by this grant only.
    #[arg(long, value_name = "GRANT")]
    grant: Option<String>,
    /// Decisions about this resource only, by identifier.
    #[arg(long, value_name = "URI")]
    resource: Option<String>,
    /// Requests to this host only.
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// Requests for paths that start so, such as `/payments/`
    #[arg(long, value_name = "PREFIX")]
    path: Option<String>,
    /// Of one component only.
    #[arg(long, value_enum)]
    component: Option<ComponentFilter>,
    /// Of one kind only.
    #[arg(long, value_enum)]
    action: Option<ActionFilter>,
    /// Allowed or refused only.
    #[arg(long, value_enum)]
    outcome: Option<OutcomeFilter>,
    /// Reasons that start so, such as `invalid_mandate`
    #[arg(long, value_name = "CODE")]
    reason: Option<String>,
    /// Recorded at this time or later: RFC 3339, or so long ago, such as `15m`
    #[arg(long, value_name = "TIME")]
    since: Option<Moment>,
    /// Recorded before this time.
    #[arg(long, value_name = "TIME")]
    until: Option<Moment>,
}

impl FilterArgs {
    /// Whether what is appended from now on may match.
    pub(super) const fn has_an_end(&self) -> bool {
        self.until.is_some()
    }

    /// As parameters, each with `&` before it.
    pub(super) fn parameters(self, now_ms: u64) -> String {
        let Self {
            request_id,
            issued,
            mandate,
            application,
            holder,
            session,
            grant,
            resource,
            host,
            path,
            component,
            action,
            outcome,
            reason,
            since,
            until,
        } = self;
        let filters = [
            ("request_id", request_id),
            ("issued", issued),
            ("mandate", mandate),
            ("application", application.map(|name| name.to_string())),
            ("holder", holder),
            ("session", session),
            ("grant", grant),
            ("resource", resource),
            ("host", host),
            ("path", path),
            ("component", component.as_ref().map(spelled)),
            ("action", action.as_ref().map(spelled)),
            ("outcome", outcome.as_ref().map(spelled)),
            ("reason", reason),
            ("since", since.map(|moment| moment.rfc3339(now_ms))),
            ("until", until.map(|moment| moment.rfc3339(now_ms))),
        ];
        let mut parameters = String::new();
        for (name, value) in filters {
            if let Some(value) = value {
                // Writing to a String cannot fail.
                let _infallible = write!(parameters, "&{name}={}", percent_encoded(&value));
            }
        }
        parameters
    }
}

/// As it is written on the command line, which is as events have it.
fn spelled(value: &impl ValueEnum) -> String {
    let possible = value.to_possible_value();
    possible.map_or_else(String::new, |value| value.get_name().to_owned())
}
