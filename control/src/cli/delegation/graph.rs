//! Who may have whom act, as a picture.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use caracal_store::model::{Delegation, Suspension};
use caracal_store::{Listed, Revocable};
use clap::ValueEnum;
use serde_json::Value;

use crate::cli::listing::items;

/// How it is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Drawing {
    /// A tree, for a terminal.
    Text,
    /// The language of Graphviz.
    Dot,
}

/// What one application may have another one do.
#[derive(Debug)]
struct Edge {
    to: String,
    label: String,
    is_suspended: bool,
}

/// The live delegations of a zone.
#[derive(Debug)]
pub(super) struct Graph {
    edges: BTreeMap<String, Vec<Edge>>,
}

impl Graph {
    /// From what the server says of delegations and of suspensions.
    pub(super) fn read(delegations: &Value, suspensions: &Value) -> Self {
        let suspended: BTreeSet<String> = items::<Listed<Suspension>>(suspensions)
            .map(|one| one.item.target.to_string())
            .collect();
        let mut edges = BTreeMap::<String, Vec<Edge>>::new();
        for one in items::<Revocable<Delegation>>(delegations) {
            if one.revoked {
                continue;
            }
            let Delegation {
                id,
                from,
                to,
                resource,
                scopes,
                max_depth,
                ..
            } = one.item;
            let depth = match max_depth {
                0 => String::new(),
                1 => ", and once further".to_owned(),
                more => format!(", and {more} times further"),
            };
            edges.entry(from.to_string()).or_default().push(Edge {
                to: to.to_string(),
                label: format!("{resource}: {scopes}{depth}"),
                is_suspended: suspended.contains(&format!("delegation/{id}")),
            });
        }
        Self { edges }
    }

    pub(super) fn drawn(&self, how: Drawing) -> String {
        match how {
            Drawing::Text if self.edges.is_empty() => {
                "no application may have another one act for it".to_owned()
            }
            Drawing::Text => self.text(),
            Drawing::Dot => self.dot(),
        }
    }

    fn text(&self) -> String {
        let reached: BTreeSet<&str> = self
            .edges
            .values()
            .flatten()
            .map(|edge| edge.to.as_str())
            .collect();
        let tops = self
            .edges
            .keys()
            .filter(|name| !reached.contains(name.as_str()));
        // In a ring nobody stands at the top; then everybody begins one.
        let mut tops: Vec<&str> = tops.map(String::as_str).collect();
        let mut text = String::new();
        let mut drawn = BTreeSet::new();
        tops.extend(self.edges.keys().map(String::as_str));
        for top in tops {
            if drawn.contains(top) {
                continue;
            }
            let _ = writeln!(text, "{top}");
            self.below(top, "", &mut drawn, &mut text);
        }
        text
    }

    fn below<'a>(
        &'a self,
        name: &'a str,
        indent: &str,
        drawn: &mut BTreeSet<&'a str>,
        text: &mut String,
    ) {
        drawn.insert(name);
        let edges = self.edges.get(name).map_or(&[][..], Vec::as_slice);
        let mut left = edges.len();
        for edge in edges {
            left = left.saturating_sub(1);
            let (branch, deeper) = if left == 0 {
                ("└─", "   ")
            } else {
                ("├─", "│  ")
            };
            let suspended = if edge.is_suspended {
                " (suspended)"
            } else {
                ""
            };
            let again = drawn.contains(edge.to.as_str()) && self.edges.contains_key(&edge.to);
            let above = if again { " (see above)" } else { "" };
            let Edge { to, label, .. } = edge;
            let _ = writeln!(text, "{indent}{branch} {to}  {label}{suspended}{above}");
            if !again {
                self.below(to, &format!("{indent}{deeper}"), drawn, text);
            }
        }
    }

    fn dot(&self) -> String {
        let mut text = String::from("digraph delegations {\n  rankdir=LR;\n  node [shape=box];\n");
        for (from, edges) in &self.edges {
            for edge in edges {
                let Edge {
                    to,
                    label,
                    is_suspended,
                } = edge;
                let style = if *is_suspended { ", style=dashed" } else { "" };
                // Names and scopes have neither quotes nor backslashes.
                let _ = writeln!(text, "  \"{from}\" -> \"{to}\" [label=\"{label}\"{style}];");
            }
        }
        text.push_str("}\n");
        text
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn graph(edges: &[(&str, &str, &str, u8)], suspended: &[u64]) -> Graph {
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
        Graph::read(&json!({ "items": items }), &json!({ "items": suspended }))
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
