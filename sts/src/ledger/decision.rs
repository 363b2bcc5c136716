//! A decision as it comes from an enforcement point, and as it stands in the ledger.

use caracal_mandate::event::{Action, Component, Emitter, Event, Outcome};
use caracal_mandate::reason::Reason;
use caracal_proto::ledger::Decision;

/// Who decided.
pub(super) struct Point {
    pub(super) zone: String,
    pub(super) name: String,
    pub(super) boot: String,
}

impl Point {
    /// The event of a decision; `None` when it gives a reason that nobody knows. What the wire has
    /// no field for, such as the component, cannot be claimed.
    pub(super) fn event(&self, decision: Decision) -> Option<Event> {
        let Decision {
            seq,
            time_ms,
            epoch,
            reason,
            application,
            grant,
            holder,
            host,
            mandate,
            method,
            operation,
            path,
            request_id,
            resource,
            scopes,
            session,
            shadow,
        } = decision;
        let (outcome, reason) = if reason.is_empty() {
            (Outcome::Allow, None)
        } else {
            (Outcome::Deny, Some(reason.parse::<Reason>().ok()?))
        };
        let emitter = Emitter {
            boot: self.boot.clone(),
            name: self.name.clone(),
            seq,
        };
        let mut event = Event {
            epoch,
            reason,
            application: known(application),
            grant: known(grant),
            holder: known(holder),
            host: known(host),
            mandate: known(mandate),
            method: known(method),
            operation: known(operation),
            path: known(path),
            request_id: known(request_id),
            resource: known(resource),
            scope: known(scopes.join(" ")),
            session: known(session),
            shadow,
            ..Event::new(
                self.zone.clone(),
                Component::Filter,
                Action::Request,
                outcome,
                emitter,
                time_ms,
            )
        };
        event.shorten();
        Some(event)
    }
}

/// What is not known is left out.
fn known(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}
