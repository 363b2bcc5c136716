//! The steps of a replica: `sts/src/authority/tail.rs`, `sts/src/feed/stream.rs` and
//! `sts/src/feed/registry.rs`, with the same arithmetic. The steps are as small as the points at
//! which others can come in between there.

use caracal_mandate::lease::{HeadRead, Holder, Knowledge, Pending, Standing, pending};

use crate::mutant::Mutant;
use crate::size::{Network, Size};
use crate::wire::{Down, FIRST, Up};
use crate::world::{Answering, Entry, Look, Reading, Wait, World, is};

/// How many steps the answer to a ping takes: three when a rule is broken, because then it matters
/// where the last but one ends.
const fn answer_steps(mutant: Option<Mutant>) -> u8 {
    match mutant {
        Some(Mutant::LeaseNotedLate | Mutant::MomentAfterState) => 3,
        _ => 2,
    }
}

impl World {
    /// A new life: it has read nothing.
    pub fn start_service(&mut self, at: usize) {
        self.services[at].up = true;
    }

    /// A read of the head begins.
    pub fn begin_read(&mut self, size: &Size, at: usize) {
        let clock = self.service_clock(size);
        self.services[at].reading = Some(Reading::Begun(clock));
    }

    /// The database answers it.
    pub fn see_head(&mut self, at: usize, head: u64) {
        let reading = &mut self.services[at].reading;
        if let Some(Reading::Begun(began)) = *reading {
            *reading = Some(Reading::Seen(HeadRead::new(began, head)));
        }
    }

    /// What the read showed is applied, or, when it is, the read is confirmed.
    pub fn go_on_reading(&mut self, size: &Size, at: usize, mutant: Option<Mutant>) {
        let clock = self.service_clock(size);
        let service = &mut self.services[at];
        let Some(Reading::Seen(read)) = service.reading else {
            return;
        };
        let standing = read.against(service.applied);
        if is(mutant, Mutant::ConfirmedBeforeApplied) && standing == Standing::Behind {
            // What it would confirm once it is applied.
            if let Standing::Confirmed { at_ms } = read.against(read.head())
                && service.confirmed != Some(at_ms)
            {
                service.confirmed = Some(at_ms);
                return;
            }
        }
        match standing {
            Standing::Behind => service.applied = read.head(),
            // A log that was put back confirms nothing any more.
            Standing::Shortened => service.reading = None,
            Standing::Confirmed { at_ms } => {
                let at_ms = if is(mutant, Mutant::ReadConfirmedAtItsEnd) {
                    clock
                } else {
                    at_ms
                };
                if size.wait && service.confirmed.is_none() {
                    service.previous_until = match mutant {
                        Some(Mutant::PreviousLeasesForgotten) => 0,
                        Some(Mutant::PreviousLeasesTooShort) => clock + size.lease_ms - 2,
                        _ => clock + size.lease_ms,
                    };
                }
                service.confirmed = Some(at_ms);
                service.reading = None;
            }
        }
    }

    /// A stream is taken up: it stands in the book, and its snapshot is on the way.
    pub fn accept(&mut self, size: &Size, at: usize) {
        let stream = &mut self.streams[at];
        let service = &mut self.services[stream.service];
        // Only a wait looks into the book.
        if size.wait {
            service.book.push(Entry {
                stream: stream.id,
                point: stream.point,
                life: stream.life,
                holder: Holder::new(size.lease_ms),
            });
        }
        let to = service.applied;
        stream.down.push(Down::Begin(to));
        if to > FIRST {
            stream.down.push(Down::Chunk(to));
        }
        stream.down.push(Down::End(to));
        stream.cursor = to;
    }

    /// What is applied and not sent yet is sent.
    pub fn push(&mut self, at: usize, mutant: Option<Mutant>) {
        let stream = &mut self.streams[at];
        let service = &mut self.services[stream.service];
        if stream.cursor < service.applied {
            stream
                .down
                .push(Down::Delta(stream.cursor, service.applied));
            stream.cursor = service.applied;
            if is(mutant, Mutant::SentIsAcknowledged) {
                let id = stream.id;
                let own = |entry: &&mut Entry| entry.stream == id;
                if let Some(entry) = service.book.iter_mut().find(own) {
                    entry.holder.acknowledge(stream.cursor);
                }
            }
        }
    }

    /// A message of the point is taken.
    pub fn hear(&mut self, size: &Size, at: usize, message: Up) {
        let clock = self.service_clock(size);
        let stream = &mut self.streams[at];
        let service = &mut self.services[stream.service];
        match message {
            Up::Ping(nonce) => {
                stream.answering = service.confirmed.map(|confirmed| Answering {
                    nonce,
                    knowledge: Knowledge::new(clock, confirmed),
                    done: 0,
                });
            }
            Up::Ack(epoch) if epoch > stream.cursor => self.leave(at),
            Up::Ack(epoch) => {
                let (id, point, life) = (stream.id, stream.point, stream.life);
                for entry in &mut service.book {
                    // That goes for streams that the same life had before as well.
                    let earlier =
                        entry.point == point && entry.life == life && entry.holder.is_departed();
                    if entry.stream == id || earlier {
                        entry.holder.acknowledge(epoch);
                    }
                }
            }
        }
    }

