//! The configuration file: TOML, one member for each setting.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use super::catalog::{SETTINGS, Setting, find};
use super::mistake::{Mistakes, Place, meant};

/// Largest file in bytes.
const MAX_BYTES: u64 = 256 * 1024;

/// A value and its place.
pub(super) struct Member {
    pub(super) setting: &'static Setting,
    pub(super) values: Vec<(String, Place)>,
}

/// Reads the file.
pub(super) fn read(path: PathBuf, named_by: Place, mistakes: &mut Mistakes) -> Vec<Member> {
    let length = std::fs::metadata(&path).map(|metadata| metadata.len());
    let text = match length {
        Ok(length) if length > MAX_BYTES => {
            mistakes.add(
                named_by,
                format!("the file has more than {MAX_BYTES} bytes"),
            );
            return Vec::new();
        }
        Ok(_) => std::fs::read_to_string(&path),
        Err(error) => Err(error),
    };
    match text {
        Ok(text) => parse(&text, path, mistakes),
        Err(error) => {
            let path = path.display();
            mistakes.add(named_by, format!("{path} cannot be read ({error})"));
            Vec::new()
        }
    }
}

/// Reads the text of a file, as far as it can be read at all.
pub(super) fn parse(text: &str, path: PathBuf, mistakes: &mut Mistakes) -> Vec<Member> {
    let path = Arc::new(path);
    let place = |span: Range<usize>, member: Option<&str>| {
        let (line, column) = position(text, span.start);
        Place::File {
            path: Arc::clone(&path),
            line,
            column,
            member: member.map(str::to_owned),
        }
    };
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        // The message, not the error's own text, which shows the line with whatever is in it.
        let span = error.span().unwrap_or_default();
        mistakes.add(
            place(span, None),
            format!("is not TOML: {}", error.message()),
        );
    }
    let mut members = Vec::new();
    for (key, value) in table.get_ref() {
        let name: &str = key.get_ref();
        let Some(setting) = find(name) else {
            let text = match meant(name, SETTINGS.iter().map(|setting| setting.name)) {
                Some(meant) => format!("there is no such setting; is {meant} meant?"),
                None => "there is no such setting; see --help".to_owned(),
            };
            mistakes.add(place(key.span(), Some(name)), text);
            continue;
        };
        let here = || place(value.span(), Some(name));
        let mut values = Vec::new();
        match value.get_ref() {
            DeValue::Array(items) if setting.many => {
                for item in items {
                    match scalar(item.get_ref()) {
                        Some(text) => values.push((text, place(item.span(), Some(name)))),
                        None => mistakes.add(
                            place(item.span(), Some(name)),
                            "is no text in quotation marks",
                        ),
                    }
                }
            }
            value => match scalar(value) {
                Some(text) => values.push((text, here())),
                None if setting.many => mistakes.add(here(), "is no array of texts"),
                None => mistakes.add(here(), "is neither a text in quotation marks nor a number"),
            },
        }
        members.push(Member { setting, values });
    }
    members
}

/// A single value as the flag would have it.
fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str().to_owned()),
        DeValue::Integer(_)
        | DeValue::Boolean(_)
        | DeValue::Float(_)
        | DeValue::Datetime(_)
        | DeValue::Array(_)
        | DeValue::Table(_) => None,
    }
}

/// Line and column of a byte, both from 1.
fn position(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count().saturating_add(1);
    let start = before
        .rfind('\n')
        .map_or(0, |newline| newline.saturating_add(1));
    let column = before.get(start..).unwrap_or_default().chars().count();
    (line, column.saturating_add(1))
}
