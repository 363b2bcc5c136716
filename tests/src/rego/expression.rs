//! Expressions of a type, over names whose types are known.

use super::random::Random;
use super::{TYPES, Type};

/// Names that can be used.
#[derive(Debug, Clone, Default)]
pub(super) struct Scope {
    pub(super) names: Vec<(String, Type)>,
    /// Functions of one argument: name, argument, result.
    pub(super) functions: Vec<(String, Type, Type)>,
}

impl Scope {
    fn of(&self, wanted: Type) -> Vec<&str> {
        let of_type = self.names.iter().filter(|(_, kind)| *kind == wanted);
        of_type.map(|(name, _)| name.as_str()).collect()
    }
}

const INPUT_TEXTS: [&str; 13] = [
    "input.zone",
    "input.application.name",
    "input.application[\"spiffe_id\"]",
    "input.resource.name",
    "input.resource.uri",
    "input.operation.name",
    "input.operation.path",
    "input.request.method",
    "input.request.path",
    "input.request.host",
    "input.subject.type",
    "input.subject.issuer",
    "input.scopes[0]",
];

const TEXTS: [&str; 16] = [
    "\"\"",
    "\"a\"",
    "\"ab\"",
    "\"payout\"",
    "\"GET\"",
    "\"/accounts/42\"",
    "\"/accounts/{id}\"",
    "\"accounts:read\"",
    "\"accounts:write\"",
    "\"bank.internal\"",
    "\"ü€\"",
    "\"A b\\tC\"",
    "`raw\\n`",
    "\"user\"",
    "\"10.1.2.3\"",
    "\"7\"",
];

const NUMBERS: [&str; 12] = [
    "0",
    "1",
    "2",
    "3",
    "7",
    "42",
    "-1",
    "-7",
    "100",
    "1.5",
    "-0.5",
    "1000000007",
];

/// Patterns that can be taken by both sides.
const PATTERNS: [&str; 12] = [
    "`^[a-z]+$`",
    "`^/accounts/[0-9]+$`",
    "`^\\d{1,3}$`",
    "`\\w+:read$`",
    "`(?i)get`",
    "`a|b`",
    "`^$`",
    "`\\bbank\\b`",
    "`^[^/]+$`",
    "`\\s`",
    "`^.{2}$`",
    "`[a-c\\d]`",
];

const GLOBS: [&str; 12] = [
    "\"*\"",
    "\"**\"",
    "\"/accounts/*\"",
    "\"/**\"",
    "\"*.internal\"",
    "\"accounts:*\"",
    "\"?ank.*\"",
    "\"{payout,bank}\"",
    "\"{GET,PO*}\"",
    "\"a?\"",
    "\"**.internal\"",
    "\"/accounts/4?\"",
];

const DELIMITERS: [&str; 5] = ["[]", "null", "[\"/\"]", "[\":\"]", "[\".\", \"/\"]"];

/// An expression; `depth` bounds how much is inside.
pub(super) fn expression(
    random: &mut Random,
    scope: &mut Scope,
    kind: Type,
    depth: usize,
) -> String {
    let names = scope.of(kind);
    if !names.is_empty() && random.once_in(if depth == 0 { 2 } else { 3 }) {
        return random.pick(&names).to_owned();
    }
    let functions: Vec<(String, Type)> = scope
        .functions
        .iter()
        .filter(|(_, _, result)| *result == kind)
        .map(|(name, argument, _)| (name.clone(), *argument))
        .collect();
    if depth > 0 && !functions.is_empty() && random.once_in(8) {
        let at = random.below(functions.len());
        if let Some((name, argument)) = functions.get(at) {
            let argument = expression(random, scope, *argument, depth.saturating_sub(1));
            return format!("{name}({argument})");
        }
    }
    match kind {
        Type::Number => number(random, scope, depth),
        Type::Text => text(random, scope, depth),
        Type::Boolean => boolean(random, scope, depth),
        Type::Numbers => numbers(random, scope, depth),
        Type::Texts => texts(random, scope, depth),
        Type::TextSet => text_set(random, scope, depth),
        Type::Object => object(random, scope, depth),
    }
}

