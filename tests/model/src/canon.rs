//! What can still matter of a world.
//!
//! Two worlds that differ only by when it is, by the names of lives, streams and pings, by how long
//! something has been over, or by which of two like parties is which, have the same future: every
//! rule looks at differences of times, at which ping a pong answers, and at nothing else. They are
//! one state to the checker. So time, pings, streams and lives need no bound of their own.

use std::hash::{Hash, Hasher};

use caracal_filter::authority::Authority;
use caracal_mandate::lease::{Standing, until};

use crate::mutant::Mutant;
use crate::size::{Network, Size};
use crate::wire::{Down, Up, epoch};
use crate::world::{Entry, Look, Reading, Service, Stream, World};

/// A world with its size, compared by what can still matter.
#[derive(Debug, Clone)]
pub struct State {
    /// The world.
    pub world: World,
    /// Its size.
    pub size: Size,
    /// The rule that is broken. What can no longer matter rests on the rules, so with one of them
    /// broken less is left out.
    pub mutant: Option<Mutant>,
}

fn byte(value: u64) -> u8 {
    u8::try_from(value).expect("small numbers only")
}

/// How long ago something was; beyond `end` it makes no difference.
fn age(now: u64, then: u64, end: u64) -> u8 {
    byte(now.saturating_sub(then).min(end))
}

/// How much is left of something.
fn left(until: u64, now: u64) -> u8 {
    byte(until.saturating_sub(now))
}

/// What is left of the lease that a ping of this time gets with this age.
fn lease_left(size: &Size, sent: u64, age_ms: u64, clock: u64) -> u8 {
    until(sent, age_ms, size.lease_ms).map_or(0, |until| left(until, clock))
}

struct Writer<'w> {
    world: &'w World,
    size: &'w Size,
    /// Whether all rules hold.
    lawful: bool,
    out: Vec<u8>,
    /// Which service and which point stand at each place.
    services: &'w [usize],
    points: &'w [usize],
}

impl<'w> Writer<'w> {
    fn world(mut self) -> Vec<u8> {
        let (world, size) = (self.world, self.size);
        let lease = size.lease_ms * size.grain;
        self.out.push(byte(world.now % size.grain));
        self.out.push(byte(world.commits.len() as u64));
        for at in &world.commits {
            self.out.push(age(world.now, *at, lease));
        }
        self.out.push(byte(world.in_effect));
        self.out.push(world.calm.map_or(u8::MAX, byte));
        let seen = world.seen;
        let seen = [
            seen.late_word,
            seen.word_after_effect,
            seen.went_back,
            seen.dead,
        ];
        self.out.extend(seen.map(u8::from));
        match &world.wait {
            None => self.out.push(0),
            Some(wait) => {
                self.out.push(byte(wait.seq));
                for at in self.services {
                    self.out.extend(match wait.looks[*at] {
                        Look::Nothing => [0, 0],
                        Look::Half(applied, clear) => [1 + u8::from(clear), byte(applied)],
                        Look::Done => [3, 0],
                    });
                }
            }
        }
        for at in self.services {
            self.service(&world.services[*at]);
        }
        for at in self.points {
            self.point(*at);
        }
        self.out
    }

    /// Age from which on a read proves nothing to anybody: with one millisecond for rounding, no lease
    /// that rests on it is left. The book counts two milliseconds more.
    const fn read_end(&self) -> u64 {
        if self.lawful && !self.size.wait {
            self.size.lease_ms - 1
        } else {
            self.size.lease_ms + 1
        }
    }

    fn service(&mut self, service: &Service) {
        let clock = self.world.service_clock(self.size);
        let end = self.read_end();
        self.out.push(u8::from(service.up));
        self.out.push(byte(service.applied));
        let confirmed = service.confirmed.map(|at| age(clock, at, end));
        self.out.push(confirmed.unwrap_or(u8::MAX));
        self.out.extend(match service.reading {
            None => [0, 0, 0],
            Some(Reading::Begun(at)) => [1, age(clock, at, end), 0],
            Some(Reading::Seen(read)) => {
                let began = match read.against(read.head()) {
                    Standing::Confirmed { at_ms } => at_ms,
                    _ => 0,
                };
                [2, age(clock, began, end), byte(read.head())]
            }
        });
        self.out.push(left(service.previous_until, clock));
        let mut book: Vec<_> = service
            .book
            .iter()
            .map(|entry| self.entry(entry, clock))
            .collect();
        book.sort_unstable();
        self.out.push(byte(book.len() as u64));
        self.out.extend(book.into_iter().flatten());
    }

