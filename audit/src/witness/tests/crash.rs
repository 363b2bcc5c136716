//! Witnesses that are killed: this test program, started again as one.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::note::CheckpointSigner;

const NAME: &str = "w.example/1";
const FOLDER: &str = "CARACAL_TEST_WITNESS_FOLDER";
const LOG_KEY: &str = "CARACAL_TEST_WITNESS_LOG_KEY";
const KEY: &str = "CARACAL_TEST_WITNESS_KEY";
const LOG_SIZE: u64 = 4000;

/// No test by itself: what [`start`] runs. It cosigns one entry after the other, beginning where the
/// witness stands, and says each size once it has the answer.
#[test]
fn child() {
    let Ok(folder) = std::env::var(FOLDER) else {
        return;
    };
    let key = |name| STANDARD.decode(std::env::var(name).unwrap()).unwrap();
    let log = SignedLog {
        signer: CheckpointSigner::from_pkcs8("audit.example", &key(LOG_KEY)).unwrap(),
        ..SignedLog::new(LOG_SIZE)
    };
    let signer = CosignatureSigner::from_pkcs8(NAME, &key(KEY)).unwrap();
    let logs = [log.verifier()];
    let witness = Witness::open(Path::new(&folder), signer, logs, ManualClock::new()).unwrap();
    let mut old = 0;
    loop {
        let answer = witness.add_checkpoint(&log.request(old, old + 1));
        match answer.status {
            200 => {
                old += 1;
                if writeln!(std::io::stdout(), "cosigned {old}").is_err() {
                    std::process::exit(0); // nobody listens any more
                }
            }
            409 => old = answer.body.trim_end().parse().unwrap(),
            status => panic!("{status}: {}", answer.body),
        }
    }
}

fn start(place: &WitnessPlace, log: &SignedLog) -> Child {
    let log_key = log.signer.to_pkcs8().unwrap();
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "witness::tests::crash::child", "--nocapture"])
        .env(FOLDER, place.path())
        .env(LOG_KEY, STANDARD.encode(log_key.as_ref()))
        .env(KEY, STANDARD.encode(place.key()))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Sizes that it says it cosigned, until it ends.
fn sizes(child: &mut Child) -> impl Iterator<Item = u64> + use<> {
    let output = BufReader::new(child.stdout.take().unwrap());
    let lines = output.lines().map_while(Result::ok);
    lines.filter_map(|line| line.strip_prefix("cosigned ")?.parse().ok())
}

#[test]
fn a_witness_that_was_killed_remembers_what_it_answered() {
    let (place, log) = (WitnessPlace::new(NAME), SignedLog::new(LOG_SIZE));
    let mut before = 0;
    for round in 1..=6 {
        let mut child = start(&place, &log);
        let mut said = sizes(&mut child);
        let mut last = said.by_ref().nth(round * 3).unwrap();
        child.kill().unwrap();
        // What it said before it died is in the pipe.
        last = said.last().unwrap_or(last);
        child.wait().unwrap();
        let (size, _) = shown(&place, &log, &place.open(&log)).unwrap();
        // One more may have been recorded than answered.
        assert!(size == last || size == last + 1, "{size} after {last}");
        assert!(size > before);
        before = size;
    }
}

#[test]
fn two_processes_on_one_folder_never_both_win() {
    let (place, log) = (WitnessPlace::new(NAME), SignedLog::new(LOG_SIZE));
    let mut children = [start(&place, &log), start(&place, &log)];
    let readers = children.each_mut().map(|child| {
        let said = sizes(child);
        std::thread::spawn(move || said.take(300).collect::<Vec<_>>())
    });
    let won = readers.map(|reader| reader.join().unwrap());
    for child in &mut children {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(won.iter().all(|won| won.len() == 300), "one of them failed");
    let mut all: Vec<u64> = won.concat();
    all.sort_unstable();
    assert!(all.windows(2).all(|pair| pair[0] != pair[1]), "{won:?}");
}
