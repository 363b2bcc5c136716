//! The rows of the failure matrix: what goes wrong, how, and what clients may get meanwhile.

use std::time::Duration;

use super::gate::Weather;
use super::mischief::Mischief;
use super::xds::{ClusterEdit, ListenerEdit};

/// The answer of a point that has no live authority and gets no word about the request. It is right in
/// every row: nobody is let through by it, and a question that a busy machine answers too late ends so.
pub const UNAVAILABLE: &str = "503 authority_unavailable";
/// The answer to what was revoked.
pub const REVOKED: &str = "401 revoked";
/// The connection ended, or there was none to be had.
pub const CLOSED: &str = "closed";
/// The client itself gave up.
pub const GIVEN_UP: &str = "given up";
/// Let through.
pub const PASSED: &str = "200";

/// On what kind of gateway a row is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// With the interposer between Envoy and the token service.
    Frames,
    /// Envoy speaks to the token service itself.
    Straight,
    /// The same, with the build of the filter that can be made to trap.
    Trap,
    /// The same, with clocks that can be set.
    Clock,
}

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// The interposer does this; open streams of the feed are ended first where `cut` says so.
    Interpose {
        /// What.
        mischief: Mischief,
        /// Whether a new stream is to begin.
        cut: bool,
    },
    /// The ledger takes nothing, and the backlog is filled.
    FillBacklog,
    /// The weather between Envoy and the token service.
    Gate(Weather),
    /// `SIGKILL`, and a new start.
    KillService,
    /// `SIGSTOP` and `SIGCONT`.
    FreezeService,
    /// Another cluster of the token service.
    Cluster(ClusterEdit),
    /// Another listener.
    Listener(ListenerEdit),
    /// The token service is frozen until requests wait for it; then the listener is changed.
    UpdateWhileWaiting,
    /// `SIGSTOP` and `SIGCONT` for Envoy.
    FreezeEnvoy,
    /// `SIGKILL` for Envoy, and a new start.
    RestartEnvoy,
    /// The VM traps in this callback.
    Trap(Trap),
    /// A wall clock steps by as many seconds.
    StepClock(Whose, i64),
    /// The machine is suspended, and goes on: the process stands still, and its monotonic clock does.
    Suspend(Whose),
}

/// Whose clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Envoy's, and so the filter's.
    Envoy,
    /// The token service's.
    Service,
}

/// In which callback a VM traps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trap {
    /// Of a request's head.
    Head,
    /// Of the clock.
    Tick,
    /// Of a message of the feed, while the point gets its snapshot.
    Sync,
    /// Of an answer, while requests wait for it.
    Answer,
}

/// One row.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// What goes wrong.
    pub name: &'static str,
    /// How it is done.
    pub how: &'static str,
    /// Where it is played.
    pub place: Place,
    /// What is done.
    pub act: Act,
    /// What clients get while it lasts; each of these is seen in a full run. [`UNAVAILABLE`] may be
    /// seen beside them, and [`REVOKED`] by who was revoked.
    pub answers: &'static [&'static str],
    /// What they may get as well.
    pub perhaps: &'static [&'static str],
    /// Longest wait for an answer.
    pub patience: Duration,
    /// How clients behave.
    pub manner: Manner,
}

/// How clients behave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// They look at an account and wait for the answer.
    Patient,
    /// They send content and trailers.
    WithContent,
    /// They go before the token service has answered.
    Fleeting,
}

/// Longest wait where nothing is said to the contrary: twice the timeout of a question (250 ms), a
/// tick, and what a busy machine adds.
pub const PATIENCE: Duration = Duration::from_secs(2);

impl Row {
    /// Whether a client may get this from a mandate that was not revoked.
    #[must_use]
    pub fn permits(&self, answer: &str) -> bool {
        answer == PASSED
            || answer == UNAVAILABLE
            || self.answers.contains(&answer)
            || self.perhaps.contains(&answer)
    }
}
