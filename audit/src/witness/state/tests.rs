use super::*;
use crate::testing::{ManualClock, SignedLog, WitnessPlace};
use crate::witness::Witness;

const NAME: &str = "w.example/1";

/// A witness that has cosigned 3 entries, and the file that says so.
fn at_three() -> (WitnessPlace, SignedLog, PathBuf) {
    let (place, log) = (WitnessPlace::new(NAME), SignedLog::new(9));
    assert_eq!(
        place.open(&log).add_checkpoint(&log.request(0, 3)).status,
        200
    );
    let name = record::named(&origin_hash(log.verifier().name()));
    let file = place.path().join(name);
    (place, log, file)
}

fn reopened(place: &WitnessPlace, log: &SignedLog) -> Result<Witness, StateError> {
    place.try_open(&[log.verifier()], ManualClock::new())
}

#[test]
fn a_crash_before_the_rename_leaves_the_old_state() {
    let (place, log, file) = at_three();
    let before = fs::read(&file).unwrap();
    let state = StateFolder::open(&place.path(), place.signer().verifier()).unwrap();
    let turn = state.turn(log.verifier().name()).unwrap();
    turn.stage("half of a no").unwrap();
    // As if the process ended here.
    drop(turn);
    assert_eq!(fs::read(&file).unwrap(), before);
    let witness = reopened(&place, &log).unwrap();
    assert_eq!(witness.add_checkpoint(&log.request(3, 9)).status, 200);
    let witness = reopened(&place, &log).unwrap();
    assert_eq!(witness.add_checkpoint(&log.request(3, 9)).body, "9\n");
}

#[test]
fn a_crash_after_the_rename_leaves_the_new_state() {
    let (place, log, file) = at_three();
    let (other, newer) = (WitnessPlace::new(NAME), log.request(0, 9));
    // What the same witness would have written for 9 entries.
    fs::write(
        other.path().join(OWNER),
        fs::read(place.path().join(OWNER)).unwrap(),
    )
    .unwrap();
    let elsewhere = Witness::open(
        &other.path(),
        place.signer(),
        [log.verifier()],
        ManualClock::new(),
    );
    assert_eq!(elsewhere.unwrap().add_checkpoint(&newer).status, 200);
    let written = fs::read_to_string(other.path().join(file.file_name().unwrap())).unwrap();
    let state = StateFolder::open(&place.path(), place.signer().verifier()).unwrap();
    let turn = state.turn(log.verifier().name()).unwrap();
    turn.stage(&written).unwrap();
    fs::rename(turn.staged(), &file).unwrap();
    drop(turn);
    let witness = reopened(&place, &log).unwrap();
    assert_eq!(witness.add_checkpoint(&log.request(3, 9)).body, "9\n");
}

#[test]
fn a_torn_file_is_refused_at_every_length_and_at_every_byte() {
    let (place, log, file) = at_three();
    let whole = fs::read(&file).unwrap();
    let refused = |bytes: &[u8]| {
        fs::write(&file, bytes).unwrap();
        matches!(reopened(&place, &log), Err(StateError::Damaged { .. }))
    };
    for length in 0..whole.len() {
        assert!(refused(&whole[..length]), "{length} bytes");
    }
    // The line of the log's own key is not this witness's to vouch for: a bit of its base64 may turn.
    let log_line = log.note(3).lines().last().unwrap().to_owned();
    let text = String::from_utf8(whole.clone()).unwrap();
    let skipped = text.find(&log_line).unwrap();
    let skipped = skipped..skipped + log_line.len();
    for place in (0..whole.len()).filter(|place| !skipped.contains(place)) {
        let mut turned = whole.clone();
        turned[place] ^= 1;
        assert!(refused(&turned), "byte {place}");
    }
    fs::write(&file, &whole).unwrap();
    assert!(reopened(&place, &log).is_ok());
}

#[test]
fn a_file_that_is_damaged_while_the_witness_runs_stops_its_log_alone() {
    let (place, log, file) = at_three();
    let witness = reopened(&place, &log).unwrap();
    fs::write(&file, "x").unwrap();
    for answer in [
        witness.add_checkpoint(&log.request(3, 9)),
        witness.checkpoint(&origin_hash(log.verifier().name())),
    ] {
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (500, "the witness cannot answer\n")
        );
    }
    assert_eq!(
        fs::read(&file).unwrap(),
        b"x",
        "it is not mended by forgetting"
    );
}

#[test]
fn the_file_of_another_log_is_refused() {
    let (place, log, file) = at_three();
    let name = record::named(&origin_hash("another.example/log"));
    fs::rename(&file, file.with_file_name(name)).unwrap();
    assert!(matches!(
        reopened(&place, &log),
        Err(StateError::Damaged { .. })
    ));
}

#[test]
fn a_folder_without_a_witness_or_of_another_one_is_refused() {
    let (place, log, _) = at_three();
    let again = Witness::create(&place.path(), &place.signer());
    assert!(matches!(again, Err(StateError::Exists(_))));
    let other = WitnessPlace::new(NAME).signer();
    let opened = Witness::open(&place.path(), other, [log.verifier()], ManualClock::new());
    assert!(matches!(opened, Err(StateError::OtherKey(_))));
    fs::remove_file(place.path().join(OWNER)).unwrap();
    assert!(matches!(
        reopened(&place, &log),
        Err(StateError::Missing(_))
    ));
}

#[test]
fn what_cannot_be_written_is_not_cosigned() {
    let (place, log, file) = at_three();
    let witness = reopened(&place, &log).unwrap();
    let staged = file.with_extension("new");
    fs::create_dir(&staged).unwrap();
    assert_eq!(witness.add_checkpoint(&log.request(3, 9)).status, 500);
    fs::remove_dir(&staged).unwrap();
    assert_eq!(witness.add_checkpoint(&log.request(3, 9)).status, 200);
}
