//! Faults around a revocation, on real gateways: each row of the matrix once, and the document.

use caracal_tests::faults::plan::Extent;
use caracal_tests::faults::{document, renewed, report, run};

#[tokio::test(flavor = "multi_thread")]
async fn whatever_goes_wrong_nothing_revoked_passes_after_the_lease_and_the_gateway_lives_again() {
    let report = run(Extent::Brief, "").await.unwrap();
    print!("{}", report::lines(&report));
    assert_eq!(
        report::problems(&report, Extent::Brief),
        Vec::<String>::new()
    );
    assert_eq!(report.late(), 0);
}

#[test]
fn the_document_has_every_row_and_nothing_that_was_not_as_it_should_be() {
    let text = std::fs::read_to_string(document()).unwrap();
    assert_eq!(
        renewed(&text, &report::expected()).as_ref(),
        Some(&text),
        "docs/faults.md is out of date: run make faults"
    );
}
