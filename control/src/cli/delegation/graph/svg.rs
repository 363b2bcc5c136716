//! The picture: one file that needs nothing beside it, with no script in it and no reference out of it.
//!
//! What is written in it was chosen by operators and is text here, whatever it looks like. States are told
//! twice, by style and by a word: not everybody sees colours, and not every printer prints them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::layout::{Layout, Place, Size};
use super::ways::{Point, ways};
use super::{Edge, Graph, NOTHING, State};

/// Around everything, and for the heading above it.
const MARGIN: f64 = 28.0;
const HEADING: f64 = 58.0;
/// Width of a character of the monospaced fonts at the size of each text.
const NAME_CHARACTER: f64 = 8.5;
const LABEL_CHARACTER: f64 = 7.3;
const LINE: f64 = 16.0;
const PADDING: f64 = 10.0;
/// Where the line ends of an application are apart.
const PORT: f64 = 14.0;
const LOWEST: f64 = 38.0;
/// Length of the tip of a line.
const TIP: f64 = 9.0;
/// Most characters of scopes in a line, unless one alone has more.
const WRAPPED: usize = 34;

/// Light, and dark where the reader's system is. Without it, a browser would show black on white.
const STYLE: &str = "\
text { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace; font-size: 12px; fill: #334155; }
.page { fill: #ffffff; }
.heading { font-size: 15px; font-weight: 600; fill: #0f172a; }
.name { font-size: 14px; font-weight: 600; fill: #1e1b4b; }
.resource { font-weight: 600; fill: #0f172a; }
.application rect { fill: #eef2ff; stroke: #6366f1; stroke-width: 1.5; }
.delegation .label { fill: #ffffff; stroke: #94a3b8; }
.delegation .way { fill: none; stroke: #64748b; stroke-width: 1.5; }
.delegation .tip { fill: #64748b; }
.suspended rect, .suspended .label { stroke: #d97706; stroke-dasharray: 6 4; }
.suspended .way { stroke: #d97706; stroke-dasharray: 6 4; }
.suspended .tip, .suspended .mark { fill: #b45309; }
.revoked rect, .revoked .label { stroke: #dc2626; stroke-dasharray: 2 4; }
.revoked .way { stroke: #dc2626; stroke-dasharray: 2 4; }
.revoked .tip, .revoked .mark { fill: #b91c1c; }
.revoked .name, .revoked .resource, .revoked .scope { text-decoration: line-through; }
.mark { font-weight: 700; }
@media (prefers-color-scheme: dark) {
text { fill: #cbd5e1; }
.page { fill: #0f172a; }
.heading, .resource { fill: #f1f5f9; }
.name { fill: #e0e7ff; }
.application rect { fill: #1e1b4b; stroke: #818cf8; }
.delegation .label { fill: #0f172a; stroke: #475569; }
.delegation .way { stroke: #94a3b8; }
.delegation .tip { fill: #94a3b8; }
.suspended rect, .suspended .label, .suspended .way { stroke: #f59e0b; }
.suspended .tip, .suspended .mark { fill: #fbbf24; }
.revoked rect, .revoked .label, .revoked .way { stroke: #f87171; }
.revoked .tip, .revoked .mark { fill: #f87171; }
}
";

/// The whole file.
pub(super) fn drawn(graph: &Graph) -> String {
    let edges: Vec<(&str, &Edge)> = graph
        .edges
        .iter()
        .flat_map(|(from, edges)| edges.iter().map(move |edge| (from.as_str(), edge)))
        .collect();
    let pairs: Vec<_> = edges
        .iter()
        .map(|(from, edge)| (*from, edge.to.as_str()))
        .collect();
    let labels: Vec<Label> = edges.iter().map(|(_, edge)| Label::of(edge)).collect();
    let label_sizes: Vec<Size> = labels.iter().map(Label::size).collect();
    let sizes = applications(graph, &pairs);
    let layout = Layout::new(&sizes, &pairs, &label_sizes);
    let summary = summary(sizes.len(), &edges);
    let characters = count(summary.chars().count());
    let width = layout.size.0.max(characters * LABEL_CHARACTER) + 2.0 * MARGIN;
    let height = layout.size.1 + HEADING + 2.0 * MARGIN;
    let mut svg = Svg(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.0} {height:.0}\" role=\"graphics-document document\" \
         aria-labelledby=\"title summary\">\n<title id=\"title\">Who may have whom act for it</title>\n\
         <desc id=\"summary\">{}</desc>\n<style>\n{STYLE}</style>\n\
         <rect class=\"page\" width=\"100%\" height=\"100%\"/>\n",
        escaped(&summary)
    ));
    svg.text(
        "heading",
        MARGIN,
        MARGIN + 12.0,
        "Who may have whom act for it",
    );
    svg.text("summary", MARGIN, MARGIN + 32.0, &summary);
    let top = MARGIN + HEADING;
    let _ = writeln!(svg.0, "<g transform=\"translate({MARGIN} {top})\">");
    let places = layout.edges.iter().map(|(place, _)| *place);
    let ways = ways(&layout, &pairs);
    for (((from, edge), label), (place, way)) in edges.iter().zip(&labels).zip(places.zip(&ways)) {
        svg.delegation(from, edge, (label, place), way);
    }
    for (name, place) in &layout.applications {
        svg.application(name, *place, state(graph, name));
    }
    svg.0.push_str("</g>\n</svg>\n");
    svg.0
}

fn state(graph: &Graph, application: &str) -> State {
    let fallen = graph.fallen.get(application);
    fallen.copied().unwrap_or(State::Live)
}

/// The size of each application: its name, its state, and room for the lines that end there.
fn applications<'a>(graph: &Graph, pairs: &[(&'a str, &'a str)]) -> BTreeMap<&'a str, Size> {
    let names: BTreeSet<&str> = pairs.iter().flat_map(|(from, to)| [*from, *to]).collect();
    let size = |name: &str| {
        let mark = word(state(graph, name));
        let characters = name.chars().count().max(mark.chars().count());
        let ends = pairs
            .iter()
            .map(|(from, to)| usize::from(*from == name).saturating_add(usize::from(*to == name)));
        let lines = if mark.is_empty() { 0.0 } else { LINE };
        let ends = count(ends.fold(0, usize::saturating_add)) + 1.0;
        let height = (LOWEST + lines).max(ends * PORT);
        (count(characters) * NAME_CHARACTER + 2.0 * PADDING, height)
    };
    names.into_iter().map(|name| (name, size(name))).collect()
}

fn summary(applications: usize, edges: &[(&str, &Edge)]) -> String {
    if edges.is_empty() {
        return NOTHING.to_owned();
    }
    let of = |state| edges.iter().filter(|(_, edge)| edge.state == state).count();
    let mut text = format!("{} applications, {} delegations", applications, edges.len());
    for state in [State::Suspended, State::Revoked] {
        match of(state) {
            0 => {}
            some => {
                let _ = write!(text, ", {some} of them {}", word(state));
            }
        }
    }
    text
}

/// What is written on a delegation.
struct Label {
    lines: Vec<(&'static str, String)>,
}

impl Label {
    fn of(edge: &Edge) -> Self {
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

    fn size(&self) -> Size {
        let longest = self
            .lines
            .iter()
            .map(|(_, line)| line.chars().count())
            .max();
        let width = count(longest.unwrap_or_default()) * LABEL_CHARACTER + 2.0 * PADDING;
        (width, count(self.lines.len()) * LINE + PADDING)
    }
}

struct Svg(String);

impl Svg {
    fn text(&mut self, class: &str, x: f64, y: f64, text: &str) {
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

    fn application(&mut self, name: &str, place: Place, state: State) {
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

    fn delegation(
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

    /// Curves leave and arrive level, and the last one ends in a tip.
    fn way(&mut self, way: &[Point]) {
        let (Some(first), Some(last)) = (way.first(), way.last()) else {
            return;
        };
        let before = way.iter().rev().nth(1).unwrap_or(first);
        let back = if before.0 < last.0 { -TIP } else { TIP };
        let mut path = format!("M{:.1} {:.1}", first.0, first.1);
        for curve in way.chunks_exact(2) {
            let [(x, y), (to_x, to_y)] = curve else {
                continue;
            };
            let to_x = if (to_x, to_y) == (&last.0, &last.1) {
                to_x + back
            } else {
                *to_x
            };
            let half = f64::midpoint(*x, to_x);
            let _ = write!(
                path,
                " L{x:.1} {y:.1} C{half:.1} {y:.1} {half:.1} {to_y:.1} {to_x:.1} {to_y:.1}"
            );
        }
        let (x, y) = last;
        let (base, upper, lower) = (x + back, y - TIP / 2.0, y + TIP / 2.0);
        let _ = writeln!(
            self.0,
            "<path class=\"way\" d=\"{path}\"/>\n\
             <path class=\"tip\" d=\"M{x:.1} {y:.1} L{base:.1} {upper:.1} L{base:.1} {lower:.1} Z\"/>"
        );
    }
}

const fn word(state: State) -> &'static str {
    match state {
        State::Live => "",
        State::Suspended => "suspended",
        State::Revoked => "revoked",
    }
}

/// A number of things, to measure with. No picture has more of them than that.
fn count(things: usize) -> f64 {
    u32::try_from(things).map_or(f64::from(u32::MAX), f64::from)
}

/// Text as text, in an element and in an attribute. Characters that XML does not have at all, not even
/// escaped, would make a browser show nothing but an error.
fn escaped(text: &str) -> String {
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

#[cfg(test)]
mod tests;
