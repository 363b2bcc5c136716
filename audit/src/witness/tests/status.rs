//! Each rule of the protocol, and the status that says that it was broken.

use proptest::prelude::*;

use super::*;

/// A witness that has cosigned 10 entries, and the log.
fn at_ten() -> (WitnessPlace, SignedLog, Witness) {
    let (place, log) = (WitnessPlace::new("w.example/1"), SignedLog::new(40));
    let witness = place.open(&log);
    assert_eq!(witness.add_checkpoint(&log.request(0, 10)).status, 200);
    (place, log, witness)
}

fn with_proof(old: u64, proof: Vec<Hash>, note: &str) -> Vec<u8> {
    let request = AddCheckpoint { old, proof, note };
    request.to_text().into_bytes()
}

#[test]
fn every_rule_has_its_status_and_changes_nothing() {
    let (place, log, witness) = at_ten();
    let stranger = SignedLog::new(40);
    let elsewhere = log.signer.sign(&Checkpoint {
        origin: log.signer.origin("test"),
        ..log.checkpoint(20)
    });
    let other_root = log.signer.sign(&Checkpoint {
        root: Hash::leaf(b"another"),
        ..log.checkpoint(20)
    });
    let same_size = log.signer.sign(&Checkpoint {
        root: Hash::leaf(b"another"),
        ..log.checkpoint(10)
    });
    let damaged = log
        .note(20)
        .replace("audit.example/prod\n20", "audit.example/prod\n21");
    let good = log.proof(10, 20);
    let mut overlong = good.clone();
    overlong.push(Hash::empty());
    let cases: &[(&str, u16, Vec<u8>)] = &[
        ("an unknown origin", 404, with_proof(0, vec![], &elsewhere)),
        ("another key", 403, stranger.request(10, 20)),
        (
            "a signature that fails",
            403,
            with_proof(10, good.clone(), &damaged),
        ),
        ("old above size", 400, with_proof(21, vec![], &log.note(20))),
        (
            "old above size and record",
            400,
            with_proof(11, vec![], &log.note(5)),
        ),
        ("old below the record", 409, log.request(5, 20)),
        ("old above the record", 409, log.request(15, 20)),
        ("from nothing", 409, log.request(0, 20)),
        ("back", 409, log.request(5, 9)),
        ("no proof", 422, with_proof(10, vec![], &log.note(20))),
        (
            "a short proof",
            422,
            with_proof(10, good[1..].to_vec(), &log.note(20)),
        ),
        ("a long proof", 422, with_proof(10, overlong, &log.note(20))),
        ("another root", 422, with_proof(10, good, &other_root)),
        (
            "another root of that size",
            422,
            with_proof(10, vec![], &same_size),
        ),
        (
            "a needless proof",
            422,
            with_proof(10, vec![Hash::empty()], &log.note(10)),
        ),
    ];
    for (name, status, body) in cases {
        let answer = witness.add_checkpoint(body);
        assert_eq!(answer.status, *status, "{name}: {}", answer.body);
        let size = (*status == 409).then_some(("text/x.tlog.size", "10\n"));
        assert_eq!(
            size.is_some(),
            (answer.content_type, answer.body.as_str()) == ("text/x.tlog.size", "10\n"),
            "{name}"
        );
        assert_eq!(shown(&place, &log, &witness), Some((10, NOW)), "{name}");
    }
    assert_eq!(witness.add_checkpoint(&log.request(10, 20)).status, 200);
}

#[test]
fn the_first_checkpoint_needs_no_proof_and_an_empty_tree_its_root() {
    let (place, log) = (WitnessPlace::new("w.example/1"), SignedLog::new(4));
    let witness = place.open(&log);
    let no_tree = log.signer.sign(&Checkpoint {
        root: Hash::leaf(b"another"),
        ..log.checkpoint(0)
    });
    for (status, body) in [
        (422, with_proof(0, vec![], &no_tree)),
        (422, with_proof(0, vec![Hash::empty()], &log.note(4))),
        (409, log.request(1, 4)),
    ] {
        assert_eq!(witness.add_checkpoint(&body).status, status);
    }
    let answer = witness.add_checkpoint(&log.request(1, 4));
    assert_eq!(answer.body, "0\n");
    assert_eq!(shown(&place, &log, &witness), None);
}

