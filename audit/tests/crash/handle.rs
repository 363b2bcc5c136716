//! The other end: starts the process, listens, kills.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use super::history::History;
use super::process::{DATABASE, KEY, NEXT, TEST};

/// Far more than a server needs to recover.
const PATIENCE: Duration = Duration::from_mins(1);

/// Something that the process said.
#[derive(Debug)]
pub(crate) enum Line {
    Ready,
    Acknowledged {
        task: usize,
        seq: u64,
        zone: String,
        index: u64,
    },
    Refused,
    Checkpoint(String),
}

pub(crate) struct Process {
    child: Child,
    lines: Receiver<Line>,
}

impl Process {
    /// Starts it on a database. `database` is a URL.
    pub(crate) fn start(database: &str, key: &Path, history: &History) -> Self {
        // A write beyond the limit of a file's size is then refused, as one to a full disk is, and does not
        // end the process: 25 is SIGXFSZ, and what is ignored stays ignored in the program that follows.
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' 25; exec \"$0\" \"$@\""]);
        command.arg(std::env::current_exe().unwrap());
        command.args([
            TEST,
            "--exact",
            "--ignored",
            "--nocapture",
            "--test-threads=1",
        ]);
        command
            .env(DATABASE, database)
            .env(KEY, key)
            .env(NEXT, history.next());
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let output = child.stdout.take().unwrap();
        let (sender, lines) = channel();
        std::thread::spawn(move || listen(output, &sender));
        Self { child, lines }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Takes down what it says, until that is enough.
    pub(crate) fn hear(&self, history: &mut History, mut enough: impl FnMut(&Line) -> bool) {
        loop {
            let line = self.lines.recv_timeout(PATIENCE);
            let line = line.expect("the process goes on, and says so");
            let is_enough = enough(&line);
            history.note(line);
            if is_enough {
                return;
            }
        }
    }

    /// Takes down what it says within a time.
    pub(crate) fn hear_for(&self, history: &mut History, mut time: Duration) {
        const STEP: Duration = Duration::from_millis(1);
        while !time.is_zero() {
            match self.lines.recv_timeout(STEP.min(time)) {
                Ok(line) => history.note(line),
                Err(RecvTimeoutError::Timeout) => time = time.saturating_sub(STEP),
                Err(RecvTimeoutError::Disconnected) => panic!("the process has ended by itself"),
            }
        }
    }

    /// Kills it (`SIGKILL`), and takes down what it had said before.
    pub(crate) fn kill(mut self, history: &mut History) {
        assert_eq!(
            self.child.try_wait().unwrap(),
            None,
            "it has ended by itself"
        );
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.lines.into_iter().for_each(|line| history.note(line));
    }
}

fn listen(output: ChildStdout, lines: &Sender<Line>) {
    let mut output = BufReader::new(output);
    let mut text = String::new();
    // A line without an end was not said.
    while output
        .by_ref()
        .read_line(&mut text)
        .is_ok_and(|_| text.ends_with('\n'))
    {
        // The test harness says things as well.
        if let Some(line) = parse(text.trim_end()) {
            let _nobody_listens = lines.send(line);
        }
        text.clear();
    }
}

fn parse(text: &str) -> Option<Line> {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    match word {
        "ready" => Some(Line::Ready),
        "refused" => Some(Line::Refused),
        "checkpoint" => Some(Line::Checkpoint(serde_json::from_str(rest).ok()?)),
        "acknowledged" => {
            let mut words = rest.split(' ');
            Some(Line::Acknowledged {
                task: words.next()?.parse().ok()?,
                seq: words.next()?.parse().ok()?,
                zone: words.next()?.to_owned(),
                index: words.next()?.parse().ok()?,
            })
        }
        _ => None,
    }
}
