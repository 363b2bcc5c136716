//! What may happen next, and how it is told.

use crate::size::Size;
use crate::wire::{Down, Up};
use crate::world::World;

/// One step of somebody. Streams are named by where they stand in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// True time passes.
    Tick,
    /// It passes, and a point's clock stands still.
    Stand(usize),
    /// A revocation is committed.
    Commit,
    /// The faults are over.
    Calm,
    /// A service starts.
    Start(usize),
    /// A service dies.
    CrashService(usize),
    /// A service begins to read the head.
    BeginRead(usize),
    /// The database answers with a head.
    SeeHead(usize, u64),
    /// The service applies what the read showed, or confirms it.
    GoOnReading(usize),
    /// The service takes a stream up and sends the snapshot.
    Accept(usize),
    /// The service sends what it has applied.
    Push(usize),
    /// The service takes the message at this place of the channel; it may stay there.
    Hear(usize, usize, bool),
    /// The service goes on with the answer to a ping.
    Answer(usize),
    /// The service's end of a stream is gone.
    Leave(usize),
    /// A point opens a stream to a service.
    Open(usize, usize),
    /// A point sends a ping.
    Ping(usize),
    /// A point takes the frame at this place of the channel; it may stay there.
    Deliver(usize, usize, bool),
    /// The point's end of its stream is gone.
    Close(usize),
    /// A point dies and starts anew.
    CrashPoint(usize),
    /// A message to the service is lost.
    LoseUp(usize, usize),
    /// A frame to the point is lost.
    LoseDown(usize, usize),
    /// A point asks a service about a request.
    Ask(usize, usize),
    /// The question arrives.
    QuestionArrives(usize),
    /// The service says yes, on the state that it has.
    SaysYes(usize),
    /// The yes arrives, and is taken or not.
    YesArrives(usize),
    /// Somebody begins to wait for what is committed to be in effect.
    Wait,
    /// The wait looks at a service.
    Look(usize),
}

fn service(at: usize) -> char {
    char::from(b'A' + u8::try_from(at).expect("few services"))
}

fn channel<T: ToString>(messages: &[T], place: usize) -> String {
    messages
        .get(place)
        .map(ToString::to_string)
        .unwrap_or_default()
}

impl Step {
    /// What happens, in words. `before` is the world that it happens to.
    #[expect(clippy::too_many_lines, reason = "one sentence for each step")]
    #[must_use]
    pub fn tell(self, before: &World, after: &World, size: &Size) -> String {
        let stays = |stays: bool| {
            if stays {
                ", and a copy stays on the way"
            } else {
                ""
            }
        };
        let with = |stream: usize| {
            let stream = &before.streams[stream];
            (stream.point, service(stream.service))
        };
        match self {
            Self::Tick => {
                let unit = if size.grain == 1 {
                    ""
                } else {
                    " (a fraction of a millisecond)"
                };
                format!("time passes{unit}")
            }
            Self::Stand(point) => format!("time passes; point {point} and its clock stand still"),
            Self::Commit => format!("the database commits revocation {}", after.head()),
            Self::Calm => "from here on nothing fails and nothing is late".to_owned(),
            Self::Start(at) => format!("service {} starts", service(at)),
            Self::CrashService(at) => format!("service {} dies", service(at)),
            Self::BeginRead(at) => format!("service {} begins to read the head", service(at)),
            Self::SeeHead(at, head) => {
                format!(
                    "the database answers service {}: the head is {head}",
                    service(at)
                )
            }
            Self::GoOnReading(at) => {
                let (old, new) = (&before.services[at], &after.services[at]);
                let name = service(at);
                if old.applied == new.applied {
                    format!("service {name} confirms the read")
                } else {
                    format!("service {name} applies everything up to {}", new.applied)
                }
            }
            Self::Accept(stream) => {
                let (point, name) = with(stream);
                let to = after.streams[stream].cursor;
                format!(
                    "service {name} takes up the stream of point {point} and sends the snapshot of {to}"
                )
            }
            Self::Push(stream) => {
                let (point, name) = with(stream);
                let to = after.streams[stream].cursor;
                format!("service {name} sends point {point} the changes up to {to}")
            }
            Self::Hear(stream, place, copy) => {
                let (point, name) = with(stream);
                let message: String = channel::<Up>(&before.streams[stream].up, place);
                format!(
                    "service {name} takes {message} of point {point}{}",
                    stays(copy)
                )
            }
            Self::Answer(stream) => {
                let (point, name) = with(stream);
                let sent = &after.streams[stream].down[before.streams[stream].down.len()..];
                let sent: Vec<String> = sent.iter().map(Down::to_string).collect();
                if sent.is_empty() {
                    format!("service {name} goes on with its answer to point {point}")
                } else {
                    format!("service {name} sends point {point} {}", sent.join(" and "))
                }
            }
            Self::Leave(stream) => {
                let (point, name) = with(stream);
                format!("service {name} loses the stream of point {point}")
            }
            Self::Open(point, at) => {
                format!(
                    "point {point} opens a stream to service {} and sends a ping",
                    service(at)
                )
            }
            Self::Ping(point) => format!("point {point} sends a ping"),
            Self::Deliver(stream, place, copy) => {
                let (point, _) = with(stream);
                let frame = channel::<Down>(&before.streams[stream].down, place);
                let ended = after.points[point].stream.is_none();
                let end = if ended {
                    "; it ends the stream and trusts nothing"
                } else {
                    ""
                };
                format!("point {point} takes {frame}{}{end}", stays(copy))
            }
            Self::Close(point) => format!("point {point} loses its stream"),
            Self::CrashPoint(point) => format!("point {point} dies and starts anew"),
            Self::LoseUp(stream, place) => {
                let message: String = channel::<Up>(&before.streams[stream].up, place);
                format!("{message} is lost on the way")
            }
            Self::LoseDown(stream, place) => {
                let frame = channel::<Down>(&before.streams[stream].down, place);
                format!("{frame} is lost on the way")
            }
            Self::Ask(point, at) => {
                format!("point {point} asks service {} about a request", service(at))
            }
            Self::QuestionArrives(point) => format!("the question of point {point} arrives"),
            Self::SaysYes(point) => {
                let state = after.points[point].asked.and_then(|asked| asked.state);
                format!(
                    "the service says yes, on the state of {}",
                    state.unwrap_or_default()
                )
            }
            Self::YesArrives(point) => format!("the yes arrives at point {point}"),
            Self::Wait => format!(
                "somebody waits for revocation {} to be in effect",
                before.head()
            ),
            Self::Look(at) => {
                let reported = after.in_effect > before.in_effect;
                let end = if reported {
                    "; it is reported to be in effect"
                } else {
                    ""
                };
                format!("the wait looks at service {}{end}", service(at))
            }
        }
    }
}
