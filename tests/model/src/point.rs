//! One enforcement point: the filter's own feed, and the shell's handling of it
//! (`filter/src/shell/root.rs`).

use caracal_filter::feed::{Applied, Feed, FeedError};
use caracal_mandate::lease::Knowledge;
use caracal_mandate::revocation::RevocationId;

use crate::mutant::Mutant;
use crate::size::Size;
use crate::wire::{self, Down, epoch};
use crate::world::is;

/// A point in one of its lives.
#[derive(Debug, Clone)]
pub struct Point {
    /// The running code.
    pub feed: Feed,
    /// Which life it is.
    pub life: u32,
    /// The open stream.
    pub stream: Option<u32>,
    /// How long its clock stood still, in steps of true time.
    pub stood: u64,
    /// When it opened its last stream, by its clock.
    pub opened: u64,
    /// When it sent its last ping, by its clock.
    pub pinged: u64,
    /// Position of the state that it held last.
    pub highest: u64,
    /// A question about one request.
    pub asked: Option<Asked>,
}

/// A question about one request that is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// Whom.
    pub service: usize,
    /// When, by the point's clock.
    pub at: u64,
    /// What was reported to be in effect then.
    pub in_effect: u64,
    /// What the service knew when it arrived.
    pub knowledge: Option<Knowledge>,
    /// Position of the state on which the service said yes.
    pub state: Option<u64>,
}

impl Point {
    /// A new life.
    #[must_use]
    pub fn new(size: &Size) -> Self {
        Self {
            feed: new_feed(size),
            life: 0,
            stream: None,
            stood: 0,
            opened: 0,
            pinged: 0,
            highest: 0,
            asked: None,
        }
    }

    /// Whether a request that the revocation with this position hits would be let through.
    #[must_use]
    pub fn allows(&self, position: u64, clock: u64) -> bool {
        self.feed
            .live(clock)
            .is_some_and(|authority| !authority.revocations.hits(&[RevocationId(position)], 0))
    }

    /// Whether what it decides on is exactly the state of the version that it says.
    #[must_use]
    pub fn is_whole(&self, clock: u64) -> bool {
        self.feed.live(clock).is_none_or(|authority| {
            let items = epoch(authority.version).saturating_sub(wire::FIRST);
            let held = |position| authority.revocations.hits(&[RevocationId(position)], 0);
            authority.revocations.len() as u64 == items
                && (wire::FIRST + 1..=epoch(authority.version)).all(held)
        })
    }

    /// Position of what is applied.
    #[must_use]
    pub fn position(&self) -> Option<u64> {
        let current = self.feed.outline().current?;
        Some(epoch(current.version))
    }

    /// Begins a stream. Returns the nonce of its first ping.
    pub fn open(&mut self, size: &Size, clock: u64, mutant: Option<Mutant>) -> u64 {
        if is(mutant, Mutant::FloorForgotten) {
            self.feed = new_feed(size);
        }
        self.opened = clock;
        self.feed.stream_opened();
        self.ping(clock)
    }

    /// Sends a ping. Returns its nonce.
    pub fn ping(&mut self, clock: u64) -> u64 {
        self.pinged = clock;
        wire::nonce(&self.feed.ping(clock))
    }

    /// Takes a frame. Returns what to acknowledge; after an error the stream is to be closed.
    pub fn take(
        &mut self,
        frame: Down,
        clock: u64,
        mutant: Option<Mutant>,
    ) -> Result<Option<u64>, FeedError> {
        let applied = match (mutant, frame) {
            (Some(Mutant::HalfSnapshot), Down::Begin(to)) => {
                let [begin, end] = wire::empty_snapshot(to);
                self.feed.receive(&begin)?;
                self.feed.receive(&end)?
            }
            (Some(Mutant::HalfSnapshot), Down::Chunk(to)) => {
                self.feed.receive(&wire::late_content(to))?
            }
            (Some(Mutant::HalfSnapshot), Down::End(_)) => return Ok(None),
            (Some(mutant), Down::Pong { .. }) => {
                let frame = self.misread(frame, clock, mutant);
                self.feed.receive(&frame.bytes())?
            }
            _ => self.feed.receive(&frame.bytes())?,
        };
        let Applied { acknowledge, .. } = applied;
        let early = is(mutant, Mutant::AckBeforeApplied);
        Ok(match frame {
            Down::Begin(to) if early => Some(to),
            _ => acknowledge.map(epoch),
        })
    }

    /// A pong as a point reads it that breaks a rule.
    fn misread(&mut self, frame: Down, clock: u64, mutant: Mutant) -> Down {
        let Down::Pong {
            mut nonce,
            epoch,
            mut age_ms,
        } = frame
        else {
            return frame;
        };
        let mut confirmed = epoch;
        match mutant {
            Mutant::LeaseFromReceipt => {
                let mut pings = self.feed.outline().pings.iter();
                if pings.any(|(each, _)| *each == nonce) {
                    nonce = self.ping(clock);
                }
            }
            Mutant::AgeIgnored => age_ms = 1,
            Mutant::PongVersionUnchecked => {
                confirmed = self.position().map_or(epoch, |here| epoch.min(here));
            }
            _ => {}
        }
        Down::Pong {
            nonce,
            epoch: confirmed,
            age_ms,
        }
    }

    /// Until when the answer to the open question may be taken.
    #[must_use]
    pub fn word_until(&self, size: &Size, mutant: Option<Mutant>) -> Option<u64> {
        let asked = self.asked?;
        asked.state?;
        if is(mutant, Mutant::WordWithoutLease) {
            return Some(asked.at + patience(size));
        }
        let age_ms = asked.knowledge?.age_ms();
        self.feed.lease().word_until(asked.at, age_ms)
    }

    /// A question that nobody's answer can be taken for any more.
    pub fn forget_old_question(&mut self, size: &Size, clock: u64) {
        self.asked
            .take_if(|asked| clock - asked.at >= patience(size));
    }
}

/// How long a request waits for an answer: longer than a lease, so that the lease is what decides.
const fn patience(size: &Size) -> u64 {
    size.lease_ms + 1
}

fn new_feed(size: &Size) -> Feed {
    Feed::new(u32::try_from(size.lease_ms).expect("a small lease"))
}
