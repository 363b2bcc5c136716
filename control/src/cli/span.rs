//! Spans of time such as `90s`, `15m`, `1h`, `7d`.

use std::str::FromStr;

/// A span in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seconds(pub(crate) u64);

/// Why a text is no span.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not a span of time: use a number with s, m, h or d, such as 90s or 1h")]
pub(crate) struct SpanError(String);

impl FromStr for Seconds {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        let error = || SpanError(text.to_owned());
        let unit = match text.chars().last() {
            Some('s') => 1,
            Some('m') => 60,
            Some('h') => 3600,
            Some('d') => 86_400,
            _ => return Err(error()),
        };
        let digits = text.get(..text.len().saturating_sub(1)).unwrap_or_default();
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(error());
        }
        let number = digits.parse::<u64>().map_err(|_| error())?;
        number
            .checked_mul(unit)
            .filter(|seconds| *seconds > 0)
            .map(Self)
            .ok_or_else(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_numbers_with_a_unit_and_nothing_else() {
        for (text, seconds) in [("2s", 2), ("15m", 900), ("1h", 3600), ("7d", 604_800)] {
            assert_eq!(text.parse::<Seconds>().unwrap(), Seconds(seconds));
        }
        for text in [
            "",
            "s",
            "5",
            "-1s",
            "+1s",
            "1.5h",
            "1h30m",
            "0s",
            "99999999999999999999s",
            "5ü",
        ] {
            assert!(text.parse::<Seconds>().is_err(), "{text:?}");
        }
    }
}
