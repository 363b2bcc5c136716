//! `make chaos`, shorter.

use caracal_tests::chaos::{Plan, play};
use caracal_tests::story::narrator::Narrator;

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_taken_away_nothing_is_wrongly_allowed_and_no_decision_is_lost() {
    let mut narrator = Narrator::stdout();
    let report = play(Plan::short(), &mut narrator).await.unwrap();
    assert!(report.holds(), "{report:#?}");
}
