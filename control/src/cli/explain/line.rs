//! The line of authority of one decision: from the application whose grant it is to the one that acted.

use caracal_mandate::event::{RecordedChain, RecordedHop};
use serde::{Deserialize as _, Serialize};
use serde_json::Value;

use super::issues::Issues;
use super::standing::{Now, Standing, Thing};
use super::standing_of_policy;

/// Whom the authority came through, and what has become of it.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    /// The mandate whose line it is; none when one was refused.
    pub(super) mandate: Option<String>,
    /// The entry of its issue. Without one, nothing of what follows is known.
    pub(super) issued_at: Option<u64>,
    /// Root first.
    pub(super) hops: Vec<Step>,
    /// What else it ends with: mandates of others that it was made from, grants that those rested on, and
    /// the resource or the zone where everything until then was ended.
    pub(super) also: Vec<Thing>,
    /// What all of it comes to.
    pub(super) now: Now,
    /// Why, by name.
    pub(super) because: Vec<Thing>,
}

/// One holder.
#[derive(Debug, Serialize)]
pub(super) struct Step {
    pub(super) application: Thing,
    pub(super) session: Thing,
    /// The grant of the root, or the delegation; none where a mandate was handed on by its holder.
    pub(super) by: Option<Thing>,
    pub(super) may: Vec<May>,
    pub(super) depth: u8,
    pub(super) expires: u64,
    /// The mandates that it held in this, each with the entry of its issue.
    pub(super) held: Vec<Held>,
}

/// Scopes at one resource.
#[derive(Debug, Serialize)]
pub(super) struct May {
    pub(super) resource: String,
    pub(super) scopes: Vec<String>,
}

/// A mandate, and the decision to issue it.
#[derive(Debug, Serialize)]
pub(super) struct Held {
    pub(super) mandate: Thing,
    pub(super) entry: u64,
    pub(super) policy: Option<String>,
    pub(super) policy_is: Option<String>,
}

/// What lines are made from beside an entry.
pub(super) struct Known<'a> {
    pub(super) issues: &'a Issues,
    pub(super) standing: &'a Standing,
    pub(super) policies: &'a Value,
    /// Every entry on the request.
    pub(super) entries: &'a [Value],
}

impl Line {
    /// The line of a decision; `None` when it is about no mandate.
    pub(super) fn of(entry: &Value, known: &Known<'_>) -> Option<Self> {
        let mandate = member(entry, "mandate");
        let own = chain(entry).map(|chain| (entry, chain));
        let issue = || {
            let issue = known.issues.of(mandate?)?;
            chain(issue).map(|chain| (issue, chain))
        };
        let Some((issue, chain)) = own.or_else(issue) else {
            return Some(Self::unknown(mandate?, known.standing));
        };
        let (Some(session), Some(zone)) = (chain.hops.last(), member(issue, "zone")) else {
            return Some(Self::unknown(mandate?, known.standing));
        };
        let ends = session.expires;
        // A mandate that it was made from tells by its session whose it was.
        let held: Vec<_> = chain
            .from
            .iter()
            .map(String::as_str)
            .chain(mandate)
            .collect();
        // What was refused was to rest on another grant than what it was to be made from.
        let parent = || known.issues.of(chain.from.last()?);
        let root = mandate.map_or_else(parent, |_| Some(issue));
        let root = root.and_then(|issue| member(issue, "grant"));
        let (hops, rest) = steps(&chain, &held, root, known);
        let second = number(issue, "/event/time_ms").map_or(0, |ms| ms.div_euclid(1000));
        let mut also = rest;
        let through = chain.through.iter().filter(|id| Some(id.as_str()) != root);
        also.extend(through.map(|grant| known.standing.of("grant", grant)));
        let via = chain.via.iter();
        also.extend(via.map(|id| known.standing.of("delegation", id)));
        if let Some(resource) = member(issue, "resource") {
            also.extend(known.standing.ended_since(zone, resource, second));
        }
        let mut line = Self {
            mandate: mandate.map(str::to_owned),
            issued_at: mandate.and_then(|_| number(issue, "/index")),
            hops,
            also,
            now: known.standing.until(ends),
            because: Vec::new(),
        };
        line.judge();
        Some(line)
    }

