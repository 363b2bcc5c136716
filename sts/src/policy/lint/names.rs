//! The names that an expression may mean rules by.

use std::collections::BTreeSet;

use crate::policy::tree::Expr;
use crate::policy::walk::Visitor;

/// Every name that starts a reference, and rules by their full path, `data.caracal.policy.NAME`.
#[derive(Default)]
pub(super) struct RuleNames(pub(super) BTreeSet<String>);

impl Visitor for RuleNames {
    fn expr(&mut self, expr: &Expr) -> bool {
        if let Some(path) = expr.reference() {
            self.0.insert(path.root.to_owned());
            if let Some(own) = path
                .dotted()
                .as_deref()
                .and_then(|path| path.strip_prefix("data.caracal.policy."))
                .and_then(|rest| rest.split('.').next())
            {
                self.0.insert(own.to_owned());
            }
        }
        true
    }
}
