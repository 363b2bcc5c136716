//! How deep rules rest on rules. The interpreter recurses once for each level; a chain of a thousand
//! rules would end the process with an overflow of its stack.

use std::collections::{BTreeMap, BTreeSet};

use super::head_name;
use super::names::RuleNames;
use crate::policy::diagnostic::Diagnostic;
use crate::policy::tree::Module;
use crate::policy::walk;

/// Stands for a chain without an end.
const CIRCLE: usize = usize::MAX;

/// Longest chain of rules that rest on each other.
pub(crate) const MAX_RULE_DEPTH: usize = 32;

pub(super) fn check(module: &Module, found: &mut Vec<Diagnostic>) {
    let mut graph: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for rule in &module.rules {
        if let Some(name) = head_name(rule) {
            let mut names = RuleNames::default();
            walk::rule(rule, &mut names);
            graph.entry(name.root).or_default().append(&mut names.0);
        }
    }
    let mut depths = BTreeMap::new();
    for rule in &module.rules {
        let Some(name) = head_name(rule) else {
            continue;
        };
        let depth = depth(name.root, &graph, &mut depths);
        if depth == CIRCLE {
            found.push(Diagnostic::error(
                "recursion",
                name.root_span.place(),
                format!("{} rests on itself", name.root),
                "Rego has no recursion; or give the variable that has a rule's name another one",
            ));
            return;
        }
        if depth > MAX_RULE_DEPTH {
            found.push(Diagnostic::error(
                "rule_depth",
                name.root_span.place(),
                format!(
                    "{} rests on a chain of more than {MAX_RULE_DEPTH} rules",
                    name.root
                ),
                "put rules together, so that fewer rest on each other",
            ));
            return;
        }
    }
}

/// Length of the longest chain from `name`; [`CIRCLE`] if it comes back to itself. Each name is
/// visited once.
fn depth<'a>(
    name: &'a str,
    graph: &'a BTreeMap<&str, BTreeSet<String>>,
    known: &mut BTreeMap<&'a str, usize>,
) -> usize {
    if let Some(depth) = known.get(name) {
        return *depth;
    }
    let Some(names) = graph.get(name) else {
        return 0;
    };
    known.insert(name, CIRCLE);
    let below = names.iter().map(|below| depth(below, graph, known)).max();
    let depth = below.unwrap_or_default().saturating_add(1);
    known.insert(name, depth);
    depth
}
