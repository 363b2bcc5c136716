//! The functions that a policy may call.
//!
//! A function is here when it has an upper bound of time and memory that follows from the size of its
//! arguments, depends on nothing but them, and agrees with OPA; tests hold all of them against the
//! real OPA. Where the interpreter's own function fails one of these, ours takes its place.

mod glob;
mod pattern;
mod range;
mod search;

use regorus::{Engine, Value};

pub(super) use glob::check as check_glob;
pub(super) use pattern::check as check_pattern;

/// Names and numbers of arguments.
const ALLOWED: &[(&str, usize)] = &[
    ("abs", 1),
    ("array.concat", 2),
    ("array.reverse", 1),
    ("array.slice", 3),
    ("ceil", 1),
    ("concat", 2),
    ("contains", 2),
    ("count", 1),
    ("endswith", 2),
    ("floor", 1),
    ("format_int", 2),
    ("glob.match", 3),
    ("indexof", 2),
    ("intersection", 1),
    ("is_array", 1),
    ("is_boolean", 1),
    ("is_null", 1),
    ("is_number", 1),
    ("is_object", 1),
    ("is_set", 1),
    ("is_string", 1),
    ("json.marshal", 1),
    ("lower", 1),
    ("max", 1),
    ("min", 1),
    ("net.cidr_contains", 2),
    ("net.cidr_is_valid", 1),
    ("numbers.range", 2),
    ("object.filter", 2),
    ("object.get", 3),
    ("object.keys", 1),
    ("object.remove", 2),
    ("object.subset", 2),
    ("object.union", 2),
    ("regex.match", 2),
    ("replace", 3),
    ("round", 1),
    ("semver.compare", 2),
    ("semver.is_valid", 1),
    ("sort", 1),
    ("split", 2),
    ("sprintf", 2),
    ("startswith", 2),
    ("strings.any_prefix_match", 2),
    ("strings.any_suffix_match", 2),
    ("strings.count", 2),
    ("strings.reverse", 1),
    ("substring", 3),
    ("sum", 1),
    ("time.clock", 1),
    ("time.date", 1),
    ("time.parse_duration_ns", 1),
    ("time.parse_rfc3339_ns", 1),
    ("time.weekday", 1),
    ("to_number", 1),
    ("trim", 2),
    ("trim_left", 2),
    ("trim_prefix", 2),
    ("trim_right", 2),
    ("trim_space", 1),
    ("trim_suffix", 2),
    ("type_name", 1),
    ("union", 1),
    ("upper", 1),
];

/// What to use instead of functions that people know and that are not here.
const INSTEAD: &[(&str, &str)] = &[
    (
        "time.now_ns",
        "use input.now, in seconds, so that a decision can be repeated; for the time functions: input.now * 1000000000",
    ),
    (
        "http.send",
        "a policy has no network: what it needs must be in the input",
    ),
    ("opa.runtime", "a policy sees its input and nothing else"),
    ("rand.intn", "a decision must be repeatable"),
    ("uuid.rfc4122", "a decision must be repeatable"),
    ("trace", "use print(), which shows in `caracal policy test`"),
    ("regex.split", "use split() and regex.match"),
    ("regex.replace", "use replace() and regex.match"),
    ("re_match", "use regex.match"),
    ("time.parse_ns", "use time.parse_rfc3339_ns"),
    ("time.format", "compare numbers instead of texts"),
    (
        "walk",
        "name the members: the input document has a fixed shape",
    ),
    (
        "io.jwt.decode",
        "tokens are verified before the policy is asked",
    ),
    (
        "io.jwt.decode_verify",
        "tokens are verified before the policy is asked",
    ),
];

/// How many arguments an allowed function takes.
pub(super) fn arity(name: &str) -> Option<usize> {
    ALLOWED
        .binary_search_by(|(known, _)| (*known).cmp(name))
        .ok()
        .and_then(|at| ALLOWED.get(at))
        .map(|(_, arity)| *arity)
}

/// Whether OPA has a function of this name or with this first part, as far as we know it.
pub(super) fn is_reserved(name: &str) -> bool {
    arity(name).is_some()
        || INSTEAD.iter().any(|(known, _)| *known == name)
        || NAMESPACES.contains(&name)
}

/// First parts of the names of OPA's functions.
const NAMESPACES: [&str; 22] = [
    "array",
    "base64",
    "base64url",
    "bits",
    "crypto",
    "glob",
    "graph",
    "graphql",
    "hex",
    "http",
    "io",
    "json",
    "net",
    "numbers",
    "object",
    "opa",
    "regex",
    "rego",
    "semver",
    "strings",
    "time",
    "units",
];

/// What to do instead of calling a function that is not allowed.
pub(super) fn instead_of(name: &str) -> String {
    if let Some((_, help)) = INSTEAD.iter().find(|(known, _)| *known == name) {
        return (*help).to_owned();
    }
    super::suggest::nearest(name, ALLOWED.iter().map(|(known, _)| *known)).map_or_else(
        || "docs/policy.md lists the functions that a policy may call".to_owned(),
        |near| format!("did you mean {near}? docs/policy.md lists the functions"),
    )
}

/// Every name, for the documentation's test.
#[cfg(test)]
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    ALLOWED.iter().map(|(name, _)| *name)
}

/// Puts our own functions in the place of the interpreter's.
pub(super) fn install(engine: &mut Engine) -> Result<(), anyhow::Error> {
    let mut install = |name: &str, arity: u8, function: fn(&[Value]) -> Result<Value, Mistake>| {
        let name = name.to_owned();
        let extension = move |args: Vec<Value>| Ok(function(&args)?);
        engine.add_extension(name, arity, Box::new(extension))
    };
    install("numbers.range", 2, range::range)?;
    install("regex.match", 2, pattern::regex_match)?;
    install("glob.match", 3, glob::glob_match)?;
    install("strings.count", 2, search::strings_count)?;
    Ok(())
}

/// A call that our own functions refuse, which ends the evaluation.
#[derive(Debug, thiserror::Error)]
pub(super) enum Mistake {
    /// An argument of the wrong kind or out of bounds.
    #[error("{0}")]
    Argument(&'static str),
    /// A pattern that is not in the common subset.
    #[error("{0}")]
    Pattern(String),
}

fn text(value: &Value, what: &'static str) -> Result<std::sync::Arc<str>, Mistake> {
    match value {
        Value::String(text) => Ok(text.clone()),
        _ => Err(Mistake::Argument(what)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_so_that_it_can_be_searched() {
        let names: Vec<_> = names().collect();
        assert!(names.is_sorted());
        assert!(names.iter().all(|name| arity(name).is_some()));
        assert_eq!(arity("http.send"), None);
    }
}
