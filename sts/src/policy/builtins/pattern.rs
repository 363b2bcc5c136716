//! `regex.match`, on the subset of patterns that Go's RE2 and Rust's regex read alike.
//!
//! The classes `\d`, `\w`, `\s` and `\b` are ASCII in RE2 and Unicode in Rust: `^\d+$` on Arabic digits
//! is a match in one and not in the other. They are rewritten to what RE2 means. What only one of both
//! knows is refused. Both match in linear time; the compiled size has a limit.

use std::fmt::Write as _;

use regex::{Regex, RegexBuilder};
use regorus::Value;

use super::{Mistake, text};

/// Longest pattern in bytes.
const MAX_PATTERN: usize = 1024;

/// Largest compiled pattern in bytes. Compiling costs time in proportion: 3 ms at this size.
const MAX_COMPILED: usize = 256 * 1024;

pub(super) fn regex_match(args: &[Value]) -> Result<Value, Mistake> {
    let [pattern, value] = args else {
        return Err(Mistake::Argument("regex.match takes a pattern and a text"));
    };
    let pattern = text(pattern, "the pattern of regex.match is no string")?;
    let value = text(value, "the text of regex.match is no string")?;
    let regex = compile(&translate(&pattern)?)?;
    Ok(Value::from(regex.is_match(&value)))
}

/// Whether a pattern will be taken.
pub(in super::super) fn check(pattern: &str) -> Result<(), String> {
    let checked = translate(pattern).and_then(|pattern| compile(&pattern));
    checked.map(|_| ()).map_err(|mistake| mistake.to_string())
}

/// Compiles a pattern in Rust's language.
pub(super) fn compile(pattern: &str) -> Result<Regex, Mistake> {
    let built = RegexBuilder::new(pattern)
        .size_limit(MAX_COMPILED)
        .nest_limit(32)
        .build();
    built.map_err(|error| {
        // The last line of the library's text says what; those before draw where.
        let text = error.to_string();
        let what = text.lines().next_back().unwrap_or_default();
        Mistake::Pattern(format!("the pattern is not usable: {what}"))
    })
}

/// Rewrites a pattern of the common subset.
fn translate(pattern: &str) -> Result<String, Mistake> {
    let wrong = |what: String| Err(Mistake::Pattern(what));
    if pattern.len() > MAX_PATTERN {
        return wrong(format!("the pattern is longer than {MAX_PATTERN} bytes"));
    }
    let mut out = String::with_capacity(pattern.len());
    let mut chars = pattern.chars().peekable();
    let mut in_class = false;
    while let Some(char) = chars.next() {
        match char {
            '\\' => match chars.next() {
                Some('d') => out.push_str("[0-9]"),
                Some('D') => out.push_str("[^0-9]"),
                Some('w') => out.push_str("[0-9A-Za-z_]"),
                Some('W') => out.push_str("[^0-9A-Za-z_]"),
                Some('s') => out.push_str("[\\t\\n\\f\\r ]"),
                Some('S') => out.push_str("[^\\t\\n\\f\\r ]"),
                Some('b') if !in_class => out.push_str("(?-u:\\b)"),
                Some(anchor @ ('A' | 'z')) if !in_class => {
                    out.push('\\');
                    out.push(anchor);
                }
                Some(control @ ('n' | 't' | 'r' | 'f' | 'v' | 'a' | 'p' | 'P')) => {
                    out.push('\\');
                    out.push(control);
                }
                Some(sign) if sign.is_ascii_punctuation() && sign != '<' && sign != '>' => {
                    out.push('\\');
                    out.push(sign);
                }
                Some(other) => return wrong(format!("\\{other} is not in the patterns' language")),
                None => return wrong("the pattern ends in a backslash".to_owned()),
            },
            '[' if in_class => {
                return wrong("a [ inside of [...] must be written \\[".to_owned());
            }
            '[' => {
                in_class = true;
                out.push('[');
                if chars.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
                if chars.next_if_eq(&']').is_some() {
                    out.push_str("\\]");
                }
            }
            ']' if in_class => {
                in_class = false;
                out.push(']');
            }
            '&' | '~' if in_class => {
                // Doubled they are operators in Rust.
                let _infallible = write!(out, "\\{char}");
            }
            '-' if in_class && chars.peek() == Some(&'-') => {
                return wrong("-- inside of [...] must be written \\-".to_owned());
            }
            '(' if !in_class && chars.next_if_eq(&'?').is_some() => {
                let Some(flag @ (':' | 'i')) = chars.next() else {
                    return wrong("after (? only : and i are taken".to_owned());
                };
                out.push_str("(?");
                out.push(flag);
                if flag == 'i' {
                    let Some(end @ (')' | ':')) = chars.next() else {
                        return wrong("after (?i only : and ) are taken".to_owned());
                    };
                    out.push(end);
                }
            }
            '{' if !in_class => {
                out.push('{');
                let mut count = String::new();
                while let Some(next) = chars.next_if(|next| next.is_ascii_digit() || *next == ',') {
                    count.push(next);
                }
                // Elsewhere a brace is an ordinary character in RE2 and an error in Rust.
                let counts: Vec<&str> = count.split(',').collect();
                let first = counts.first().is_some_and(|first| !first.is_empty());
                let small = counts.iter().all(|count| {
                    count.is_empty() || count.parse::<u16>().is_ok_and(|count| count <= 1000)
                });
                if !first || counts.len() > 2 || !small || chars.next() != Some('}') {
                    return wrong("{ must be written \\{, or be a count up to 1000".to_owned());
                }
                out.push_str(&count);
                out.push('}');
            }
            '}' if !in_class => return wrong("} must be written \\}".to_owned()),
            other => out.push(other),
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, value: &str) -> bool {
        regex_match(&[Value::from(pattern), Value::from(value)])
            .unwrap()
            .as_bool()
            .copied()
            .unwrap()
    }

    #[test]
    fn classes_mean_ascii_as_in_re2() {
        assert!(matches("^\\d+$", "42"));
        assert!(!matches("^\\d+$", "٤٢"));
        assert!(!matches("^\\w$", "ü"));
        assert!(matches("^[\\w.-]+$", "a.b-c"));
        assert!(matches("^\\S+$", "ü\u{a0}"));
        assert!(matches("\\bpay\\b", "üpayü"));
        assert!(matches("(?i)^PAY$", "pay"));
        assert!(matches("^/accounts/[0-9]{1,3}$", "/accounts/42"));
        assert!(matches("^[]a]+$", "]a"));
        assert!(matches("^[a&&b]+$", "a&b"));
    }

    #[test]
    fn what_only_one_engine_knows_is_refused() {
        for pattern in [
            "(?x)a",
            "(?P<n>a)",
            "(?=a)",
            "a{,2}",
            "a{1001}",
            "a{",
            "a}",
            "[a--b]",
            "[[:alpha:]]",
            "\\Qa\\E",
            "\\C",
            "\\<a",
            "\\u0041",
            "\\1",
            "a\\",
            "[",
            "(",
            "*",
            "((((a{1000}){1000}){1000}){1000})",
        ] {
            assert!(check(pattern).is_err(), "{pattern}");
        }
        assert!(check(&"a".repeat(2000)).is_err());
    }
}
