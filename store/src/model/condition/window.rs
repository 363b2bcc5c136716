//! Times of the week, in UTC.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

const DAY_S: u64 = 24 * 3600;
const MINUTES_OF_DAY: u16 = 24 * 60;

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Weekday {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

impl Weekday {
    const ALL: [Self; 7] = [
        Self::Mon,
        Self::Tue,
        Self::Wed,
        Self::Thu,
        Self::Fri,
        Self::Sat,
        Self::Sun,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Mon => "mon",
            Self::Tue => "tue",
            Self::Wed => "wed",
            Self::Thu => "thu",
            Self::Fri => "fri",
            Self::Sat => "sat",
            Self::Sun => "sun",
        }
    }

    /// The day with this number since the epoch, which was a Thursday.
    fn of(day: u64) -> Self {
        let index = day.wrapping_add(3) % 7;
        let index = usize::try_from(index).unwrap_or_default();
        Self::ALL.get(index).copied().unwrap_or(Self::Mon)
    }
}

/// A minute of a day, from `00:00` to `24:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeOfDay(u16);

/// Why a text is no time of day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no time of day: use HH:MM, from 00:00 to 24:00")]
pub struct TimeOfDayError(pub String);

impl TimeOfDay {
    fn seconds(self) -> u64 {
        u64::from(self.0).saturating_mul(60)
    }
}

impl FromStr for TimeOfDay {
    type Err = TimeOfDayError;

    fn from_str(text: &str) -> Result<Self, TimeOfDayError> {
        let two = |text: &str| {
            let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| text.parse::<u16>().ok()).flatten()
        };
        let minutes = text.split_once(':').and_then(|(hours, minutes)| {
            let (hours, minutes) = (two(hours)?, two(minutes).filter(|minutes| *minutes < 60)?);
            hours.checked_mul(60)?.checked_add(minutes)
        });
        minutes
            .filter(|minutes| *minutes <= MINUTES_OF_DAY)
            .map(Self)
            .ok_or_else(|| TimeOfDayError(text.chars().take(16).collect()))
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl TryFrom<String> for TimeOfDay {
    type Error = TimeOfDayError;

    fn try_from(text: String) -> Result<Self, TimeOfDayError> {
        text.parse()
    }
}

impl From<TimeOfDay> for String {
    fn from(time: TimeOfDay) -> Self {
        time.to_string()
    }
}

/// On each of these days from one time to another. An end at or before the beginning is on the day
/// after; as text, `mon-fri 08:00-18:00` or `sat,sun 22:00-06:00`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked", into = "Unchecked")]
pub struct WeeklyWindow {
    days: BTreeSet<Weekday>,
    from: TimeOfDay,
    to: TimeOfDay,
}

/// The form on the wire.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    days: Vec<Weekday>,
    from: TimeOfDay,
    to: TimeOfDay,
}

/// Why no times of the week could be meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WindowError {
    /// None, or one twice.
    #[error("a window names at least one day, and each once")]
    Days,
    /// Nothing, or all day: nobody can tell.
    #[error("a window begins before 24:00 and does not end when it begins; all day is 00:00-24:00")]
    Span,
    /// Not of the form.
    #[error("{0:?} is no window: use DAYS HH:MM-HH:MM in UTC, such as mon-fri 08:00-18:00")]
    Form(String),
    /// A time.
    #[error(transparent)]
    Time(#[from] TimeOfDayError),
}

impl WeeklyWindow {
    /// On each of the days from one time to another.
    pub fn new(days: Vec<Weekday>, from: TimeOfDay, to: TimeOfDay) -> Result<Self, WindowError> {
        let named = days.len();
        let days: BTreeSet<_> = days.into_iter().collect();
        if days.is_empty() || days.len() != named {
            return Err(WindowError::Days);
        }
        // An end of 00:00 is the midnight that follows, which is written as 24:00 too.
        if from == to || from.0 >= MINUTES_OF_DAY {
            return Err(WindowError::Span);
        }
        Ok(Self { days, from, to })
    }

    /// The second at which the window that is open now closes; `None` if none is open. Windows that
    /// follow each other without a gap are one.
    #[must_use]
    pub fn closes_at(&self, now_s: u64) -> Option<u64> {
        let mut end = self.end_of(now_s)?;
        // After a week without a gap it never closes: any end is as good.
        for _ in Weekday::ALL {
            match self.end_of(end) {
                Some(next) => end = next,
                None => break,
            }
        }
        Some(end)
    }

    /// The end of the one span that a second is in. Spans are shorter than a day, or begin with it,
    /// so it began today or yesterday and in one of the two only.
    fn end_of(&self, now_s: u64) -> Option<u64> {
        let today = now_s / DAY_S;
        [Some(today), today.checked_sub(1)]
            .into_iter()
            .flatten()
            .filter(|day| self.days.contains(&Weekday::of(*day)))
            .find_map(|day| {
                let midnight = day.checked_mul(DAY_S)?;
                let from = midnight.checked_add(self.from.seconds())?;
                let to = midnight.checked_add(self.to.seconds())?;
                let to = if self.to <= self.from {
                    to.checked_add(DAY_S)?
                } else {
                    to
                };
                (from..to).contains(&now_s).then_some(to)
            })
    }
}

impl TryFrom<Unchecked> for WeeklyWindow {
    type Error = WindowError;

    fn try_from(Unchecked { days, from, to }: Unchecked) -> Result<Self, WindowError> {
        Self::new(days, from, to)
    }
}

impl From<WeeklyWindow> for Unchecked {
    fn from(WeeklyWindow { days, from, to }: WeeklyWindow) -> Self {
        Self {
            days: days.into_iter().collect(),
            from,
            to,
        }
    }
}

impl fmt::Display for WeeklyWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days: Vec<_> = self.days.iter().map(|day| day.as_str()).collect();
        write!(f, "{} {}-{}", days.join(","), self.from, self.to)
    }
}

impl FromStr for WeeklyWindow {
    type Err = WindowError;

    fn from_str(text: &str) -> Result<Self, WindowError> {
        let form = || WindowError::Form(text.chars().take(64).collect());
        let (days, times) = text.split_once(' ').ok_or_else(form)?;
        let (from, to) = times.trim().split_once('-').ok_or_else(form)?;
        let mut named = Vec::new();
        for part in days.split(',') {
            named.extend(span(part).ok_or_else(form)?);
        }
        Self::new(named, from.parse()?, to.parse()?)
    }
}

/// One day, or the days from one to another, over Sunday too.
fn span(text: &str) -> Option<Vec<Weekday>> {
    let day = |text: &str| Weekday::ALL.into_iter().find(|day| day.as_str() == text);
    let Some((first, last)) = text.split_once('-') else {
        return Some(vec![day(text)?]);
    };
    let (first, last) = (day(first)?, day(last)?);
    let mut days = Vec::new();
    for day in Weekday::ALL
        .into_iter()
        .cycle()
        .skip_while(|day| *day != first)
    {
        days.push(day);
        if day == last {
            break;
        }
    }
    Some(days)
}

#[cfg(test)]
mod tests;
