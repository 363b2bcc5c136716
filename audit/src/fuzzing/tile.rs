//! Files of a published log, and their names.

use crate::tiles::{EntryBundle, HashTile, TilePath, Width, encode_bundle};

/// The input says what it is, a name, a tile or a bundle, and of which width.
///
/// A name that is read is spelled as it was, and a file that is read has the bytes that are written for
/// what was read. It is a file of that width and of no other.
///
/// # Panics
/// When the input breaks the law.
#[must_use]
pub fn tile(data: &[u8]) -> bool {
    let Some((&[what, width], bytes)) = data.split_first_chunk::<2>() else {
        return false;
    };
    let width = Width::new(u16::from(width)).unwrap_or(Width::FULL);
    match what {
        b'n' => is_name(bytes),
        b't' => is_file(bytes, width, tile_again),
        b'b' => is_file(bytes, width, bundle_again),
        _ => false,
    }
}

fn is_name(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return false;
    };
    let Ok(path) = text.parse::<TilePath>() else {
        return false;
    };
    assert_eq!(path.to_string(), text);
    assert!(path.start() <= path.end());
    true
}

/// What is written for the file, if it is one.
type Again = fn(&[u8], Width) -> Option<Vec<u8>>;

fn is_file(bytes: &[u8], width: Width, again: Again) -> bool {
    let Some(written) = again(bytes, width) else {
        return false;
    };
    assert_eq!(written, bytes);
    let others = (1..=u16::MAX).map_while(Width::new);
    for other in others.filter(|other| *other != width) {
        assert_eq!(again(bytes, other), None, "a file has one width");
    }
    true
}

fn tile_again(bytes: &[u8], width: Width) -> Option<Vec<u8>> {
    let tile = HashTile::from_bytes(bytes, width).ok()?;
    assert_eq!(tile.width(), width);
    Some(tile.to_bytes())
}

fn bundle_again(bytes: &[u8], width: Width) -> Option<Vec<u8>> {
    let bundle = EntryBundle::from_bytes(bytes, width).ok()?;
    assert_eq!(bundle.entries().len(), usize::from(width.get()));
    encode_bundle(bundle.entries()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::reference;

    fn seed(head: [u8; 2], bytes: &[u8]) -> Vec<u8> {
        [head.as_slice(), bytes].concat()
    }

    #[test]
    fn seeds_are_read_as_their_names_say() {
        let tile_of = |count| HashTile::new(reference::leaves(count)).unwrap().to_bytes();
        let bundle = encode_bundle(&[b"one".as_slice(), b"", b"three"]).unwrap();
        let empty = encode_bundle(&[b""; 256]).unwrap();
        let seeds = [
            ("good-name", seed(*b"n\0", b"tile/0/x001/x234/067")),
            (
                "good-name-partial",
                seed(*b"n\0", b"tile/entries/273.p/112"),
            ),
            (
                "good-name-last",
                seed(*b"n\0", b"tile/0/x072/x057/x594/x037/x927/935"),
            ),
            ("bad-name-zeroes", seed(*b"n\0", b"tile/0/x000/001")),
            ("bad-name-level", seed(*b"n\0", b"tile/64/000")),
            (
                "bad-name-too-large",
                seed(*b"n\0", b"tile/0/x072/x057/x594/x037/x927/936"),
            ),
            ("good-tile", seed(*b"t\x03", &tile_of(3))),
            ("good-tile-full", seed(*b"t\0", &tile_of(256))),
            ("bad-tile-width", seed(*b"t\x04", &tile_of(3))),
            ("bad-tile-short", seed(*b"t\x03", &tile_of(3)[1..])),
            ("good-bundle", seed(*b"b\x03", &bundle)),
            ("good-bundle-full", seed(*b"b\0", &empty)),
            ("bad-bundle-width", seed(*b"b\x02", &bundle)),
            (
                "bad-bundle-short",
                seed(*b"b\x03", &bundle[..bundle.len() - 1]),
            ),
            ("bad-bundle-length", seed(*b"b\x01", b"\xff\xffone")),
        ];
        caracal_seeds::hold("tile", &seeds, tile).unwrap();
    }
}
