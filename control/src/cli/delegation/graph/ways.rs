//! The lines between applications: where each begins, what it goes through, and where it ends.

use std::collections::BTreeMap;

use super::layout::{Layout, Place};

pub(super) type Point = (f64, f64);

/// A line: curved from an even point to the next, straight from an odd one.
pub(super) type Way = Vec<Point>;

/// One end of a line at an application, by which they are put in order.
struct End<'a> {
    application: &'a str,
    is_right: bool,
    /// Height of what the line goes to next.
    next: f64,
    edge: usize,
    is_first: bool,
}

/// The line of each edge. Those that end on one side of an application share that side evenly, in the
/// order in which they go away, so that none lies over another there.
pub(super) fn ways(layout: &Layout<'_>, edges: &[(&str, &str)]) -> Vec<Way> {
    let mut ends = Vec::new();
    for (edge, ((from, to), (_, way))) in (0..).zip(edges.iter().zip(&layout.edges)) {
        let reversed: Vec<Place> = way.iter().rev().copied().collect();
        for (application, way, is_first) in [(*from, way, true), (*to, &reversed, false)] {
            if let [own, next, ..] = way.as_slice() {
                ends.push(End {
                    application,
                    is_right: own.x < next.x,
                    next: next.middle(),
                    edge,
                    is_first,
                });
            }
        }
    }
    ends.sort_by(|one, other| {
        let side = |end: &End<'_>| (end.application.to_owned(), end.is_right);
        let order = (one.edge, !one.is_first).cmp(&(other.edge, !other.is_first));
        let height = one.next.total_cmp(&other.next);
        side(one).cmp(&side(other)).then(height).then(order)
    });
    let mut points = BTreeMap::new();
    for side in ends.chunk_by(|one, other| {
        (one.application, one.is_right) == (other.application, other.is_right)
    }) {
        let shares = side.iter().fold(1.0, |count, _| count + 1.0);
        let mut share = 0.0;
        for end in side {
            let place = layout.applications.get(end.application);
            let place = place.copied().unwrap_or_default();
            share += 1.0;
            let x = if end.is_right { place.right() } else { place.x };
            let y = place.y + place.height * share / shares;
            points.insert((end.edge, end.is_first), (x, y));
        }
    }
    let ways = (0..).zip(&layout.edges).map(|(edge, (_, way))| {
        let end = |is_first| points.get(&(edge, is_first)).copied().unwrap_or_default();
        let mut line = vec![end(true)];
        for [before, place, after] in way.array_windows::<3>() {
            for beside in [before, after] {
                let x = if beside.x < place.x {
                    place.x
                } else {
                    place.right()
                };
                line.push((x, place.middle()));
            }
        }
        line.push(end(false));
        line
    });
    ways.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(edges: &[(&'static str, &'static str)]) -> (Vec<Way>, BTreeMap<&'static str, Place>) {
        let names = edges.iter().flat_map(|(from, to)| [*from, *to]);
        let sizes = names.map(|name| (name, (80.0, 60.0))).collect();
        let labels = vec![(50.0, 20.0); edges.len()];
        let layout = Layout::new(&sizes, edges, &labels);
        (ways(&layout, edges), layout.applications)
    }

    #[test]
    fn a_line_leads_from_side_to_side_and_back_in_a_ring() {
        let (ways, places) = line(&[("a", "b"), ("b", "a")]);
        let (a, b) = (places["a"], places["b"]);
        let ends = |way: &Way| (way[0].0, way[3].0);
        assert_eq!(ends(&ways[0]), (a.right(), b.x));
        assert_eq!(ends(&ways[1]), (b.x, a.right()));
        assert!(
            ways[0][1].0 < ways[0][2].0,
            "through its label to the right"
        );
        assert!(ways[1][1].0 > ways[1][2].0, "and to the left");
    }

    #[test]
    fn no_two_lines_end_in_one_point() {
        let edges = [("a", "b"), ("a", "b"), ("b", "a"), ("c", "b"), ("b", "b")];
        let (ways, _) = line(&edges);
        let ends = ways.iter().flat_map(|way| [way[0], way[way.len() - 1]]);
        let mut ends: Vec<String> = ends.map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
        ends.sort();
        ends.dedup();
        assert_eq!(ends.len(), 2 * edges.len());
    }
}
