//! Points in time: RFC 3339, or how long ago.

use std::str::FromStr;

use jiff::Timestamp;

use crate::cli::Seconds;

/// A point in time as somebody wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    At(Timestamp),
    Ago(Seconds),
}

/// Why a text is no point in time.
#[derive(Debug, thiserror::Error)]
#[error(
    "{0:?} is no point in time: write 15m, 2h or 7d for so long ago, or a time of RFC 3339 such as \
     2026-03-01T12:00:00Z"
)]
pub(crate) struct MomentError(String);

impl FromStr for Moment {
    type Err = MomentError;

    fn from_str(text: &str) -> Result<Self, MomentError> {
        let ago = text.parse().map(Self::Ago);
        ago.or_else(|_| text.parse().map(Self::At))
            .map_err(|_| MomentError(text.to_owned()))
    }
}

impl Moment {
    /// As the management API takes it, in UTC. What is before all time is the beginning of 1970.
    pub(super) fn rfc3339(self, now_ms: u64) -> String {
        let at = match self {
            Self::At(at) => at,
            Self::Ago(Seconds(seconds)) => {
                let ms = now_ms.saturating_sub(seconds.saturating_mul(1000));
                let ms = i64::try_from(ms).unwrap_or_default();
                Timestamp::from_millisecond(ms).unwrap_or_default()
            }
        };
        at.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_time_with_its_offset_or_a_span_before_now() {
        for (text, expected) in [
            ("2026-03-01T12:00:00Z", "2026-03-01T12:00:00Z"),
            ("2026-03-01T12:00:00.25+02:00", "2026-03-01T10:00:00.25Z"),
            ("90s", "2027-01-15T07:58:30Z"),
            ("1d", "2027-01-14T08:00:00Z"),
            ("99999999d", "1970-01-01T00:00:00Z"),
        ] {
            let moment: Moment = text.parse().unwrap();
            assert_eq!(moment.rfc3339(1_800_000_000_000), expected, "{text}");
        }
    }

    #[test]
    fn what_leaves_the_time_open_is_refused() {
        for text in [
            "",
            "yesterday",
            "12:00",
            "2026-03-01",
            "2026-03-01T12:00:00",
            "1h30m",
        ] {
            assert!(text.parse::<Moment>().is_err(), "{text:?}");
        }
    }
}
