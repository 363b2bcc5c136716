//! Package, imports, names, and the constructs that a policy may not use.

use std::collections::BTreeSet;

use super::{Facts, Purpose, head_name};
use crate::policy::builtins;
use crate::policy::diagnostic::Diagnostic;
use crate::policy::engine::PACKAGE;
use crate::policy::tree::{Expr, Import, Literal, Module, Statement};
use crate::policy::walk::{self, Visitor};

pub(super) fn check(
    module: &Module,
    source: &str,
    facts: &Facts,
    purpose: Purpose,
    found: &mut Vec<Diagnostic>,
) {
    if purpose == Purpose::Policy {
        package(module, found);
        for import in &module.imports {
            self::import(import, found);
        }
    }
    for import in &module.imports {
        keyword(import, found);
    }
    for rule in &module.rules {
        if let Some(name) = head_name(rule)
            && (builtins::is_reserved(name.root) || name.root == "input" || name.root == "data")
        {
            found.push(Diagnostic::error(
                "reserved_name",
                name.root_span.place(),
                format!("{} is a name of Rego's own", name.root),
                "give the rule another name",
            ));
        }
    }
    let mut constructs = Constructs {
        source,
        conditions: BTreeSet::new(),
        facts,
        purpose,
        found,
    };
    walk::module(module, &mut constructs);
}

fn package(module: &Module, found: &mut Vec<Diagnostic>) {
    let name = module
        .package
        .refr
        .reference()
        .and_then(|name| name.dotted());
    if name.as_deref() != Some(PACKAGE) {
        let name = name.unwrap_or_else(|| "something else".to_owned());
        found.push(Diagnostic::error(
            "package",
            module.package.span.place(),
            format!("the package is {name}"),
            format!("a policy starts with `package {PACKAGE}`"),
        ));
    }
}

fn import(import: &Import, found: &mut Vec<Diagnostic>) {
    let path = import.refr.reference().and_then(|path| path.dotted());
    let path = path.unwrap_or_default();
    let is_known = path == "rego.v1"
        || path == "input"
        || path.starts_with("input.")
        || path.starts_with("future.");
    if !is_known {
        found.push(Diagnostic::error(
            "import",
            import.span.place(),
            format!("{path} cannot be imported"),
            "a policy is one file without data; only rego.v1 and parts of input can be imported",
        ));
    }
}

/// Names that start a reference.
#[derive(Default)]
struct Used(BTreeSet<String>);

impl Visitor for Used {
    fn expr(&mut self, expr: &Expr) -> bool {
        if let Expr::Var { value, .. } = expr {
            self.0.insert(value.clone());
        }
        true
    }
}

/// Keywords that the interpreter does not know would be read as something else.
fn keyword(import: &Import, found: &mut Vec<Diagnostic>) {
    const KNOWN: [&str; 6] = [
        "future.keywords",
        "future.keywords.contains",
        "future.keywords.every",
        "future.keywords.if",
        "future.keywords.in",
        "rego.v1",
    ];
    let path = import.refr.reference().and_then(|path| path.dotted());
    let path = path.unwrap_or_default();
    let is_keyword = path.starts_with("future.") || path.starts_with("rego.");
    if is_keyword && !KNOWN.contains(&path.as_str()) {
        found.push(Diagnostic::error(
            "import",
            import.span.place(),
            format!("{path} is not a part of the language that is supported"),
            "remove the import, and write what it is for in other words",
        ));
    }
}

struct Constructs<'a> {
    source: &'a str,
    /// Where the `in`s start that are conditions of their own.
    conditions: BTreeSet<usize>,
    facts: &'a Facts,
    purpose: Purpose,
    found: &'a mut Vec<Diagnostic>,
}

impl Visitor for Constructs<'_> {
    fn statement(&mut self, statement: &Statement) {
        if let Some(with) = statement.with_mods.first() {
            self.with(with.span.place(), &with.refr, statement.with_mods.len());
        }
        if let Literal::Expr { expr } | Literal::NotExpr { expr } = &statement.literal
            && matches!(expr, Expr::Membership { .. })
        {
            self.conditions.insert(expr.span().start);
        }
        if let Literal::Expr { expr } | Literal::NotExpr { expr } = &statement.literal
            && let Expr::Membership { key: Some(key), .. } = expr
        {
            self.found.push(Diagnostic::error(
                "in_with_key",
                key.span().place(),
                "`key, value in` means something else for sets in other programs",
                "write `xs[key] == value`",
            ));
        }
        if let Literal::Every {
            key, value, query, ..
        } = &statement.literal
        {
            let mut used = Used::default();
            walk::query(query, &mut used);
            for name in key.iter().chain([value]) {
                let text = name.text(self.source);
                if text != "_" && !used.0.contains(text) {
                    self.found.push(Diagnostic::error(
                        "unused_variable",
                        name.place(),
                        format!("`every` does not ask anything of {text}"),
                        "use it in the block, or write _ in its place",
                    ));
                }
            }
        }
        let shadowing = match &statement.literal {
            Literal::SomeVars { .. }
            | Literal::Every { .. }
            | Literal::NotExpr { .. }
            | Literal::SomeIn { .. } => None,
            Literal::Expr { expr } => match expr {
                Expr::Assignment { lhs, .. } => lhs.reference().filter(|lhs| {
                    lhs.steps.is_empty() && (lhs.root == "input" || lhs.root == "data")
                }),
                _ => None,
            },
        };
        if let Some(name) = shadowing {
            self.found.push(Diagnostic::error(
                "reserved_name",
                name.root_span.place(),
                format!("{} is a name of Rego's own", name.root),
                "give the variable another name",
            ));
        }
    }

    fn expr(&mut self, expr: &Expr) -> bool {
        if matches!(expr, Expr::Membership { .. }) && !self.conditions.contains(&expr.span().start)
        {
            self.membership(expr);
        }
        if let Some(path) = expr.reference()
            && path.root == "data"
            && self.purpose == Purpose::Policy
        {
            let name = path.dotted();
            let own = name
                .as_deref()
                .and_then(|name| name.strip_prefix("data.caracal.policy."))
                .and_then(|rest| rest.split('.').next());
            if !own.is_some_and(|rule| self.facts.rules.contains(rule)) {
                self.found.push(Diagnostic::error(
                    "no_data",
                    path.span.place(),
                    "a policy has no data document",
                    "name rules of the policy itself; lists can stand in rules of their own",
                ));
            }
        }
        true
    }
}

impl Constructs<'_> {
    /// In an undefined collection nothing is: here that is false, in OPA it is undefined. As a
    /// condition both are a no; compared with `false` they are not.
    fn membership(&mut self, expr: &Expr) {
        self.found.push(Diagnostic::error(
            "in_as_value",
            expr.span().place(),
            "`in` is used as a value",
            "use it as a condition of its own: `x in xs` or `not x in xs`, in a rule of its own",
        ));
    }

    fn with(&mut self, place: (u32, u32), target: &Expr, count: usize) {
        let message = match self.purpose {
            Purpose::Policy | Purpose::Library => "`with` replaces what the policy decides on",
            Purpose::Tests => {
                let is_input = target
                    .reference()
                    .is_some_and(|target| target.root == "input" || target.root == "data");
                if is_input || count == 0 {
                    return;
                }
                "`with` can replace input and rules, not functions"
            }
        };
        self.found.push(Diagnostic::error(
            "with",
            place,
            message,
            "`with input as {...}` belongs into a file of tests",
        ));
    }
}