    fn entry(&self, entry: &Entry, clock: u64) -> [u8; 6] {
        let streams = self.streams_of(entry.point);
        let stream = streams.iter().position(|stream| stream.id == entry.stream);
        [
            byte(
                self.points
                    .iter()
                    .position(|at| *at == entry.point)
                    .unwrap_or_default() as u64,
            ),
            self.life(entry.point, entry.life),
            stream.map_or(u8::MAX, |at| byte(at as u64)),
            left(entry.holder.until_ms(), clock),
            byte(entry.holder.acked()),
            u8::from(entry.holder.is_departed()),
        ]
    }

    fn streams_of(&self, point: usize) -> Vec<&'w Stream> {
        let world: &'w World = self.world;
        let streams = world.streams.iter();
        streams.filter(|stream| stream.point == point).collect()
    }

    /// Lives that something is left of, counted back from the present one.
    fn life(&self, point: usize, life: u32) -> u8 {
        let world = self.world;
        if !self.size.wait || world.points[point].life == 0 {
            return 0;
        }
        let streams = world.streams.iter().map(|each| (each.point, each.life));
        let entries = world.services.iter().flat_map(|service| &service.book);
        let entries = entries.map(|each| (each.point, each.life));
        let mut lives: Vec<u32> = streams
            .chain(entries)
            .filter_map(|(of, life)| (of == point).then_some(life))
            .chain([world.points[point].life])
            .collect();
        lives.sort_unstable();
        lives.dedup();
        byte(
            lives
                .iter()
                .rev()
                .position(|each| *each == life)
                .unwrap_or_default() as u64,
        )
    }

    fn point(&mut self, at: usize) {
        let (world, size) = (self.world, self.size);
        let point = &world.points[at];
        let clock = world.point_clock(size, at);
        let outline = point.feed.outline();
        self.out
            .push(outline.until.map_or(0, |until| left(until, clock)));
        self.out.push(byte(outline.floor.epoch));
        self.out.push(byte(point.highest));
        self.out.push(u8::from(outline.synced));
        // Without a lease, what is here waits to be replaced by the snapshot that gets one.
        let idle =
            self.lawful && !outline.synced && outline.until.is_none_or(|until| until <= clock);
        self.authority(outline.current.filter(|_| !idle));
        self.authority(outline.incoming.map(|(authority, _)| authority));
        self.out
            .push(byte(outline.incoming.map_or(0, |(_, items)| items)));
        let pings: Vec<(u64, u64)> = outline.pings.iter().copied().collect();
        // Each ping is on its way once, in one form or another, and is told of there.
        let once = self.lawful && size.network == Network::Http2;
        if !once {
            self.out.push(byte(pings.len() as u64));
            for (_, sent) in &pings {
                self.out.push(age(clock, *sent, size.lease_ms));
            }
        }
        self.out.push(
            match (world.calm, point.opened == clock, point.pinged == clock) {
                (None, _, _) => 0,
                (Some(_), opened, pinged) => 1 + u8::from(opened) + 2 * u8::from(pinged),
            },
        );
        // Where in the millisecond of this clock it is, if it ever stood still.
        self.out.push(byte((point.stood) % size.grain));
        match point.asked {
            None => self.out.push(u8::MAX),
            Some(asked) => {
                let service = self.services.iter().position(|each| *each == asked.service);
                let known = asked
                    .knowledge
                    .map(caracal_mandate::lease::Knowledge::age_ms);
                self.out.push(byte(service.unwrap_or_default() as u64));
                self.out.push(age(clock, asked.at, size.lease_ms + 1));
                self.out.push(byte(asked.in_effect));
                let known = known.map(|known| lease_left(size, asked.at, known, clock));
                self.out.push(known.unwrap_or(u8::MAX));
                self.out.push(asked.state.map_or(u8::MAX, byte));
            }
        }
        let streams = self.streams_of(at);
        self.out.push(byte(streams.len() as u64));
        for stream in streams {
            let live = point.stream == Some(stream.id);
            let ping = |nonce: u64| {
                let place = pings.iter().position(|(each, _)| *each == nonce);
                place.filter(|_| live)
            };
            if once {
                let sent = |nonce| ping(nonce).map(|at| pings[at].1);
                self.stream(stream, &|nonce, age_ms| match (sent(nonce), age_ms) {
                    (None, _) => [0, 0],
                    (Some(sent), None) => [1 + age(clock, sent, size.lease_ms - 1), 0],
                    (Some(sent), Some(age_ms)) => [0, lease_left(size, sent, age_ms, clock)],
                });
            } else {
                let end = size.lease_ms + u64::from(!self.lawful);
                self.stream(stream, &|nonce, age_ms| {
                    let name = ping(nonce).map_or(u8::MAX, |at| byte(at as u64));
                    [name, age_ms.map_or(0, |age_ms| byte(age_ms.min(end)))]
                });
            }
        }
    }

    fn authority(&mut self, authority: Option<&Authority>) {
        let Some(authority) = authority else {
            self.out.push(u8::MAX);
            return;
        };
        self.out.push(byte(epoch(authority.version)));
        let mut ids: Vec<u8> = authority
            .revocations
            .iter()
            .map(|each| byte(each.id.0))
            .collect();
        ids.sort_unstable();
        self.out.push(byte(ids.len() as u64));
        self.out.extend(ids);
    }

    /// `name` tells of a ping, and of the age in its pong if there is one.
    fn stream(&mut self, stream: &Stream, name: &dyn Fn(u64, Option<u64>) -> [u8; 2]) {
        let clock = self.world.service_clock(self.size);
        let end = self.read_end();
        let service = self.services.iter().position(|at| *at == stream.service);
        let life = self.life(stream.point, stream.life);
        self.out.extend([
            byte(service.unwrap_or_default() as u64),
            life,
            u8::from(stream.point_open) + 2 * u8::from(stream.service_open),
            byte(stream.cursor),
        ]);
        self.out.extend(match stream.answering {
            None => [0; 4],
            Some(answering) => {
                let confirmed = answering.knowledge.confirmed_ms();
                let [a, b] = name(answering.nonce, Some(answering.knowledge.age_ms()));
                // What it confirms is noted in the book, and else only the lease matters.
                let noted = !self.lawful || self.size.wait;
                let confirmed = if noted { age(clock, confirmed, end) } else { 0 };
                [1 + answering.done, a, b, confirmed]
            }
        });
        self.out.push(byte(stream.up.len() as u64));
        for message in &stream.up {
            self.out.extend(match message {
                Up::Ping(nonce) => {
                    let [a, b] = name(*nonce, None);
                    [0, a, b]
                }
                Up::Ack(to) => [1, byte(*to), 0],
            });
        }
        self.out.push(byte(stream.down.len() as u64));
        for frame in &stream.down {
            self.out.extend(match frame {
                Down::Begin(to) => [0, byte(*to), 0, 0],
                Down::Chunk(to) => [1, byte(*to), 0, 0],
                Down::End(to) => [2, byte(*to), 0, 0],
                Down::Delta(from, to) => [3, byte(*from), byte(*to), 0],
                Down::Pong {
                    nonce,
                    epoch,
                    age_ms,
                } => {
                    let [a, b] = name(*nonce, Some(*age_ms));
                    [4, a, b, byte(*epoch)]
                }
            });
        }
    }
}

/// Every order of `count` things.
fn orders(count: usize) -> Vec<Vec<usize>> {
    match count {
        0 | 1 => vec![(0..count).collect()],
        2 => vec![vec![0, 1], vec![1, 0]],
        _ => {
            let mut all = Vec::new();
            for shorter in orders(count - 1) {
                for place in 0..count {
                    let mut order = shorter.clone();
                    order.insert(place, count - 1);
                    all.push(order);
                }
            }
            all
        }
    }
}

impl State {
    /// The same bytes for all worlds that have the same future.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut least: Option<Vec<u8>> = None;
        for services in &orders(self.size.services) {
            for points in &orders(self.size.points) {
                let writer = Writer {
                    world: &self.world,
                    size: &self.size,
                    lawful: self.mutant.is_none_or(Mutant::keeps_past_closed),
                    out: Vec::with_capacity(128),
                    services,
                    points,
                };
                let bytes = writer.world();
                if least.as_ref().is_none_or(|least| bytes < *least) {
                    least = Some(bytes);
                }
            }
        }
        least.unwrap_or_default()
    }
}

impl Hash for State {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bytes().hash(state);
    }
}

impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }
}

impl Eq for State {}
