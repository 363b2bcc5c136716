//! The state of everything, and its time.

use caracal_mandate::lease::{HeadRead, Holder, Knowledge};

use crate::mutant::Mutant;
use crate::point::Point;
use crate::recovery::recovery_time;
use crate::size::Size;
use crate::wire::{Down, FIRST, Up};

/// Everything at one moment of true time.
#[derive(Debug, Clone)]
pub struct World {
    /// True time, in steps of `1 / grain` milliseconds.
    pub now: u64,
    /// When each revocation was committed; the first has position `FIRST + 1`.
    pub commits: Vec<u64>,
    /// The replicas of the token service.
    pub services: Vec<Service>,
    /// The enforcement points.
    pub points: Vec<Point>,
    /// Streams that are open at one end at least, oldest first.
    pub streams: Vec<Stream>,
    /// Somebody who waits for a revocation to be in effect.
    pub wait: Option<Wait>,
    /// Highest position that such a wait has reported.
    pub in_effect: u64,
    /// Steps of true time since the faults ended.
    pub calm: Option<u64>,
    /// What was seen to happen that must not.
    pub seen: Seen,
}

/// Mistakes that show in a step and not in a state.
#[expect(clippy::struct_excessive_bools, reason = "each was seen or was not")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Seen {
    /// A request was let through on the service's word, a lease after its revocation was committed.
    pub late_word: bool,
    /// One was that was asked about after the revocation was reported to be in effect.
    pub word_after_effect: bool,
    /// A point went back to an earlier state.
    pub went_back: bool,
    /// A point did not live long after the faults had ended.
    pub dead: bool,
}

/// One replica, in one of its lives.
#[derive(Debug, Clone)]
pub struct Service {
    /// Whether it runs.
    pub up: bool,
    /// Position of its state.
    pub applied: u64,
    /// When the last confirmed read began, by its own clock. Without one it serves nobody.
    pub confirmed: Option<u64>,
    /// The read that is under way.
    pub reading: Option<Reading>,
    /// Until when points may hold leases of the life before.
    pub previous_until: u64,
    /// Who may decide alone.
    pub book: Vec<Entry>,
}

/// A read of the log's head that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// It began at this time.
    Begun(u64),
    /// The head was seen.
    Seen(HeadRead),
}

/// One stream in the book of its service.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Which stream.
    pub stream: u32,
    /// Whose.
    pub point: usize,
    /// In which of its lives.
    pub life: u32,
    /// What is known of it.
    pub holder: Holder,
}

/// A stream with both of its channels.
#[derive(Debug, Clone)]
pub struct Stream {
    /// Its name.
    pub id: u32,
    /// Whose.
    pub point: usize,
    /// In which of its lives.
    pub life: u32,
    /// With whom.
    pub service: usize,
    /// Whether the point still has it.
    pub point_open: bool,
    /// Whether the service still has it.
    pub service_open: bool,
    /// Everything up to this position was sent; 0 before the service has taken the stream up.
    pub cursor: u64,
    /// A ping that is being answered.
    pub answering: Option<Answering>,
    /// On the way to the service.
    pub up: Vec<Up>,
    /// On the way to the point.
    pub down: Vec<Down>,
}

/// How far a ping's answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answering {
    /// Which ping.
    pub nonce: u64,
    /// What the service knew.
    pub knowledge: Knowledge,
    /// Steps that are done.
    pub done: u8,
}

/// `revoke --wait` under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// For which position.
    pub seq: u64,
    /// How far it is with each replica.
    pub looks: Vec<Look>,
}

/// How far a wait is with one replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Look {
    /// Nothing was looked at.
    Nothing,
    /// One of two things was: the replica's position, and whether its book was clear.
    Half(u64, bool),
    /// It says that the change is in effect.
    Done,
}

/// The first moment. Everything that is looked back to comes after 0.
const START: u64 = 1000;

