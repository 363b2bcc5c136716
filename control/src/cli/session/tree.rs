//! Sessions as trees.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use caracal_store::TrackedSession;
use caracal_store::model::{Session, SessionState};
use serde::Deserialize;
use serde_json::Value;

use crate::cli::listing::items;

/// A session, and what has become of it by itself.
#[derive(Deserialize)]
struct Seen {
    #[serde(flatten)]
    session: TrackedSession,
    state: SessionState,
}

/// The trees that the server's answer makes, oldest root first. A session whose parent is not among them
/// stands at the top.
pub(super) fn drawn(sessions: &Value) -> String {
    let sessions: Vec<Seen> = items(sessions).collect();
    let ids = sessions.iter().map(|one| one.session.item.id.as_str());
    let known: BTreeSet<&str> = ids.collect();
    let mut below = BTreeMap::<Option<&str>, Vec<&Seen>>::new();
    for one in sessions.iter().rev() {
        let parent = one.session.item.parent.as_deref();
        let parent = parent.filter(|parent| known.contains(parent));
        below.entry(parent).or_default().push(one);
    }
    let mut text = String::new();
    Forest(below).draw(None, "", SessionState::Active, &mut text);
    if text.is_empty() {
        text.push_str("no session was opened yet");
    }
    text
}

/// Who is below whom.
struct Forest<'a>(BTreeMap<Option<&'a str>, Vec<&'a Seen>>);

impl Forest<'_> {
    fn draw(&self, parent: Option<&str>, indent: &str, above: SessionState, text: &mut String) {
        let here = self.0.get(&parent).map_or(&[][..], Vec::as_slice);
        let mut left = here.len();
        for one in here {
            left = left.saturating_sub(1);
            let (branch, deeper) = match (parent, left) {
                (None, _) => ("", ""),
                (Some(_), 0) => ("└─ ", "   "),
                (Some(_), _) => ("├─ ", "│  "),
            };
            let Session {
                id,
                application,
                holder,
                terms,
                ..
            } = &one.session.item;
            // Whatever a session is by itself, it is no better than those above it.
            let state = one.state.max(above);
            let _ = write!(
                text,
                "{indent}{branch}{application}  {}  {id}  {holder}",
                state.as_str()
            );
            for (name, value) in terms.iter().flat_map(|terms| terms.labels.iter()) {
                let _ = write!(text, "  {name}={value}");
            }
            text.push('\n');
            self.draw(Some(id), &format!("{indent}{deeper}"), state, text);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn session(id: &str, application: &str, parent: Option<&str>, state: &str) -> Value {
        let mut session = json!({"id": id, "application": application, "holder": "spiffe://d/w",
            "opened_at": 1, "seq": 1, "revoked": state == "terminated", "state": state});
        if let Some(parent) = parent {
            session["parent"] = json!(parent);
        }
        session
    }

    #[test]
    fn what_is_below_an_ended_or_suspended_session_is_so_too() {
        let mut declared = session("ses_3", "boss", None, "active");
        declared["terms"] = json!({"labels": {"run": "nightly", "tier": "1"}});
        // Newest first, as the server lists them.
        let sessions = json!({"items": [
            session("ses_7", "clerk", Some("ses_6"), "suspended"),
            session("ses_6", "boss", None, "expired"),
            session("ses_5", "clerk", Some("ses_4"), "active"),
            session("ses_4", "payer", Some("ses_3"), "terminated"),
            declared,
            session("ses_2", "payer", Some("ses_1"), "active"),
            session("ses_1", "other", Some("ses_long_gone"), "suspended"),
        ]});
        let text = "\
other  suspended  ses_1  spiffe://d/w
└─ payer  suspended  ses_2  spiffe://d/w
boss  active  ses_3  spiffe://d/w  run=nightly  tier=1
└─ payer  terminated  ses_4  spiffe://d/w
   └─ clerk  terminated  ses_5  spiffe://d/w
boss  expired  ses_6  spiffe://d/w
└─ clerk  expired  ses_7  spiffe://d/w
";
        assert_eq!(drawn(&sessions), text);
        assert_eq!(drawn(&json!({"items": []})), "no session was opened yet");
    }
}
