//! A decision as it comes from an enforcement point, and as it stands in the ledger.

use std::str::FromStr;

use caracal_mandate::event::{Action, Component, Emitter, EndedBy, Event, HttpStatus, Outcome};
use caracal_mandate::reason::Reason;
use caracal_proto::ledger::Decision;

/// Largest number that every reader of JSON reads as it is written (RFC 8785 §3.2.2.3): 285 years.
const MAX_NUMBER: u64 = (1 << 53) - 1;

/// Who decided.
pub(super) struct Point {
    pub(super) zone: String,
    pub(super) name: String,
    pub(super) boot: String,
}

impl Point {
    /// The event of a decision, or of what became of its request; `None` when it says something that nobody
    /// knows. What the wire has no field for, such as the component, cannot be claimed.
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
            status,
            duration_us,
            ended_by,
            decision,
        } = decision;
        let reason = parsed::<Reason>(&reason).ok()?;
        let outcome = match reason {
            None => Outcome::Allow,
            Some(_) => Outcome::Deny,
        };
        let action = match decision {
            0 => Action::Request,
            // Only what was let through before has a response.
            of if of < seq && outcome == Outcome::Allow => Action::Response,
            _ => return None,
        };
        let status = match status {
            0 => None,
            code => Some(HttpStatus::try_from(u16::try_from(code).ok()?).ok()?),
        };
        let emitter = Emitter {
            boot: self.boot.clone(),
            name: self.name.clone(),
            seq,
        };
        let mut event = Event {
            epoch,
            reason,
            status,
            decision: (decision != 0).then_some(decision),
            duration_us: duration_us.map(|duration_us| duration_us.min(MAX_NUMBER)),
            ended_by: parsed::<EndedBy>(&ended_by).ok()?,
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
                action,
                outcome,
                emitter,
                time_ms,
            )
        };
        event.shorten();
        Some(event)
    }
}

/// What a word means, if there is one.
fn parsed<T: FromStr>(word: &str) -> Result<Option<T>, T::Err> {
    match word {
        "" => Ok(None),
        word => word.parse().map(Some),
    }
}

/// What is not known is left out.
fn known(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}