fn number(random: &mut Random, scope: &mut Scope, depth: usize) -> String {
    if depth == 0 {
        return match random.below(6) {
            0 => "input.now".to_owned(),
            1 => "input.subject.auth_time".to_owned(),
            _ => random.pick(&NUMBERS).to_owned(),
        };
    }
    let less = depth.saturating_sub(1);
    let mut sub = |kind| expression(random, scope, kind, less);
    let (a, b) = (sub(Type::Number), sub(Type::Number));
    let (text, texts, numbers) = (sub(Type::Text), sub(Type::Texts), sub(Type::Numbers));
    let (set, object, second) = (sub(Type::TextSet), sub(Type::Object), sub(Type::Text));
    match random.below(24) {
        0 => format!("({a} + {b})"),
        1 => format!("({a} - {b})"),
        2 => format!("({a} * {b})"),
        3 => format!("({a} % 7)"),
        4 => format!("abs({a})"),
        5 => format!("round({a})"),
        6 => format!("floor({a})"),
        7 => format!("ceil({a})"),
        8 => format!("count({text})"),
        9 => format!("count({texts})"),
        10 => format!("count({set})"),
        11 => format!("count({object})"),
        12 => format!("sum({numbers})"),
        13 => format!("max({numbers})"),
        14 => format!("min({numbers})"),
        15 => format!("indexof({text}, {second})"),
        16 => format!("to_number({text})"),
        17 => format!("strings.count({text}, {second})"),
        18 => format!("{numbers}[0]"),
        19 => format!("object.get({object}, {text}, {a})"),
        20 => "time.parse_duration_ns(\"1h30m\")".to_owned(),
        21 => format!("time.date(input.now * 1000000000)[{}]", random.below(3)),
        22 => format!(
            "time.clock([input.now * 1000000000, \"Europe/Paris\"])[{}]",
            random.below(3)
        ),
        _ => format!(
            "semver.compare(\"1.{}.0\", \"1.2.{}\")",
            random.below(4),
            random.below(3)
        ),
    }
}

fn text(random: &mut Random, scope: &mut Scope, depth: usize) -> String {
    if depth == 0 {
        return if random.once_in(2) {
            random.pick(&INPUT_TEXTS).to_owned()
        } else {
            random.pick(&TEXTS).to_owned()
        };
    }
    let less = depth.saturating_sub(1);
    let mut sub = |kind| expression(random, scope, kind, less);
    let (a, b, c) = (sub(Type::Text), sub(Type::Text), sub(Type::Text));
    let (number, texts, set) = (sub(Type::Number), sub(Type::Texts), sub(Type::TextSet));
    let (object, any_boolean) = (sub(Type::Object), sub(Type::Boolean));
    match random.below(24) {
        0 => format!("concat(\",\", {texts})"),
        1 => format!("concat(\"/\", {set})"),
        2 => format!("lower({a})"),
        3 => format!("upper({a})"),
        4 => format!("replace({a}, {b}, {c})"),
        5 => format!("trim({a}, \"/ab\")"),
        6 => format!("trim_left({a}, \"/ab\")"),
        7 => format!("trim_right({a}, \"42\")"),
        8 => format!("trim_prefix({a}, {b})"),
        9 => format!("trim_suffix({a}, {b})"),
        10 => format!("trim_space({a})"),
        11 => format!(
            "substring({a}, {}, {})",
            random.below(4),
            [-1_i8, 0, 1, 3].get(random.below(4)).unwrap_or(&0)
        ),
        12 => format!("sprintf(\"%s-%d\", [{a}, {}])", random.below(100)),
        13 => format!("sprintf(\"%v\", [{any_boolean}])"),
        14 => format!("json.marshal({object})"),
        15 => format!("json.marshal({set})"),
        16 => format!("type_name({number})"),
        17 => format!("type_name({set})"),
        18 => format!("strings.reverse({a})"),
        19 => format!(
            "format_int({}, {})",
            random.below(300),
            random.pick(&["2", "8", "10", "16"])
        ),
        20 => format!("{texts}[0]"),
        21 => "time.weekday(input.now * 1000000000)".to_owned(),
        22 => format!("json.marshal({number})"),
        _ => format!("split({a}, \"/\")[{}]", random.below(3)),
    }
}

