//! Which files a tree of some size has (C2SP tlog-tiles, "Partial Tiles").

use super::path::{Kind, TILE_WIDTH, TilePath, Width};

/// The files of one kind that a tree of `size` entries has and its prefix of `older` entries has not,
/// in their order: full ones, and at the end the partial one, if there is one.
pub fn grown(kind: Kind, older: u64, size: u64) -> impl Iterator<Item = TilePath> + use<> {
    let count = |size: u64| size.checked_shr(kind.shift()).unwrap_or(0);
    let (before, now) = (count(older), count(size));
    let first = before / TILE_WIDTH;
    let end = if before < now {
        now.div_ceil(TILE_WIDTH)
    } else {
        first
    };
    (first..end).filter_map(move |index| {
        let left = now.saturating_sub(index.saturating_mul(TILE_WIDTH));
        let width = u16::try_from(left.min(TILE_WIDTH))
            .ok()
            .and_then(Width::new)?;
        TilePath::new(kind, index, width)
    })
}

/// The partial tile of hashes that a tree has at a level.
pub(super) fn partial(level: u8, size: u64) -> Option<TilePath> {
    let kind = Kind::Hashes(level);
    let count = size.checked_shr(kind.shift())?;
    let width = u16::try_from(count % TILE_WIDTH).ok();
    TilePath::new(kind, count / TILE_WIDTH, width.and_then(Width::new)?)
}

/// The tile of a level with the hash at `place`, as a tree of `size` has it.
pub(super) fn holding(level: u8, place: u64, size: u64) -> Option<TilePath> {
    let kind = Kind::Hashes(level);
    let index = place / TILE_WIDTH;
    let full = size.checked_shr(kind.shift())? / TILE_WIDTH;
    if index < full {
        TilePath::new(kind, index, Width::FULL)
    } else {
        partial(level, size).filter(|partial| partial.index() == index)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::tiles::path::MAX_LEVEL;

    fn paths(level: u8, size: u64) -> Vec<TilePath> {
        grown(Kind::Hashes(level), 0, size).collect()
    }

    fn text(path: Option<&TilePath>) -> String {
        path.map(TilePath::to_string).unwrap_or_default()
    }

    #[test]
    fn a_tree_of_70_000_has_the_tiles_of_the_specification() {
        let [leaves, first, second] = [0, 1, 2].map(|level| paths(level, 70_000));
        let full = |paths: &[TilePath]| paths.iter().filter(|path| **path == path.full()).count();
        assert_eq!((leaves.len(), full(&leaves)), (274, 273));
        assert_eq!(text(leaves.last()), "tile/0/273.p/112");
        assert_eq!((first.len(), full(&first)), (2, 1));
        assert_eq!(text(first.last()), "tile/1/001.p/17");
        assert_eq!((second.len(), full(&second)), (1, 0));
        assert_eq!(text(second.last()), "tile/2/000.p/1");
        assert_eq!(paths(3, 70_000), []);
        let bundles: Vec<_> = grown(Kind::Entries, 0, 70_000).collect();
        assert_eq!(bundles.len(), 274);
        assert_eq!(text(bundles.last()), "tile/entries/273.p/112");
    }

    #[test]
    fn a_tree_of_256_has_a_full_tile_and_above_it_one_of_width_1() {
        assert_eq!(text(paths(0, 256).last()), "tile/0/000");
        assert_eq!(text(paths(1, 256).last()), "tile/1/000.p/1");
        assert_eq!(paths(2, 256), []);
    }

    #[test]
    fn what_has_grown_is_what_the_prefix_has_not() {
        let kinds = (0..=2).map(Kind::Hashes).chain([Kind::Entries]);
        let sizes = [
            0, 1, 2, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537, 66_000,
        ];
        for kind in kinds {
            for older in sizes {
                for size in sizes.into_iter().filter(|size| *size >= older) {
                    let of = |size| grown(kind, 0, size).collect::<BTreeSet<_>>();
                    let added: BTreeSet<_> = grown(kind, older, size).collect();
                    let expected = of(size).difference(&of(older)).copied().collect();
                    assert_eq!(added, expected, "{kind:?} from {older} to {size}");
                }
            }
        }
    }

    #[test]
    fn the_largest_trees_have_tiles_too() {
        for level in 0..=MAX_LEVEL {
            let path = partial(level, u64::MAX).unwrap();
            assert_eq!(path.width().get(), 255);
            assert_eq!(holding(level, path.start(), u64::MAX), Some(path));
            assert_eq!(
                grown(Kind::Hashes(level), u64::MAX - 1, u64::MAX).count(),
                usize::from(level == 0)
            );
        }
    }
}
