//! What delegation means, in sets.

use std::collections::{BTreeMap, BTreeSet};

/// Names of scopes.
pub(super) type Scopes = BTreeSet<String>;
/// What can be done where, by the resource's identifier.
pub(super) type Rights = BTreeMap<String, Scopes>;

/// A grant, or with `to` a delegation from `application`.
#[derive(Debug, Clone)]
pub(super) struct Permission {
    pub(super) id: String,
    pub(super) application: String,
    pub(super) to: String,
    /// The one session that passes on, where it is of one.
    pub(super) from_session: Option<String>,
    pub(super) at: String,
    pub(super) scopes: Scopes,
    pub(super) depth: u64,
}

/// A mandate as the model has it.
#[derive(Debug, Clone, Default)]
pub(super) struct Mandate {
    pub(super) token: String,
    /// The applications that the authority went through, the holder last.
    pub(super) path: Vec<String>,
    /// The session of each of them.
    pub(super) sessions: Vec<String>,
    pub(super) at: String,
    pub(super) scopes: Scopes,
    /// What its holder has by it, to use or to pass on.
    pub(super) rights: Rights,
    pub(super) depth: u64,
    /// Who may act with it.
    pub(super) may_act: Option<String>,
    /// What it dies with, such as `grant/grt_1`.
    pub(super) lineage: BTreeSet<String>,
}

/// Everything.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) grants: Vec<Permission>,
    pub(super) delegations: Vec<Permission>,
    /// Which application answers at a resource.
    pub(super) agents: BTreeMap<String, String>,
    /// Session of an application, below one or on its own (`""`).
    pub(super) sessions: BTreeMap<(String, String), String>,
    pub(super) revoked: BTreeSet<String>,
    pub(super) suspended: BTreeSet<String>,
}

impl Model {
    pub(super) fn is_good(&self, id: &str) -> bool {
        !self.revoked.contains(id) && !self.suspended.contains(id)
    }

    /// Whether a mandate is good for what it says.
    pub(super) fn holds(&self, mandate: &Mandate) -> bool {
        mandate.lineage.iter().all(|id| self.is_good(id))
    }

    /// The grants of an application that cover scopes at a resource.
    fn grants(&self, application: &str, at: &str, scopes: &Scopes) -> Vec<&Permission> {
        let covers = |grant: &&Permission| {
            grant.application == application && grant.at == at && scopes.is_subset(&grant.scopes)
        };
        let good = |grant: &&Permission| self.is_good(&format!("grant/{}", grant.id));
        self.grants.iter().filter(covers).filter(good).collect()
    }

    fn delegations(
        &self,
        (from, session): (&str, Option<&String>),
        to: &str,
    ) -> impl Iterator<Item = &Permission> {
        self.delegations.iter().filter(move |one| {
            one.application == from
                && one.to == to
                && (one.from_session.is_none() || one.from_session.as_ref() == session)
                && self.is_good(&format!("delegation/{}", one.id))
        })
    }

    /// Whether the session in which this would happen lets it; one that has ended is replaced.
    fn session_is_good(&self, below: &str, application: &str) -> bool {
        let key = (below.to_owned(), application.to_owned());
        let session = self.sessions.get(&key).map(|id| format!("session/{id}"));
        session.is_none_or(|id| self.revoked.contains(&id) || !self.suspended.contains(&id))
    }

    /// The session that has to be used, unless a new one is opened.
    pub(super) fn session(&self, below: &str, application: &str) -> Option<&String> {
        let session = self
            .sessions
            .get(&(below.to_owned(), application.to_owned()))?;
        (!self.revoked.contains(&format!("session/{session}"))).then_some(session)
    }

