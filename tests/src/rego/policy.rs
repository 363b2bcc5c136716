//! Whole policies, and input documents that reach into them.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::expression::{Scope, boolean, expression};
use super::random::Random;
use super::{TYPES, Type};

/// A policy, and the rules whose values can be compared.
#[derive(Debug)]
pub struct GeneratedPolicy {
    /// Source.
    pub source: String,
    /// Names of the rules, without functions.
    pub rules: Vec<String>,
}

/// How much is inside of an expression.
const DEPTH: usize = 2;

/// A policy.
pub fn policy(random: &mut Random) -> GeneratedPolicy {
    let mut scope = Scope::default();
    let mut source = String::from("package caracal.policy\n\n");
    let mut rules = Vec::new();
    for at in 0..random.below(3) {
        let kind = any(random);
        let result = any(random);
        let mut inner = scope.clone();
        inner.names = vec![("x".to_owned(), kind)];
        inner.functions.clear();
        let value = expression(random, &mut inner, result, DEPTH);
        _ = write!(source, "f{at}(x) := {value}");
        if random.once_in(2) {
            let condition = boolean(random, &mut inner, 1);
            _ = write!(source, " if {condition}");
        }
        if random.once_in(3) {
            let other = expression(random, &mut inner, result, 1);
            _ = write!(source, "\n\nf{at}(x) := {other} if x != x");
        }
        source.push('\n');
        scope.functions.push((format!("f{at}"), kind, result));
    }
    for at in 0..random.below(6).saturating_add(2) {
        let name = format!("r{at}");
        let kind = any(random);
        rule(random, &mut scope, &name, kind, &mut source);
        scope.names.push((name.clone(), kind));
        rules.push(name);
    }
    results(random, &mut scope, &mut source, &mut rules);
    GeneratedPolicy { source, rules }
}

fn any(random: &mut Random) -> Type {
    TYPES
        .get(random.below(TYPES.len()))
        .copied()
        .unwrap_or(Type::Text)
}

fn rule(random: &mut Random, scope: &mut Scope, name: &str, kind: Type, source: &mut String) {
    let mut value = |depth| expression(random, &mut scope.clone(), kind, depth);
    let (first, second, literal) = (value(DEPTH), value(DEPTH), value(0));
    let (condition, other) = (body(random, scope), body(random, scope));
    let x = random.name();
    let text = match (random.below(6), kind) {
        (0, _) => format!("{name} := {first}"),
        (1, _) => format!("{name} := {first} if {{\n{condition}}}"),
        (2, _) => format!(
            "{name} := {first} if {{\n{condition}}} else := {second} if {{\n{other}}} else := {literal}"
        ),
        // Two bodies may disagree, which both sides must call an error.
        (3, _) => {
            format!("{name} := {first} if {{\n{condition}}}\n\n{name} := {second} if {{\n{other}}}")
        }
        (4, Type::TextSet) => {
            let texts = expression(random, scope, Type::Texts, 1);
            format!(
                "{name} contains {x} if {{\n\tsome {x} in {texts}\n{condition}}}\n\n{name} contains \"b\" if {{\n{other}}}"
            )
        }
        (4, Type::Object) => {
            let texts = expression(random, scope, Type::Texts, 1);
            format!("{name}[{x}] := count({x}) if {{\n\tsome {x} in {texts}\n{condition}}}")
        }
        (4, Type::Boolean) => format!("default {name} := false\n\n{name} if {{\n{condition}}}"),
        _ => format!("{name} := v if {{\n\tv := {first}\n{condition}}}"),
    };
    source.push_str(&text);
    source.push_str("\n\n");
}