    fn unknown(mandate: &str, standing: &Standing) -> Self {
        let thing = standing.of("mandate", mandate);
        Self {
            mandate: Some(mandate.to_owned()),
            issued_at: None,
            hops: Vec::new(),
            also: Vec::new(),
            now: thing.now.max(Now::Unknown),
            because: (thing.now > Now::Unknown)
                .then_some(thing)
                .into_iter()
                .collect(),
        }
    }

    /// One thing that is revoked or suspended is enough, wherever it stands.
    fn judge(&mut self) {
        let hops = self.hops.iter().flat_map(|step| {
            let held = step.held.iter().map(|held| &held.mandate);
            let things = [&step.application, &step.session].into_iter();
            things.chain(&step.by).chain(held)
        });
        let things: Vec<_> = hops.chain(&self.also).cloned().collect();
        // A grant or delegation that ran out bounded what was issued by it, and ends nothing.
        let states = things.iter().map(|thing| thing.now);
        let worst = states.filter(|now| *now != Now::Over).max();
        self.now = worst.unwrap_or(Now::Good).max(self.now);
        let mut because: Vec<Thing> = Vec::new();
        for thing in things {
            let decides = !matches!(self.now, Now::Good | Now::Over) && thing.now == self.now;
            if decides && !because.contains(&thing) {
                because.push(thing);
            }
        }
        self.because = because;
    }
}

/// The hops, and the mandates of `held` that belong to none of them.
fn steps(
    chain: &RecordedChain,
    held: &[&str],
    grant: Option<&str>,
    known: &Known<'_>,
) -> (Vec<Step>, Vec<Thing>) {
    let standing = known.standing;
    let mut rest: Vec<&str> = held.to_vec();
    let mut by_grant = grant;
    let mut step = |hop: &RecordedHop| {
        let (here, others) = rest.iter().partition(|mandate| {
            let issue = known.issues.of(mandate);
            issue.and_then(|issue| member(issue, "session")) == Some(&hop.session)
        });
        let here: Vec<&str> = here;
        rest = others;
        let by = match (by_grant.take(), &hop.delegation) {
            (_, Some(delegation)) => Some(standing.of("delegation", delegation)),
            (Some(grant), None) => Some(standing.of("grant", grant)),
            (None, None) => None,
        };
        let may = chain.rights(hop).map(|(resource, scopes)| May {
            resource: resource.to_owned(),
            scopes: scopes.into_iter().map(str::to_owned).collect(),
        });
        Step {
            application: standing.of("application", &hop.application),
            session: standing.of("session", &hop.session),
            by,
            may: may.collect(),
            depth: hop.depth,
            expires: hop.expires,
            held: here.iter().filter_map(|id| issued(id, known)).collect(),
        }
    };
    let hops = chain.hops.iter().map(&mut step).collect();
    let rest = rest.into_iter().map(|id| standing.of("mandate", id));
    (hops, rest.collect())
}

fn issued(mandate: &str, known: &Known<'_>) -> Option<Held> {
    let issue = known.issues.of(mandate)?;
    let policy = member(issue, "policy");
    Some(Held {
        mandate: known.standing.of("mandate", mandate),
        entry: number(issue, "/index")?,
        policy: policy.map(str::to_owned),
        policy_is: policy.map(|digest| standing_of_policy(digest, known.policies)),
    })
}

fn chain(entry: &Value) -> Option<RecordedChain> {
    RecordedChain::deserialize(entry.pointer("/event/chain")?).ok()
}

fn member<'a>(entry: &'a Value, name: &str) -> Option<&'a str> {
    entry.get("event")?.get(name)?.as_str()
}

fn number(entry: &Value, pointer: &str) -> Option<u64> {
    entry.pointer(pointer)?.as_u64()
}

#[cfg(test)]
mod tests;
