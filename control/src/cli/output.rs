//! Printing: tables for people, the server's JSON for programs.

use std::io::Write as _;

use clap::ValueEnum;
use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};
use serde_json::Value;

use super::error::CliError;

/// How answers are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// Standard output in one format.
pub(crate) struct Output {
    format: Format,
}

/// A column: its heading, and the members that lead to its value.
pub(crate) type Column = (&'static str, &'static [&'static str]);

impl Output {
    pub(crate) const fn new(format: Format) -> Self {
        Self { format }
    }

    pub(crate) const fn is_json(&self) -> bool {
        matches!(self.format, Format::Json)
    }

    /// One line, or several.
    #[expect(clippy::unused_self, reason = "whoever prints has been told how to")]
    pub(crate) fn line(&self, text: &str) -> Result<(), CliError> {
        let mut stdout = std::io::stdout().lock();
        writeln!(stdout, "{text}")?;
        Ok(stdout.flush()?)
    }

    /// The JSON as it is.
    pub(crate) fn json(&self, value: &Value) -> Result<(), CliError> {
        self.line(&format!("{value:#}"))
    }

    /// The answer to a change: `sentence` for people.
    pub(crate) fn done(&self, answer: &Value, sentence: &str) -> Result<(), CliError> {
        if self.is_json() {
            self.json(answer)
        } else {
            self.line(sentence)
        }
    }

    /// The answer to a listing.
    pub(crate) fn list(&self, answer: &Value, columns: &[Column]) -> Result<(), CliError> {
        if self.is_json() {
            return self.json(answer);
        }
        let mut table = Table::new();
        table
            .load_preset(NOTHING)
            .set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(columns.iter().map(|(heading, _)| *heading));
        let items = answer.get("items").and_then(Value::as_array);
        for item in items.into_iter().flatten() {
            table.add_row(columns.iter().map(|(_, path)| cell(item, path)));
        }
        self.line(&table.trim_fmt())
    }
}

fn cell(item: &Value, path: &[&str]) -> String {
    let value = path
        .iter()
        .try_fold(item, |value, member| value.get(member));
    value.map_or_else(|| "-".to_owned(), plain)
}

/// A value as people write it. Control characters could paint over the terminal.
pub(crate) fn plain(value: &Value) -> String {
    let text = match value {
        Value::Null => "-".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "-".to_owned(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(" "),
        Value::Number(_) | Value::Object(_) => value.to_string(),
    };
    text.chars()
        .map(|char| if char.is_control() { '\u{fffd}' } else { char })
        .collect()
}
