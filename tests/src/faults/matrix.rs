//! Every row there is.

use std::time::Duration;

use super::gate::Weather;
use super::mischief::{Answers, Frames, Mischief, NONE, Records};
use super::row::{
    Act, CLOSED, GIVEN_UP, Manner, PASSED, PATIENCE, Place, Row, Trap, UNAVAILABLE, Whose,
};
use super::xds::{ClusterEdit, ListenerEdit};

const fn frames(frames: Frames) -> Mischief {
    Mischief { frames, ..NONE }
}

/// No pong arrives, and answers to questions are these.
const fn asking(answers: Answers) -> Mischief {
    Mischief {
        frames: Frames::PongsLost,
        answers,
        ..NONE
    }
}

const fn row(
    place: Place,
    name: &'static str,
    how: &'static str,
    act: Act,
    answers: &'static [&'static str],
) -> Row {
    Row {
        name,
        how,
        place,
        act,
        answers,
        perhaps: &[],
        patience: PATIENCE,
        manner: Manner::Patient,
    }
}

const fn on_stream(name: &'static str, how: &'static str, mischief: Frames) -> Row {
    let act = Act::Interpose {
        mischief: frames(mischief),
        cut: false,
    };
    row(Place::Frames, name, how, act, &[PASSED])
}

const fn on_new_stream(name: &'static str, how: &'static str, mischief: Frames) -> Row {
    let act = Act::Interpose {
        mischief: frames(mischief),
        cut: true,
    };
    row(Place::Frames, name, how, act, &[PASSED])
}

const fn on_answers(
    name: &'static str,
    how: &'static str,
    answers: Answers,
    seen: &'static [&'static str],
) -> Row {
    let act = Act::Interpose {
        mischief: asking(answers),
        cut: false,
    };
    row(Place::Frames, name, how, act, seen)
}

const fn straight(
    name: &'static str,
    how: &'static str,
    act: Act,
    answers: &'static [&'static str],
) -> Row {
    row(Place::Straight, name, how, act, answers)
}

const fn trap(name: &'static str, how: &'static str, trap: Trap) -> Row {
    Row {
        // The VM is gone until the next request, or the pause between two loads, is over.
        perhaps: &["503", CLOSED],
        ..row(Place::Trap, name, how, Act::Trap(trap), &[PASSED])
    }
}

const fn clock(
    name: &'static str,
    (whose, seconds): (Whose, i64),
    answers: &'static [&'static str],
) -> Row {
    let how = match whose {
        Whose::Envoy => "its readings of the wall clock are shifted",
        Whose::Service => "the same; streams end before and after it is set right",
    };
    Row {
        // To a clock that is behind, certificates are not good yet, where a connection is new.
        perhaps: &[CLOSED],
        ..row(
            Place::Clock,
            name,
            how,
            Act::StepClock(whose, seconds),
            answers,
        )
    }
}

const fn suspended(name: &'static str, whose: Whose) -> Row {
    let how = match whose {
        Whose::Envoy => {
            "`SIGSTOP`; it goes on with a monotonic clock that stood still, and hears nothing for 0.4 s"
        }
        Whose::Service => "`SIGSTOP`; it goes on with a monotonic clock that stood still",
    };
    Row {
        perhaps: &[CLOSED],
        patience: Duration::from_secs(5),
        ..row(
            Place::Clock,
            name,
            how,
            Act::Suspend(whose),
            &[PASSED, UNAVAILABLE],
        )
    }
}

const MS_150: Duration = Duration::from_millis(150);

/// What the point does of its own accord: it asks about each request.
const WAITING: Answers = Answers::Late(MS_150);

