//! How far to the right each application stands.
//!
//! Who acts for somebody stands right of it. Delegations may go in rings; then one of the ring leads back
//! to the left, and it is the one that is met last on the way from whoever nobody acts through.

use std::collections::{BTreeMap, BTreeSet};

/// Applications and the number of their layer, from 0.
pub(super) fn layers<'a>(edges: &[(&'a str, &'a str)]) -> BTreeMap<&'a str, usize> {
    let mut below = BTreeMap::<&str, BTreeSet<&str>>::new();
    let mut reached = BTreeSet::new();
    for (from, to) in edges {
        below.entry(to).or_default();
        below.entry(from).or_default().insert(to);
        if from != to {
            reached.insert(*to);
        }
    }
    let tops = below.keys().filter(|name| !reached.contains(*name));
    let mut walk = Walk {
        below: &below,
        seen: BTreeSet::new(),
        left: Vec::new(),
    };
    for top in tops.chain(below.keys()) {
        walk.visit(top);
    }
    let order = walk.left.iter().rev().copied();
    let place: BTreeMap<&str, usize> = order.clone().zip(0..).collect();
    let mut layers: BTreeMap<&str, usize> = BTreeMap::new();
    // What leads back is taken as if it led on: its ends are apart all the same.
    let mut above = BTreeMap::<&str, BTreeSet<&str>>::new();
    for (from, to) in edges {
        let (first, last) = if place.get(from) < place.get(to) {
            (from, to)
        } else {
            (to, from)
        };
        if first != last {
            above.entry(last).or_default().insert(first);
        }
    }
    for name in order {
        let above = above.get(name).into_iter().flatten();
        let highest = above.filter_map(|other| layers.get(other)).max();
        let layer = highest.map_or(0, |layer| layer.saturating_add(1));
        layers.insert(name, layer);
    }
    layers
}

/// A walk that goes as deep as it can first.
struct Walk<'a, 'g> {
    below: &'g BTreeMap<&'a str, BTreeSet<&'a str>>,
    seen: BTreeSet<&'a str>,
    /// In the order in which they were left, so that whoever comes before stands later.
    left: Vec<&'a str>,
}

impl<'a> Walk<'a, '_> {
    /// Without recursion: a chain of delegations is as long as operators make it.
    fn visit(&mut self, top: &'a str) {
        let mut path = Vec::new();
        self.enter(top, &mut path);
        while let Some((name, rest)) = path.last_mut() {
            let name: &'a str = name;
            if let Some(next) = rest.pop() {
                self.enter(next, &mut path);
            } else {
                self.left.push(name);
                path.pop();
            }
        }
    }

    fn enter(&mut self, name: &'a str, path: &mut Vec<(&'a str, Vec<&'a str>)>) {
        if self.seen.insert(name) {
            let below = self.below.get(name).into_iter().flatten();
            path.push((name, below.rev().copied().collect()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(edges: &[(&'static str, &'static str)]) -> Vec<(&'static str, usize)> {
        layers(edges).into_iter().collect()
    }

    #[test]
    fn who_acts_stands_right_of_everybody_that_it_acts_for() {
        let edges = [("a", "b"), ("b", "c"), ("a", "c"), ("d", "c")];
        assert_eq!(of(&edges), [("a", 0), ("b", 1), ("c", 2), ("d", 0)]);
    }

    #[test]
    fn a_ring_has_one_that_leads_back() {
        assert_eq!(of(&[("a", "b"), ("b", "a")]), [("a", 0), ("b", 1)]);
        let entered = [("x", "c"), ("c", "a"), ("a", "b"), ("b", "c")];
        assert_eq!(of(&entered), [("a", 2), ("b", 3), ("c", 1), ("x", 0)]);
        assert_eq!(of(&[("a", "a")]), [("a", 0)]);
    }
}
