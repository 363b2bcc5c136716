//! The story, as a test.

use caracal_tests::story::narrator::Narrator;

#[tokio::test(flavor = "multi_thread")]
async fn every_step_of_the_story_holds() {
    let mut narrator = Narrator::stdout();
    let stage = caracal_tests::story::play(&mut narrator).await.unwrap();
    narrator.summary().unwrap();
    drop(stage);
    assert_eq!(narrator.failed(), 0);
}
