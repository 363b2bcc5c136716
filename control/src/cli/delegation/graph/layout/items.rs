//! What stands in the columns, brought near to what it is joined with.

use std::collections::BTreeMap;

use super::{Place, Size};

/// Between two columns, and between two things of one.
const COLUMN_GAP: f64 = 64.0;
const GAP: f64 = 18.0;
/// Height that a passing line takes.
const PASSING: f64 = 10.0;
/// Sweeps. After a handful nothing moves any more that one would see.
const SWEEPS: usize = 12;

/// Something that stands in a column.
pub(super) struct Item {
    column: usize,
    pub(super) place: Place,
    /// What it is joined with, in the columns beside it.
    joined: Vec<usize>,
}

/// All of them.
#[derive(Default)]
pub(super) struct Items {
    pub(super) list: Vec<Item>,
}

impl Items {
    pub(super) fn add(&mut self, column: usize, (width, height): Size) -> usize {
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
    pub(super) fn way(
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

    pub(super) fn arrange(&mut self) {
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
                    item.place.column = (x, x + width);
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
