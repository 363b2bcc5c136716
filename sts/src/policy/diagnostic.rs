//! What a check finds, said so that its author can act on it.

use std::fmt;

use serde::Serialize;

/// Whether a finding stands in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The source is refused.
    Error,
    /// The source is taken, and probably not meant so.
    Warning,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Whether it stands in the way.
    pub severity: Severity,
    /// Name of the rule that was broken, for programs.
    pub code: &'static str,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: String,
}

impl Diagnostic {
    /// A finding that refuses the source.
    pub(super) fn error(
        code: &'static str,
        (line, column): (u32, u32),
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self {
            severity: Severity::Error,
            code,
            line,
            column,
            message: message.into(),
            help: help.into(),
        }
    }

    /// A finding that does not.
    pub(super) fn warning(
        code: &'static str,
        at: (u32, u32),
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, at, message, help)
        }
    }

    /// Whether it refuses the source.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// From the compiler's own text, which reads
    ///
    /// ```text
    /// --> FILE:LINE:COLUMN
    ///   |
    /// 4 | allow if x
    ///   |          ^
    /// error: use of undefined variable `x` is unsafe
    /// ```
    pub(super) fn from_compiler(text: &str) -> Self {
        let at = text
            .lines()
            .find_map(|line| line.trim().strip_prefix("--> "))
            .and_then(|place| {
                let mut parts = place.rsplitn(3, ':');
                let column = parts.next()?.parse::<u32>().ok()?;
                let line = parts.next()?.parse::<u32>().ok()?;
                // It counts from 1, but says 0 for what is wrong before a line begins.
                Some((line.max(1), column.max(1)))
            });
        let message = text
            .lines()
            .filter_map(|line| line.strip_prefix("error: "))
            .next_back()
            .unwrap_or_else(|| text.trim());
        let help = "correct the Rego at this place; the language is Rego v1 (`if` before bodies, \
            `contains` for sets)";
        Self::error("rego", at.unwrap_or((1, 1)), message, help)
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            severity,
            code,
            line,
            column,
            message,
            help,
        } = self;
        let severity = match severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{line}:{column}: {severity}[{code}]: {message}; {help}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_in_the_compilers_text_is_kept() {
        let text = "\n--> a:b.rego:4:10\n  |\n4 | allow if x\n  |          ^\nerror: x is unsafe";
        let found = Diagnostic::from_compiler(text);
        assert_eq!((found.line, found.column), (4, 10));
        assert_eq!(found.message, "x is unsafe");
        let before_its_line = Diagnostic::from_compiler("--> b.rego:2:0\nerror: a blank");
        assert_eq!((before_its_line.line, before_its_line.column), (2, 1));
        let found = Diagnostic::from_compiler("no place at all");
        assert_eq!((found.line, found.message.as_str()), (1, "no place at all"));
    }
}
