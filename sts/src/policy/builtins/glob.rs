//! `glob.match`, with OPA's meaning of delimiters.
//!
//! `*` and `?` do not match a delimiter, `**` does. The delimiters are an array of single characters;
//! an empty one means `["."]`, `null` means that there is none.

use regorus::Value;

use super::pattern::compile;
use super::{Mistake, text};

/// Longest pattern in bytes.
const MAX_PATTERN: usize = 512;

pub(super) fn glob_match(args: &[Value]) -> Result<Value, Mistake> {
    let [pattern, delimiters, value] = args else {
        return Err(Mistake::Argument(
            "glob.match takes a pattern, delimiters and a text",
        ));
    };
    let pattern = text(pattern, "the pattern of glob.match is no string")?;
    let value = text(value, "the text of glob.match is no string")?;
    let delimiters = read_delimiters(delimiters)?;
    let regex = compile(&translate(&pattern, &delimiters)?)?;
    Ok(Value::from(regex.is_match(&value)))
}

/// Whether a pattern will be taken.
pub(in super::super) fn check(pattern: &str) -> Result<(), String> {
    let checked = translate(pattern, &['.']).and_then(|pattern| compile(&pattern));
    checked.map(|_| ()).map_err(|mistake| mistake.to_string())
}

fn read_delimiters(value: &Value) -> Result<Vec<char>, Mistake> {
    const WRONG: Mistake = Mistake::Argument(
        "the delimiters of glob.match are an array of single characters, or null",
    );
    match value {
        Value::Null => Ok(Vec::new()),
        Value::Array(items) if items.is_empty() => Ok(vec!['.']),
        Value::Array(items) => items
            .iter()
            .map(|item| {
                let text = text(item, "a delimiter of glob.match is no string")?;
                let mut chars = text.chars();
                match (chars.next(), chars.next()) {
                    (Some(char), None) => Ok(char),
                    _ => Err(WRONG),
                }
            })
            .collect(),
        _ => Err(WRONG),
    }
}

/// A regular expression of the same meaning.
fn translate(pattern: &str, delimiters: &[char]) -> Result<String, Mistake> {
    let wrong = |what: &str| Err(Mistake::Pattern(what.to_owned()));
    if pattern.len() > MAX_PATTERN {
        return wrong("the pattern of glob.match is longer than 512 bytes");
    }
    let single = if delimiters.is_empty() {
        ".".to_owned()
    } else {
        let none_of: String = delimiters.iter().copied().map(quoted).collect();
        format!("[^{none_of}]")
    };
    let mut out = String::from("(?s)^");
    let mut chars = pattern.chars().peekable();
    let mut alternatives = 0_usize;
    while let Some(char) = chars.next() {
        match char {
            '*' if chars.next_if_eq(&'*').is_some() => {
                while chars.next_if_eq(&'*').is_some() {}
                out.push_str(".*");
            }
            '*' => {
                out.push_str(&single);
                out.push('*');
            }
            '?' => out.push_str(&single),
            '{' => {
                alternatives = alternatives.saturating_add(1);
                out.push_str("(?:");
            }
            '}' if alternatives > 0 => {
                alternatives = alternatives.saturating_sub(1);
                out.push(')');
            }
            ',' if alternatives > 0 => out.push('|'),
            '[' | ']' => {
                return wrong("[ and ] in the pattern of glob.match are not taken; use {a,b}");
            }
            '\\' => match chars.next() {
                Some(next) => out.push_str(&quoted(next)),
                None => return wrong("the pattern of glob.match ends in a backslash"),
            },
            other => out.push_str(&quoted(other)),
        }
    }
    if alternatives > 0 {
        return wrong("a { in the pattern of glob.match is not closed");
    }
    out.push('$');
    Ok(out)
}

fn quoted(char: char) -> String {
    regex::escape(char.encode_utf8(&mut [0; 4])).replace('^', "\\^")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, delimiters: Value, value: &str) -> bool {
        glob_match(&[Value::from(pattern), delimiters, Value::from(value)])
            .unwrap()
            .as_bool()
            .copied()
            .unwrap()
    }

    fn dots() -> Value {
        Value::from(Vec::<Value>::new())
    }

    #[test]
    fn stars_stop_at_delimiters() {
        assert!(matches("*.github.com", dots(), "api.github.com"));
        assert!(!matches("*.github.com", dots(), "api.cdn.github.com"));
        assert!(matches("**.github.com", dots(), "api.cdn.github.com"));
        assert!(matches(
            "*:github:com",
            Value::from(vec![Value::from(":")]),
            "api:github:com"
        ));
        assert!(!matches(
            "/a/*",
            Value::from(vec![Value::from("/")]),
            "/a/b/c"
        ));
        assert!(matches("/a/*", Value::Null, "/a/b/c"));
        assert!(matches("{cat,bat}", dots(), "bat"));
        assert!(!matches("c.t", dots(), "cat"));
        assert!(matches("a\\*", dots(), "a*"));
    }

    #[test]
    fn what_is_not_supported_is_an_error() {
        for pattern in ["[ab]", "{a", "a\\"] {
            assert!(translate(pattern, &['.']).is_err(), "{pattern}");
        }
    }
}