impl World {
    /// A log of one entry that every replica has read just now; no streams.
    #[must_use]
    pub fn new(size: &Size) -> Self {
        let now = START * size.grain;
        let service = Service {
            up: true,
            applied: FIRST,
            confirmed: Some(service_clock(size, now)),
            reading: None,
            previous_until: 0,
            book: Vec::new(),
        };
        Self {
            now,
            commits: Vec::new(),
            services: vec![service; size.services],
            points: (0..size.points).map(|_| Point::new(size)).collect(),
            streams: Vec::new(),
            wait: None,
            in_effect: FIRST,
            calm: None,
            seen: Seen::default(),
        }
    }

    /// The log's head.
    #[must_use]
    pub fn head(&self) -> u64 {
        FIRST + self.commits.len() as u64
    }

    /// Whether the revocation with a position was committed a lease ago, or longer.
    #[must_use]
    pub fn is_old(&self, size: &Size, position: u64) -> bool {
        let at = usize::try_from(position - FIRST - 1).unwrap_or(usize::MAX);
        self.now >= self.commits[at] + size.lease_ms * size.grain
    }

    /// Positions of all revocations.
    pub fn revocations(&self) -> impl Iterator<Item = u64> + use<> {
        FIRST + 1..=self.head()
    }

    /// What a service's clock shows.
    #[must_use]
    pub fn service_clock(&self, size: &Size) -> u64 {
        service_clock(size, self.now)
    }

    /// What a point's clock shows. Its milliseconds begin in the middle of a service's.
    #[must_use]
    pub fn point_clock(&self, size: &Size, point: usize) -> u64 {
        (self.now - self.points[point].stood + size.grain / 2) / size.grain
    }

    /// Where a stream stands in the list.
    #[must_use]
    pub fn position(&self, stream: u32) -> Option<usize> {
        self.streams.iter().position(|each| each.id == stream)
    }

    /// Time passes. What is over by then is struck from the books; the running code does so when it
    /// comes by.
    pub fn tick(&mut self, size: &Size) {
        if self.calm.is_some_and(|calm| calm >= recovery_time(size)) {
            let dead = |point: usize| {
                let clock = self.point_clock(size, point);
                self.points[point].feed.live(clock).is_none()
            };
            self.seen.dead |= (0..self.points.len()).any(dead);
        }
        self.now += 1;
        if let Some(calm) = &mut self.calm {
            *calm += 1;
        }
        let clock = self.service_clock(size);
        for service in &mut self.services {
            service
                .book
                .retain(|entry| !entry.holder.is_obsolete(clock));
        }
        for point in 0..self.points.len() {
            let clock = self.point_clock(size, point);
            self.points[point].forget_old_question(size, clock);
        }
    }

    /// A service dies, with everything that it knew.
    pub fn crash_service(&mut self, at: usize) {
        let service = &mut self.services[at];
        service.up = false;
        service.applied = 0;
        service.confirmed = None;
        service.reading = None;
        service.previous_until = 0;
        service.book.clear();
        for stream in &mut self.streams {
            if stream.service == at {
                stream.service_gone();
            }
        }
        for point in &mut self.points {
            point.asked.take_if(|asked| asked.service == at);
        }
        // Whoever waits for its answer gets none, and says so.
        self.wait.take_if(|wait| wait.looks[at] != Look::Done);
        self.sweep();
    }

    /// Streams that are gone at both ends.
    pub fn sweep(&mut self) {
        self.streams
            .retain(|stream| stream.point_open || stream.service_open);
    }
}

/// Whether this rule is the broken one.
#[must_use]
pub fn is(mutant: Option<Mutant>, which: Mutant) -> bool {
    mutant == Some(which)
}

fn service_clock(size: &Size, now: u64) -> u64 {
    now / size.grain
}

impl Stream {
    /// The service has it no more.
    pub fn service_gone(&mut self) {
        self.service_open = false;
        self.answering = None;
        self.up.clear();
    }

    /// Pings that were not answered yet, and answers that have not arrived.
    #[must_use]
    pub fn pings(&self) -> usize {
        let up = self.up.iter().filter(|each| matches!(each, Up::Ping(_)));
        let down = self.down.iter();
        let down = down.filter(|each| matches!(each, Down::Pong { .. }));
        up.count() + down.count() + usize::from(self.answering.is_some())
    }

    /// The point has it no more: nothing that is on its way arrives.
    pub fn point_gone(&mut self) {
        self.point_open = false;
        self.down.clear();
    }
}