#[test]
fn malformed_requests_are_bad_requests() {
    let (_place, log, witness) = at_ten();
    let note = log.note(20);
    let hash = Hash::empty().to_base64();
    let many = format!("{hash}\n").repeat(64);
    let padding = "x".repeat(MAX_REQUEST_BYTES);
    for body in [
        String::new(),
        note.clone(),
        format!("old\n\n{note}"),
        format!("old  10\n\n{note}"),
        format!("old 010\n\n{note}"),
        format!("old +10\n\n{note}"),
        format!("old -1\n\n{note}"),
        format!("old 18446744073709551616\n\n{note}"),
        format!("OLD 10\n\n{note}"),
        format!("old 10\r\n\n{note}"),
        format!("old 10\n{note}"),
        format!("old 10\nAAAA\n\n{note}"),
        format!("old 10\n{}\n\n{note}", hash.trim_end_matches('=')),
        format!("old 10\n {hash}\n\n{note}"),
        format!("old 10\n{many}\n{note}"),
        format!("old 10\n\n{}", note.trim_end()),
        format!("old 10\n\n{}", note.replace("\n20\n", "\n020\n")),
        format!("old 10\n\n\n{note}"),
        format!("old 10\n\n{note}{padding}"),
    ] {
        let answer = witness.add_checkpoint(body.as_bytes());
        assert_eq!(answer.status, 400, "{body:?}: {}", answer.body);
    }
    assert_eq!(witness.add_checkpoint(b"old 10\n\n\xff").status, 400);
}

#[test]
fn requests_are_routed_by_method_and_path() {
    let (_place, log, witness) = at_ten();
    let name = origin_hash(log.verifier().name());
    let monitored = format!("/{name}/checkpoint");
    let (upper, unknown) = (monitored.to_uppercase(), origin_hash("other"));
    let unknown = format!("/{unknown}/checkpoint");
    let body = log.request(10, 20);
    for (method, path, status) in [
        ("GET", monitored.as_str(), 200),
        ("HEAD", &monitored, 200),
        ("POST", &monitored, 405),
        ("GET", &unknown, 404),
        ("GET", &upper, 404),
        ("GET", "/../witness.vkey/checkpoint", 404),
        ("GET", "/checkpoint", 404),
        ("GET", "/", 404),
        ("GET", "/add-checkpoint", 405),
        ("POST", "/add-checkpoint/", 404),
        ("POST", "/sign-subtree", 404),
        ("POST", "/add-checkpoint", 200),
    ] {
        let answer = witness.answer(method, path, &body);
        assert_eq!(answer.status, status, "{method} {path}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever bytes are turned in a good request: it is refused, or it is the same request.
    #[test]
    fn no_bytes_move_a_witness_where_the_log_did_not_go(
        turned in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let (place, log, witness) = at_ten();
        let mut request = log.request(10, 20);
        for (place, byte) in turned {
            *place.get_mut(&mut request) = byte;
        }
        let answer = witness.add_checkpoint(&request);
        prop_assert!([200, 400, 403, 404, 409, 422].contains(&answer.status), "{}", answer.status);
        let size = if answer.status == 200 { 20 } else { 10 };
        prop_assert_eq!(shown(&place, &log, &witness), Some((size, NOW)));
    }

    /// Whatever honest and forked checkpoints come in whatever order, the sizes that are cosigned only
    /// grow, and each is of the history that the first one beyond the fork belongs to.
    #[test]
    fn what_is_cosigned_is_one_history(
        steps in prop::collection::vec((0_usize..=24, 0_usize..=24, any::<bool>()), 1..12),
    ) {
        let (place, log) = (WitnessPlace::new("w.example/1"), SignedLog::new(24));
        let fork = log.forked_at(8);
        let witness = place.open(&log);
        let mut seen: Vec<(usize, Hash)> = Vec::new();
        for (old, size, forked) in steps {
            let shown = if forked { &fork } else { &log };
            // Mostly with the size that the witness has, so that it is the proof that decides.
            let old = if old > 12 { seen.last().map_or(0, |(size, _)| *size) } else { old };
            let answer = witness.add_checkpoint(&shown.request(old.min(size), size));
            if answer.status == 200 {
                seen.push((size, shown.root(size)));
            }
        }
        let is_one = |history: &SignedLog| seen.iter().all(|(size, root)| history.root(*size) == *root);
        prop_assert!(is_one(&log) || is_one(&fork));
        prop_assert!(seen.is_sorted_by_key(|(size, _)| *size));
    }
}
