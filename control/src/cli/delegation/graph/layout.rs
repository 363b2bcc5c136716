//! Where everything in the picture stands.
//!
//! Columns from left to right: applications of one layer, what is passed on between them, applications of
//! the next layer, and so on. What is passed on over several layers takes a place in each column between, so
//! that its line crosses nothing. A few sweeps over the columns bring everything near to what it is
//! joined with.

use std::collections::BTreeMap;

use super::layers::layers;

/// Between two columns, and between two things of one.
const COLUMN_GAP: f64 = 44.0;
const GAP: f64 = 18.0;
/// Height that a passing line takes.
const PASSING: f64 = 10.0;
/// Sweeps. After a handful nothing moves any more that one would see.
const SWEEPS: usize = 12;

/// A place in the picture.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Place {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
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

/// Something that stands in a column.
struct Item {
    column: usize,
    place: Place,
    /// What it is joined with, in the columns beside it.
    joined: Vec<usize>,
}

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

#[derive(Default)]
struct Items {
    list: Vec<Item>,
}

impl Items {
    fn add(&mut self, column: usize, (width, height): Size) -> usize {
        let place = Place {
            width,
            height,
            ..Place::default()
        };
        self.list.push(Item {
            column,
            place,
            joined: Vec::new(),
        });
        self.list.len().saturating_sub(1)
    }

    /// The items that an edge goes through, and which of them is its label.
    fn way(
        &mut self,
        ends: [usize; 2],
        columns: (usize, usize),
        label: Size,
    ) -> (usize, Vec<usize>) {
        let [from, to] = ends;
        let (start, end) = columns;
        let labelled = if end < start {
            start.saturating_sub(1)
        } else {
            start.saturating_add(1)
        };
        let between: Vec<usize> = if end < start {
            (end.saturating_add(1)..start).rev().collect()
        } else {
            (start.saturating_add(1)..end).collect()
        };
        let mut way = vec![from];
        // Who may have itself act, which no server allows, has its label beside it.
        let between = if start == end {
            vec![labelled]
        } else {
            between
        };
        let mut at_label = from;
        for column in between {
            let item = if column == labelled {
                at_label = self.add(column, label);
                at_label
            } else {
                self.add(column, (0.0, PASSING))
            };
            way.push(item);
        }
        way.push(to);
        for [one, other] in way.array_windows::<2>() {
            for (one, other) in [(*one, *other), (*other, *one)] {
                if let Some(item) = self.list.get_mut(one) {
                    item.joined.push(other);
                }
            }
        }
        (at_label, way)
    }

    fn arrange(&mut self) {
        let mut columns = BTreeMap::<usize, Vec<usize>>::new();
        for (number, item) in (0..).zip(&self.list) {
            columns.entry(item.column).or_default().push(number);
        }
        self.set_columns(&columns);
        for column in columns.values() {
            self.stack(column);
        }
        for sweep in 0..SWEEPS {
            let mut order: Vec<_> = columns.values_mut().collect();
            if sweep % 2 == 1 {
                order.reverse();
            }
            for column in order {
                let wished: BTreeMap<usize, f64> = column
                    .iter()
                    .map(|item| (*item, self.wished(*item)))
                    .collect();
                let wish = |item: &usize| wished.get(item).copied().unwrap_or_default();
                column.sort_by(|one, other| wish(one).total_cmp(&wish(other)));
                self.settle(column, &wished);
            }
        }
        let places = self.list.iter().map(|item| item.place.y);
        let top = places.fold(f64::INFINITY, f64::min);
        for item in &mut self.list {
            item.place.y -= top;
        }
    }

    /// Left to right. What passes is as wide as its column, so that its line is straight there.
    fn set_columns(&mut self, columns: &BTreeMap<usize, Vec<usize>>) {
        let mut x = 0.0;
        for column in columns.values() {
            let items = || column.iter().filter_map(|item| self.list.get(*item));
            let width = items().map(|item| item.place.width).fold(0.0, f64::max);
            for number in column {
                if let Some(item) = self.list.get_mut(*number) {
                    if item.place.width == 0.0 {
                        item.place.width = width;
                    }
                    item.place.x = x + (width - item.place.width) / 2.0;
                }
            }
            x += width + COLUMN_GAP;
        }
    }

    fn stack(&mut self, column: &[usize]) {
        let mut y = 0.0;
        for number in column {
            if let Some(item) = self.list.get_mut(*number) {
                item.place.y = y;
                y = item.place.bottom() + GAP;
            }
        }
    }

    /// The height at which an item would stand in the middle of what it is joined with.
    fn wished(&self, item: usize) -> f64 {
        let Some(item) = self.list.get(item) else {
            return 0.0;
        };
        let joined = item.joined.iter().filter_map(|other| self.list.get(*other));
        let (sum, count) = joined.fold((0.0, 0.0), |(sum, count), other| {
            (sum + other.place.middle(), count + 1.0)
        });
        if count > 0.0 {
            sum / count
        } else {
            item.place.middle()
        }
    }

    /// Puts a column as near to its wishes as it can without anything lying over anything.
    fn settle(&mut self, column: &[usize], wished: &BTreeMap<usize, f64>) {
        let mut bottom = f64::NEG_INFINITY;
        let (mut off, mut count) = (0.0, 0.0);
        for number in column {
            let Some(item) = self.list.get_mut(*number) else {
                continue;
            };
            let middle = wished.get(number).copied().unwrap_or_default();
            let wish = middle - item.place.height / 2.0;
            item.place.y = wish.max(bottom + GAP);
            bottom = item.place.bottom();
            off += item.place.y - wish;
            count += 1.0;
        }
        // Pushing went downwards alone.
        for number in column {
            if let Some(item) = self.list.get_mut(*number) {
                item.place.y -= off / count;
            }
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
            prop_assert_eq!(places.len(), sizes.len() + pairs.len());
            for (number, place) in places.iter().enumerate() {
                prop_assert!(place.x >= 0.0 && place.y >= -0.001, "{:?}", place);
                prop_assert!(place.right() <= layout.size.0 && place.bottom() <= layout.size.1);
                for other in &places[number + 1..] {
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
