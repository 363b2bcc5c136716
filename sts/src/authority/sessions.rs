//! The open sessions of a zone, as the tree that they are.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use caracal_mandate::name::Name;
use caracal_store::model::{MAX_DELEGATIONS, Session, SessionTerms};

/// Sessions by application and workload.
type Level = HashMap<Name, HashMap<Box<str>, Arc<str>>>;

/// Ended sessions that one sweep looks below.
const SWEPT: usize = 1000;

/// Each workload has at most one session at its root, and one below each session on whose behalf it acts.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    roots: Level,
    below: HashMap<Arc<str>, Level>,
    places: HashMap<Arc<str>, Place>,
    /// Ended; what is below them is still to be forgotten.
    ended: Vec<Arc<str>>,
}

/// Where a session is.
#[derive(Debug)]
struct Place {
    parent: Option<Arc<str>>,
    application: Name,
    holder: Box<str>,
    terms: Option<Arc<SessionTerms>>,
}

impl Sessions {
    /// The session of a workload, on behalf of another one or on its own.
    pub(crate) fn find(
        &self,
        parent: Option<&str>,
        application: &Name,
        holder: &str,
    ) -> Option<&Arc<str>> {
        let level = match parent {
            None => &self.roots,
            Some(parent) => self.below.get(parent)?,
        };
        level.get(application)?.get(holder)
    }

    /// Whether a session is open, and of this workload.
    pub(crate) fn is_of(&self, id: &str, application: &Name, holder: &str) -> bool {
        let place = self.places.get(id);
        place.is_some_and(|place| place.application == *application && *place.holder == *holder)
    }

    /// On what terms a session was declared; `None` where it was opened by itself, or is not open.
    pub(crate) fn terms(&self, id: &str) -> Option<&Arc<SessionTerms>> {
        self.places.get(id)?.terms.as_ref()
    }

    /// The labels of a session, and of those on whose behalf it is. Of two with one name the one that is
    /// nearer counts.
    pub(crate) fn labels(&self, id: &str) -> BTreeMap<String, String> {
        let mut labels = BTreeMap::new();
        let mut next = self.places.get(id);
        for _ in 0..=MAX_DELEGATIONS {
            let Some(place) = next else { break };
            let own = place.terms.iter().flat_map(|terms| terms.labels.iter());
            for (name, value) in own {
                labels
                    .entry(name.to_owned())
                    .or_insert_with(|| value.to_owned());
            }
            let parent = place.parent.as_deref();
            next = parent.and_then(|parent| self.places.get(parent));
        }
        labels
    }

    pub(super) fn open(&mut self, session: Session) {
        let id: Arc<str> = session.id.into();
        let place = Place {
            parent: session.parent.map(Into::into),
            application: session.application,
            holder: session.holder.as_str().into(),
            terms: session.terms.map(Arc::new),
        };
        let level = match &place.parent {
            None => &mut self.roots,
            Some(parent) => self.below.entry(Arc::clone(parent)).or_default(),
        };
        let held = level.entry(place.application.clone()).or_default();
        held.insert(place.holder.clone(), Arc::clone(&id));
        self.places.insert(id, place);
    }

    /// Ends one. What is below it cannot be reached any more, whatever its size: nothing is issued on
    /// behalf of a session that has ended. Whose it was, if it was open.
    pub(super) fn end(&mut self, id: &str) -> Option<Name> {
        let (id, place) = self.places.remove_entry(id)?;
        let level = match &place.parent {
            None => Some(&mut self.roots),
            Some(parent) => self.below.get_mut(parent),
        };
        let held = level.and_then(|level| level.get_mut(&place.application));
        // A later one may have taken its place.
        if let Some(held) = held
            && held.get(&place.holder).is_some_and(|open| *open == id)
        {
            held.remove(&place.holder);
        }
        self.ended.push(id);
        Some(place.application)
    }

    /// Ends all that an application has on its own.
    pub(super) fn end_all_of(&mut self, application: &Name) {
        let held = self.roots.remove(application).unwrap_or_default();
        for id in held.into_values() {
            let _whose = self.end(&id);
        }
    }

    /// Ends what a workload has on its own.
    pub(super) fn end_of(&mut self, application: &Name, holder: &str) {
        if let Some(id) = self.find(None, application, holder).cloned() {
            let _whose = self.end(&id);
        }
    }

