//! What is written on the line of a delegation.

use super::super::layout::Size;
use super::super::{Edge, State};
use super::{LINE, PADDING, count, word};

/// Width of a character at the size of labels.
pub(super) const CHARACTER: f64 = 7.3;
/// Most characters of scopes in a line, unless one alone has more.
const WRAPPED: usize = 34;

/// What is written on a delegation.
pub(super) struct Label {
    pub(super) lines: Vec<(&'static str, String)>,
}

impl Label {
    pub(super) fn of(edge: &Edge) -> Self {
        let mut lines = vec![("resource", edge.resource.clone())];
        let mut line = String::new();
        for scope in edge.scopes.split(' ') {
            let longer = line.chars().count().saturating_add(scope.chars().count());
            if !line.is_empty() && longer >= WRAPPED {
                lines.push(("scope", std::mem::take(&mut line)));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(scope);
        }
        lines.push(("scope", line));
        lines.extend(edge.further().map(|further| ("further", further)));
        if edge.state != State::Live {
            lines.push(("mark", word(edge.state).to_owned()));
        }
        Self { lines }
    }

    pub(super) fn size(&self) -> Size {
        let longest = self
            .lines
            .iter()
            .map(|(_, line)| line.chars().count())
            .max();
        let width = count(longest.unwrap_or_default()) * CHARACTER + 2.0 * PADDING;
        (width, count(self.lines.len()) * LINE + PADDING)
    }
}
