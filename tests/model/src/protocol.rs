//! The protocol as the checker takes it: which steps are possible, and what they do.

use stateright::{Model, Property};

use crate::canon::State;
use crate::mutant::Mutant;
use crate::point::{Asked, Point};
use crate::properties;
use crate::size::{Network, Size};
use crate::step::Step;
use crate::wire::Up;
use crate::world::{Look, Reading, Stream, World, is};
use caracal_mandate::lease::Knowledge;

/// Streams of one point that are open at one end at least.
const STREAMS: usize = 2;

/// A world of some size, with all rules or with one of them broken.
#[derive(Debug, Clone)]
pub struct Protocol {
    /// How large.
    pub size: Size,
    /// What is broken.
    pub mutant: Option<Mutant>,
}

impl Protocol {
    /// With all rules.
    #[must_use]
    pub const fn new(size: Size) -> Self {
        Self { size, mutant: None }
    }

    /// With one rule broken.
    #[must_use]
    pub const fn without(size: Size, mutant: Mutant) -> Self {
        Self {
            size,
            mutant: Some(mutant),
        }
    }

    /// Steps that are taken sooner or later by themselves, by somebody who is neither frozen nor cut
    /// off.
    pub(crate) fn service_steps(&self, world: &World, steps: &mut Vec<Step>) {
        for (at, service) in world.services.iter().enumerate() {
            match service.reading {
                _ if !service.up => steps.push(Step::Start(at)),
                None => steps.push(Step::BeginRead(at)),
                Some(Reading::Begun(_)) => {
                    let heads = world.visible_heads(self.mutant).into_iter();
                    steps.extend(heads.map(|head| Step::SeeHead(at, head)));
                }
                Some(Reading::Seen(_)) => steps.push(Step::GoOnReading(at)),
            }
        }
        for at in 0..world.streams.len() {
            self.stream_steps(world, at, steps);
        }
    }

    fn stream_steps(&self, world: &World, at: usize, steps: &mut Vec<Step>) {
        let stream = &world.streams[at];
        let service = &world.services[stream.service];
        // Frames to a point that has left go nowhere and need no room.
        let room = |frames| !stream.point_open || stream.down.len() + frames <= self.size.frames;
        if stream.service_open && service.confirmed.is_some() {
            if stream.cursor == 0 {
                if room(3) {
                    steps.push(Step::Accept(at));
                }
            } else if stream.answering.is_some() {
                if room(world.answer_frames(at, self.mutant)) {
                    steps.push(Step::Answer(at));
                }
            } else {
                if stream.cursor < service.applied && room(1) {
                    steps.push(Step::Push(at));
                }
                let (reach, copies) = world.reach(&self.size, stream.up.len());
                for place in 0..reach {
                    steps.push(Step::Hear(at, place, false));
                    if copies {
                        steps.push(Step::Hear(at, place, true));
                    }
                }
            }
        }
        if stream.point_open {
            let (reach, copies) = world.reach(&self.size, stream.down.len());
            // An acknowledgement may have to be sent.
            let room = !self.size.wait || stream.up.len() < self.size.messages;
            let reach = if room { reach } else { 0 };
            for place in 0..reach {
                steps.push(Step::Deliver(at, place, false));
                if copies {
                    steps.push(Step::Deliver(at, place, true));
                }
            }
        }
    }

    pub(crate) fn opens(world: &World, point: usize, steps: &mut Vec<Step>) {
        let of_point = world.streams.iter().filter(|each| each.point == point);
        if world.points[point].stream.is_none() && of_point.count() < STREAMS {
            let up = |(at, service): (usize, &crate::world::Service)| service.up.then_some(at);
            let services = world.services.iter().enumerate().filter_map(up);
            steps.extend(services.map(|at| Step::Open(point, at)));
        }
    }

