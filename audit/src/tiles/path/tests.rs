use proptest::prelude::*;

use super::*;

fn path(kind: Kind, index: u64, width: u16) -> TilePath {
    TilePath::new(kind, index, Width::new(width).unwrap()).unwrap()
}

#[test]
fn paths_are_spelled_as_in_the_specification() {
    // "index 1234067 will be encoded as x001/x234/067", and the forms of each endpoint.
    for (path, text) in [
        (
            path(Kind::Hashes(0), 1_234_067, 256),
            "tile/0/x001/x234/067",
        ),
        (
            path(Kind::Entries, 1_234_067, 256),
            "tile/entries/x001/x234/067",
        ),
        (path(Kind::Hashes(0), 273, 112), "tile/0/273.p/112"),
        (path(Kind::Hashes(1), 0, 256), "tile/1/000"),
        (path(Kind::Hashes(1), 1, 17), "tile/1/001.p/17"),
        (path(Kind::Hashes(2), 0, 1), "tile/2/000.p/1"),
        (path(Kind::Entries, 273, 112), "tile/entries/273.p/112"),
        (path(Kind::Entries, 999, 256), "tile/entries/999"),
        (path(Kind::Entries, 1000, 1), "tile/entries/x001/000.p/1"),
        (path(Kind::Hashes(7), 0, 255), "tile/7/000.p/255"),
    ] {
        assert_eq!(path.to_string(), text);
        assert_eq!(text.parse(), Ok(path));
    }
}

#[test]
fn a_text_that_names_no_file_is_refused() {
    for (text, expected) in [
        ("", PathError::Form),
        ("tile", PathError::Form),
        ("tile/0", PathError::Form),
        ("/tile/0/000", PathError::Form),
        ("tiles/0/000", PathError::Form),
        ("checkpoint", PathError::Form),
        ("tile//000", PathError::Level),
        ("tile/00/000", PathError::Level),
        ("tile/01/000", PathError::Level),
        ("tile/+1/000", PathError::Level),
        ("tile/-1/000", PathError::Level),
        ("tile/64/000", PathError::Level),
        ("tile/Entries/000", PathError::Level),
        ("tile/data/000", PathError::Level),
        ("tile/0/", PathError::Index),
        ("tile/0/0", PathError::Index),
        ("tile/0/00", PathError::Index),
        ("tile/0/0000", PathError::Index),
        ("tile/0/1000", PathError::Index),
        ("tile/0/x001", PathError::Index),
        ("tile/0/001/000", PathError::Index),
        ("tile/0/x000/001", PathError::Index),
        ("tile/0/x001/x000", PathError::Index),
        ("tile/0/X001/000", PathError::Index),
        ("tile/0/x001//000", PathError::Index),
        ("tile/0/000/", PathError::Index),
        ("tile/0/../000", PathError::Index),
        ("tile/0/+01", PathError::Index),
        ("tile/0/000 ", PathError::Index),
        ("tile/0/\u{0660}00", PathError::Index),
        ("tile/0/000.p", PathError::Index),
        ("tile/0/000.p/", PathError::Width),
        ("tile/0/000.p/0", PathError::Width),
        ("tile/0/000.p/01", PathError::Width),
        ("tile/0/000.p/256", PathError::Width),
        ("tile/0/000.p/1.p/1", PathError::Width),
        ("tile/0/000.p/+1", PathError::Width),
        ("tile/8/000", PathError::TooLarge),
        ("tile/63/000", PathError::TooLarge),
        ("tile/7/001", PathError::TooLarge),
        ("tile/0/x072/x057/x594/x037/x927/936", PathError::TooLarge),
        (
            "tile/0/x018/x446/x744/x073/x709/x551/616",
            PathError::TooLarge,
        ),
        (
            "tile/0/x001/x000/x000/x000/x000/x000/x000/000",
            PathError::TooLarge,
        ),
    ] {
        assert_eq!(text.parse::<TilePath>(), Err(expected), "{text:?}");
    }
    // The last tile of leaves below 2^64 entries.
    let last = "tile/0/x072/x057/x594/x037/x927/935";
    assert_eq!(last.parse(), Ok(path(Kind::Hashes(0), (1 << 56) - 1, 256)));
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop_oneof![(0..=MAX_LEVEL).prop_map(Kind::Hashes), Just(Kind::Entries)]
}

proptest! {
    #[test]
    fn every_path_is_read_as_it_is_spelled(kind in kinds(), index: u64, bits in 0_u32..64, width in 1_u16..=256) {
        let width = Width::new(width).unwrap();
        if let Some(path) = TilePath::new(kind, index >> bits, width) {
            prop_assert_eq!(path.to_string().parse(), Ok(path));
        }
    }

    #[test]
    fn whatever_is_read_has_one_spelling(
        text in "tile/([0-7]|entries|[0-9]{0,2})/(x[0-9]{3}/){0,8}[0-9x]{2,4}(\\.p/[0-9]{0,3})?|\\PC{0,30}",
    ) {
        if let Ok(path) = text.parse::<TilePath>() {
            prop_assert_eq!(path.to_string(), text);
        }
    }
}
