//! The law of policies.

use std::thread::{Builder, scope};

use super::engine::{Checked, CompiledPolicy, check};
use super::input::sample;
use super::{Decision, Diagnostic, InputDocument};

/// Stacks as they are in service: of the compiler's thread, and of one that answers requests.
const COMPILER_STACK: usize = super::runner::COMPILER_STACK;
const REQUEST_STACK: usize = 2 * 1024 * 1024;

/// Any text is either a policy or has an error with a place and what to do; and a policy says yes
/// only where its `allow` is `true` and its `deny` is empty.
///
/// # Panics
/// When the input breaks the law.
#[must_use]
pub fn policy(data: &[u8]) -> bool {
    let Ok(source) = std::str::from_utf8(data) else {
        return false;
    };
    let Some(checked) = with_stack(COMPILER_STACK, || check(source)) else {
        return false;
    };
    let Checked {
        diagnostics,
        policy,
    } = checked;
    assert_eq!(
        policy.is_none(),
        diagnostics.iter().any(Diagnostic::is_error)
    );
    for found in &diagnostics {
        assert!(
            found.line >= 1 && found.column >= 1 && !found.help.is_empty(),
            "{found}"
        );
    }
    let Some(policy) = policy else {
        return false;
    };
    let _says = with_stack(REQUEST_STACK, || decides(&policy));
    true
}

fn decides(policy: &CompiledPolicy) {
    let Ok(Decision::Allow(narrowing)) = policy.evaluate(InputDocument::from(&sample())) else {
        return;
    };
    assert!(narrowing.max_lifetime.is_none_or(|seconds| seconds >= 1));
    let input = serde_json::to_string(&sample()).unwrap_or_default();
    // What runs out of time when it is asked again says nothing.
    if let Ok(allow) = policy.rule_json("allow", &input) {
        assert_eq!(allow.as_deref(), Some("true"));
    }
    if let Ok(deny) = policy.rule_json("deny", &input) {
        assert!(matches!(deny.as_deref(), None | Some("[]")), "{deny:?}");
    }
}

/// Runs it on a thread. `None` when there is none to be had.
fn with_stack<T: Send>(bytes: usize, work: impl FnOnce() -> T + Send) -> Option<T> {
    scope(|threads| {
        let thread = Builder::new()
            .stack_size(bytes)
            .spawn_scoped(threads, work)
            .ok()?;
        match thread.join() {
            Ok(value) => Some(value),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn seeds_are_read_as_their_names_say() {
        let whole = include_str!("tests/usual.rego");
        let package = |body: &str| format!("package caracal.policy\n{body}\n");
        let seeds = [
            ("good-whole", whole.to_owned()),
            ("good-short", package("allow := true")),
            (
                "good-deny",
                package("allow := true\ndeny contains \"no\" if input.now > 0"),
            ),
            (
                "good-strings",
                package("allow if glob.match(\"acc*\", [], lower(concat(\",\", input.scopes)))"),
            ),
            (
                "good-objects",
                package("allow if {\n\tx := {k: v | some k, v in input.grant}\n\tcount(x) == 1\n}"),
            ),
            (
                "good-else",
                package("allow if f(input.zone)\nf(x) := true if x == \"acme\"\nelse := false"),
            ),
            ("bad-nested", package("allow := [[[[[[[[[[1]]]]]]]]]]")),
            (
                "bad-typo",
                package("allow if input.aplication.name == \"a\""),
            ),
            ("bad-recursion", package("allow if a\na if b\nb if a")),
            ("bad-unsafe", package("allow if x")),
            ("bad-type", package("allow := \"yes\"")),
            (
                "bad-network",
                package("allow if http.send({\"url\": \"http://x\"})"),
            ),
            ("bad-text", package("allow := \"open")),
            (
                "bad-blank",
                "package caracal.\nf(x) =a if f(input.zone)\n".to_owned(),
            ),
            ("bad-package", "package other\nallow := true\n".to_owned()),
        ];
        let seeds = seeds.map(|(name, text)| (name, text.into_bytes()));
        caracal_seeds::hold("policy", &seeds, super::policy).unwrap();
    }
}
