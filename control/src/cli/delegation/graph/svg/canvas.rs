//! Elements of the file, and the only way that text gets into it.

use std::fmt::Write as _;

use super::super::layout::Place;
use super::super::ways::{Point, TIP};
use super::super::{Edge, State};
use super::label::Label;
use super::{LINE, PADDING, word};

/// The file in the making.
pub(super) struct Svg(pub(super) String);

impl Svg {
    pub(super) fn text(&mut self, class: &str, x: f64, y: f64, text: &str) {
        let text = escaped(text);
        // Writing to a String cannot fail.
        let _ = writeln!(
            self.0,
            "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>"
        );
    }

    /// A box.
    fn rect(&mut self, class: &str, place: Place) {
        let Place {
            x,
            y,
            width,
            height,
            column: _,
        } = place;
        let _ = writeln!(
            self.0,
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" \
             height=\"{height:.1}\" rx=\"6\"/>"
        );
    }

    /// Opens a group with a name of its own, for whoever has the picture read out or points at it.
    fn open(&mut self, class: &str, state: State, title: &str) {
        let (state, title) = (word(state), escaped(title));
        let _ = writeln!(
            self.0,
            "<g class=\"{class} {state}\" role=\"graphics-symbol img\"><title>{title}</title>"
        );
    }

    pub(super) fn application(&mut self, name: &str, place: Place, state: State) {
        let mark = word(state);
        let title = if mark.is_empty() {
            format!("application {name}")
        } else {
            format!("application {name}, {mark}")
        };
        self.open("application", state, &title);
        self.rect("box", place);
        let x = place.x + PADDING;
        let middle = place.middle();
        if mark.is_empty() {
            self.text("name", x, middle + 5.0, name);
        } else {
            self.text("name", x, middle - 3.0, name);
            self.text("mark", x, middle + LINE - 3.0, mark);
        }
        self.0.push_str("</g>\n");
    }

    pub(super) fn delegation(
        &mut self,
        from: &str,
        edge: &Edge,
        (label, place): (&Label, Place),
        way: &[Point],
    ) {
        let (id, to, what) = (&edge.id, &edge.to, edge.label());
        let mark = word(edge.state);
        let mark = if mark.is_empty() {
            mark.to_owned()
        } else {
            format!(", {mark}")
        };
        let title = format!("delegation {id}{mark}: {from} may have {to} act. {what}");
        self.open("delegation", edge.state, &title);
        self.way(way);
        self.rect("label", place);
        let mut y = place.y + PADDING / 2.0;
        for (class, line) in &label.lines {
            y += LINE;
            self.text(class, place.x + PADDING, y - 4.0, line);
        }
        self.0.push_str("</g>\n");
    }

    /// Curves leave and arrive level, and the last straight piece ends in a tip.
    fn way(&mut self, way: &[Point]) {
        let [first, .., before, last] = way else {
            return;
        };
        let back = if before.0 < last.0 { -TIP } else { TIP };
        let mut path = format!("M{:.1} {:.1}", first.0, first.1);
        let starts = way.iter().skip(1).step_by(2);
        let ends = way.iter().skip(2).step_by(2);
        for ((x, y), (to_x, to_y)) in starts.zip(ends) {
            let half = f64::midpoint(*x, *to_x);
            let _ = write!(
                path,
                " H{x:.1} C{half:.1} {y:.1} {half:.1} {to_y:.1} {to_x:.1} {to_y:.1}"
            );
        }
        let (x, y) = last;
        let (base, upper, lower) = (x + back, y - TIP / 2.0, y + TIP / 2.0);
        let _ = writeln!(
            self.0,
            "<path class=\"way\" d=\"{path} H{base:.1}\"/>\n\
             <path class=\"tip\" d=\"M{x:.1} {y:.1} L{base:.1} {upper:.1} V{lower:.1} Z\"/>"
        );
    }
}

/// Text as text, in an element and in an attribute. Characters that XML does not have at all, not even
/// escaped, would make a browser show nothing but an error.
pub(super) fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut out, char| {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            char if char.is_control() => out.push('\u{fffd}'),
            char => out.push(char),
        }
        out
    })
}
