//! A lint before the parser: how deep brackets nest.
//!
//! The parser's time doubles with each level of nested array, object and set literals; at 18 levels
//! it runs for seconds, at 31 it does not return, and no timer reaches into it. So depth is counted
//! on the bytes first, outside of strings and comments.

use super::PolicyError;

/// Deepest nesting of `[` and `{` together.
const MAX_LITERALS: usize = 6;

/// Deepest nesting of `(`, which costs linear time only.
const MAX_PARENTHESES: usize = 24;

/// Where the scan stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Code,
    Comment,
    /// `"..."`, in which a backslash takes the next character with it.
    Text,
    /// `` `...` ``, in which nothing is special.
    Raw,
}

/// Refuses sources that nest too deep.
pub(super) fn check(source: &str) -> Result<(), PolicyError> {
    let (mut literals, mut parentheses, mut line) = (0_usize, 0_usize, 1_usize);
    let mut place = Place::Code;
    let mut bytes = source.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'\n' {
            line = line.saturating_add(1);
        }
        place = match (place, byte) {
            (Place::Code, b'#') => Place::Comment,
            (Place::Code, b'"') => Place::Text,
            (Place::Code, b'`') => Place::Raw,
            // The lexer ends an unclosed text at the line's end with an error.
            (Place::Comment | Place::Text, b'\n') | (Place::Text, b'"') | (Place::Raw, b'`') => {
                Place::Code
            }
            (Place::Text, b'\\') => {
                // The character after the backslash closes nothing; a line's end still counts.
                if bytes.next() == Some(b'\n') {
                    line = line.saturating_add(1);
                }
                Place::Text
            }
            (other, _) => other,
        };
        if place != Place::Code {
            continue;
        }
        match byte {
            b'[' | b'{' => literals = literals.saturating_add(1),
            b']' | b'}' => literals = literals.saturating_sub(1),
            b'(' => parentheses = parentheses.saturating_add(1),
            b')' => parentheses = parentheses.saturating_sub(1),
            _ => {}
        }
        if literals > MAX_LITERALS {
            return Err(PolicyError::TooNested {
                line,
                max: MAX_LITERALS,
            });
        }
        if parentheses > MAX_PARENTHESES {
            return Err(PolicyError::TooNested {
                line,
                max: MAX_PARENTHESES,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_brackets_in_code_only() {
        let deep = "[[[[[[[[";
        for source in [
            format!("# {deep}\n"),
            format!("x := \"{deep}\""),
            format!("x := `{deep}\n{deep}`"),
            format!("x := \"\\\"{deep}\""),
            "[{[{[{}]}]}]".to_owned(),
            "[][][][][][][][]".to_owned(),
        ] {
            assert_eq!(check(&source), Ok(()), "{source}");
        }
    }

    #[test]
    fn refuses_depth_wherever_it_hides() {
        let deep = "[{[{[{[";
        for source in [
            format!("x := {deep}"),
            format!("# c\nx := {deep}"),
            format!("x := \"a\" {deep}"),
            format!("x := `\\` {deep}"),
            format!("x := \"\\\\\" {deep}"),
            format!("]]]]{deep}"),
            format!("x := \"open\n{deep}"),
            "(".repeat(25),
        ] {
            assert!(check(&source).is_err(), "{source}");
        }
    }

    #[test]
    fn names_the_line() {
        let error = check("a\n\n  [[[[[[[").unwrap_err();
        assert_eq!(
            error,
            PolicyError::TooNested {
                line: 3,
                max: MAX_LITERALS
            }
        );
    }
}
