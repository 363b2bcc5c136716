//! The picture: one file that needs nothing beside it, with no script in it and no reference out of it.
//!
//! What is written in it was chosen by operators and is text here, whatever it looks like. States are told
//! twice, by style and by a word: not everybody sees colours, and not every printer prints them.

mod canvas;
mod label;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::layout::{Layout, Size};
use super::ways::ways;
use super::{Edge, Graph, NOTHING, State};
use canvas::{Svg, escaped};
use label::{CHARACTER, Label};

/// Around everything, and for the heading above it.
const MARGIN: f64 = 28.0;
const HEADING: f64 = 58.0;
/// Width of a character at the size of names.
const NAME_CHARACTER: f64 = 8.5;
const LINE: f64 = 16.0;
const PADDING: f64 = 10.0;
/// Where the line ends of an application are apart.
const PORT: f64 = 14.0;
const LOWEST: f64 = 38.0;

/// Light, and dark where the reader's system is.
const STYLE: &str = include_str!("svg/style.css");

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
    let width = layout.size.0.max(characters * CHARACTER) + 2.0 * MARGIN;
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

#[cfg(test)]
mod tests;
