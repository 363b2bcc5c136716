//! Sessions as trees.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use caracal_store::model::{Session, Suspension};
use caracal_store::{Listed, Revocable};
use serde_json::Value;

use crate::cli::listing::items;

/// Whether a session is good, by itself and by those above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Active,
    Suspended,
    Ended,
}

impl State {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Ended => "ended",
        }
    }
}

/// The trees that the server's answers make, oldest root first. A session whose parent is not among them
/// stands at the top.
pub(super) fn drawn(sessions: &Value, suspensions: &Value) -> String {
    let suspended: BTreeSet<String> = items::<Listed<Suspension>>(suspensions)
        .map(|one| one.item.target.to_string())
        .collect();
    let sessions: Vec<Revocable<Session>> = items(sessions).collect();
    let known: BTreeSet<&str> = sessions.iter().map(|one| one.item.id.as_str()).collect();
    let mut below = BTreeMap::<Option<&str>, Vec<&Revocable<Session>>>::new();
    for one in sessions.iter().rev() {
        let parent = one.item.parent.as_deref();
        let parent = parent.filter(|parent| known.contains(parent));
        below.entry(parent).or_default().push(one);
    }
    let forest = Forest { below, suspended };
    let mut text = String::new();
    forest.draw(None, "", State::Active, &mut text);
    if text.is_empty() {
        text.push_str("no session was opened yet");
    }
    text
}

struct Forest<'a> {
    below: BTreeMap<Option<&'a str>, Vec<&'a Revocable<Session>>>,
    suspended: BTreeSet<String>,
}

impl Forest<'_> {
    fn draw(&self, parent: Option<&str>, indent: &str, above: State, text: &mut String) {
        let here = self.below.get(&parent).map_or(&[][..], Vec::as_slice);
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
                ..
            } = &one.item;
            let state = self.state(one).max(above);
            let _ = writeln!(
                text,
                "{indent}{branch}{application}  {}  {id}  {holder}",
                state.as_str()
            );
            self.draw(Some(id), &format!("{indent}{deeper}"), state, text);
        }
    }

    /// By itself.
    fn state(&self, one: &Revocable<Session>) -> State {
        let Session {
            id, application, ..
        } = &one.item;
        let names = [
            format!("session/{id}"),
            format!("application/{application}"),
        ];
        if one.revoked {
            State::Ended
        } else if names.iter().any(|name| self.suspended.contains(name)) {
            State::Suspended
        } else {
            State::Active
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn session(id: &str, application: &str, parent: Option<&str>, revoked: bool) -> Value {
        let mut session = json!({"id": id, "application": application, "holder": "spiffe://d/w",
            "opened_at": 1, "seq": 1, "revoked": revoked});
        if let Some(parent) = parent {
            session["parent"] = json!(parent);
        }
        session
    }

    #[test]
    fn what_is_below_an_ended_or_suspended_session_is_so_too() {
        // Newest first, as the server lists them.
        let sessions = json!({"items": [
            session("ses_5", "clerk", Some("ses_4"), false),
            session("ses_4", "payer", Some("ses_3"), true),
            session("ses_3", "boss", None, false),
            session("ses_2", "payer", Some("ses_1"), false),
            session("ses_1", "other", Some("ses_long_gone"), false),
        ]});
        let suspended = json!({"items": [
            {"target": {"kind": "application", "id": "other"}, "id": 1, "seq": 1},
        ]});
        let text = "\
other  suspended  ses_1  spiffe://d/w
└─ payer  suspended  ses_2  spiffe://d/w
boss  active  ses_3  spiffe://d/w
└─ payer  ended  ses_4  spiffe://d/w
   └─ clerk  ended  ses_5  spiffe://d/w
";
        assert_eq!(drawn(&sessions, &suspended), text);
        assert_eq!(
            drawn(&json!({"items": []}), &suspended),
            "no session was opened yet"
        );
    }
}
