//! The same policy with a rule more for each step of each body, so that the interpreter itself says
//! where a body ended.

use std::fmt::Write as _;

use super::tree::{Body, Module, Rule, Statement};

/// Longest instrumented source. Steps beyond it are not told apart.
const MAX_BYTES: usize = 512 * 1024;

/// A body and the rules that stand for its steps.
pub(super) struct Probed<'a> {
    /// Name of the rule that it belongs to.
    pub(super) rule: &'a str,
    /// Line of the body, or of its rule if it is the first one.
    pub(super) line: u32,
    /// Each step, and the name of the rule that holds when all steps up to it hold.
    pub(super) steps: Vec<(&'a Statement, String)>,
}

/// Adds the rules. Functions have arguments, so their bodies cannot be asked alone.
pub(super) fn instrument<'a>(module: &'a Module, source: &str) -> (String, Vec<Probed<'a>>) {
    let mut text = source.to_owned();
    let mut probed = Vec::new();
    for (at, rule) in module.rules.iter().enumerate() {
        let Rule::Spec { span, head, bodies } = rule else {
            continue;
        };
        let is_function = matches!(head, super::tree::Head::Func { .. });
        let Some(name) = head.refr().reference().filter(|_| !is_function) else {
            continue;
        };
        for (nth, body) in bodies.iter().enumerate() {
            let line = if nth == 0 { span.line } else { body.span.line };
            let prefix = format!("step_{at}_{nth}");
            let steps = steps(body, source, &prefix, &mut text);
            probed.push(Probed {
                rule: name.root,
                line,
                steps,
            });
        }
    }
    (text, probed)
}

fn steps<'a>(
    body: &'a Body,
    source: &str,
    prefix: &str,
    text: &mut String,
) -> Vec<(&'a Statement, String)> {
    let mut so_far = String::new();
    let mut steps = Vec::new();
    for (at, statement) in body.query.stmts.iter().enumerate() {
        so_far.push('\t');
        so_far.push_str(statement.span.statement(source));
        so_far.push('\n');
        let name = format!("explain_{prefix}_{at}");
        if text.len().saturating_add(so_far.len()) > MAX_BYTES {
            break;
        }
        // Writing to a String cannot fail.
        let _infallible = write!(text, "\n{name} if {{\n{so_far}}}\n");
        steps.push((statement, name));
    }
    steps
}