/// The matrix.
pub const ROWS: &[Row] = &[
    on_stream(
        "a feed without a sound",
        "neither pongs nor deltas arrive",
        Frames::Silent,
    ),
    on_stream("no pongs", "each pong is dropped", Frames::PongsLost),
    on_stream(
        "pongs delayed, within the lease",
        "each pong 0.7 s late",
        Frames::PongsLate(Duration::from_millis(700)),
    ),
    on_stream(
        "pongs delayed, beyond the lease",
        "each pong 1.5 s late",
        Frames::PongsLate(Duration::from_millis(1500)),
    ),
    on_stream(
        "wrong nonce",
        "each pong answers a ping that nobody sent",
        Frames::WrongNonce,
    ),
    on_stream(
        "gap in the deltas",
        "each delta is dropped",
        Frames::DeltasLost,
    ),
    on_stream(
        "duplicate delta",
        "each delta arrives twice",
        Frames::DeltasTwice,
    ),
    on_stream(
        "reordered frames",
        "each delta is overtaken by the frame behind it",
        Frames::DeltasOvertaken,
    ),
    on_new_stream(
        "half a snapshot",
        "streams end; the next snapshots stop in the middle, pongs go on",
        Frames::HalfSnapshot,
    ),
    on_new_stream(
        "a snapshot that is not whole",
        "streams end; half of the items of the next snapshots are missing",
        Frames::ShortSnapshot,
    ),
    on_stream(
        "a second snapshot",
        "one begins before each pong",
        Frames::SnapshotAgain,
    ),
    on_new_stream(
        "epoch regression",
        "streams end; the next are 5 epochs behind",
        Frames::EarlierEpoch,
    ),
    on_new_stream(
        "reordered replicas",
        "streams end; the next are of the term before, 1000 epochs ahead",
        Frames::EarlierTerm,
    ),
    on_stream(
        "frames without content",
        "each pong is replaced by one",
        Frames::Empty,
    ),
    on_stream(
        "an item of an unknown kind",
        "a delta with one before each pong",
        Frames::UnknownItem,
    ),
    on_stream(
        "revocations beyond the cap",
        "deltas with 1,000,001 revocations, on each stream",
        Frames::TooMuch,
    ),
    on_new_stream(
        "the feed is ended by the service",
        "each stream ends with UNAVAILABLE at its first frame",
        Frames::Ended,
    ),
    on_answers(
        "slow answers, within the timeout",
        "no pongs; answers to questions 150 ms late",
        WAITING,
        &[PASSED],
    ),
    on_answers(
        "slow answers, beyond the timeout",
        "no pongs; answers to questions 600 ms late",
        Answers::Late(Duration::from_millis(600)),
        &[PASSED, UNAVAILABLE],
    ),
    on_answers(
        "failing answers",
        "no pongs; each question fails",
        Answers::Failed,
        &[PASSED, UNAVAILABLE],
    ),
    on_answers(
        "answers that are neither yes nor no",
        "no pongs; each answer is empty",
        Answers::Empty,
        &[PASSED, UNAVAILABLE],
    ),
    on_answers(
        "answers of unknown age",
        "no pongs; no answer says how old it is",
        Answers::Ageless,
        &[PASSED, UNAVAILABLE],
    ),
    Row {
        manner: Manner::WithContent,
        ..on_answers(
            "content and trailers while a decision is pending",
            "no pongs; answers 150 ms late; requests with content and trailers",
            WAITING,
            &[PASSED],
        )
    },
    Row {
        manner: Manner::Fleeting,
        ..on_answers(
            "clients go while a decision is pending",
            "no pongs; answers 150 ms late; clients go after 60 ms",
            WAITING,
            &[PASSED, GIVEN_UP],
        )
    },
    row(
        Place::Frames,
        "the ledger is away",
        "each record is refused",
        Act::Interpose {
            mischief: Mischief {
                records: Records::Refused,
                ..NONE
            },
            cut: false,
        },
        &[PASSED],
    ),
    row(
        Place::Frames,
        "the ledger is away for long",
        "the same, and the backlog is filled",
        Act::FillBacklog,
        &["503 audit_unavailable"],
    ),
    straight(
        "the service is killed",
        "`SIGKILL`; started again afterwards",
        Act::KillService,
        &[PASSED, UNAVAILABLE],
    ),
    straight(
        "the service is frozen",
        "`SIGSTOP`; `SIGCONT` afterwards",
        Act::FreezeService,
        &[PASSED, UNAVAILABLE],
    ),
    straight(
        "the service refuses connections",
        "reset, and refused",
        Act::Gate(Weather::Refusing),
        &[PASSED, UNAVAILABLE],
    ),
    straight(
        "the service is black-holed",
        "connections stay, no byte gets through",
        Act::Gate(Weather::Swallowing),
        &[PASSED, UNAVAILABLE],
    ),
    straight(
        "the service is slow",
        "60 ms each way",
        Act::Gate(Weather::Slow(Duration::from_millis(60))),
        &[PASSED],
    ),
    straight(
        "the cluster is missing",
        "taken out of the configuration (CDS)",
        Act::Cluster(ClusterEdit::Gone),
        &[PASSED, UNAVAILABLE],
    ),
    straight(
        "no endpoints",
        "taken out of the cluster (CDS)",
        Act::Cluster(ClusterEdit::NoEndpoint),
        &[PASSED, UNAVAILABLE],
    ),
    straight(
        "the queue overflows",
        "circuit breaker of the cluster at one call (CDS), which the first feed takes",
        Act::Cluster(ClusterEdit::OneCall),
        &[PASSED],
    ),
    Row {
        patience: Duration::from_secs(4),
        ..straight(
            "Envoy is frozen",
            "`SIGSTOP`; `SIGCONT` afterwards",
            Act::FreezeEnvoy,
            &[PASSED],
        )
    },
    straight(
        "Envoy is restarted",
        "`SIGKILL`, and a new start at once",
        Act::RestartEnvoy,
        &[CLOSED],
    ),
    straight(
        "the listener is drained",
        "taken out of the configuration (LDS)",
        Act::Listener(ListenerEdit::Gone),
        &[PASSED, CLOSED],
    ),
    Row {
        perhaps: &[CLOSED],
        ..straight(
            "a new configuration while requests wait",
            "the service is frozen; another instance name (LDS)",
            Act::UpdateWhileWaiting,
            &[PASSED, UNAVAILABLE],
        )
    },
    straight(
        "a configuration that is refused",
        "a member that does not exist (LDS)",
        Act::Listener(ListenerEdit::Misspelt),
        &[PASSED],
    ),
    straight(
        "a module that is none",
        "another file (LDS)",
        Act::Listener(ListenerEdit::NoModule),
        &[PASSED],
    ),
    Row {
        perhaps: &[CLOSED],
        ..straight(
            "the worker's VM is replaced",
            "another `vm_id` (LDS)",
            Act::Listener(ListenerEdit::AnotherVm),
            &[PASSED],
        )
    },
    trap(
        "the VM traps in a request's head",
        "a request that makes it, to a build of the filter with the feature `trap`",
        Trap::Head,
    ),
    trap("the VM traps at a tick", "the same", Trap::Tick),
    trap(
        "the VM traps while it gets its snapshot",
        "the same; connections to the service are broken",
        Trap::Sync,
    ),
    Row {
        // Nobody answers what waited for the answer: Envoy does, when the stream has been idle.
        answers: &["503"],
        perhaps: &[CLOSED],
        patience: Duration::from_secs(5),
        ..trap(
            "the VM traps in an answer while requests wait",
            "the same; the service is frozen",
            Trap::Answer,
        )
    },
    clock(
        "Envoy's clock steps forward, an hour",
        (Whose::Envoy, 3600),
        &["401 invalid_mandate.expired"],
    ),
    clock(
        "Envoy's clock steps back, an hour",
        (Whose::Envoy, -3600),
        &["401 invalid_mandate.not_yet_valid"],
    ),
    clock(
        "Envoy's clock steps forward, 20 s",
        (Whose::Envoy, 20),
        &[PASSED],
    ),
    clock(
        "Envoy's clock steps back, 20 s",
        (Whose::Envoy, -20),
        &[PASSED],
    ),
    suspended("Envoy's machine is suspended", Whose::Envoy),
    suspended("the service's machine is suspended", Whose::Service),
    clock(
        "the service's clock steps forward, an hour",
        (Whose::Service, 3600),
        &[PASSED],
    ),
    clock(
        "the service's clock steps back, an hour",
        (Whose::Service, -3600),
        &[PASSED],
    ),
];