#[expect(
    clippy::many_single_char_names,
    reason = "operands, as in the field's own notation"
)]
pub(super) fn boolean(random: &mut Random, scope: &mut Scope, depth: usize) -> String {
    if depth == 0 {
        return random
            .pick(&["true", "false", "is_string(input.zone)", "input.now > 5"])
            .to_owned();
    }
    let less = depth.saturating_sub(1);
    let kind = TYPES
        .get(random.below(TYPES.len()))
        .copied()
        .unwrap_or(Type::Text);
    let mut sub = |kind| expression(random, scope, kind, less);
    let (a, b) = (sub(kind), sub(kind));
    let (x, y) = (sub(Type::Number), sub(Type::Number));
    let (s, t) = (sub(Type::Text), sub(Type::Text));
    let (texts, set) = (sub(Type::Texts), sub(Type::TextSet));
    let (object, other) = (sub(Type::Object), sub(Type::Object));
    let order = random.pick(&["<", "<=", ">", ">="]);
    match random.below(22) {
        0 => format!("({a} == {b})"),
        1 => format!("({a} != {b})"),
        2 => format!("({x} {order} {y})"),
        3 => format!("({s} {order} {t})"),
        4 => format!("({a} {order} {b})"),
        5 => format!("(count([1 | {s} in {set}]) > 0)"),
        6 => format!("(count([1 | {s} in {texts}]) == 1)"),
        7 => format!("startswith({s}, {t})"),
        8 => format!("endswith({s}, {t})"),
        9 => format!("contains({s}, {t})"),
        10 => format!("regex.match({}, {s})", random.pick(&PATTERNS)),
        11 => format!(
            "glob.match({}, {}, {s})",
            random.pick(&GLOBS),
            random.pick(&DELIMITERS)
        ),
        12 => format!("object.subset({object}, {other})"),
        13 => format!("object.subset({set}, {{{s}}})"),
        14 => format!(
            "is_{}({a})",
            random.pick(&[
                "string", "number", "boolean", "array", "set", "object", "null"
            ])
        ),
        15 => format!("strings.any_prefix_match({s}, {texts})"),
        16 => format!("strings.any_suffix_match({s}, {set})"),
        17 => format!(
            "net.cidr_contains(\"10.{}.0.0/16\", \"10.1.2.3\")",
            random.below(3)
        ),
        18 => format!("net.cidr_is_valid({s})"),
        19 => format!("semver.is_valid({s})"),
        20 => {
            let (k, v) = (random.name(), random.name());
            format!("(count([1 | some {k}, {v} in {object}; {k} == {s}; {v} == {t}]) == 1)")
        }
        _ => format!("({set} & {{{s}}} == {{{t}}})"),
    }
}

fn numbers(random: &mut Random, scope: &mut Scope, depth: usize) -> String {
    if depth == 0 {
        return random
            .pick(&["[]", "[3, 1, 2]", "[7]", "[1, 1, 2]", "numbers.range(1, 4)"])
            .to_owned();
    }
    let less = depth.saturating_sub(1);
    let mut sub = |kind| expression(random, scope, kind, less);
    let (a, b, one) = (sub(Type::Numbers), sub(Type::Numbers), sub(Type::Number));
    let object = sub(Type::Object);
    let x = random.name();
    match random.below(9) {
        0 => format!("[{one}]"),
        1 => format!("array.concat({a}, {b})"),
        2 => format!("array.reverse({a})"),
        3 => format!("array.slice({a}, {}, {})", random.below(3), random.below(4)),
        4 => format!("sort({a})"),
        5 => format!("[{x} | some {x} in {a}; {x} > {one}]"),
        6 => format!("[{x} | some {x}_ in {a}; {x} := {x}_ * 2]"),
        7 => format!("[{x} | some {x} in {object}; is_number({x})]"),
        _ => format!("numbers.range({}, {})", random.below(5), random.below(5)),
    }
}

