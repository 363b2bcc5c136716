//! The three places together.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::catalog::{Program, SETTINGS, Setting};
use super::file;
use super::flags::Flags;
use super::mistake::{Mistakes, Place};
use super::{Environment, parse};

/// The values of one setting in one place.
struct Given {
    setting: &'static str,
    values: Vec<(String, Place)>,
}

/// What was given, the place that counts most first, and what was wrong so far.
pub(crate) struct Reader {
    given: Vec<Given>,
    mistakes: Mistakes,
}

impl Reader {
    /// Collects what the three places say.
    pub(super) fn open(program: Program, flags: Flags, environment: Environment<'_>) -> Self {
        let Flags {
            help: _,
            check_only: _,
            config,
            values,
            mut mistakes,
        } = flags;
        let of_program = || SETTINGS.iter().filter(|setting| setting.is_of(program));
        let mut given = Vec::new();
        for setting in of_program() {
            let place = || Place::Flag(setting.name.to_owned());
            let values = values.iter().filter(|(name, _)| *name == setting.name);
            let values: Vec<_> = values.map(|(_, text)| (text.clone(), place())).collect();
            given.push((setting, values));
        }
        for setting in of_program() {
            given.push((setting, variable(setting, environment, &mut mistakes)));
        }
        let from_environment = || environment("CARACAL_CONFIG").filter(|path| !path.is_empty());
        let file = match config {
            Some(path) => Some((path, Place::Flag("config".to_owned()))),
            None => from_environment()
                .map(|path| (PathBuf::from(path), Place::Variable("CARACAL_CONFIG"))),
        };
        if let Some((path, named_by)) = file {
            // One file may serve several commands, so what is another's is not looked at.
            let members = file::read(path, named_by, &mut mistakes);
            let own = members
                .into_iter()
                .filter(|member| member.setting.is_of(program));
            given.extend(own.map(|member| (member.setting, member.values)));
        }
        let given = given
            .into_iter()
            .filter(|(_, values)| !values.is_empty())
            .map(|(setting, values)| Given {
                setting: setting.name,
                values,
            });
        Self {
            given: given.collect(),
            mistakes,
        }
    }

    /// The value that counts. Those that do not count are looked at as well.
    pub(crate) fn one<T, E: ToString>(
        &mut self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<T> {
        self.many(name, parse).into_iter().next()
    }

    /// The values of the place that counts.
    pub(crate) fn many<T, E: ToString>(
        &mut self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Vec<T> {
        let mut first = None;
        for given in self.given.iter().filter(|given| given.setting == name) {
            let mut values = Vec::new();
            for (text, place) in &given.values {
                match parse(text) {
                    Ok(value) => values.push(value),
                    Err(error) => self.mistakes.add(place.clone(), error.to_string()),
                }
            }
            first.get_or_insert(values);
        }
        first.unwrap_or_default()
    }

    /// The path that counts.
    pub(crate) fn file(&mut self, name: &'static str) -> Option<PathBuf> {
        self.one(name, parse::path)
    }

    /// Whether anything was given, right or wrong.
    pub(crate) fn is_given(&self, name: &'static str) -> bool {
        self.given.iter().any(|given| given.setting == name)
    }

    /// Says that a setting should have been given.
    pub(crate) fn missing(&mut self, name: &'static str, text: impl Into<String>) {
        self.mistakes.add(Place::Unset(name), text);
    }

    /// Says what is wrong with the value that counts.
    pub(crate) fn wrong(&mut self, name: &'static str, text: impl Into<String>) {
        let place = self.place(name);
        self.mistakes.add(place, text);
    }

    /// Demands that a file is there.
    pub(crate) fn exists(&mut self, name: &'static str, file: &Path) {
        if !file.is_file() {
            let text = if self.is_given(name) {
                "there is no such file".to_owned()
            } else {
                // The default is a path of ours below a directory that was given.
                format!(
                    "{} does not exist; give --{name}, or for development run `caracal dev-ca \
                    --out DATA/tls sts=caracal/sts control=caracal/control` with your data \
                    directory for DATA",
                    file.display()
                )
            };
            self.wrong(name, text);
        }
    }

    fn place(&self, name: &'static str) -> Place {
        let counts = self.given.iter().find(|given| given.setting == name);
        let place = counts.and_then(|given| given.values.first());
        place.map_or(Place::Unset(name), |(_, place)| place.clone())
    }

    /// All mistakes, if there are any.
    pub(super) fn finish(self) -> Result<(), Mistakes> {
        if self.mistakes.0.is_empty() {
            Ok(())
        } else {
            Err(self.mistakes)
        }
    }
}

/// The first of its variables that is set. An empty one is not (as OpenTelemetry has it).
fn variable(
    setting: &'static Setting,
    environment: Environment<'_>,
    mistakes: &mut Mistakes,
) -> Vec<(String, Place)> {
    let mut set = setting.variables.iter().filter_map(|name| {
        let value = environment(name).filter(|value| !value.is_empty());
        value.map(|value| (*name, value))
    });
    let Some((name, value)) = set.next() else {
        return Vec::new();
    };
    let place = Place::Variable(name);
    let Ok(text) = OsString::into_string(value) else {
        mistakes.add(place, "is not UTF-8");
        return Vec::new();
    };
    if setting.many {
        let parts = text.split(',').map(str::trim);
        parts.map(|part| (part.to_owned(), place.clone())).collect()
    } else {
        vec![(text, place)]
    }
}
