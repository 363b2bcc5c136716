//! Who may have whom act, as a picture.

mod layers;
mod layout;
mod svg;
mod ways;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use caracal_store::model::{Application, Delegation, Suspension};
use caracal_store::{Listed, Revocable};
use clap::ValueEnum;
use serde_json::Value;

use crate::cli::listing::items;

const NOTHING: &str = "no application may have another one act for it";

/// How it is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Drawing {
    /// A tree, for a terminal.
    Text,
    /// The language of Graphviz.
    Dot,
    /// A picture for a browser, with what was revoked.
    Svg,
}

/// Whether something holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Live,
    Suspended,
    Revoked,
}

impl State {
    const fn of(is_revoked: bool, is_suspended: bool) -> Self {
        match (is_revoked, is_suspended) {
            (true, _) => Self::Revoked,
            (false, true) => Self::Suspended,
            (false, false) => Self::Live,
        }
    }
}

/// What one application may have another one do.
#[derive(Debug)]
struct Edge {
    id: String,
    to: String,
    resource: String,
    scopes: String,
    depth: u8,
    state: State,
}

impl Edge {
    fn label(&self) -> String {
        let further = self.further();
        let further = further.map_or(String::new(), |further| format!(", {further}"));
        format!("{}: {}{further}", self.resource, self.scopes)
    }

    /// How often it may be passed on, if it may.
    fn further(&self) -> Option<String> {
        match self.depth {
            0 => None,
            1 => Some("and once further".to_owned()),
            more => Some(format!("and {more} times further")),
        }
    }
}

/// The delegations of a zone.
#[derive(Debug)]
pub(super) struct Graph {
    /// By who passes on. What was revoked stands in the picture alone.
    edges: BTreeMap<String, Vec<Edge>>,
    /// Applications that are not good.
    fallen: BTreeMap<String, State>,
}

impl Graph {
    /// From what the server says of delegations, suspensions and applications.
    pub(super) fn read(delegations: &Value, suspensions: &Value, applications: &Value) -> Self {
        let suspended: BTreeSet<String> = items::<Listed<Suspension>>(suspensions)
            .map(|one| one.item.target.to_string())
            .collect();
        let mut edges = BTreeMap::<String, Vec<Edge>>::new();
        for one in items::<Revocable<Delegation>>(delegations) {
            let Delegation {
                id,
                from,
                to,
                resource,
                scopes,
                max_depth,
                ..
            } = one.item;
            let is_suspended = suspended.contains(&format!("delegation/{id}"));
            edges.entry(from.to_string()).or_default().push(Edge {
                id,
                to: to.to_string(),
                resource: resource.to_string(),
                scopes: scopes.to_string(),
                depth: max_depth,
                state: State::of(one.revoked, is_suspended),
            });
        }
        let states = items::<Revocable<Application>>(applications).map(|one| {
            let name = one.item.name.to_string();
            let is_suspended = suspended.contains(&format!("application/{name}"));
            (name, State::of(one.revoked, is_suspended))
        });
        Self {
            edges,
            fallen: states.filter(|(_, state)| *state != State::Live).collect(),
        }
    }

    /// What was not revoked, by who passes on.
    fn live(&self) -> BTreeMap<&str, Vec<&Edge>> {
        let mut live = BTreeMap::new();
        for (from, edges) in &self.edges {
            let edges: Vec<_> = edges
                .iter()
                .filter(|edge| edge.state != State::Revoked)
                .collect();
            if !edges.is_empty() {
                live.insert(from.as_str(), edges);
            }
        }
        live
    }

    pub(super) fn drawn(&self, how: Drawing) -> String {
        match how {
            Drawing::Text => Tree {
                edges: &self.live(),
                drawn: BTreeSet::new(),
                text: String::new(),
            }
            .text(),
            Drawing::Dot => self.dot(),
            Drawing::Svg => svg::drawn(self),
        }
    }

    fn dot(&self) -> String {
        let mut text = String::from("digraph delegations {\n  rankdir=LR;\n  node [shape=box];\n");
        for (from, edges) in self.live() {
            for edge in edges {
                let style = match edge.state {
                    State::Suspended => ", style=dashed",
                    State::Live | State::Revoked => "",
                };
                let (to, label) = (&edge.to, edge.label());
                // Names and scopes have neither quotes nor backslashes.
                let _ = writeln!(text, "  \"{from}\" -> \"{to}\" [label=\"{label}\"{style}];");
            }
        }
        text.push_str("}\n");
        text
    }
}