fn texts(random: &mut Random, scope: &mut Scope, depth: usize) -> String {
    if depth == 0 {
        return random
            .pick(&[
                "[]",
                "input.scopes",
                "input.delegation",
                "[\"a\", \"b\"]",
                "[\"/accounts\", \"ba\"]",
            ])
            .to_owned();
    }
    let less = depth.saturating_sub(1);
    let mut sub = |kind| expression(random, scope, kind, less);
    let (a, b, one, set) = (
        sub(Type::Texts),
        sub(Type::Texts),
        sub(Type::Text),
        sub(Type::TextSet),
    );
    let x = random.name();
    match random.below(8) {
        0 => format!("[{one}]"),
        1 => format!("array.concat({a}, {b})"),
        2 => format!(
            "split({one}, {})",
            random.pick(&["\"/\"", "\":\"", "\"a\"", "\".\""])
        ),
        3 => format!("[{x} | some {x} in {a}; {x} != {one}]"),
        4 => format!("sort({set})"),
        5 => format!("[upper({x}) | some {x} in {set}]"),
        6 => format!("array.slice({a}, 0, {})", random.below(3)),
        _ => format!("sort({a})"),
    }
}

fn text_set(random: &mut Random, scope: &mut Scope, depth: usize) -> String {
    if depth == 0 {
        return random
            .pick(&[
                "set()",
                "{\"a\"}",
                "{\"payout\", \"bank\"}",
                "{\"accounts:read\", \"x\"}",
            ])
            .to_owned();
    }
    let less = depth.saturating_sub(1);
    let mut sub = |kind| expression(random, scope, kind, less);
    let (a, b, one, texts) = (
        sub(Type::TextSet),
        sub(Type::TextSet),
        sub(Type::Text),
        sub(Type::Texts),
    );
    let object = sub(Type::Object);
    let x = random.name();
    match random.below(9) {
        0 => format!("{{{one}}}"),
        1 => format!("({a} | {b})"),
        2 => format!("({a} & {b})"),
        3 => format!("({a} - {b})"),
        4 => format!("{{{x} | some {x} in {texts}}}"),
        5 => format!("{{{x} | some {x} in {a}; not {x} in {{\"a\", \"x\"}}}}"),
        6 => format!("union({{{a}, {b}}})"),
        7 => format!("intersection({{{a}, {b}}})"),
        _ => format!("object.keys({object})"),
    }
}

fn object(random: &mut Random, scope: &mut Scope, depth: usize) -> String {
    if depth == 0 {
        return random
            .pick(&[
                "{}",
                "{\"a\": 1}",
                "{\"a\": 1, \"payout\": \"a\"}",
                "{\"GET\": [1, null], \"b\": {\"c\": true}}",
            ])
            .to_owned();
    }
    let less = depth.saturating_sub(1);
    let mut sub = |kind| expression(random, scope, kind, less);
    let (a, b, key, value) = (
        sub(Type::Object),
        sub(Type::Object),
        sub(Type::Text),
        sub(Type::Number),
    );
    let (texts, set) = (sub(Type::Texts), sub(Type::TextSet));
    let (x, y) = (random.name(), random.name());
    match random.below(8) {
        0 => format!("{{{key}: {value}}}"),
        1 => format!("object.union({a}, {b})"),
        2 => format!("object.remove({a}, {set})"),
        3 => format!("object.filter({a}, {texts})"),
        4 => format!("{{{x}: {y} | some {x}, {y} in {a}}}"),
        5 => format!("{{{x}: count({x}) | some {x} in {texts}}}"),
        6 => format!("{{{x}: {y} | some {x}, {y} in {a}; {y} != {value}}}"),
        _ => format!("{{{key}: {a}}}"),
    }
}
