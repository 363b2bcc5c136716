//! Mistakes of a configuration: where, what, what to do.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// Where something was given. Never what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// On the command line.
    Flag(String),
    /// An argument that belongs to no flag, by its number.
    Argument(usize),
    /// In the environment.
    Variable(&'static str),
    /// In the file.
    File {
        path: Arc<PathBuf>,
        line: usize,
        column: usize,
        member: Option<String>,
    },
    /// Nowhere: this setting would have to be given, or has its default.
    Unset(&'static str),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "--{name}"),
            Self::Argument(number) => write!(f, "argument {number}"),
            Self::Variable(name) => f.write_str(name),
            Self::File {
                path,
                line,
                column,
                member,
            } => {
                write!(f, "{}:{line}:{column}", path.display())?;
                match member {
                    None => Ok(()),
                    Some(member) => write!(f, " {member}"),
                }
            }
            Self::Unset(name) => write!(f, "--{name} (not given)"),
        }
    }
}

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mistake {
    pub(super) place: Place,
    pub(super) text: String,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Mistakes(pub(super) Vec<Mistake>);

impl Mistakes {
    pub(super) fn add(&mut self, place: Place, text: impl Into<String>) {
        let text = text.into();
        let mistake = Mistake { place, text };
        // A default that follows from a wrong value would be reported twice.
        if !self.0.contains(&mistake) {
            self.0.push(mistake);
        }
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => f.write_str("the configuration has a mistake, so nothing is started:")?,
            count => write!(
                f,
                "the configuration has {count} mistakes, so nothing is started:"
            )?,
        }
        for Mistake { place, text } in &self.0 {
            write!(f, "\n  {place}: {text}")?;
        }
        Ok(())
    }
}

/// The known name that was probably meant.
pub(super) fn meant<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let (distance, best) = known
        .map(|known| (distance(name, known), known))
        .min_by_key(|(distance, _)| *distance)?;
    // Two slips, or a third of a short name.
    (distance <= 2 && distance.saturating_mul(3) <= name.len().max(3)).then_some(best)
}

/// Insertions, deletions and replacements between two texts (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i.saturating_add(1);
        let mut next = vec![left];
        for (to, above) in b.iter().zip(row.iter().skip(1)) {
            let replaced = diagonal.saturating_add(usize::from(from != *to));
            let best = replaced.min(left.min(*above).saturating_add(1));
            diagonal = *above;
            left = best;
            next.push(best);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognized_and_another_word_is_not() {
        let known = ["metrics", "database", "log"];
        let meant = |name| meant(name, known.into_iter());
        assert_eq!(meant("metric"), Some("metrics"));
        assert_eq!(meant("databse"), Some("database"));
        assert_eq!(meant("lgo"), None, "two slips of three letters");
        assert_eq!(meant("password"), None);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