    fn point_steps(&self, world: &World, point: usize, steps: &mut Vec<Step>) {
        let this = &world.points[point];
        Self::opens(world, point, steps);
        if let Some(at) = this.stream.and_then(|id| world.position(id)) {
            let stream = &world.streams[at];
            if stream.up.len() < self.size.messages && stream.pings() < self.size.pings {
                steps.push(Step::Ping(point));
            }
            steps.push(Step::Close(point));
        }
        if self.size.point_crashes && this.feed.outline().floor.epoch > 0 {
            steps.push(Step::CrashPoint(point));
        }
        if self.size.ask {
            let confirmed = |at: usize| world.services[at].confirmed.is_some();
            match this.asked {
                None => {
                    let services = 0..world.services.len();
                    steps.extend(services.map(|at| Step::Ask(point, at)));
                }
                Some(asked) if !confirmed(asked.service) => {}
                Some(asked) if asked.knowledge.is_none() => {
                    steps.push(Step::QuestionArrives(point));
                }
                Some(asked) if asked.state.is_none() => steps.push(Step::SaysYes(point)),
                Some(_) => steps.push(Step::YesArrives(point)),
            }
        }
    }

    fn faults(&self, world: &World, steps: &mut Vec<Step>) {
        if self.size.service_crashes {
            let up = |at: &usize| world.services[*at].up;
            let services = (0..world.services.len()).filter(up);
            steps.extend(services.map(Step::CrashService));
        }
        for (at, stream) in world.streams.iter().enumerate() {
            if stream.service_open {
                steps.push(Step::Leave(at));
            }
            if self.size.network == Network::Hostile {
                steps.extend((0..stream.up.len()).map(|place| Step::LoseUp(at, place)));
                steps.extend((0..stream.down.len()).map(|place| Step::LoseDown(at, place)));
            }
        }
        if is(self.mutant, Mutant::ClockStops) {
            steps.extend((0..world.points.len()).map(Step::Stand));
        }
    }

    fn deliver(&self, world: &mut World, at: usize, place: usize, copy: bool) {
        let stream = &mut world.streams[at];
        let frame = stream.down[place];
        if !copy {
            stream.down.remove(place);
        }
        let owner = stream.point;
        let clock = world.point_clock(&self.size, owner);
        let point = &mut world.points[owner];
        match point.take(frame, clock, self.mutant) {
            Err(_) => self.close(world, owner),
            Ok(acknowledge) => {
                let here = point.position().unwrap_or_default();
                world.seen.went_back |= here < point.highest && here > 0;
                point.highest = point.highest.max(here);
                let stream = &mut world.streams[at];
                // Acknowledgements are for the book.
                let heard = self.size.wait && stream.service_open;
                if let (Some(epoch), true) = (acknowledge, heard) {
                    stream.up.push(Up::Ack(epoch));
                }
            }
        }
    }

    fn close(&self, world: &mut World, point: usize) {
        let stream = world.points[point].stream.take();
        world.points[point].feed.stream_ended();
        if let Some(at) = stream.and_then(|id| world.position(id)) {
            world.streams[at].point_gone();
            // What the service does with a stream that has no far end shows in its book alone.
            if !self.size.wait {
                world.streams[at].service_gone();
            }
        }
        world.sweep();
    }

    fn open(&self, world: &mut World, point: usize, service: usize) {
        let clock = world.point_clock(&self.size, point);
        let id = world.streams.iter().map(|each| each.id).max();
        let id = id.map_or(0, |id| id + 1);
        let nonce = world.points[point].open(&self.size, clock, self.mutant);
        world.points[point].stream = Some(id);
        world.streams.push(Stream {
            id,
            point,
            life: world.points[point].life,
            service,
            point_open: true,
            service_open: true,
            cursor: 0,
            answering: None,
            up: vec![Up::Ping(nonce)],
            down: Vec::new(),
        });
    }

    fn yes_arrives(&self, world: &mut World, point: usize) {
        let clock = world.point_clock(&self.size, point);
        let until = world.points[point].word_until(&self.size, self.mutant);
        let Some(Asked {
            state, in_effect, ..
        }) = world.points[point].asked.take()
        else {
            return;
        };
        let state = state.unwrap_or_default();
        if until.is_some_and(|until| clock < until) {
            let mut missed = world.revocations().filter(|position| *position > state);
            world.seen.late_word |= missed.any(|position| world.is_old(&self.size, position));
            world.seen.word_after_effect |= state < in_effect;
        }
    }

