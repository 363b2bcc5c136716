//! After the faults: nobody is late any more, and every point has to live again.
//!
//! From any state the faults may end. From then on a millisecond passes only when nothing is left to
//! do in it, in whatever order it is done: every service has confirmed a read that it began in it,
//! every point has sent a ping in it, and nothing is on its way.

use crate::mutant::Mutant;
use crate::protocol::Protocol;
use crate::size::Size;
use crate::step::Step;
use crate::world::{World, is};

/// Steps of true time after which every point lives. A point may hold a stream of which its service
/// knows nothing any more; silence tells it after two leases. One millisecond more for `>`, one for
/// the stream that it opens then.
#[must_use]
pub const fn recovery_time(size: &Size) -> u64 {
    (2 * size.lease_ms + 2) * size.grain
}

impl Protocol {
    pub(crate) fn calm_steps(&self, world: &World, steps: &mut Vec<Step>) {
        let calm = world.calm.unwrap_or_default();
        if calm > recovery_time(&self.size) {
            return;
        }
        let polls = !is(self.mutant, Mutant::NoPolling);
        let clock = world.service_clock(&self.size);
        self.service_steps(world, steps);
        // One read in each millisecond.
        steps.retain(|step| match step {
            Step::BeginRead(at) => {
                let confirmed = world.services[*at].confirmed;
                confirmed.is_none() || (polls && confirmed != Some(clock))
            }
            _ => true,
        });
        for (at, stream) in world.streams.iter().enumerate() {
            // It learns that the point has left, once it has read what the point had sent.
            if !stream.point_open && (stream.up.is_empty() || stream.cursor == 0) {
                steps.push(Step::Leave(at));
            }
        }
        for point in 0..world.points.len() {
            self.calm_point(world, point, steps);
        }
        if steps.is_empty() {
            steps.push(Step::Tick);
            self.hasty(world, steps);
        }
    }

    fn calm_point(&self, world: &World, point: usize, steps: &mut Vec<Step>) {
        let this = &world.points[point];
        let clock = world.point_clock(&self.size, point);
        let Some(at) = this.stream.and_then(|id| world.position(id)) else {
            // It tries again after a pause.
            if this.opened != clock && !is(self.mutant, Mutant::NoReconnect) {
                Self::opens(world, point, steps);
            }
            return;
        };
        let stream = &world.streams[at];
        if Self::is_silent(world, at) {
            let patience = 2 * self.size.lease_ms * self.size.grain;
            let over = world.calm.is_some_and(|calm| calm > patience);
            if over && !is(self.mutant, Mutant::SilenceUnnoticed) {
                steps.push(Step::Close(point));
            }
            return;
        }
        // One in each millisecond.
        let room = stream.up.len() < self.size.messages;
        if room && this.pinged != clock {
            steps.push(Step::Ping(point));
        }
    }

    /// A point whose stream is dead may find out before silence tells it.
    fn hasty(&self, world: &World, steps: &mut Vec<Step>) {
        if is(self.mutant, Mutant::SilenceUnnoticed) {
            return;
        }
        for (point, this) in world.points.iter().enumerate() {
            let at = this.stream.and_then(|id| world.position(id));
            if at.is_some_and(|at| Self::is_silent(world, at)) {
                steps.push(Step::Close(point));
            }
        }
    }

    fn is_silent(world: &World, at: usize) -> bool {
        let stream = &world.streams[at];
        !stream.service_open && stream.down.is_empty()
    }
}
