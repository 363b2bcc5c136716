use super::*;
use crate::note::CheckpointSigner;
use crate::testing::{ManualClock, NOW, SignedLog, WitnessPlace};

mod crash;
mod interop;
mod race;
mod status;

/// Size and time of what the witness shows to monitors, verified with both keys.
fn shown(place: &WitnessPlace, log: &SignedLog, witness: &Witness) -> Option<(u64, u64)> {
    let answer = witness.checkpoint(&origin_hash(log.verifier().name()));
    if answer.status == 404 {
        return None;
    }
    assert_eq!(answer.status, 200);
    let checkpoint = log.verifier().open_checkpoint(&answer.body).unwrap();
    let note = Note::parse(&answer.body).unwrap();
    let cosignature = note.require(&place.signer().verifier()).unwrap();
    Some((checkpoint.size, cosignature.evidence.unix()))
}

#[test]
fn a_growing_log_is_cosigned_step_by_step() {
    let (place, log) = (WitnessPlace::new("w.example/1"), SignedLog::new(100));
    let witness = place.open(&log);
    assert_eq!(shown(&place, &log, &witness), None);
    for (old, size) in [(0, 1), (1, 2), (2, 2), (2, 63), (63, 64), (64, 100)] {
        let answer = witness.add_checkpoint(&log.request(old, size));
        assert_eq!(answer.status, 200, "{old} to {size}: {}", answer.body);
        let cosigned = format!("{}{}", log.note(size), answer.body);
        let note = Note::parse(&cosigned).unwrap();
        let signature = note.require(&place.signer().verifier()).unwrap();
        assert_eq!(signature.evidence.unix(), NOW);
        assert_eq!(shown(&place, &log, &witness), Some((size as u64, NOW)));
    }
}

#[test]
fn an_empty_log_is_cosigned_and_grows_without_a_proof() {
    let (place, log) = (WitnessPlace::new("w.example/1"), SignedLog::new(5));
    let witness = place.open(&log);
    for (old, size) in [(0, 0), (0, 0), (0, 5)] {
        assert_eq!(witness.add_checkpoint(&log.request(old, size)).status, 200);
    }
}

#[test]
fn a_log_that_shows_two_histories_gets_a_cosignature_for_one_of_them() {
    let (place, log) = (WitnessPlace::new("w.example/1"), SignedLog::new(30));
    let fork = log.forked_at(10);
    let witness = place.open(&log);
    assert_eq!(witness.add_checkpoint(&log.request(0, 20)).status, 200);
    // Before and after the point where they part, at the same size, and claiming to begin anew.
    for (old, size, status) in [(20, 30, 422), (20, 20, 422), (0, 30, 409), (9, 30, 409)] {
        let answer = witness.add_checkpoint(&fork.request(old, size));
        assert_eq!(answer.status, status, "{old} to {size}");
    }
    assert_eq!(shown(&place, &log, &witness), Some((20, NOW)));
    assert_eq!(witness.add_checkpoint(&log.request(20, 30)).status, 200);
}

#[test]
fn what_was_cosigned_is_remembered_by_the_next_start() {
    let (place, log) = (WitnessPlace::new("w.example/1"), SignedLog::new(9));
    let first = place.open(&log);
    assert_eq!(first.add_checkpoint(&log.request(0, 5)).status, 200);
    drop(first);
    let second = place.open(&log);
    let answer = second.add_checkpoint(&log.request(0, 9));
    assert_eq!((answer.status, answer.body.as_str()), (409, "5\n"));
    assert_eq!(second.add_checkpoint(&log.request(5, 9)).status, 200);
}

#[test]
fn cosignatures_never_go_back_in_time() {
    let (place, log) = (WitnessPlace::new("w.example/1"), SignedLog::new(9));
    let clock = ManualClock::new();
    let witness = place.try_open(&[log.verifier()], clock.clone()).unwrap();
    let steps = [
        (0, 3, NOW, NOW),
        (3, 5, NOW - 60, NOW),
        (5, 9, NOW + 1, NOW + 1),
    ];
    for (old, size, now, said) in steps {
        clock.set(now);
        assert_eq!(witness.add_checkpoint(&log.request(old, size)).status, 200);
        assert_eq!(shown(&place, &log, &witness), Some((size as u64, said)));
    }
    clock.set(0);
    assert_eq!(witness.add_checkpoint(&log.request(9, 9)).status, 500);
}

#[test]
fn a_replayed_request_gets_the_same_line_within_a_second_and_a_newer_one_later() {
    let (place, log) = (WitnessPlace::new("w.example/1"), SignedLog::new(9));
    let clock = ManualClock::new();
    let witness = place.try_open(&[log.verifier()], clock.clone()).unwrap();
    let first = witness.add_checkpoint(&log.request(0, 9));
    assert_eq!(witness.add_checkpoint(&log.request(9, 9)), first);
    clock.set(NOW + 1);
    let later = witness.add_checkpoint(&log.request(9, 9));
    assert_eq!(later.status, 200);
    assert_ne!(later, first);
    assert_eq!(shown(&place, &log, &witness), Some((9, NOW + 1)));
}

#[test]
fn only_the_lines_of_trusted_keys_are_kept() {
    let (place, log) = (WitnessPlace::new("w.example/1"), SignedLog::new(9));
    let witness = place.open(&log);
    let junk = "\u{2014} stranger.example AAAAAAAA\n";
    let request = [log.request(0, 9), junk.as_bytes().to_vec()].concat();
    assert_eq!(witness.add_checkpoint(&request).status, 200);
    let kept = witness.checkpoint(&origin_hash(log.verifier().name())).body;
    assert_eq!(shown(&place, &log, &witness), Some((9, NOW)));
    assert!(!kept.contains("stranger"), "{kept}");
}

#[test]
fn a_log_with_two_keys_is_known_by_either_and_by_no_failing_one() {
    let (place, old_key, new_key) = (
        WitnessPlace::new("w.example/1"),
        SignedLog::new(9),
        SignedLog::new(9),
    );
    let logs = [old_key.verifier(), new_key.verifier()];
    let witness = place.try_open(&logs, ManualClock::new()).unwrap();
    assert_eq!(witness.add_checkpoint(&old_key.request(0, 3)).status, 200);
    assert_eq!(witness.add_checkpoint(&new_key.request(3, 5)).status, 200);
    // Its line is for another size.
    let foreign = old_key.note(6).lines().last().unwrap().to_owned();
    let both = [new_key.request(5, 9), format!("{foreign}\n").into_bytes()].concat();
    assert_eq!(witness.add_checkpoint(&both).status, 403);
}

#[test]
fn a_checkpoint_that_would_be_too_long_with_the_cosignature_is_refused_and_forgotten() {
    let place = WitnessPlace::new("w.example/1");
    let long_name = "x".repeat(MAX_NOTE_BYTES / 2 - 130);
    let log = SignedLog {
        signer: CheckpointSigner::generate(&long_name).unwrap(),
        ..SignedLog::new(5)
    };
    assert!(Note::parse(&log.note(5)).is_ok());
    let witness = place.open(&log);
    assert_eq!(witness.add_checkpoint(&log.request(0, 5)).status, 400);
    assert_eq!(shown(&place, &log, &place.open(&log)), None);
}
