//! The delegations of a zone, and between whom each of them is.

use std::collections::HashMap;
use std::sync::Arc;

use caracal_mandate::name::Name;
use caracal_store::model::Delegation;

/// One side of a delegation: an application, in one of its sessions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Side<'a> {
    application: &'a Name,
    session: Within<'a>,
}

/// Which session.
#[derive(Debug, Clone, Copy)]
enum Within<'a> {
    /// Whichever: nobody knows yet.
    Any,
    /// This one, or none that is open.
    One(Option<&'a str>),
}

impl<'a> Side<'a> {
    /// The application in whichever session.
    pub(crate) const fn any(application: &'a Name) -> Self {
        Self {
            application,
            session: Within::Any,
        }
    }

    /// The application in this session; `None` where none is open, so that nothing is its own.
    pub(crate) const fn within(application: &'a Name, session: Option<&'a str>) -> Self {
        Self {
            application,
            session: Within::One(session),
        }
    }

    /// Whether it is the application, and the session where one is named.
    fn is(self, application: &Name, session: Option<&str>) -> bool {
        let is_session = match (self.session, session) {
            (_, None) | (Within::Any, _) => true,
            (Within::One(own), named) => own == named,
        };
        is_session && self.application == application
    }
}

/// What was neither revoked nor, by itself or with one of its applications, ended.
#[derive(Debug, Default)]
pub(super) struct Delegations(HashMap<Name, Vec<Arc<Delegation>>>);

impl Delegations {
    pub(super) fn add(&mut self, new: Delegation) {
        let passed_on = self.0.entry(new.from.clone()).or_default();
        passed_on.push(Arc::new(new));
    }

    pub(super) fn remove(&mut self, id: &str) {
        let all = self.0.values_mut();
        all.for_each(|passed_on| passed_on.retain(|one| one.id != id));
    }

    /// Forgets all that the application passes on.
    pub(super) fn remove_all_of(&mut self, from: &Name) {
        self.0.remove(from);
    }

    /// The delegations of a session end with it: they would match nothing any more.
    pub(super) fn remove_all_within(&mut self, application: &Name, session: &str) {
        if let Some(passed_on) = self.0.get_mut(application) {
            passed_on.retain(|one| one.from_session.as_deref() != Some(session));
        }
    }

    /// Those between two sides that are not void by their own time, oldest first.
    pub(super) fn between<'a>(
        &'a self,
        from: Side<'a>,
        to: Side<'a>,
        now_s: u64,
    ) -> impl Iterator<Item = &'a Arc<Delegation>> + use<'a> {
        let passed_on = self.0.get(from.application).map_or(&[][..], Vec::as_slice);
        passed_on.iter().filter(move |one| {
            from.is(&one.from, one.from_session.as_deref())
                && to.is(&one.to, one.to_session.as_deref())
                && one.expires_at.is_none_or(|end| now_s < end)
        })
    }

    /// Those by which anybody may have the application act.
    pub(super) fn to_any_of<'a>(
        &'a self,
        to: &'a Name,
        now_s: u64,
    ) -> impl Iterator<Item = &'a Arc<Delegation>> + use<'a> {
        let from = self.0.keys();
        from.flat_map(move |from| self.between(Side::any(from), Side::any(to), now_s))
    }
}

#[cfg(test)]
mod tests {
    use caracal_mandate::scope::ScopeSet;

    use super::*;
    use crate::testing::name;

    #[test]
    fn a_delegation_of_one_session_is_of_no_other() {
        let (boss, payer) = (name("boss"), name("payer"));
        for (from_session, to_session, passes) in [
            (None, None, [true, true, true, true]),
            (Some("ses_1"), None, [true, true, false, false]),
            (Some("ses_1"), Some("ses_2"), [true, false, false, false]),
            (None, Some("ses_2"), [true, false, true, false]),
        ] {
            let mut delegations = Delegations::default();
            delegations.add(Delegation {
                id: "dlg_1".to_owned(),
                from: boss.clone(),
                to: payer.clone(),
                resource: name("bank"),
                scopes: ScopeSet::parse("payments:write").unwrap(),
                expires_at: Some(100),
                max_lifetime: None,
                max_depth: 0,
                from_session: from_session.map(str::to_owned),
                to_session: to_session.map(str::to_owned),
                signature: None,
            });
            let found = |from, to, now_s| delegations.between(from, to, now_s).count() == 1;
            let [exact, to_none, from_other, neither] = passes;
            for (from, to, expected) in [
                (Some("ses_1"), Some("ses_2"), exact),
                (Some("ses_1"), None, to_none),
                (Some("ses_3"), Some("ses_2"), from_other),
                (None, None, neither),
            ] {
                let (from, to) = (Side::within(&boss, from), Side::within(&payer, to));
                assert_eq!(
                    found(from, to, 99),
                    expected,
                    "{from_session:?} {from:?} {to:?}"
                );
                assert!(!found(from, to, 100));
            }
            assert!(found(Side::any(&boss), Side::any(&payer), 99));
            assert!(!found(Side::any(&payer), Side::any(&boss), 99));
            delegations.remove_all_within(&boss, "ses_1");
            let left = delegations.to_any_of(&payer, 0).count() == 1;
            assert_eq!(left, from_session.is_none());
        }
    }
}
