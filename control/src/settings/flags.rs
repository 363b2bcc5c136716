//! The command line of what serves: `--name value` or `--name=value`, and nothing else.
//!
//! Not clap, which ends at the first mistake and repeats what it does not know: what follows a
//! misspelt `--pasword` is a secret.

use std::ffi::OsString;
use std::path::PathBuf;

use super::catalog::{Program, SETTINGS, find};
use super::mistake::{Mistakes, Place, meant};

/// What was given.
#[derive(Debug, Default)]
pub(super) struct Flags {
    pub(super) help: bool,
    pub(super) check_only: bool,
    pub(super) config: Option<PathBuf>,
    /// In the order of the command line.
    pub(super) values: Vec<(&'static str, String)>,
    pub(super) mistakes: Mistakes,
}

impl Flags {
    /// Reads all arguments behind the command.
    pub(super) fn read(program: Program, arguments: &[OsString]) -> Self {
        let mut flags = Self::default();
        let mut rest = arguments.iter().enumerate().peekable();
        while let Some((index, argument)) = rest.next() {
            let number = index.saturating_add(1);
            let text = argument.to_string_lossy();
            if matches!(&*text, "-h" | "--help") {
                flags.help = true;
                continue;
            }
            let Some(flag) = text.strip_prefix("--").filter(|flag| !flag.is_empty()) else {
                let text = "belongs to no flag: write --NAME VALUE; see --help";
                flags.mistakes.add(Place::Argument(number), text);
                continue;
            };
            let (name, attached) = match flag.split_once('=') {
                None => (flag, None),
                Some((name, value)) => (name, Some(OsString::from(value))),
            };
            let place = Place::Flag(shown(name));
            if name == "check-config" {
                if attached.is_some() {
                    flags.mistakes.add(place, "takes no value: leave it out");
                }
                flags.check_only = true;
                continue;
            }
            // Whatever the flag, what follows and is no flag is its value.
            let follows = |next: &(usize, &OsString)| !next.1.to_string_lossy().starts_with("--");
            let value = attached.or_else(|| {
                let (_, value) = rest.next_if(follows)?;
                Some(value.clone())
            });
            if name == "config" {
                match value {
                    Some(path) if flags.config.is_none() => flags.config = Some(path.into()),
                    Some(_) => flags.mistakes.add(place, TWICE),
                    None => flags.mistakes.add(place, "needs a file behind it"),
                }
                continue;
            }
            flags.setting(program, name, value, place);
        }
        flags
    }

    fn setting(&mut self, program: Program, name: &str, value: Option<OsString>, place: Place) {
        let Some(setting) = find(name) else {
            let known = SETTINGS.iter().filter(|setting| setting.is_of(program));
            let known = known.map(|setting| setting.name);
            let known = known.chain(["config", "check-config"]);
            let text = match meant(name, known) {
                Some(meant) => format!("there is no such flag; is --{meant} meant?"),
                None => "there is no such flag; see --help".to_owned(),
            };
            return self.mistakes.add(place, text);
        };
        if !setting.is_of(program) {
            let text = format!("is not a setting of {program}: leave it out");
            return self.mistakes.add(place, text);
        }
        if !setting.many && self.values.iter().any(|(given, _)| *given == setting.name) {
            return self.mistakes.add(place, TWICE);
        }
        match value.map(OsString::into_string) {
            Some(Ok(value)) => self.values.push((setting.name, value)),
            Some(Err(_)) => self.mistakes.add(place, "is not UTF-8"),
            None => self.mistakes.add(place, "needs a value behind it"),
        }
    }
}

const TWICE: &str = "is given twice: leave one of them";

/// A flag's name as far as it looks like one: nothing else is repeated.
fn shown(name: &str) -> String {
    let plain = |c: &char| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '-';
    let shown: String = name.chars().take_while(plain).take(40).collect();
    if shown.len() == name.len() {
        shown
    } else {
        format!("{shown}...")
    }
}
