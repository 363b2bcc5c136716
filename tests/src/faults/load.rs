//! Clients that keep asking while something goes wrong, and a note of everything that came back.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::line::{Door, Letter, Line, Reply, Version};
use super::row::{CLOSED, GIVEN_UP, Manner, Row};
use super::site::{Cast, Site};

/// What clients that do not wait wait.
const FLEETING: Duration = Duration::from_millis(60);

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Voice {
    /// With the mandate that the point knows and that is revoked.
    Known,
    /// With one after the other of the same grant, each for the first time.
    First,
    /// With a mandate that the point knows and that stays.
    Control,
    /// With others of that grant, each for the first time.
    ControlFirst,
}

impl Voice {
    /// Whether its mandates are revoked.
    pub(super) const fn is_revoked(self) -> bool {
        matches!(self, Self::Known | Self::First)
    }
}

/// What became of a request.
#[derive(Debug, Clone)]
pub(super) enum Got {
    Reply(Reply),
    Closed,
    GivenUp,
    Silent,
}

impl Got {
    /// As it stands in tables.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Reply(Reply { status, reason, .. }) => reason
                .as_ref()
                .map_or_else(|| status.to_string(), |reason| format!("{status} {reason}")),
            Self::Closed => CLOSED.to_owned(),
            Self::GivenUp => GIVEN_UP.to_owned(),
            Self::Silent => "nothing".to_owned(),
        }
    }
}

/// One request.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    pub(super) voice: Voice,
    pub(super) mark: u64,
    pub(super) at: Instant,
    pub(super) got: Got,
}

/// The clients.
pub(super) struct Load {
    notes: Arc<Mutex<Vec<Sent>>>,
    stop: watch::Sender<bool>,
    voices: JoinSet<()>,
}

/// One client.
struct Client {
    voice: Voice,
    door: Door,
    version: Version,
    mandates: Mandates,
    content: bool,
    patience: Duration,
    leaves: bool,
    beat: Duration,
}

enum Mandates {
    Always(String),
    Each(Vec<String>),
}

impl Mandates {
    fn next(&mut self) -> Option<String> {
        match self {
            Self::Always(mandate) => Some(mandate.clone()),
            Self::Each(mandates) => mandates.pop(),
        }
    }
}

/// A mark that no other request has.
pub(super) fn mark() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl Load {
    /// Lets all of them begin.
    pub(super) fn start(site: &Site, row: &Row, version: Version, cast: &Cast) -> Self {
        let (stop, stopped) = watch::channel(false);
        let notes = Arc::<Mutex<Vec<Sent>>>::default();
        let mut voices = JoinSet::new();
        let always = |mandate: &str| Mandates::Always(mandate.to_owned());
        let each = |mandates: &[String]| Mandates::Each(mandates.to_vec());
        for (voice, door, mandates, beat) in [
            (Voice::Known, &site.revoked_door, always(&cast.known), 15),
            (Voice::First, &site.revoked_door, each(&cast.first), 60),
            (
                Voice::Control,
                &site.control_door,
                always(&cast.control),
                25,
            ),
            (
                Voice::ControlFirst,
                &site.control_door,
                each(&cast.control_first),
                120,
            ),
        ] {
            let fleeting = row.manner == Manner::Fleeting && voice != Voice::ControlFirst;
            let client = Client {
                voice,
                door: door.clone(),
                version,
                mandates,
                content: row.manner == Manner::WithContent,
                patience: if fleeting { FLEETING } else { row.patience },
                leaves: fleeting,
                beat: Duration::from_millis(beat),
            };
            voices.spawn(client.speak(Arc::clone(&notes), stopped.clone()));
        }
        Self {
            notes,
            stop,
            voices,
        }
    }

    /// Ends them, and tells everything.
    pub(super) async fn stop(self) -> Vec<Sent> {
        self.stop.send_replace(true);
        self.voices.join_all().await;
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *notes)
    }
}

fn note(notes: &Mutex<Vec<Sent>>, sent: Sent) {
    let mut notes = notes.lock().unwrap_or_else(PoisonError::into_inner);
    notes.push(sent);
}

impl Client {
    async fn speak(mut self, notes: Arc<Mutex<Vec<Sent>>>, mut stop: watch::Receiver<bool>) {
        let mut line = None;
        while let Some(mandate) = self.mandates.next().filter(|_| !*stop.borrow()) {
            let letter = Letter {
                mark: mark(),
                mandate,
                content: self.content,
                path: None,
                trap: None,
            };
            let at = Instant::now();
            let sent = Sent {
                voice: self.voice,
                mark: letter.mark,
                at,
                got: self.ask(&mut line, &letter).await,
            };
            note(&notes, sent);
            let _ = tokio::time::timeout(self.beat, stop.changed()).await;
        }
    }

    async fn ask(&self, line: &mut Option<Line>, letter: &Letter) -> Got {
        let open = match line.take() {
            Some(open) => Ok(open),
            None => Line::open(&self.door, self.version).await,
        };
        let Ok(mut open) = open else {
            return Got::Closed;
        };
        match tokio::time::timeout(self.patience, open.ask(letter)).await {
            Ok(Ok(reply)) => {
                *line = Some(open);
                Got::Reply(reply)
            }
            Ok(Err(_)) => Got::Closed,
            Err(_) if self.leaves => Got::GivenUp,
            Err(_) => Got::Silent,
        }
    }
}
