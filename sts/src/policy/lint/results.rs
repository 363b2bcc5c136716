//! The rules that are a policy's answer have the shape that is asked for, and no rule is a misspelt
//! one of them.

use std::collections::BTreeSet;

use super::names::RuleNames;
use super::{Facts, head_name, head_refr};
use crate::policy::diagnostic::Diagnostic;
use crate::policy::suggest;
use crate::policy::tree::{Assign, Expr, Head, Module, Rule};
use crate::policy::walk;

/// The rules that make the answer.
const RESULTS: [&str; 4] = ["allow", "deny", "max_lifetime", "scopes"];

pub(super) fn check(module: &Module, source: &str, facts: &Facts, found: &mut Vec<Diagnostic>) {
    if !facts.rules.contains("allow") {
        found.push(Diagnostic::error(
            "no_allow",
            module.package.span.place(),
            "there is no rule `allow`, so this policy could never allow anything",
            "add `allow if { ... }`",
        ));
    }
    for rule in &module.rules {
        if let Err(wrong) = shape(rule, source) {
            found.push(wrong);
        }
    }
    unused(module, found);
}

fn shape(rule: &Rule, source: &str) -> Result<(), Diagnostic> {
    let Some(name) = head_name(rule) else {
        return Ok(());
    };
    let Some(wanted) = Wanted::of(name.root) else {
        return Ok(());
    };
    let place = head_refr(rule).span().place();
    if !name.steps.is_empty() {
        return Err(wanted.wrong(place, "has parts of its own"));
    }
    match rule {
        Rule::Default { value, args, .. } => {
            if !args.is_empty() {
                return Err(wanted.wrong(place, "is a function"));
            }
            if name.root == "allow" && !matches!(value, Expr::Bool { value: false, .. }) {
                let message = "the default of `allow` is not false";
                let help = "write `default allow := false`: what no rule allows is not allowed";
                return Err(Diagnostic::error("default_allow", place, message, help));
            }
            wanted.value(value, source)
        }
        Rule::Spec { head, bodies, .. } => {
            match head {
                Head::Func { .. } => return Err(wanted.wrong(place, "is a function")),
                Head::Set { key, .. } => return wanted.element(key.as_ref(), place),
                Head::Compr { assign, .. } => wanted.assigned(assign.as_ref(), place, source)?,
            }
            for body in bodies.iter().skip(1) {
                wanted.assigned(body.assign.as_ref(), body.span.place(), source)?;
            }
            Ok(())
        }
    }
}

/// What one of the answer's rules must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Boolean,
    Reasons,
    Seconds,
    Scopes,
}

impl Wanted {
    fn of(name: &str) -> Option<Self> {
        match name {
            "allow" => Some(Self::Boolean),
            "deny" => Some(Self::Reasons),
            "max_lifetime" => Some(Self::Seconds),
            "scopes" => Some(Self::Scopes),
            _ => None,
        }
    }

    fn wrong(self, place: (u32, u32), what: &str) -> Diagnostic {
        let (name, help) = match self {
            Self::Boolean => ("allow", "write `allow if { ... }`: it is true or false"),
            Self::Reasons => (
                "deny",
                "write `deny contains \"the reason\" if { ... }`: it is a set of strings",
            ),
            Self::Seconds => (
                "max_lifetime",
                "write `max_lifetime := 60`: it is a whole number of seconds, at least 1",
            ),
            Self::Scopes => (
                "scopes",
                "write `scopes contains \"accounts:read\" if { ... }`: it is a set of strings",
            ),
        };
        Diagnostic::error("result_shape", place, format!("`{name}` {what}"), help)
    }

    /// `name contains key`.
    fn element(self, key: Option<&Expr>, place: (u32, u32)) -> Result<(), Diagnostic> {
        if matches!(self, Self::Boolean | Self::Seconds) {
            return Err(self.wrong(place, "is a set"));
        }
        match key.and_then(Expr::literal_kind) {
            Some(kind) if kind != "a string" => Err(self.wrong(place, &format!("contains {kind}"))),
            _ => Ok(()),
        }
    }

    /// `name := value`, or no value, which is `true`.
    fn assigned(
        self,
        assign: Option<&Assign>,
        place: (u32, u32),
        source: &str,
    ) -> Result<(), Diagnostic> {
        match assign {
            Some(assign) => self.value(&assign.value, source),
            None if self == Self::Boolean => Ok(()),
            None => Err(self.wrong(place, "is a boolean")),
        }
    }

    fn value(self, value: &Expr, source: &str) -> Result<(), Diagnostic> {
        let Some(kind) = value.literal_kind() else {
            return Ok(());
        };
        let place = value.span().place();
        let fits = match self {
            Self::Boolean => kind == "a boolean",
            Self::Seconds => {
                kind == "a number"
                    && value
                        .span()
                        .text(source)
                        .parse::<u64>()
                        .is_ok_and(|seconds| seconds > 0)
            }
            Self::Reasons | Self::Scopes => match value {
                Expr::Array { items, .. } | Expr::Set { items, .. } => items
                    .iter()
                    .all(|item| item.literal_kind().is_none_or(|kind| kind == "a string")),
                _ => kind == "a set" || kind == "an array",
            },
        };
        if fits {
            Ok(())
        } else if self == Self::Seconds && kind == "a number" {
            Err(self.wrong(place, "is not a whole number above 0"))
        } else if matches!(value, Expr::Array { .. } | Expr::Set { .. }) {
            Err(self.wrong(place, "has elements that are no strings"))
        } else {
            Err(self.wrong(place, &format!("is {kind}")))
        }
    }
}

/// Rules that nothing refers to are no part of the answer.
fn unused(module: &Module, found: &mut Vec<Diagnostic>) {
    let mut used = RuleNames::default();
    walk::module(module, &mut used);
    let mut told = BTreeSet::new();
    for rule in &module.rules {
        let Some(name) = head_name(rule) else {
            continue;
        };
        if RESULTS.contains(&name.root)
            || used.0.contains(name.root)
            || name.root.starts_with("test_")
            || !told.insert(name.root)
        {
            continue;
        }
        let place = name.root_span.place();
        let message = format!("nothing uses the rule `{}`", name.root);
        found.push(match suggest::nearest(name.root, RESULTS.into_iter()) {
            Some(near) => Diagnostic::error(
                "misspelt_result",
                place,
                message,
                format!(
                    "did you mean `{near}`? Else give it a name that is less alike, or remove it"
                ),
            ),
            None => Diagnostic::warning(
                "unused_rule",
                place,
                message,
                "remove it, or use it; the answer is made of allow, deny, max_lifetime and scopes",
            ),
        });
    }
}
