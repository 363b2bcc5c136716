//! The checks on a parsed module: a typo must never open anything, and what is not supported is
//! refused here and not when somebody asks for a mandate.

mod calls;
mod depth;
mod fields;
mod names;
mod negation;
mod results;
mod structure;

use std::collections::BTreeSet;

use super::diagnostic::Diagnostic;
use super::tree::{Expr, Head, Module, Reference, Rule};

/// Which checks apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A zone's policy.
    Policy,
    /// A file of tests beside a policy: any package, `with`, and references to other packages.
    Tests,
    /// Rego of any package with a policy's constructs.
    Library,
}

/// Checks a module. `source` is its text.
pub(super) fn check(module: &Module, source: &str, purpose: Purpose) -> Vec<Diagnostic> {
    let facts = Facts::of(module);
    let mut found = Vec::new();
    structure::check(module, source, &facts, purpose, &mut found);
    calls::check(module, source, &facts, purpose, &mut found);
    depth::check(module, &mut found);
    negation::check(module, &mut found);
    if purpose != Purpose::Library {
        fields::check(module, source, &mut found);
    }
    if purpose == Purpose::Policy {
        results::check(module, source, &facts, &mut found);
    }
    found.sort_by_key(|diagnostic| (diagnostic.severity, diagnostic.line, diagnostic.column));
    found.truncate(MAX_FOUND);
    found
}

/// Most findings that are reported for one module, errors first.
const MAX_FOUND: usize = 100;

/// Names that a module defines.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// Rules and functions, by the first part of their name.
    rules: BTreeSet<String>,
    /// Functions, by their whole name.
    functions: BTreeSet<String>,
}

impl Facts {
    fn of(module: &Module) -> Self {
        let mut facts = Self::default();
        for rule in &module.rules {
            let Some(name) = head_name(rule) else {
                continue;
            };
            let is_function = match rule {
                Rule::Spec { head, .. } => matches!(head, Head::Func { .. }),
                Rule::Default { args, .. } => !args.is_empty(),
            };
            if is_function && let Some(path) = name.dotted() {
                facts.functions.insert(path);
            }
            facts.rules.insert(name.root.to_owned());
        }
        facts
    }
}

/// The name in a rule's head.
fn head_name(rule: &Rule) -> Option<Reference<'_>> {
    head_refr(rule).reference()
}

const fn head_refr(rule: &Rule) -> &Expr {
    match rule {
        Rule::Spec { head, .. } => head.refr(),
        Rule::Default { refr, .. } => refr,
    }
}
