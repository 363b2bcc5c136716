//! One walk over a module's tree.

use super::tree::{Body, Expr, Head, Literal, Module, Query, Rule, Statement};

/// What is told of each node, from the outside in.
pub(super) trait Visitor {
    /// A statement, before what is in it.
    fn statement(&mut self, _statement: &Statement) {}

    /// An expression, before what is in it; `false` when what is in it is of no interest.
    fn expr(&mut self, expr: &Expr) -> bool;
}

/// Walks over every rule.
pub(super) fn module(module: &Module, visitor: &mut impl Visitor) {
    for rule in &module.rules {
        self::rule(rule, visitor);
    }
}

/// Walks over one rule. The name in its head is no expression of its own.
pub(super) fn rule(rule: &Rule, visitor: &mut impl Visitor) {
    match rule {
        Rule::Default { value, args, .. } => {
            for arg in args {
                expr(arg, visitor);
            }
            expr(value, visitor);
        }
        Rule::Spec { head, bodies, .. } => {
            self::head(head, visitor);
            for Body { assign, query, .. } in bodies {
                if let Some(assign) = assign {
                    expr(&assign.value, visitor);
                }
                self::query(query, visitor);
            }
        }
    }
}

fn head(head: &Head, visitor: &mut impl Visitor) {
    let mut at = head.refr();
    loop {
        match at {
            Expr::RefBrack { refr, index, .. } => {
                expr(index, visitor);
                at = refr;
            }
            Expr::RefDot { refr, .. } => at = refr,
            _ => break,
        }
    }
    match head {
        Head::Compr { assign, .. } => {
            if let Some(assign) = assign {
                expr(&assign.value, visitor);
            }
        }
        Head::Set { key, .. } => {
            if let Some(key) = key {
                expr(key, visitor);
            }
        }
        Head::Func { args, assign, .. } => {
            for arg in args {
                expr(arg, visitor);
            }
            if let Some(assign) = assign {
                expr(&assign.value, visitor);
            }
        }
    }
}

/// Walks over a query.
pub(super) fn query(query: &Query, visitor: &mut impl Visitor) {
    for statement in &query.stmts {
        self::statement(statement, visitor);
    }
}

/// Walks over a statement.
pub(super) fn statement(statement: &Statement, visitor: &mut impl Visitor) {
    visitor.statement(statement);
    match &statement.literal {
        Literal::SomeVars { .. } => {}
        Literal::SomeIn {
            key,
            value,
            collection,
        } => {
            if let Some(key) = key {
                expr(key, visitor);
            }
            expr(value, visitor);
            expr(collection, visitor);
        }
        Literal::Expr { expr: inner } | Literal::NotExpr { expr: inner } => {
            expr(inner, visitor);
        }
        Literal::Every { domain, query, .. } => {
            expr(domain, visitor);
            self::query(query, visitor);
        }
    }
    for with in &statement.with_mods {
        expr(&with.value, visitor);
    }
}

/// Walks over an expression.
pub(super) fn expr(at: &Expr, visitor: &mut impl Visitor) {
    if visitor.expr(at) {
        at.children()
            .into_iter()
            .for_each(|child| expr(child, visitor));
        if let Some(inner) = at.query() {
            query(inner, visitor);
        }
    }
}
