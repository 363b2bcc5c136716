use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::note::Note;
use crate::testing::{NOW, Network, SignedLog};

const SHORT: Duration = Duration::from_millis(200);

impl History for SignedLog {
    fn consistency(&self, older: u64) -> BoxFuture<'_, Result<Vec<Hash>, HistoryError>> {
        let older = usize::try_from(older).unwrap();
        Box::pin(async move { Ok(self.proof(older, self.leaves.len())) })
    }
}

/// The log with its first `size` entries.
fn prefix(log: &SignedLog, size: usize) -> Arc<SignedLog> {
    let mut shorter = log.forked_at(log.leaves.len());
    shorter.leaves.truncate(size);
    Arc::new(shorter)
}

async fn cosign(client: &WitnessClient, log: &SignedLog, size: usize) -> Cosigned {
    let log = prefix(log, size);
    client
        .cosign(&log.note(size), &log.checkpoint(size), log.clone())
        .await
}

fn errors(cosigned: &Cosigned) -> Vec<(&str, String)> {
    let failed = |(name, outcome): &'_ (String, Result<_, AskError>)| {
        let error = outcome.as_ref().err()?;
        Some((name.clone(), error.to_string()))
    };
    let failed = cosigned.outcomes.iter().filter_map(failed);
    let leaked = |name: String| &*Box::leak(name.into_boxed_str());
    failed.map(|(name, error)| (leaked(name), error)).collect()
}

#[tokio::test]
async fn a_checkpoint_comes_back_with_the_cosignature_of_every_witness() {
    let log = SignedLog::new(50);
    let network = Network::of(3, &log);
    let policy = network.policy("group all all w1 w2 w3\nquorum all");
    let client = WitnessClient::new(policy.clone(), network, SHORT);
    for size in [1, 7, 7, 50] {
        let cosigned = cosign(&client, &log, size).await;
        assert!(cosigned.is_quorum, "{:?}", errors(&cosigned));
        assert!(cosigned.note.starts_with(&log.note(size)));
        let witnessed = policy
            .witnessed(&Note::parse(&cosigned.note).unwrap())
            .unwrap();
        let names: Vec<_> = witnessed
            .cosigned
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!((names, witnessed.is_quorum), (vec!["w1", "w2", "w3"], true));
        assert!(
            witnessed
                .cosigned
                .iter()
                .all(|(_, time)| time.unix() == NOW)
        );
        assert!(log.verifier().open_checkpoint(&cosigned.note).is_ok());
    }
}

#[tokio::test]
async fn what_a_witness_has_is_learnt_from_its_refusal() {
    let log = SignedLog::new(50);
    let network = Network::of(1, &log);
    let witness = network.witness("w1");
    assert_eq!(witness.add_checkpoint(&log.request(0, 23)).status, 200);
    // After a restart nothing is known of it.
    let client = WitnessClient::new(network.policy("quorum w1"), network.clone(), SHORT);
    assert!(cosign(&client, &log, 50).await.is_quorum);
}

#[tokio::test]
async fn a_silent_witness_costs_its_time_and_no_more() {
    let log = SignedLog::new(50);
    let network = Network::of(3, &log);
    let policy = network.policy("group two 2 w1 w2 w3\nquorum two");
    let client = WitnessClient::new(policy, network.clone(), SHORT);
    network.set_silent("w2", true);
    let cosigned = tokio::time::timeout(SHORT * 10, cosign(&client, &log, 9))
        .await
        .unwrap();
    assert!(cosigned.is_quorum);
    assert_eq!(
        errors(&cosigned),
        [("w2", "it did not answer in time".to_owned())]
    );
    network.set_silent("w1", true);
    assert!(!cosign(&client, &log, 10).await.is_quorum);
    network.set_silent("w2", false);
    // It has nothing yet, the others have 9 and 10.
    assert!(cosign(&client, &log, 20).await.is_quorum);
}

#[tokio::test]
async fn a_log_that_was_put_back_or_forked_is_told_so() {
    let log = SignedLog::new(50);
    let network = Network::of(1, &log);
    let client = WitnessClient::new(network.policy("quorum w1"), network.clone(), SHORT);
    assert!(cosign(&client, &log, 30).await.is_quorum);
    let back = cosign(&client, &log, 20).await;
    assert!(matches!(back.outcomes[0].1, Err(AskError::Ahead(30))));
    let forked = cosign(&client, &log.forked_at(10), 40).await;
    assert!(matches!(forked.outcomes[0].1, Err(AskError::Fork)));
    assert!(!forked.is_quorum);
    assert_eq!(forked.note, log.forked_at(10).note(40));
    let stranger = SignedLog::new(50);
    let unknown = cosign(&client, &stranger, 40).await;
    assert!(matches!(
        unknown.outcomes[0].1,
        Err(AskError::Stranger(403))
    ));
}

