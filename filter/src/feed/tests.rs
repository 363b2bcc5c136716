use super::*;
use proptest::prelude::*;

fn version(epoch: u64) -> wire::Version {
    wire::Version { term: 1, epoch }
}

fn bytes(message: Message) -> Vec<u8> {
    wire::WatchResponse {
        message: Some(message),
    }
    .encode_to_vec()
}

fn revocation(id: u64) -> wire::Item {
    let entry = wire::Revocation {
        id,
        issued_until: u64::MAX,
        expires: u64::MAX,
    };
    wire::Item {
        item: Some(wire::item::Item::Revocation(entry)),
    }
}

fn snapshot(epoch: u64, items: Vec<wire::Item>) -> Vec<Vec<u8>> {
    let count = u64::try_from(items.len()).unwrap();
    vec![
        bytes(Message::SnapshotBegin(wire::SnapshotBegin {
            version: Some(version(epoch)),
            issuer: "https://sts".to_owned(),
        })),
        bytes(Message::SnapshotChunk(wire::Items { items })),
        bytes(Message::SnapshotEnd(wire::SnapshotEnd {
            version: Some(version(epoch)),
            items: count,
        })),
    ]
}

fn delta(from: u64, to: u64, items: Vec<wire::Item>) -> Vec<u8> {
    bytes(Message::Delta(wire::Delta {
        from: Some(version(from)),
        to: Some(version(to)),
        items,
    }))
}

fn pong(nonce: u64) -> Vec<u8> {
    pong_at(nonce, 0)
}

fn pong_at(nonce: u64, epoch: u64) -> Vec<u8> {
    bytes(Message::Pong(wire::Pong {
        nonce,
        version: Some(version(epoch)),
        read_age_ms: 0,
    }))
}

fn deliver(feed: &mut Feed, messages: &[Vec<u8>]) -> Result<(), FeedError> {
    messages
        .iter()
        .try_for_each(|message| feed.receive(message).map(|_| ()))
}

/// A feed that is live at time 0 with the snapshot of `epoch`.
fn live(epoch: u64) -> Feed {
    let mut feed = Feed::new(2000);
    feed.stream_opened();
    let _ = feed.ping(0);
    deliver(&mut feed, &snapshot(epoch, vec![])).unwrap();
    feed.receive(&pong(1)).unwrap();
    assert!(feed.live(0).is_some());
    feed
}

fn is_revoked(feed: &Feed, id: u64) -> bool {
    feed.live(0)
        .unwrap()
        .revocations
        .hits(&[caracal_mandate::revocation::RevocationId(id)], 0)
}

#[test]
fn nothing_is_trusted_before_snapshot_and_pong() {
    let mut feed = Feed::new(2000);
    feed.stream_opened();
    let _ = feed.ping(0);
    assert!(feed.live(0).is_none());
    // A pong that overtakes the snapshot proves nothing, not even that the feed works.
    assert!(!feed.receive(&pong(1)).unwrap().alive);
    deliver(&mut feed, &snapshot(1, vec![])).unwrap();
    assert!(feed.live(0).is_none());
}

#[test]
fn half_a_snapshot_is_never_used() {
    let mut feed = Feed::new(2000);
    feed.stream_opened();
    let whole = snapshot(1, vec![revocation(7)]);
    deliver(&mut feed, &whole[..1]).unwrap();
    let missing_chunk = feed.receive(&whole[2]);
    assert_eq!(missing_chunk, Err(FeedError::Incomplete));
    assert!(feed.live(0).is_none());
}

#[test]
fn a_delta_revokes_at_once() {
    let mut feed = live(5);
    assert!(!is_revoked(&feed, 7));
    let applied = feed.receive(&delta(5, 6, vec![revocation(7)])).unwrap();
    assert_eq!(applied.acknowledge, Some(Version { term: 1, epoch: 6 }));
    assert!(is_revoked(&feed, 7));
}

