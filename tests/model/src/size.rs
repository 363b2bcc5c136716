//! How large a world is explored, and what may happen in it.

/// What may become of the frames of a stream that is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// What HTTP/2 gives: what arrives is a prefix of what was sent, in order; any suffix may be
    /// lost when the stream ends.
    Http2,
    /// Less than that: single frames are lost, doubled and overtaken as well.
    Hostile,
}

/// The bounds of one exploration. Time, the number of pings, streams, reads, faults and restarts are
/// not bounded: states are compared by what can still matter (`canon.rs`), and there are finitely
/// many.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fault or a question that an exploration has or has not"
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// For people.
    pub name: &'static str,
    /// Enforcement points.
    pub points: usize,
    /// Replicas of the token service.
    pub services: usize,
    /// Revocations that are committed.
    pub commits: u64,
    /// The lease, in milliseconds of everybody's clock.
    pub lease_ms: u64,
    /// Steps of true time in one millisecond. With more than one, clocks are seen to round: a
    /// point's millisecond begins in the middle of a service's.
    pub grain: u64,
    /// Unanswered pings of one stream.
    pub pings: usize,
    /// Messages that are on their way to a service on one stream.
    pub messages: usize,
    /// Frames that are on their way to a point on one stream; a snapshot is three.
    pub frames: usize,
    /// What happens to frames.
    pub network: Network,
    /// Whether points crash and start anew.
    pub point_crashes: bool,
    /// Whether services crash and start anew.
    pub service_crashes: bool,
    /// Whether somebody waits for revocations to be in effect.
    pub wait: bool,
    /// Whether points ask about single requests.
    pub ask: bool,
    /// Whether the faults may end, and the point has to live again.
    pub calm: bool,
}
