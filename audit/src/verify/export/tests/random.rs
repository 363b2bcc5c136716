//! Whatever is done to the files of an export: it is found, and the entries are named.

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestRunner;

use super::*;

/// The other files of `bank`.
const FILES: [&str; 3] = ["bank/checkpoint", "bank/checkpoints.jsonl", "bank/frontier"];

/// What is done to the entries of `bank`.
#[derive(Debug, Clone)]
enum Manipulation {
    Flip(Index, u8),
    Delete(Index),
    Repeat(Index, Index),
    Swap(Index, Index),
    Cut(Index),
    Foreign(Index),
}

fn manipulations() -> impl Strategy<Value = Manipulation> {
    let index = any::<Index>;
    prop_oneof![
        (index(), 0_u8..8).prop_map(|(at, bit)| Manipulation::Flip(at, bit)),
        index().prop_map(Manipulation::Delete),
        (index(), index()).prop_map(|(from, to)| Manipulation::Repeat(from, to)),
        (index(), index()).prop_map(|(one, other)| Manipulation::Swap(one, other)),
        index().prop_map(Manipulation::Cut),
        index().prop_map(Manipulation::Foreign),
    ]
}

/// Does it, and tells the first entry that is not what it was.
fn apply(manipulation: &Manipulation, bytes: &[u8], foreign: &str) -> (Vec<u8>, u64) {
    let mut lines: Vec<Vec<u8>> = bytes
        .split_inclusive(|byte| *byte == b'\n')
        .map(<[u8]>::to_vec)
        .collect();
    let at = match manipulation {
        Manipulation::Flip(place, bit) => {
            let place = place.index(bytes.len());
            let mut bytes = bytes.to_vec();
            bytes[place] ^= 1 << bit;
            let line = bytes[..place].split(|byte| *byte == b'\n').skip(1).count();
            return (bytes, u64::try_from(line).unwrap());
        }
        Manipulation::Delete(at) => {
            let at = at.index(lines.len());
            lines.remove(at);
            at
        }
        Manipulation::Repeat(from, to) => {
            let (line, to) = (
                lines[from.index(lines.len())].clone(),
                to.index(lines.len()),
            );
            lines.insert(to, line);
            to
        }
        Manipulation::Swap(one, other) => {
            let (one, other) = (one.index(lines.len()), other.index(lines.len()));
            lines.swap(one, other);
            one.min(other)
        }
        Manipulation::Cut(at) => {
            let at = at.index(lines.len());
            lines.truncate(at);
            at
        }
        Manipulation::Foreign(at) => {
            let at = at.index(lines.len());
            lines[at] = foreign.as_bytes().to_vec();
            at
        }
    };
    (lines.concat(), u64::try_from(at).unwrap())
}

#[test]
fn any_manipulation_of_the_entries_is_found_and_named() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (exports, folder) = runtime.block_on(exported());
    let file = folder.join("bank/entries.jsonl");
    let original = fs::read(&file).unwrap();
    let foreign = lines(&folder.join("shop/entries.jsonl"))[3].clone();
    let mut runner = TestRunner::new(ProptestConfig::with_cases(96));
    let law = |manipulation| {
        let (bytes, at) = apply(&manipulation, &original, &foreign);
        prop_assume!(bytes != original);
        fs::write(&file, bytes).unwrap();
        let report = exports.verify(&folder, None);
        prop_assert!(!report.is_intact());
        let covers = |one: &Finding| {
            one.severity == Severity::Tampered
                && one.first <= Some(at)
                && Some(at) <= one.last
                && one.first.is_some()
        };
        prop_assert!(
            report.zones[0].findings.iter().any(covers),
            "entry {}: {:#?}",
            at,
            report
        );
        prop_assert_eq!(&report.zones[1].findings, &Vec::new());
        Ok(())
    };
    runner.run(&manipulations(), law).unwrap();
}

#[test]
fn any_flipped_bit_beside_the_entries_is_found_or_changes_nothing_that_is_believed() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let exports = runtime.block_on(Exports::new());
    let scope = part("bank", 257, None);
    let folder = runtime.block_on(exports.export("part", &scope, Format::Jsonl));
    let mut runner = TestRunner::new(ProptestConfig::with_cases(96));
    let intact = exports.verify(&folder, None);
    let law = |(file, place, bit): (&str, Index, u8)| {
        let path = folder.join(file);
        let original = fs::read(&path).unwrap();
        let mut bytes = original.clone();
        let place = place.index(bytes.len());
        bytes[place] ^= 1 << bit;
        fs::write(&path, bytes).unwrap();
        let report = exports.verify(&folder, None);
        fs::write(&path, original).unwrap();
        prop_assert!(
            !report.is_intact(),
            "{} at {}: {:#?} {:#?}",
            file,
            place,
            report,
            intact
        );
        Ok(())
    };
    let strategy = (
        proptest::sample::select(&FILES[..]),
        any::<Index>(),
        0_u8..8,
    );
    runner.run(&strategy, law).unwrap();
}
