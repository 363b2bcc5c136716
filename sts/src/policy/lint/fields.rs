//! Every path into the input document is one that exists.
//!
//! A misspelt path is undefined, and `not` makes true of undefined: a typo would open. So paths are
//! held against the schema, also through names that stand for a part of the input (`app :=
//! input.application`, `import input.request`). Where a part goes on under a name that is not followed,
//! a warning says so.

use std::collections::BTreeMap;

use crate::policy::diagnostic::Diagnostic;
use crate::policy::schema::{INPUT, Shape};
use crate::policy::tree::{
    Body, Expr, Head, Literal, Module, Query, Reference, Rule, Statement, Step,
};
use crate::policy::walk::{self, Visitor};

pub(super) fn check(module: &Module, source: &str, found: &mut Vec<Diagnostic>) {
    let mut imported = Names::new();
    for import in &module.imports {
        let Some(path) = import.refr.reference().filter(|path| path.root == "input") else {
            continue;
        };
        match follow(&Names::new(), &path) {
            Ok(Some(part)) => {
                let alias = import.alias.as_ref().map(|alias| alias.text(source));
                let last = path.steps.last().and_then(|step| match step {
                    Step::Name(name, _) => Some(*name),
                    Step::Index(_) => None,
                });
                if let Some(name) = alias.or(last) {
                    imported.insert(name.to_owned(), part);
                }
            }
            Ok(None) => {}
            Err(wrong) => found.push(wrong),
        }
    }
    for rule in &module.rules {
        let mut fields = Fields {
            names: imported.clone(),
            found,
        };
        if let Rule::Spec { head, bodies, .. } = rule {
            if let Head::Func { args, .. } = head {
                // An argument hides what the module imported under its name.
                for arg in args {
                    if let Expr::Var { value, .. } = arg {
                        fields.names.remove(value);
                    }
                }
            }
            // What a body names can be used in its head, which comes first.
            for Body { query, .. } in bodies {
                fields.learn(query);
            }
        }
        walk::rule(rule, &mut fields);
    }
}

/// Names that stand for a part of the input, with the path that they stand for.
type Names = BTreeMap<String, (String, Shape)>;

/// The part of the input that a reference names; `None` if it names none, or one that depends on
/// the evaluation.
fn follow(names: &Names, reference: &Reference<'_>) -> Result<Option<(String, Shape)>, Diagnostic> {
    let start = if reference.root == "input" {
        Some(("input".to_owned(), INPUT))
    } else {
        names.get(reference.root).cloned()
    };
    let Some((mut path, mut shape)) = start else {
        return Ok(None);
    };
    for step in &reference.steps {
        match step {
            Step::Name(name, span) => {
                shape = shape.member(&path, name).map_err(|wrong| {
                    Diagnostic::error("unknown_input", span.place(), wrong.message, wrong.help)
                })?;
                path = format!("{path}.{name}");
            }
            Step::Index(index) => {
                let element = shape.element(&path).map_err(|wrong| {
                    let place = index.span().place();
                    Diagnostic::error("unknown_input", place, wrong.message, wrong.help)
                })?;
                let Some(element) = element else {
                    return Ok(None);
                };
                shape = element;
                path.push_str("[_]");
            }
        }
    }
    Ok(Some((path, shape)))
}

struct Fields<'a> {
    names: Names,
    found: &'a mut Vec<Diagnostic>,
}

