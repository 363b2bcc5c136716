//! Every function that is called exists, may be called, and gets as many arguments as it takes.

use std::collections::BTreeMap;

use super::{Facts, Purpose};
use crate::policy::builtins;
use crate::policy::diagnostic::Diagnostic;
use crate::policy::tree::{Expr, Head, Module, Rule, Span};
use crate::policy::walk::{self, Visitor};

pub(super) fn check(
    module: &Module,
    source: &str,
    facts: &Facts,
    purpose: Purpose,
    found: &mut Vec<Diagnostic>,
) {
    let mut calls = Calls {
        source,
        facts,
        arities: arities(module),
        purpose,
        found,
    };
    walk::module(module, &mut calls);
}

fn arities(module: &Module) -> BTreeMap<String, usize> {
    let functions = module.rules.iter().filter_map(|rule| match rule {
        Rule::Spec {
            head: Head::Func { refr, args, .. },
            ..
        } => Some((refr.reference()?.dotted()?, args.len())),
        _ => None,
    });
    functions.collect()
}

struct Calls<'a> {
    source: &'a str,
    facts: &'a Facts,
    arities: BTreeMap<String, usize>,
    purpose: Purpose,
    found: &'a mut Vec<Diagnostic>,
}

impl Visitor for Calls<'_> {
    fn expr(&mut self, expr: &Expr) -> bool {
        let Expr::Call { span, fcn, params } = expr else {
            return true;
        };
        let name = fcn.reference().and_then(|name| name.dotted());
        let Some(name) = name else {
            self.found.push(Diagnostic::error(
                "unknown_function",
                span.place(),
                "this is no function's name",
                "call functions by their name",
            ));
            return true;
        };
        self.call(&name, fcn.span(), params);
        for param in params {
            walk::expr(param, self);
        }
        false
    }
}

impl Calls<'_> {
    fn call(&mut self, name: &str, span: Span, params: &[Expr]) {
        let own = name.strip_prefix("data.caracal.policy.").unwrap_or(name);
        let arity = if self.facts.functions.contains(own) && !self.is_broken(span) {
            self.arities.get(own).copied()
        } else if name == "print"
            || (name == "set" && params.is_empty())
            || (name.starts_with("data.") && self.purpose != Purpose::Policy)
        {
            return;
        } else if let Some(arity) = builtins::arity(name).filter(|_| !self.is_broken(span)) {
            self.arguments(name, params);
            Some(arity)
        } else {
            let message = format!("a policy cannot call {name}");
            let help = if self.is_broken(span) {
                "a line that starts with ( goes on with the line before: start it with a name"
                    .to_owned()
            } else {
                builtins::instead_of(name)
            };
            let code = "unknown_function";
            self.found
                .push(Diagnostic::error(code, span.place(), message, help));
            return;
        };
        // One argument more is Rego's old way of naming the result, which our functions lack.
        if arity.is_some_and(|arity| arity != params.len()) {
            self.found.push(Diagnostic::error(
                "arguments",
                span.place(),
                format!(
                    "{name} takes {} arguments, here are {}",
                    arity.unwrap_or_default(),
                    params.len()
                ),
                "write `x := f(...)` for its result",
            ));
        }
    }

    /// Whether the ( of a call stands on another line than the name; OPA reads two statements there.
    fn is_broken(&self, name: Span) -> bool {
        let rest = self.source.get(name.end..).unwrap_or_default();
        rest.split('(').next().is_some_and(|gap| gap.contains('\n'))
    }

    /// What can be said of arguments before there are values.
    fn arguments(&mut self, name: &str, params: &[Expr]) {
        let Some(first) = params.first() else { return };
        let place = first.span().place();
        match (name, first.as_text()) {
            ("regex.match" | "glob.match", Some(pattern)) => {
                let checked = if name == "glob.match" {
                    builtins::check_glob(pattern)
                } else {
                    builtins::check_pattern(pattern)
                };
                if let Err(what) = checked {
                    let help = "docs/policy.md says which patterns are taken";
                    self.found
                        .push(Diagnostic::error("pattern", place, what, help));
                }
            }
            ("sprintf", format) => self.sprintf(place, format),
            _ => {}
        }
    }

    /// Formats are literals with verbs that mean the same in OPA.
    fn sprintf(&mut self, place: (u32, u32), format: Option<&str>) {
        let mut wrong = |message: &str| {
            self.found.push(Diagnostic::error(
                "format",
                place,
                message,
                "write the format as a text with %s, %d, %v and %% only",
            ));
        };
        let Some(format) = format else {
            wrong("the format of sprintf is no literal");
            return;
        };
        let mut chars = format.chars();
        while let Some(char) = chars.next() {
            if char == '%' && !matches!(chars.next(), Some('s' | 'd' | 'v' | '%')) {
                wrong("this format has a verb other than %s, %d, %v and %%");
                return;
            }
        }
    }
}