#[tokio::test]
async fn a_witness_without_an_address_is_missing_and_no_quorum_needs_nobody() {
    let log = SignedLog::new(5);
    let network = Network::of(1, &log);
    let text = format!(
        "witness w {}\nquorum none\n",
        network.policy("quorum w1").witnesses()[0]
            .verifier
            .to_text()
    );
    let policy = TrustPolicy::parse(text.as_bytes()).unwrap();
    let client = WitnessClient::new(policy, network, SHORT);
    let cosigned = cosign(&client, &log, 5).await;
    assert!(cosigned.is_quorum);
    assert!(matches!(cosigned.outcomes[0].1, Err(AskError::NoUrl)));
    assert_eq!(cosigned.note, log.note(5));
}

/// Answers each request with the next of these.
struct Canned(Vec<Reply>, AtomicUsize);

impl Transport for Canned {
    fn post(&self, _: String, _: String) -> BoxFuture<'_, Result<Reply, TransportError>> {
        let next = self.1.fetch_add(1, Ordering::SeqCst);
        let reply = self.0.get(next).cloned();
        Box::pin(async move { reply.ok_or_else(|| TransportError("gone".to_owned())) })
    }
}

#[tokio::test]
async fn hostile_answers_are_errors_and_nothing_of_them_is_kept() {
    let log = SignedLog::new(50);
    let network = Network::of(2, &log);
    let policy = network.policy("quorum w1");
    let line = |name: &str, size| {
        let answer = network.witness(name).add_checkpoint(&log.request(0, size));
        answer.body
    };
    let (good, of_other) = (line("w1", 50), line("w2", 50));
    let reply = |status, content_type: &str, body: &str| Reply {
        status,
        content_type: Some(content_type.to_owned()),
        body: body.as_bytes().to_vec(),
    };
    let (text, size) = ("text/plain", "text/x.tlog.size");
    let now = Timestamp::from_unix(NOW).unwrap();
    let elsewhere = network.signer("w1").cosign("another\n50\ntext\n", now);
    let over_all = network.signer("w1").cosign(&log.note(50), now);
    let cases = [
        ("nothing", vec![reply(200, text, "")]),
        ("another witness's", vec![reply(200, text, &of_other)]),
        ("one of another text", vec![reply(200, text, &elsewhere)]),
        (
            "a good one and one of another text",
            vec![reply(200, text, &format!("{good}{elsewhere}"))],
        ),
        (
            "an empty line before it",
            vec![reply(200, text, &format!("\n{good}"))],
        ),
        (
            "one over the note with its signatures",
            vec![reply(200, text, &format!("\n{over_all}"))],
        ),
        ("no end", vec![reply(200, text, good.trim_end())]),
        ("a page", vec![reply(200, "text/html", "<html>")]),
        ("too long", vec![reply(200, text, &good.repeat(200))]),
        (
            "bytes",
            vec![Reply {
                body: vec![0xff],
                ..reply(200, text, "")
            }],
        ),
        ("a conflict in words", vec![reply(409, text, "0\n")]),
        ("a size with a sign", vec![reply(409, size, "+1\n")]),
        ("a size without end", vec![reply(409, size, "1")]),
        ("a larger size", vec![reply(409, size, "51\n")]),
        (
            "ever another size",
            vec![reply(409, size, "1\n"), reply(409, size, "2\n")],
        ),
        ("a redirect", vec![reply(302, text, "")]),
        ("nobody", vec![]),
    ];
    for (name, replies) in cases {
        let canned = Arc::new(Canned(replies, AtomicUsize::new(0)));
        let client = WitnessClient::new(policy.clone(), canned, SHORT);
        let cosigned = cosign(&client, &log, 50).await;
        assert!(!cosigned.is_quorum, "{name}");
        assert_eq!(cosigned.note, log.note(50), "{name}");
    }
    let both = reply(200, text, &format!("{of_other}{good}"));
    let canned = Arc::new(Canned(vec![both], AtomicUsize::new(0)));
    let client = WitnessClient::new(policy, canned, SHORT);
    let cosigned = cosign(&client, &log, 50).await;
    assert_eq!(
        cosigned.note,
        format!("{}{good}", log.note(50)),
        "only of who was asked"
    );
}