impl Fields<'_> {
    /// Learns the names of a query's own statements.
    fn learn(&mut self, query: &Query) {
        for Statement { literal, .. } in &query.stmts {
            match literal {
                Literal::Expr {
                    expr: Expr::Assignment { lhs, rhs, .. },
                } => self.name(lhs, rhs, false),
                Literal::SomeIn {
                    value, collection, ..
                } => self.name(value, collection, true),
                Literal::Expr { .. }
                | Literal::NotExpr { .. }
                | Literal::SomeVars { .. }
                | Literal::Every { .. } => {}
            }
        }
    }

    fn name(&mut self, name: &Expr, part: &Expr, is_element: bool) {
        let Expr::Var { value: name, .. } = name else {
            return;
        };
        // A wrong path is reported where the walk meets it.
        let part = part
            .reference()
            .and_then(|part| follow(&self.names, &part).ok().flatten());
        let part = part.and_then(|(path, shape)| {
            if is_element {
                let element = shape.element(&path).ok().flatten()?;
                Some((format!("{path}[_]"), element))
            } else {
                Some((path, shape))
            }
        });
        match part {
            // Two meanings of one name in one rule: neither can be followed.
            Some((path, _)) if self.names.get(name).is_some_and(|(old, _)| *old != path) => {
                self.names.remove(name);
            }
            Some(part) => {
                self.names.insert(name.clone(), part);
            }
            None => {
                self.names.remove(name);
            }
        }
    }

    fn reference(&mut self, reference: &Reference<'_>) {
        match follow(&self.names, reference) {
            Err(wrong) => self.found.push(wrong),
            Ok(Some((path, Shape::Object(_)))) => {
                self.found.push(Diagnostic::warning(
                    "unchecked_input",
                    reference.span.place(),
                    format!("{path} goes where the names of its members are not checked"),
                    "pass on the members that are needed, by name",
                ));
            }
            Ok(_) => {}
        }
        for step in &reference.steps {
            if let Step::Index(index) = step {
                walk::expr(index, self);
            }
        }
    }

    /// `object.get(input.request, "host", "")` is a path as well.
    fn object_get(&mut self, fcn: &Expr, params: &[Expr]) -> bool {
        let name = fcn.reference().and_then(|name| name.dotted());
        let (Some("object.get"), [object, key, _]) = (name.as_deref(), params) else {
            return false;
        };
        let Some(reference) = object.reference() else {
            return false;
        };
        let Ok(Some((mut path, mut shape))) = follow(&self.names, &reference) else {
            return false;
        };
        let keys: Vec<&Expr> = match key {
            Expr::Array { items, .. } => items.iter().collect(),
            one => vec![one],
        };
        for key in keys {
            let Some(name) = key.as_text() else {
                return false;
            };
            match shape.member(&path, name) {
                Ok(next) => {
                    shape = next;
                    path = format!("{path}.{name}");
                }
                Err(wrong) => {
                    let place = key.span().place();
                    self.found.push(Diagnostic::error(
                        "unknown_input",
                        place,
                        wrong.message,
                        wrong.help,
                    ));
                    return true;
                }
            }
        }
        true
    }
}

impl Visitor for Fields<'_> {
    fn statement(&mut self, statement: &Statement) {
        if let Literal::Every { query, .. } = &statement.literal {
            self.learn(query);
        }
        for with in &statement.with_mods {
            let Some(target) = with.refr.reference() else {
                continue;
            };
            match follow(&Names::new(), &target) {
                Ok(Some((path, shape))) => document(&with.value, &path, shape, self.found),
                Ok(None) => {}
                Err(wrong) => self.found.push(wrong),
            }
        }
    }

    fn expr(&mut self, expr: &Expr) -> bool {
        if let Some(query) = expr.query() {
            self.learn(query);
        }
        match expr {
            Expr::Call { fcn, params, .. } if self.object_get(fcn, params) => {
                params
                    .iter()
                    .skip(1)
                    .for_each(|param| walk::expr(param, self));
                false
            }
            Expr::Call { params, .. } => {
                for param in params {
                    walk::expr(param, self);
                }
                false
            }
            // A name for a part is followed, and a comparison asks for no member.
            Expr::Assignment { lhs, rhs, .. } | Expr::Comparison { lhs, rhs, .. } => {
                for side in [lhs, rhs] {
                    match side.reference() {
                        Some(reference) => {
                            if let Err(wrong) = follow(&self.names, &reference) {
                                self.found.push(wrong);
                            }
                            for step in reference.steps {
                                if let Step::Index(index) = step {
                                    walk::expr(index, self);
                                }
                            }
                        }
                        None => walk::expr(side, self),
                    }
                }
                false
            }
            _ => match expr.reference() {
                Some(reference) => {
                    self.reference(&reference);
                    false
                }
                None => true,
            },
        }
    }
}

/// The members of an input document that a test writes down.
fn document(value: &Expr, path: &str, shape: Shape, found: &mut Vec<Diagnostic>) {
    let Expr::Object { fields, .. } = value else {
        return;
    };
    for (_, key, value) in fields {
        let Some(name) = key.as_text() else { continue };
        match shape.member(path, name) {
            Ok(member) => document(value, &format!("{path}.{name}"), member, found),
            Err(wrong) => {
                let place = key.span().place();
                found.push(Diagnostic::error(
                    "unknown_input",
                    place,
                    wrong.message,
                    wrong.help,
                ));
            }
        }
    }
}
