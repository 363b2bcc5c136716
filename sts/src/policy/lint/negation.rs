//! What stands under `not` has operands that are certainly defined.
//!
//! With an operand that is undefined, `not startswith(input.request.path, "/admin")` is true for our
//! interpreter and undefined in OPA, which looks the operands up outside of the negation. Ours would
//! be the one that opens, so such a `not` is refused: with the operands bound to names before it, both
//! stop there. Only `not a == b` and `not some_rule` mean the same for what is undefined.

use std::collections::BTreeSet;

use super::head_name;
use crate::policy::diagnostic::Diagnostic;
use crate::policy::schema;
use crate::policy::tree::{Expr, Head, Literal, Module, Reference, Rule, Statement, Step};
use crate::policy::walk::{self, Visitor};

pub(super) fn check(module: &Module, found: &mut Vec<Diagnostic>) {
    let mut negations = Negations {
        names: Names::of(module),
        found,
    };
    walk::module(module, &mut negations);
}

/// What the module's names stand for.
struct Names {
    /// Every rule and import.
    global: BTreeSet<String>,
    /// Functions.
    functions: BTreeSet<String>,
    /// Rules that have a value whatever the input is.
    certain: BTreeSet<String>,
}

impl Names {
    fn of(module: &Module) -> Self {
        let mut names = Self {
            global: BTreeSet::from(["input".to_owned(), "data".to_owned()]),
            functions: BTreeSet::new(),
            certain: BTreeSet::new(),
        };
        for import in &module.imports {
            let path = import.refr.reference();
            let last = path.and_then(|path| match path.steps.last() {
                Some(Step::Name(name, _)) => Some((*name).to_owned()),
                _ => None,
            });
            names.global.extend(last);
        }
        for rule in &module.rules {
            let Some(name) = head_name(rule) else {
                continue;
            };
            names.global.insert(name.root.to_owned());
            let is_certain = match rule {
                Rule::Default { args, .. } => args.is_empty(),
                Rule::Spec { head, bodies, .. } => match head {
                    Head::Set { .. } => true,
                    Head::Func { .. } => {
                        names.functions.insert(name.root.to_owned());
                        false
                    }
                    Head::Compr { assign, .. } => {
                        let value = assign.as_ref().map(|assign| &assign.value);
                        bodies.is_empty()
                            && name.steps.is_empty()
                            && value.is_some_and(|value| {
                                value.literal_kind().is_some() && value.reference().is_none()
                            })
                            && value.is_some_and(is_constant)
                    }
                },
            };
            if is_certain && name.steps.is_empty() {
                names.certain.insert(name.root.to_owned());
            }
        }
        names
    }

    /// Whether an expression has a value whatever the input is, or ends the evaluation with an error.
    fn is_certain(&self, expr: &Expr) -> bool {
        match expr {
            Expr::String { .. }
            | Expr::RawString { .. }
            | Expr::Number { .. }
            | Expr::Bool { .. }
            | Expr::Null { .. }
            | Expr::ArrayCompr { .. }
            | Expr::SetCompr { .. }
            | Expr::ObjectCompr { .. } => true,
            Expr::Var { value, .. } => !self.global.contains(value) || self.certain.contains(value),
            Expr::RefDot { .. } | Expr::RefBrack { .. } => expr
                .reference()
                .is_some_and(|path| path.root == "input" && is_always_there(&path)),
            Expr::Call { fcn, params, .. } => {
                let name = fcn.reference();
                let is_own = name.is_none_or(|name| self.global.contains(name.root));
                !is_own && params.iter().all(|param| self.is_certain(param))
            }
            // Of an undefined side these are false or undefined.
            Expr::Membership { .. } => false,
            Expr::Array { .. }
            | Expr::Set { .. }
            | Expr::Object { .. }
            | Expr::Unary { .. }
            | Expr::SetOperation { .. }
            | Expr::Comparison { .. }
            | Expr::Arithmetic { .. }
            | Expr::Assignment { .. } => {
                let inner = expr.children();
                inner.into_iter().all(|inner| self.is_certain(inner))
            }
        }
    }

    /// Whether an expression is a reference that is undefined in one way only.
    fn is_plain(&self, expr: &Expr) -> bool {
        expr.reference().is_some_and(|path| {
            path.steps.iter().all(|step| match step {
                Step::Name(..) => true,
                Step::Index(index) => self.is_certain(index),
            })
        })
    }

    /// Whether `not expr` means the same everywhere.
    fn may_be_negated(&self, expr: &Expr) -> bool {
        let is_fine = |side: &Expr| self.is_certain(side) || self.is_plain(side);
        match expr {
            Expr::Comparison { op, lhs, rhs, .. } if op == "Eq" => is_fine(lhs) && is_fine(rhs),
            Expr::Call { fcn, params, .. }
                if fcn
                    .reference()
                    .is_some_and(|name| self.functions.contains(name.root)) =>
            {
                params.iter().all(|param| self.is_certain(param))
            }
            Expr::Membership {
                key,
                value,
                collection,
                ..
            } => key.is_none() && self.is_certain(value) && self.is_certain(collection),
            other => is_fine(other),
        }
    }
}

fn is_constant(expr: &Expr) -> bool {
    let is_leaf = matches!(
        expr,
        Expr::String { .. }
            | Expr::RawString { .. }
            | Expr::Number { .. }
            | Expr::Bool { .. }
            | Expr::Null { .. }
    );
    let is_container = matches!(
        expr,
        Expr::Array { .. } | Expr::Set { .. } | Expr::Object { .. }
    );
    is_leaf || (is_container && expr.children().into_iter().all(is_constant))
}

/// Whether a path of the input is there in every request.
fn is_always_there(path: &Reference<'_>) -> bool {
    let dotted = path.dotted();
    dotted.is_some_and(|dotted| schema::ALWAYS.contains(&dotted.as_str()))
}

struct Negations<'a> {
    names: Names,
    found: &'a mut Vec<Diagnostic>,
}

impl Visitor for Negations<'_> {
    fn statement(&mut self, statement: &Statement) {
        if let Literal::NotExpr { expr } = &statement.literal
            && !self.names.may_be_negated(expr)
        {
            self.found.push(Diagnostic::error(
                "not_of_undefined",
                expr.span().place(),
                "if a part of this is undefined, `not` makes true of it here and not in OPA",
                "bind the part first: `path := input.request.path` and then `not startswith(path, ...)`; \
                 or put the condition into a rule and negate that",
            ));
        }
    }

    fn expr(&mut self, _: &Expr) -> bool {
        true
    }
}