/// A tree in the making.
struct Tree<'a, 'g> {
    edges: &'g BTreeMap<&'a str, Vec<&'a Edge>>,
    drawn: BTreeSet<&'a str>,
    text: String,
}

impl<'a> Tree<'a, '_> {
    fn text(mut self) -> String {
        let edges = self.edges;
        if edges.is_empty() {
            return NOTHING.to_owned();
        }
        let reached: BTreeSet<&str> = edges
            .values()
            .flatten()
            .map(|edge| edge.to.as_str())
            .collect();
        let tops = edges.keys().filter(|name| !reached.contains(*name));
        // In a ring nobody stands at the top; then everybody begins one.
        for top in tops.chain(edges.keys()) {
            if !self.drawn.contains(top) {
                let _ = writeln!(self.text, "{top}");
                self.below(top, "");
            }
        }
        self.text
    }

    fn below(&mut self, name: &'a str, indent: &str) {
        self.drawn.insert(name);
        let edges = self.edges.get(name).map_or(&[][..], Vec::as_slice);
        let mut left = edges.len();
        for edge in edges {
            left = left.saturating_sub(1);
            let (branch, deeper) = if left == 0 {
                ("└─", "   ")
            } else {
                ("├─", "│  ")
            };
            let suspended = match edge.state {
                State::Suspended => " (suspended)",
                State::Live | State::Revoked => "",
            };
            let to = edge.to.as_str();
            let again = self.drawn.contains(to) && self.edges.contains_key(to);
            let above = if again { " (see above)" } else { "" };
            let label = edge.label();
            let _ = writeln!(
                self.text,
                "{indent}{branch} {to}  {label}{suspended}{above}"
            );
            if !again {
                self.below(to, &format!("{indent}{deeper}"));
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;

    pub(super) fn graph(edges: &[(&str, &str, &str, u8)], suspended: &[u64]) -> Graph {
        let items: Vec<_> = (1_u64..)
            .zip(edges)
            .map(|(number, (from, to, scope, depth))| {
                json!({"id": format!("dlg_{number}"), "from": from, "to": to, "resource": "bank",
                    "scopes": [scope], "expires_at": null, "max_lifetime": null,
                    "max_depth": depth, "seq": number, "revoked": *scope == "gone"})
            })
            .collect();
        let suspended: Vec<_> = suspended
            .iter()
            .map(|number| {
                let id = format!("dlg_{number}");
                json!({"target": {"kind": "delegation", "id": id}, "id": 1, "seq": 1})
            })
            .collect();
        let applications = json!({"items": [
            {"name": "clerk", "spiffe_ids": [], "seq": 1, "revoked": true},
            {"name": "boss", "spiffe_ids": [], "seq": 1, "revoked": false}]});
        let [delegations, suspended] = [items, suspended].map(|items| json!({ "items": items }));
        Graph::read(&delegations, &suspended, &applications)
    }

    #[test]
    fn a_tree_shows_who_may_have_whom_do_what() {
        let graph = graph(
            &[
                ("boss", "payer", "pay", 1),
                ("payer", "clerk", "pay", 0),
                ("boss", "reader", "read", 2),
                ("boss", "nobody", "gone", 0),
            ],
            &[2],
        );
        let text = "\
boss
├─ payer  bank: pay, and once further
│  └─ clerk  bank: pay (suspended)
└─ reader  bank: read, and 2 times further
";
        assert_eq!(graph.drawn(Drawing::Text), text);
        let dot = graph.drawn(Drawing::Dot);
        assert!(dot.contains("\"payer\" -> \"clerk\" [label=\"bank: pay\", style=dashed];"));
        assert!(!dot.contains("nobody"));
    }

    #[test]
    fn a_ring_is_drawn_once() {
        let graph = graph(&[("a", "b", "s", 0), ("b", "a", "s", 0)], &[]);
        let text = "a\n└─ b  bank: s\n   └─ a  bank: s (see above)\n";
        assert_eq!(graph.drawn(Drawing::Text), text);
    }

    #[test]
    fn nothing_is_said_to_be_nothing() {
        let text = graph(&[], &[]).drawn(Drawing::Text);
        assert_eq!(text, "no application may have another one act for it");
    }
}