/// Statements.
fn body(random: &mut Random, scope: &Scope) -> String {
    let mut scope = scope.clone();
    let mut text = String::new();
    for _ in 0..random.below(3).saturating_add(1) {
        let x = random.name();
        let condition = boolean(random, &mut scope, DEPTH);
        let texts = expression(random, &mut scope, Type::Texts, 1);
        let line = match random.below(10) {
            0 => {
                let (a, b) = (random.name(), expression(random, &mut scope, Type::Text, 1));
                let sign = random.pick(&[
                    "not startswith({}, \"a\")",
                    "not {} == \"a\"",
                    "not {} != \"a\"",
                ]);
                format!("{a} := {b}\n\t{}", sign.replace("{}", &a))
            }
            7 => random
                .pick(&[
                    "not input.subject.acr",
                    "not input.request.path == \"/\"",
                    "not input.zone in {\"a\"}",
                ])
                .to_owned(),
            5 => {
                let text = expression(random, &mut scope, Type::Text, 1);
                format!("{text} in {texts}")
            }
            6 => {
                let text = expression(random, &mut scope, Type::Text, 1);
                format!("{x} := {text}\n\tnot {x} in {{\"a\", \"GET\"}}")
            }
            1 => {
                scope.names.push((x.clone(), Type::Text));
                format!("some {x} in {texts}")
            }
            2 => {
                let mut inner = scope.clone();
                inner.names.push((x.clone(), Type::Text));
                let each = boolean(random, &mut inner, 1);
                format!("every {x} in {texts} {{\n\t\t{x} != \"b\"\n\t\ttrue == {each}\n\t}}")
            }
            3 => {
                let kind = any(random);
                let value = expression(random, &mut scope, kind, 1);
                scope.names.push((x.clone(), kind));
                format!("{x} := {value}")
            }
            4 => {
                scope.names.push((x.clone(), Type::Text));
                format!("{x} = {texts}[_]")
            }
            _ => condition,
        };
        // A line that starts with a parenthesis would go on with the line before.
        let start = if line.starts_with('(') {
            "true == "
        } else {
            ""
        };
        _ = writeln!(text, "\t{start}{line}");
    }
    text
}

/// The rules that make the answer.
fn results(random: &mut Random, scope: &mut Scope, source: &mut String, rules: &mut Vec<String>) {
    if random.once_in(2) {
        source.push_str("default allow := false\n\n");
    }
    let condition = body(random, scope);
    _ = write!(source, "allow if {{\n{condition}}}\n\n");
    rules.push("allow".to_owned());
    if random.once_in(2) {
        let (condition, text) = (
            body(random, scope),
            expression(random, scope, Type::Text, 1),
        );
        _ = write!(source, "deny contains {text} if {{\n{condition}}}\n\n");
        rules.push("deny".to_owned());
    }
    if random.once_in(3) {
        let number = expression(random, scope, Type::Number, 1);
        _ = write!(
            source,
            "max_lifetime := (abs(floor({number})) % 900) + 1\n\n"
        );
        rules.push("max_lifetime".to_owned());
    }
    if random.once_in(3) {
        let condition = body(random, scope);
        let x = random.name();
        _ = write!(
            source,
            "scopes contains {x} if {{\n\tsome {x} in input.scopes\n{condition}}}\n"
        );
        rules.push("scopes".to_owned());
    }
}

/// An input document.
pub fn input(random: &mut Random) -> Value {
    let name = random.pick(&["payout", "a", "research"]);
    let path = random.pick(&["/accounts/42", "/", "/a/b/c", "/accounts/ü"]);
    let method = random.pick(&["GET", "POST"]);
    let operation = json!({"name": "read", "method": method, "path": "/accounts/{id}"});
    let has_request = !random.once_in(4);
    let is_user = random.once_in(2);
    let mut scopes = vec!["accounts:read"];
    if random.once_in(2) {
        scopes.push("accounts:write");
    }
    json!({
        "zone": random.pick(&["acme", "a"]),
        "application": {"name": name, "spiffe_id": format!("spiffe://corp.example/{name}")},
        "resource": {"name": "bank", "uri": "https://bank.internal"},
        "operation": if has_request { operation } else { Value::Null },
        "scopes": scopes,
        "grant": {"id": "grt_1"},
        "subject": {
            "type": if is_user { "user" } else { "application" },
            "id": if is_user { "7" } else { name },
            "issuer": if is_user { json!("corp-idp") } else { Value::Null },
            "acr": Value::Null,
            "auth_time": if is_user { json!(1_767_225_000) } else { Value::Null },
        },
        "delegation": [name],
        "request": if has_request { json!({"method": method, "path": path, "host": "bank.internal"}) } else { Value::Null },
        "now": 1_767_225_600 + random.below(100_000),
    })
}
