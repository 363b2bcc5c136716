//! Searching the ledger, and following it.

use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::*;
use crate::api::audit::MAX_WAITERS;

const AUDIT: &str = "/v1/zones/bank/audit";

fn indexes(answer: &Value) -> Vec<u64> {
    let items = answer["items"].as_array().unwrap().iter();
    items.map(|item| item["index"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn pages_follow_each_other_in_both_directions_until_there_is_no_next() {
    let fixture = Fixture::bank().await;
    for (order, expected) in [("newest", [2, 1, 0]), ("oldest", [0, 1, 2])] {
        let mut found = Vec::new();
        let mut cursor = String::new();
        loop {
            let path = format!("{AUDIT}?limit=1&order={order}&component=control{cursor}");
            let (status, answer) = fixture.get(&path).await;
            assert_eq!(status, StatusCode::OK, "{answer}");
            found.extend(indexes(&answer));
            let Some(next) = answer["next"].as_str() else {
                break;
            };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(found, expected);
    }
    let (_, answer) = fixture.get(&format!("{AUDIT}?before=1")).await;
    assert_eq!(indexes(&answer), [0]);
    let (_, answer) = fixture.get(&format!("{AUDIT}?component=sts")).await;
    assert_eq!(
        (indexes(&answer), answer["looked_at"].as_u64()),
        (vec![], Some(3))
    );
    // The clock of the fixture stands in 2030.
    for (times, count) in [
        ("since=2030-03-17T17:46:40Z", 3),
        ("since=2030-03-17T17:46:40.001Z", 0),
        ("until=2030-03-17T17:46:40Z", 0),
        ("until=2030-03-17T18:46:40.001%2B01:00", 3),
    ] {
        let (status, answer) = fixture.get(&format!("{AUDIT}?{times}")).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        assert_eq!(indexes(&answer).len(), count, "{times}");
    }
}

#[tokio::test]
async fn a_question_that_makes_no_sense_is_told_what_to_do() {
    let fixture = Fixture::bank().await;
    let (_, page) = fixture.get(&format!("{AUDIT}?limit=1")).await;
    let cursor = page["next"].as_str().unwrap();
    for (query, said) in [
        (
            "since=yesterday".to_owned(),
            "since: is no time of RFC 3339",
        ),
        ("cursor=x".to_owned(), "cursor: is no cursor"),
        (
            format!("cursor={cursor}&session=s"),
            "cursor: is the cursor of another search",
        ),
        ("wait=1".to_owned(), "wait: goes with order=oldest"),
        (
            "wait=1&order=oldest&before=7".to_owned(),
            "wait: goes with order=oldest",
        ),
        (
            "wait=21&order=oldest".to_owned(),
            "wait: must be a number of seconds up to 20",
        ),
        ("order=sideways".to_owned(), "order"),
        ("colour=red".to_owned(), "colour"),
    ] {
        let (status, answer) = fixture.get(&format!("{AUDIT}?{query}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}");
        let message = answer["message"].as_str().unwrap();
        assert!(message.contains(said), "{query}: {message}");
    }
    let (status, answer) = fixture.get(&format!("{AUDIT}?order=oldest&after=3")).await;
    assert_eq!(
        (status, &answer["error"]),
        (StatusCode::CONFLICT, &json!("log_shorter"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_at_the_end_is_told_of_what_comes_and_of_nothing_else() {
    let fixture = Fixture::bank().await;
    let started = Instant::now();
    let wait = format!("{AUDIT}?order=oldest&after=2&wait=20&outcome=deny");
    let unknown = json!({"application": "nobody", "resource": "accounts", "scopes": ["a"]});
    let (answer, ()) = tokio::join!(fixture.get(&wait), async {
        let (status, _) = fixture
            .post("/v1/zones/bank/grants", Fixture::grant())
            .await;
        assert_eq!(status, StatusCode::CREATED);
        let (status, _) = fixture.post("/v1/zones/bank/grants", unknown).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
    });
    assert_eq!(indexes(&answer.1), [4]);
    assert!(started.elapsed() < Duration::from_secs(15));
    // The next question goes on behind it, also where nothing comes.
    let next = answer.1["next"].as_str().unwrap();
    let path = format!("{AUDIT}?order=oldest&after=2&wait=0&outcome=deny&cursor={next}");
    let (status, answer) = fixture.get(&path).await;
    assert_eq!((status, indexes(&answer)), (StatusCode::OK, vec![]));
    assert!(answer["next"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_wait_than_there_are_places_and_none_when_the_process_stops() {
    let fixture = Arc::new(Fixture::bank().await);
    let wait = format!("{AUDIT}?order=oldest&after=2&wait=20");
    let mut waiting = JoinSet::new();
    for _ in 0..=MAX_WAITERS {
        let (fixture, wait) = (Arc::clone(&fixture), wait.clone());
        waiting.spawn(async move { fixture.get(&wait).await.0 });
    }
    let first = waiting.join_next().await.unwrap().unwrap();
    assert_eq!(first, StatusCode::TOO_MANY_REQUESTS);
    // All others wait, until the process is told to stop.
    assert_eq!(waiting.len(), MAX_WAITERS);
    fixture.draining.begin();
    let others = timeout(Duration::from_secs(10), waiting.join_all()).await;
    assert!(
        others
            .unwrap()
            .iter()
            .all(|status| *status == StatusCode::OK)
    );
    let (status, answer) = timeout(Duration::from_secs(3), fixture.get(&wait))
        .await
        .unwrap();
    assert_eq!((status, indexes(&answer)), (StatusCode::OK, vec![]));
}