    /// What an application gets for itself: the mandate without what only the service knows, and the
    /// grants that it may rest on.
    pub(super) fn own(
        &self,
        who: &str,
        at: &str,
        scopes: &Scopes,
    ) -> Option<(Mandate, Vec<String>)> {
        let grants = self.grants(who, at, scopes);
        let good = self.is_good(&format!("application/{who}")) && self.session_is_good("", who);
        if grants.is_empty() || !good {
            return None;
        }
        let mut beyond = Rights::new();
        let agent = self.agents.get(at);
        for one in agent
            .into_iter()
            .flat_map(|agent| self.delegations((who, self.session("", who)), agent))
        {
            let nothing = Scopes::new();
            let granted = self.grants(who, &one.at, &nothing);
            let granted: Scopes = granted
                .into_iter()
                .flat_map(|grant| &grant.scopes)
                .cloned()
                .collect();
            add(&mut beyond, &one.at, &granted & &one.scopes);
        }
        let mandate = Mandate {
            path: vec![who.to_owned()],
            lineage: BTreeSet::from([format!("application/{who}")]),
            ..Mandate::default()
        };
        Some((mandate.going_to(at, scopes, agent, beyond, 5), ids(&grants)))
    }

    /// What an application gets with the mandate that it was called with.
    pub(super) fn passed_on(
        &self,
        by: &Mandate,
        who: &str,
        at: &str,
        scopes: &Scopes,
    ) -> Option<(Mandate, Vec<String>)> {
        let (root, caller) = (by.path.first()?, by.path.last()?);
        let called_in = by.sessions.last()?;
        let is_named =
            by.may_act.as_deref() == Some(who) && !by.path.iter().any(|above| above == who);
        let good = self.holds(by)
            && self.is_good(&format!("application/{who}"))
            && self.session_is_good(called_in, who);
        let held = by.rights.get(at).filter(|held| scopes.is_subset(held))?;
        let edge = self
            .delegations((caller, Some(called_in)), who)
            .find(|one| one.at == at && scopes.is_subset(&(&one.scopes & held)))?;
        // Everybody above has it passed on here, as far as to whoever asks now.
        let steps = by.path.windows(2).zip(&by.sessions).rev();
        let via: Vec<_> = (0_u64..)
            .zip(steps)
            .map(|(above, (step, session))| {
                self.delegations((&step[0], Some(session)), &step[1])
                    .find(|one| one.at == at && scopes.is_subset(&one.scopes) && one.depth > above)
            })
            .collect::<Option<_>>()?;
        let grants = self.grants(root, at, scopes);
        if !is_named || !good || grants.is_empty() {
            return None;
        }
        let depth = edge.depth.min(by.depth - 1);
        let mut beyond = Rights::new();
        let agent = self.agents.get(at).filter(|_| depth > 0);
        for one in agent
            .into_iter()
            .flat_map(|agent| self.delegations((who, self.session(called_in, who)), agent))
        {
            let held = by.rights.get(&one.at).cloned().unwrap_or_default();
            add(&mut beyond, &one.at, &held & &one.scopes);
        }
        let mut mandate = Mandate {
            path: by.path.clone(),
            sessions: by.sessions.clone(),
            lineage: by.lineage.clone(),
            ..Mandate::default()
        };
        mandate.path.push(who.to_owned());
        let new = [
            format!("application/{who}"),
            format!("delegation/{}", edge.id),
        ];
        mandate.lineage.extend(new);
        let via = via.iter().map(|one| format!("delegation/{}", one.id));
        mandate.lineage.extend(via);
        Some((
            mandate.going_to(at, scopes, agent, beyond, depth),
            ids(&grants),
        ))
    }
}

impl Mandate {
    fn going_to(
        mut self,
        at: &str,
        scopes: &Scopes,
        agent: Option<&String>,
        beyond: Rights,
        depth: u64,
    ) -> Self {
        at.clone_into(&mut self.at);
        self.scopes.clone_from(scopes);
        if let Some(agent) = agent.filter(|_| !beyond.is_empty()) {
            (self.may_act, self.rights, self.depth) = (Some(agent.clone()), beyond, depth);
        }
        add(&mut self.rights, at, scopes.clone());
        self
    }
}

fn add(rights: &mut Rights, at: &str, scopes: Scopes) {
    if !scopes.is_empty() {
        rights.entry(at.to_owned()).or_default().extend(scopes);
    }
}

fn ids(of: &[&Permission]) -> Vec<String> {
    of.iter().map(|one| one.id.clone()).collect()
}
