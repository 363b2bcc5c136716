//! The lines between applications: where each begins, what it goes through, and where it ends.

use std::collections::BTreeMap;

use super::layout::{Layout, Place};

pub(super) type Point = (f64, f64);

/// Length of the tip of a line.
pub(super) const TIP: f64 = 9.0;

/// A line: straight from an even point to the next, curved from an odd one. It is straight within columns
/// and curved between them, so that it crosses nothing that is wider than what it leads to.
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
            let y = place.y + place.height * share / shares;
            let (left, right) = place.column;
            // The tip has to be on the straight part, however short.
            let tip = if end.is_first { 0.0 } else { TIP };
            let (x, edge) = if end.is_right {
                (place.right(), right + tip)
            } else {
                (place.x, left - tip)
            };
            points.insert((end.edge, end.is_first), [(x, y), (edge, y)]);
        }
    }
    let ways = (0..).zip(&layout.edges).map(|(edge, (_, way))| {
        let end = |is_first| points.get(&(edge, is_first)).copied().unwrap_or_default();
        let mut line = end(true).to_vec();
        for [before, place, after] in way.array_windows::<3>() {
            let (left, right) = if before == after {
                // It only looks in.
                (place.x, place.right())
            } else {
                place.column
            };
            for beside in [before, after] {
                let x = if beside.x < place.x { left } else { right };
                line.push((x, place.middle()));
            }
        }
        line.extend(end(false).into_iter().rev());
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
        let ends = |way: &Way| (way[0].0, way[5].0);
        assert_eq!(ends(&ways[0]), (a.right(), b.x));
        assert_eq!(ends(&ways[1]), (b.x, a.right()));
        assert!(
            ways[0][2].0 < ways[0][3].0,
            "through its label to the right"
        );
        assert!(ways[1][2].0 > ways[1][3].0, "and to the left");
    }

    #[test]
    fn a_line_is_curved_between_columns_alone() {
        let edges = [
            ("a", "b"),
            ("b", "wide"),
            ("b", "c"),
            ("a", "c"),
            ("c", "a"),
        ];
        let (ways, _) = line(&edges);
        for way in ways {
            for straight in way.chunks_exact(2) {
                let [(_, y), (_, to_y)] = straight else {
                    panic!("{way:?}")
                };
                assert!((y - to_y).abs() < 0.001, "{way:?}");
            }
            for curve in way[1..way.len() - 1].chunks_exact(2) {
                assert!((curve[0].0 - curve[1].0).abs() > TIP, "{way:?}");
            }
        }
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