    pub(crate) fn apply(&self, world: &mut World, step: Step) {
        let (size, mutant) = (&self.size, self.mutant);
        match step {
            Step::Tick => world.tick(size),
            Step::Stand(point) => {
                world.points[point].stood += 1;
                world.tick(size);
            }
            Step::Commit => world.commits.push(world.now),
            Step::Calm => {
                world.calm = Some(0);
                // What was done in this millisecond before may be done again.
                for point in &mut world.points {
                    (point.opened, point.pinged) = (0, 0);
                }
            }
            Step::Start(at) => world.start_service(at),
            Step::CrashService(at) => world.crash_service(at),
            Step::BeginRead(at) => world.begin_read(size, at),
            Step::SeeHead(at, head) => world.see_head(at, head),
            Step::GoOnReading(at) => world.go_on_reading(size, at, mutant),
            Step::Accept(at) => world.accept(size, at),
            Step::Push(at) => world.push(at, mutant),
            Step::Hear(at, place, copy) => {
                let message = world.streams[at].up[place];
                if !copy {
                    world.streams[at].up.remove(place);
                }
                world.hear(size, at, message);
            }
            Step::Answer(at) => world.answer(size, at, mutant),
            Step::Leave(at) => world.leave(at),
            Step::Open(point, service) => self.open(world, point, service),
            Step::Ping(point) => {
                let clock = world.point_clock(size, point);
                let nonce = world.points[point].ping(clock);
                let stream = world.points[point].stream;
                if let Some(at) = stream.and_then(|id| world.position(id))
                    && world.streams[at].service_open
                {
                    world.streams[at].up.push(Up::Ping(nonce));
                }
            }
            Step::Deliver(at, place, copy) => self.deliver(world, at, place, copy),
            Step::Close(point) => self.close(world, point),
            Step::CrashPoint(point) => {
                self.close(world, point);
                let life = world.points[point].life + 1;
                let stood = world.points[point].stood;
                world.points[point] = Point {
                    life,
                    stood,
                    ..Point::new(size)
                };
            }
            Step::LoseUp(at, place) => drop(world.streams[at].up.remove(place)),
            Step::LoseDown(at, place) => drop(world.streams[at].down.remove(place)),
            Step::Ask(point, service) => {
                world.points[point].asked = Some(Asked {
                    service,
                    at: world.point_clock(size, point),
                    in_effect: world.in_effect,
                    knowledge: None,
                    state: None,
                });
            }
            Step::QuestionArrives(point) => {
                let clock = world.service_clock(size);
                if let Some(asked) = &mut world.points[point].asked {
                    let confirmed = world.services[asked.service].confirmed;
                    asked.knowledge = confirmed.map(|at| Knowledge::new(clock, at));
                }
            }
            Step::SaysYes(point) => {
                if let Some(asked) = &mut world.points[point].asked {
                    asked.state = Some(world.services[asked.service].applied);
                }
            }
            Step::YesArrives(point) => self.yes_arrives(world, point),
            Step::Wait => world.begin_wait(),
            Step::Look(at) => world.look(size, at, mutant),
        }
        world.strike(size, mutant);
        // Frames to a point that has left arrive nowhere.
        for stream in &mut world.streams {
            if !stream.point_open {
                stream.down.clear();
            }
        }
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            world: World::new(&self.size),
            size: self.size,
            mutant: self.mutant,
        }]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        let world = &state.world;
        if world.calm.is_some() {
            self.calm_steps(world, steps);
            return;
        }
        steps.push(Step::Tick);
        if (world.commits.len() as u64) < self.size.commits {
            steps.push(Step::Commit);
        }
        self.service_steps(world, steps);
        for point in 0..world.points.len() {
            self.point_steps(world, point, steps);
        }
        self.faults(world, steps);
        if self.size.wait {
            match &world.wait {
                None if world.in_effect < world.head() => steps.push(Step::Wait),
                None => {}
                Some(wait) => {
                    let open = |at: &usize| {
                        wait.looks[*at] != Look::Done && world.services[*at].confirmed.is_some()
                    };
                    let open = (0..world.services.len()).filter(open);
                    steps.extend(open.map(Step::Look));
                }
            }
        }
        if self.size.calm {
            steps.push(Step::Calm);
        }
    }

    fn next_state(&self, before: &State, step: Step) -> Option<State> {
        let mut state = before.clone();
        self.apply(&mut state.world, step);
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::of(&self.size)
    }
}
