//! `docs/conformance.md` and this suite say the same.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

const TABLE: &str = include_str!("../../../docs/conformance.md");

/// What the last column of the document says.
#[derive(Debug)]
enum Place<'a> {
    /// The module whose test shows it.
    Module(&'a str),
    /// Why it is not met.
    NotOffered,
}

/// The rows of the document by their id, which is the name of the test.
fn rows() -> BTreeMap<&'static str, Place<'static>> {
    let mut rows = BTreeMap::new();
    for line in TABLE.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<_> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [id, requirement, section, place] = cells[..] else {
            panic!("four columns: {line}");
        };
        let id = id.trim_matches('`');
        assert!(!requirement.is_empty() && !section.is_empty(), "{line}");
        let place = match place.strip_prefix("not offered: ") {
            Some(reason) => {
                assert!(reason.len() > 20, "a reason: {line}");
                Place::NotOffered
            }
            None => Place::Module(place.trim_matches('`')),
        };
        assert!(rows.insert(id, place).is_none(), "{id} is there twice");
    }
    rows
}

/// The tests that this very program runs.
fn tests() -> BTreeSet<String> {
    let program = std::env::current_exe().unwrap();
    let listed = Command::new(program)
        .args(["--list", "--format", "terse"])
        .output()
        .unwrap();
    assert!(listed.status.success());
    let text = String::from_utf8(listed.stdout).unwrap();
    let names = text.lines().filter_map(|line| line.strip_suffix(": test"));
    names.map(str::to_owned).collect()
}

#[test]
fn every_requirement_has_its_test_and_every_test_its_requirement() {
    let (rows, tests) = (rows(), tests());
    let promised = rows.iter().filter_map(|(id, place)| match place {
        Place::Module(module) => Some(format!("{module}::{id}")),
        Place::NotOffered => None,
    });
    let promised: BTreeSet<_> = promised.collect();
    let here = format!("{}::", module_path!().rsplit("::").next().unwrap());
    let tests: BTreeSet<_> = tests
        .into_iter()
        .filter(|test| !test.starts_with(&here))
        .collect();
    assert!(tests.len() > 100, "{} tests are listed", tests.len());
    let missing: Vec<_> = promised.difference(&tests).collect();
    let unlisted: Vec<_> = tests.difference(&promised).collect();
    assert!(missing.is_empty(), "promised and not tested: {missing:#?}");
    assert!(
        unlisted.is_empty(),
        "tested and not in docs/conformance.md: {unlisted:#?}"
    );
}

#[test]
fn what_is_not_offered_is_tested_by_nothing() {
    let tests = tests();
    for (id, place) in rows() {
        if matches!(place, Place::NotOffered) {
            let tested = tests.iter().any(|test| test.ends_with(&format!("::{id}")));
            assert!(!tested, "{id}");
        }
    }
}
