//! Which sizes are explored, and by which each rule is shown to be needed.

use crate::mutant::Mutant;
use crate::properties::{ALIVE, BOUND, EFFECT, FORWARD, WHOLE};
use crate::size::{Network, Size};

/// One of everything, and every kind of fault that HTTP/2 leaves.
const ONE: Size = Size {
    name: "one point, one service",
    points: 1,
    services: 1,
    commits: 1,
    lease_ms: 3,
    grain: 1,
    pings: 1,
    messages: 1,
    frames: 3,
    network: Network::Http2,
    point_crashes: true,
    service_crashes: true,
    wait: false,
    ask: false,
    calm: false,
};

/// Explored by `make test`: about a minute on two processors.
pub const SHORT: [Size; 6] = [
    ONE,
    Size {
        name: "two revocations",
        commits: 2,
        ..ONE
    },
    Size {
        name: "two pings at a time",
        pings: 2,
        messages: 2,
        frames: 4,
        ..ONE
    },
    Size {
        name: "clocks that round differently",
        grain: 2,
        service_crashes: false,
        ..ONE
    },
    Size {
        name: "until it lives again",
        calm: true,
        ..ONE
    },
    Size {
        name: "single questions",
        ask: true,
        service_crashes: false,
        point_crashes: false,
        ..ONE
    },
];

/// Explored by `make model` besides.
pub const LONG: [Size; 6] = [
    Size {
        name: "a longer lease",
        lease_ms: 6,
        ..ONE
    },
    Size {
        name: "clocks that round differently, and crashes",
        grain: 2,
        ..ONE
    },
    Size {
        name: "single questions, and crashes",
        ask: true,
        ..ONE
    },
    Size {
        name: "two revocations, until it lives again",
        commits: 2,
        calm: true,
        ..ONE
    },
    Size {
        name: "two services",
        services: 2,
        service_crashes: false,
        point_crashes: false,
        ..ONE
    },
    Size {
        name: "two services, until it lives again",
        services: 2,
        service_crashes: false,
        point_crashes: false,
        calm: true,
        ..ONE
    },
];

/// Too large to be explored to the end so far: `make model` goes into them for some minutes.
pub const BOUNDED: [Size; 3] = [
    Size {
        name: "a wait for acknowledgements",
        lease_ms: 2,
        messages: 2,
        wait: true,
        point_crashes: false,
        service_crashes: false,
        ..ONE
    },
    Size {
        name: "a wait for acknowledgements, and crashes",
        lease_ms: 2,
        messages: 2,
        wait: true,
        ..ONE
    },
    Size {
        name: "frames lost, doubled and overtaken",
        lease_ms: 2,
        network: Network::Hostile,
        point_crashes: false,
        service_crashes: false,
        ..ONE
    },
];

/// For a wait, with no faults but those that a rule is about.
const WAIT: Size = Size {
    name: "a wait",
    lease_ms: 2,
    messages: 2,
    wait: true,
    point_crashes: false,
    service_crashes: false,
    ..ONE
};

/// Rules whose absence is shown in seconds: broken one by one by `make test`. `make model` breaks all.
pub const SHOWN: [Mutant; 12] = [
    Mutant::LeaseFromReceipt,
    Mutant::AgeIgnored,
    Mutant::FloorForgotten,
    Mutant::WordWithoutLease,
    Mutant::SilenceUnnoticed,
    Mutant::NoPolling,
    Mutant::PongBeforeDelta,
    Mutant::ReadConfirmedAtItsEnd,
    Mutant::ConfirmedBeforeApplied,
    Mutant::LaggingReplica,
    Mutant::OwnPositionIgnored,
    Mutant::ClockStops,
];

/// Rules whose absence breaks nothing within minutes: the way to it is longer than what is explored by
/// then, or needs a size that has no end yet. Nothing is claimed of them.
pub const UNSHOWN: [Mutant; 7] = [
    Mutant::PongVersionUnchecked,
    Mutant::AckBeforeApplied,
    Mutant::MomentAfterState,
    Mutant::AgeRoundedDown,
    Mutant::PreviousLeasesForgotten,
    Mutant::PreviousLeasesTooShort,
    Mutant::SentIsAcknowledged,
];

/// The law that falls when a rule is taken away, and a size that shows it.
#[must_use]
pub const fn shown_by(mutant: Mutant) -> (&'static str, Size) {
    match mutant {
        Mutant::LeaseFromReceipt
        | Mutant::AgeIgnored
        | Mutant::PongBeforeDelta
        | Mutant::MomentAfterState
        | Mutant::ReadConfirmedAtItsEnd
        | Mutant::ConfirmedBeforeApplied
        | Mutant::LaggingReplica
        | Mutant::ClockStops => (BOUND, ONE),
        Mutant::AgeRoundedDown => (BOUND, Size { grain: 2, ..ONE }),
        Mutant::PongVersionUnchecked => (
            BOUND,
            Size {
                lease_ms: 2,
                network: Network::Hostile,
                point_crashes: false,
                service_crashes: false,
                ..ONE
            },
        ),
        Mutant::WordWithoutLease => (BOUND, Size { ask: true, ..ONE }),
        Mutant::HalfSnapshot => (WHOLE, ONE),
        Mutant::FloorForgotten => (
            FORWARD,
            Size {
                services: 2,
                point_crashes: false,
                service_crashes: false,
                ..ONE
            },
        ),
        Mutant::SilenceUnnoticed | Mutant::NoReconnect | Mutant::NoPolling => {
            (ALIVE, Size { calm: true, ..ONE })
        }
        Mutant::AckBeforeApplied
        | Mutant::LeaseNotedLate
        | Mutant::OwnPositionIgnored
        | Mutant::BookBeforePosition
        | Mutant::DepartedForgotten
        | Mutant::SentIsAcknowledged => (EFFECT, WAIT),
        Mutant::PreviousLeasesForgotten | Mutant::PreviousLeasesTooShort => (
            EFFECT,
            Size {
                lease_ms: 3,
                service_crashes: true,
                ..WAIT
            },
        ),
    }
}