    /// The next step of the answer to a ping.
    pub fn answer(&mut self, size: &Size, at: usize, mutant: Option<Mutant>) {
        let Some(mut answering) = self.streams[at].answering else {
            return;
        };
        let last = answering.done + 1 == answer_steps(mutant);
        match (mutant, answering.done) {
            // The rules: the lease is in the book before the state is read.
            (Some(Mutant::LeaseNotedLate | Mutant::MomentAfterState), 0) => {
                self.push(at, mutant);
            }
            (Some(Mutant::MomentAfterState), 1) => {
                let confirmed = self.services[self.streams[at].service].confirmed;
                let clock = self.service_clock(size);
                answering.knowledge = Knowledge::new(clock, confirmed.unwrap_or_default());
                self.note(at, answering.knowledge);
            }
            (_, 0) | (Some(Mutant::LeaseNotedLate), 1) => {
                self.note(at, answering.knowledge);
            }
            (
                Some(Mutant::PongBeforeDelta | Mutant::LeaseNotedLate | Mutant::MomentAfterState),
                _,
            ) => {}
            _ => self.push(at, mutant),
        }
        let stream = &mut self.streams[at];
        answering.done += 1;
        stream.answering = (!last).then_some(answering);
        if last {
            let rounded = u64::from(is(mutant, Mutant::AgeRoundedDown));
            stream.down.push(Down::Pong {
                nonce: answering.nonce,
                epoch: stream.cursor,
                age_ms: answering.knowledge.age_ms() - rounded,
            });
        }
    }

    /// Frames that the next step of an answer may send.
    #[must_use]
    pub fn answer_frames(&self, at: usize, mutant: Option<Mutant>) -> usize {
        let stream = &self.streams[at];
        let done = stream.answering.map_or(0, |answering| answering.done);
        let last = done + 1 == answer_steps(mutant);
        let sends_state = match mutant {
            Some(Mutant::LeaseNotedLate | Mutant::MomentAfterState) => done == 0,
            Some(Mutant::PongBeforeDelta) => false,
            _ => last,
        };
        let behind = stream.cursor < self.services[stream.service].applied;
        usize::from(sends_state && behind) + usize::from(last)
    }

    fn note(&mut self, at: usize, knowledge: Knowledge) {
        let stream = &self.streams[at];
        let service = &mut self.services[stream.service];
        let own = |entry: &&mut Entry| entry.stream == stream.id;
        if let Some(entry) = service.book.iter_mut().find(own) {
            entry.holder.extend(knowledge);
        }
    }

    /// The service's end of a stream is gone.
    pub fn leave(&mut self, at: usize) {
        let (id, service) = (self.streams[at].id, self.streams[at].service);
        for entry in &mut self.services[service].book {
            if entry.stream == id {
                entry.holder.depart();
            }
        }
        self.streams[at].service_gone();
        self.sweep();
    }

    /// What a departed stream leaves in the book.
    pub fn strike(&mut self, size: &Size, mutant: Option<Mutant>) {
        let clock = self.service_clock(size);
        let forget = is(mutant, Mutant::DepartedForgotten);
        for service in &mut self.services {
            service.book.retain(|entry| {
                let forgotten = forget && entry.holder.is_departed();
                !forgotten && !entry.holder.is_obsolete(clock)
            });
        }
    }

    /// Somebody begins to wait for everything that is committed.
    pub fn begin_wait(&mut self) {
        self.wait = Some(Wait {
            seq: self.head(),
            looks: vec![Look::Nothing; self.services.len()],
        });
    }

    /// The wait looks at a replica: first at its position, then at its book.
    pub fn look(&mut self, size: &Size, at: usize, mutant: Option<Mutant>) {
        let clock = self.service_clock(size);
        let service = &self.services[at];
        let Some(wait) = &mut self.wait else { return };
        let seq = wait.seq;
        let judge = |applied| {
            let book = service.book.iter().map(|entry| &entry.holder);
            pending(seq, applied, clock, service.previous_until, book)
        };
        let backwards = is(mutant, Mutant::BookBeforePosition);
        wait.looks[at] = match wait.looks[at] {
            Look::Nothing if backwards => Look::Half(0, judge(seq).is_none()),
            Look::Nothing => Look::Half(service.applied, false),
            Look::Half(_, clear) if backwards => settle(clear && service.applied >= seq),
            Look::Half(_, _) if is(mutant, Mutant::OwnPositionIgnored) => {
                settle(judge(seq).is_none())
            }
            Look::Half(applied, _) => match judge(applied) {
                None => Look::Done,
                Some(Pending::Unread | Pending::Lease(_)) => Look::Nothing,
            },
            Look::Done => Look::Done,
        };
        if wait.looks.iter().all(|look| *look == Look::Done) {
            self.in_effect = self.in_effect.max(seq);
            self.wait = None;
        }
    }

    /// Heads that a read may show.
    #[must_use]
    pub fn visible_heads(&self, mutant: Option<Mutant>) -> Vec<u64> {
        if is(mutant, Mutant::LaggingReplica) {
            (FIRST..=self.head()).collect()
        } else {
            vec![self.head()]
        }
    }

    /// From how far behind the front of a channel a message may be taken, and whether it may stay.
    #[must_use]
    pub fn reach(&self, size: &Size, waiting: usize) -> (usize, bool) {
        if size.network == Network::Hostile && self.calm.is_none() {
            (waiting, true)
        } else {
            (waiting.min(1), false)
        }
    }
}

fn settle(clear: bool) -> Look {
    if clear { Look::Done } else { Look::Nothing }
}
