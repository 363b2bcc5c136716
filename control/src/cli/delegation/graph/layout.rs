//! Where everything in the picture stands.
//!
//! Columns from left to right: applications of one layer, what is passed on between them, applications of
//! the next layer, and so on. What is passed on over several layers takes a place in each column between, so
//! that its line crosses nothing. A few sweeps over the columns bring everything near to what it is
//! joined with.

mod items;

use std::collections::BTreeMap;

use super::layers::layers;
use items::Items;

/// A place in the picture.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Place {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
    /// Left and right edge of its column, which may be wider.
    pub(super) column: (f64, f64),
}

impl Place {
    pub(super) fn middle(&self) -> f64 {
        self.y + self.height / 2.0
    }

    pub(super) fn right(&self) -> f64 {
        self.x + self.width
    }

    pub(super) fn bottom(&self) -> f64 {
        self.y + self.height
    }
}

/// Width and height.
pub(super) type Size = (f64, f64);

/// Where everything stands.
pub(super) struct Layout<'a> {
    /// Applications.
    pub(super) applications: BTreeMap<&'a str, Place>,
    /// Of each edge: what is written on it, and the places that it goes through on its whole way,
    /// with its ends and its label.
    pub(super) edges: Vec<(Place, Vec<Place>)>,
    pub(super) size: Size,
}

impl<'a> Layout<'a> {
    /// Lays out applications of these sizes, and edges with labels of these sizes.
    pub(super) fn new(
        sizes: &BTreeMap<&'a str, Size>,
        edges: &[(&'a str, &'a str)],
        labels: &[Size],
    ) -> Self {
        let layers = layers(edges);
        let column = |name| layers.get(name).map_or(0, |layer| layer.saturating_mul(2));
        let mut items = Items::default();
        let applications: BTreeMap<&str, usize> = sizes
            .iter()
            .map(|(name, size)| (*name, items.add(column(name), *size)))
            .collect();
        let mut ways = Vec::new();
        for ((from, to), size) in edges.iter().zip(labels) {
            let ends = [from, to].map(|name| applications.get(name).copied().unwrap_or_default());
            ways.push(items.way(ends, (column(from), column(to)), *size));
        }
        items.arrange();
        let place = |item: &usize| {
            items
                .list
                .get(*item)
                .map_or(Place::default(), |one| one.place)
        };
        let edges = ways.iter().map(|(label, way)| {
            let way = way.iter().map(place).collect();
            (place(label), way)
        });
        let places = || items.list.iter().map(|item| item.place);
        Self {
            applications: applications
                .iter()
                .map(|(name, item)| (*name, place(item)))
                .collect(),
            edges: edges.collect(),
            size: (
                places().map(|place| place.right()).fold(0.0, f64::max),
                places().map(|place| place.bottom()).fold(0.0, f64::max),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NAMES: [&str; 7] = ["a", "b", "c", "d", "e", "f", "g"];

    fn apart(one: Place, other: Place) -> bool {
        let small = 0.001;
        one.right() < other.x + small
            || other.right() < one.x + small
            || one.bottom() < other.y + small
            || other.bottom() < one.y + small
    }

    proptest! {
        #[test]
        fn nothing_lies_over_anything_else_whatever_the_delegations(
            edges in prop::collection::vec((0..7_usize, 0..7_usize, 10_u32..300, 10_u32..90), 1..24)
        ) {
            let pairs: Vec<_> = edges.iter().map(|(from, to, ..)| (NAMES[*from], NAMES[*to])).collect();
            let labels: Vec<_> = edges.iter().map(|(.., w, h)| (f64::from(*w), f64::from(*h))).collect();
            let sizes = pairs.iter().flat_map(|(from, to)| [(*from, (80.0, 36.0)), (*to, (80.0, 36.0))]);
            let sizes: BTreeMap<_, _> = sizes.collect();
            let layout = Layout::new(&sizes, &pairs, &labels);
            let labels = layout.edges.iter().map(|(label, _)| *label);
            let places: Vec<_> = layout.applications.values().copied().chain(labels).collect();
            prop_assert_eq!(places.len(), sizes.len().saturating_add(pairs.len()));
            for (number, place) in places.iter().enumerate() {
                prop_assert!(place.x >= 0.0 && place.y >= -0.001, "{:?}", place);
                prop_assert!(place.right() <= layout.size.0 && place.bottom() <= layout.size.1);
                for other in places.iter().take(number) {
                    prop_assert!(apart(*place, *other), "{:?} {:?}", place, other);
                }
            }
            for ((from, to), (_, way)) in pairs.iter().zip(&layout.edges) {
                prop_assert_eq!(way.first(), layout.applications.get(from));
                prop_assert_eq!(way.last(), layout.applications.get(to));
            }
        }
    }

    #[test]
    fn what_is_passed_on_over_a_layer_goes_around_it() {
        let edges = [("a", "b"), ("b", "c"), ("a", "c")];
        let sizes = ["a", "b", "c"].map(|name| (name, (80.0, 36.0)));
        let sizes = sizes.into_iter().collect();
        let layout = Layout::new(&sizes, &edges, &[(50.0, 20.0); 3]);
        let (label, way) = &layout.edges[2];
        assert_eq!(
            way.len(),
            5,
            "end, label, past b, past what b passes on, end"
        );
        let b = layout.applications["b"];
        assert!(way[2].y >= b.bottom() || way[2].bottom() <= b.y, "{way:?}");
        assert!(label.x < b.x);
    }
}
