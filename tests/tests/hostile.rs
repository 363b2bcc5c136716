//! Hostile requests and the differential fuzzer: what must be refused is, and not a byte of it gets
//! through; what passes is what was decided on.

use caracal_tests::hostile::class::{AGENT, GATEWAY, HONEST};
use caracal_tests::hostile::play::Fate;
use caracal_tests::hostile::{documents, fuzz, renewed, report, run};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_hostile_gets_through_and_whatever_does_is_what_was_decided_on() {
    let report = run().await.unwrap();
    println!("{}", report::classes(&report.played));
    println!("seed {} (CARACAL_FUZZ_SEED)", fuzz::seed().unwrap());
    assert_eq!(report::problems(&report.played), Vec::<String>::new());

    let hostile = report
        .played
        .iter()
        .filter(|played| played.case.class != HONEST);
    assert!(hostile.count() >= 200);
    let runs = || report.played.iter().flat_map(|played| &played.runs);
    assert_eq!(runs().map(|run| run.stray_bytes).sum::<usize>(), 0);
    for protocol in [1, 2] {
        let refused = runs().filter(|run| run.protocol == protocol && run.fate != Fate::Passed);
        assert!(refused.count() >= 200, "h{protocol}");
    }
    for class in [AGENT, GATEWAY] {
        assert!(
            report
                .played
                .iter()
                .any(|played| played.case.class == class)
        );
    }

    let fuzzed = &report.fuzzed;
    assert_eq!(fuzzed.differences, Vec::<String>::new());
    assert_eq!(fuzzed.requests, fuzz::REQUESTS);
    assert!(
        fuzzed.matched >= 20_000,
        "{} matched prove little",
        fuzzed.matched
    );
    assert!(fuzzed.readers.values().filter(|asked| **asked > 0).count() >= 3);

    let fuzzed = &report.fuzzed_through_envoy;
    assert_eq!(fuzzed.differences, Vec::<String>::new());
    assert!(
        fuzzed.matched >= 400,
        "{} matched prove little",
        fuzzed.matched
    );

    for (path, table) in documents(&report.played) {
        let document = std::fs::read_to_string(&path).unwrap();
        assert_eq!(
            renewed(&document, &table).as_ref(),
            Some(&document),
            "{} is out of date: run make hostile",
            path.display()
        );
    }
}