#[test]
fn any_break_of_the_protocol_ends_trust() {
    let breaks: [(&str, Vec<Vec<u8>>); 7] = [
        ("gap", vec![delta(6, 7, vec![])]),
        ("duplicate", vec![delta(5, 6, vec![]), delta(5, 6, vec![])]),
        ("backwards", vec![delta(5, 4, vec![])]),
        ("second snapshot", snapshot(6, vec![])),
        ("garbage", vec![vec![0xff; 9]]),
        ("empty", vec![vec![]]),
        (
            "unknown item",
            vec![delta(5, 6, vec![wire::Item { item: None }])],
        ),
    ];
    for (name, messages) in breaks {
        let mut feed = live(5);
        assert!(deliver(&mut feed, &messages).is_err(), "{name}");
        assert!(feed.live(0).is_none(), "{name}");
    }
}

#[test]
fn a_pong_that_confirms_a_change_that_never_arrived_ends_trust() {
    let mut feed = live(5);
    let _ = feed.ping(1000);
    // What is here already may be confirmed late.
    feed.receive(&delta(5, 6, vec![revocation(7)])).unwrap();
    feed.receive(&pong_at(2, 5)).unwrap();
    assert!(feed.live(2999).is_some());
    let _ = feed.ping(1500);
    let error = feed.receive(&pong_at(3, 7)).unwrap_err();
    assert!(matches!(error, FeedError::Missed { .. }), "{error}");
    assert!(feed.live(1500).is_none());
    // Of what it does not say, nothing is proven.
    let mut feed = live(5);
    let silent = bytes(Message::Pong(wire::Pong::default()));
    assert_eq!(feed.receive(&silent), Err(FeedError::Malformed));
}

#[test]
fn an_older_snapshot_is_refused_after_a_reconnect() {
    let mut feed = live(5);
    feed.stream_ended();
    assert!(
        feed.live(0).is_some(),
        "what was proven holds until the lease ends"
    );
    feed.stream_opened();
    let error = deliver(&mut feed, &snapshot(4, vec![])).unwrap_err();
    assert!(matches!(error, FeedError::Regression { .. }));
    assert!(feed.live(0).is_none());
    // The floor outlives the loss of trust.
    feed.stream_opened();
    assert!(deliver(&mut feed, &snapshot(4, vec![])).is_err());
    assert!(deliver(&mut feed, &snapshot(5, vec![])).is_ok());
}

#[test]
fn a_new_snapshot_replaces_the_state_only_when_it_is_whole() {
    let mut feed = live(5);
    feed.receive(&delta(5, 6, vec![revocation(7)])).unwrap();
    feed.stream_opened();
    let whole = snapshot(7, vec![revocation(7), revocation(8)]);
    deliver(&mut feed, &whole[..2]).unwrap();
    assert!(is_revoked(&feed, 7) && !is_revoked(&feed, 8));
    feed.receive(&whole[2]).unwrap();
    assert!(is_revoked(&feed, 7) && is_revoked(&feed, 8));
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(message in proptest::collection::vec(any::<u8>(), 0..80)) {
        let mut feed = live(5);
        let _ = feed.receive(&message);
    }

    #[test]
    fn a_revocation_is_never_lost_while_live(
        steps in proptest::collection::vec((0..4_u8, 0..6_u64), 0..20)
    ) {
        let mut feed = live(0);
        let mut epoch = 0;
        let mut revoked = Vec::new();
        for (kind, id) in steps {
            match kind {
                0 => {
                    feed.receive(&delta(epoch, epoch + 1, vec![revocation(id)])).unwrap();
                    epoch += 1;
                    revoked.push(id);
                }
                1 => { let _ = feed.receive(&delta(epoch + 1, epoch + 2, vec![])); }
                2 => feed.stream_opened(),
                _ => {
                    feed.stream_opened();
                    let items = revoked.iter().copied().map(revocation).collect();
                    deliver(&mut feed, &snapshot(epoch, items)).unwrap();
                }
            }
            if let Some(authority) = feed.live(0) {
                for id in &revoked {
                    let id = caracal_mandate::revocation::RevocationId(*id);
                    prop_assert!(authority.revocations.hits(&[id], 0));
                }
            }
            // Deltas build on a snapshot of the same stream.
            if feed.current.is_none() || !feed.synced {
                feed.stream_opened();
                let items = revoked.iter().copied().map(revocation).collect();
                deliver(&mut feed, &snapshot(epoch, items)).unwrap();
            }
        }
    }
}