    /// Forgets some of what is below ended sessions.
    pub(super) fn sweep(&mut self) {
        for _ in 0..SWEPT {
            let Some(id) = self.ended.pop() else {
                return;
            };
            let below = self.below.remove(&id).unwrap_or_default();
            for child in below.into_values().flat_map(HashMap::into_values) {
                self.places.remove(&child);
                self.ended.push(child);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::name;

    fn session(id: &str, workload: &str, parent: Option<&str>) -> Session {
        Session {
            id: id.to_owned(),
            application: name("agent"),
            holder: format!("spiffe://d.example/{workload}").parse().unwrap(),
            opened_at: 1,
            parent: parent.map(str::to_owned),
            terms: None,
        }
    }

    fn labelled(id: &str, parent: Option<&str>, labels: &[(&str, &str)]) -> Session {
        let labels: BTreeMap<_, _> = labels
            .iter()
            .map(|(label, value)| (name(label), (*value).to_owned()))
            .collect();
        Session {
            terms: Some(SessionTerms {
                labels: labels.try_into().unwrap(),
                ..SessionTerms::default()
            }),
            ..session(id, id.trim_start_matches("ses_"), parent)
        }
    }

    #[test]
    fn labels_go_down_the_tree_and_the_nearer_one_counts() {
        let mut sessions = Sessions::default();
        sessions.open(labelled(
            "ses_a",
            None,
            &[("run", "nightly"), ("tier", "1")],
        ));
        sessions.open(session("ses_ab", "b", Some("ses_a")));
        sessions.open(labelled("ses_abc", Some("ses_ab"), &[("tier", "2")]));
        sessions.open(session("ses_x", "x", None));
        let labels = |id| {
            let labels = sessions.labels(id).into_iter();
            labels
                .map(|(name, value)| format!("{name}={value}"))
                .collect::<Vec<_>>()
        };
        assert_eq!(labels("ses_ab"), ["run=nightly", "tier=1"]);
        assert_eq!(labels("ses_abc"), ["run=nightly", "tier=2"]);
        assert_eq!(labels("ses_x"), [""; 0]);
        assert_eq!(labels("ses_unknown"), [""; 0]);
    }

    fn found(sessions: &Sessions, workload: &str, parent: Option<&str>) -> Option<String> {
        let holder = format!("spiffe://d.example/{workload}");
        let id = sessions.find(parent, &name("agent"), &holder)?;
        Some(id.to_string())
    }

    #[test]
    fn a_workload_has_one_session_for_each_on_whose_behalf_it_acts() {
        let mut sessions = Sessions::default();
        for (id, workload, parent) in [
            ("ses_a", "a", None),
            ("ses_b", "b", None),
            ("ses_ab", "b", Some("ses_a")),
        ] {
            sessions.open(session(id, workload, parent));
        }
        assert_eq!(found(&sessions, "b", None).as_deref(), Some("ses_b"));
        assert_eq!(
            found(&sessions, "b", Some("ses_a")).as_deref(),
            Some("ses_ab")
        );
        assert_eq!(found(&sessions, "a", Some("ses_b")), None);
        sessions.end("ses_b");
        assert_eq!(found(&sessions, "b", None), None);
        assert_eq!(
            found(&sessions, "b", Some("ses_a")).as_deref(),
            Some("ses_ab")
        );
        sessions.end_all_of(&name("agent"));
        assert_eq!(found(&sessions, "a", None), None);
    }

    #[test]
    fn a_later_session_outlives_the_end_of_the_one_before() {
        let mut sessions = Sessions::default();
        sessions.open(session("ses_1", "a", None));
        sessions.open(session("ses_2", "a", None));
        sessions.end("ses_1");
        assert_eq!(found(&sessions, "a", None).as_deref(), Some("ses_2"));
    }

    #[test]
    fn what_was_below_an_ended_session_is_forgotten_in_the_end() {
        let mut sessions = Sessions::default();
        sessions.open(session("ses_0", "w", None));
        for child in 0..40 {
            let id = format!("ses_{child}-");
            sessions.open(session(&id, &format!("c{child}"), Some("ses_0")));
            for below in 0..100 {
                let workload = format!("g{below}");
                sessions.open(session(&format!("{id}{below}"), &workload, Some(&id)));
            }
        }
        sessions.open(session("ses_other", "x", None));
        sessions.end("ses_0");
        for _ in 0..10 {
            sessions.sweep();
        }
        assert_eq!((sessions.places.len(), sessions.below.len()), (1, 0));
        assert!(sessions.ended.is_empty());
    }
}
