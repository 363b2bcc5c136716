//! Any order of decisions, ends, ticks and answers of the ledger.

use std::collections::HashMap;
use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;

/// A mandate to read, and one to transfer.
static TOKENS: LazyLock<[String; 2]> =
    LazyLock::new(|| ["accounts:read", "transfers:write"].map(|scope| mandate(scope, 5)));

/// What happens to a point.
#[derive(Debug, Clone)]
enum Step {
    /// A request whose decision may wait.
    Read,
    /// One of an irreversible operation.
    Transfer,
    /// One that is refused.
    Refused,
    /// One of those under way is over.
    Finish(usize),
    /// One of those that wait for the ledger is gone.
    Abandon(usize),
    /// Time passes, and the clock ticks.
    Tick(u64),
    /// The ledger takes a call, or fails.
    Ledger(bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Read),
        2 => Just(Step::Transfer),
        1 => Just(Step::Refused),
        4 => any::<usize>().prop_map(Step::Finish),
        1 => any::<usize>().prop_map(Step::Abandon),
        3 => (0..700_u64).prop_map(Step::Tick),
        3 => any::<bool>().prop_map(Step::Ledger),
    ]
}

/// A point, and what the test knows of its requests by itself: the path of each names its stream, and the
/// duration of each is its stream as well.
struct Point {
    engine: Engine,
    now: u64,
    last: StreamId,
    under_way: Vec<StreamId>,
    held: Vec<StreamId>,
    let_through: Vec<StreamId>,
    decided: usize,
    told: Vec<Decision>,
}

impl Point {
    fn new() -> Self {
        Self {
            engine: live("resource"),
            now: 1,
            last: 0,
            under_way: Vec::new(),
            held: Vec::new(),
            let_through: Vec::new(),
            decided: 0,
            told: Vec::new(),
        }
    }

    fn ask(&mut self, call: &Call<'_>) {
        self.last += 1;
        let path = format!("{}/{}", call.path, self.last);
        let path = if call.path == "/accounts" {
            path
        } else {
            call.path.to_owned()
        };
        let call = Call {
            stream: self.last,
            path: &path,
            ..call.clone()
        };
        self.decided += 1;
        match decide(&mut self.engine, &call, at(self.now)) {
            Verdict::Settled(Outcome::Forward(_)) => self.begin(self.last),
            Verdict::Settled(Outcome::Record) => self.held.push(self.last),
            Verdict::Settled(_) => {}
            other => panic!("{other:?}"),
        }
    }

    fn begin(&mut self, stream: StreamId) {
        self.under_way.push(stream);
        self.let_through.push(stream);
    }

    fn settle(&mut self, settled: &[Settled]) {
        for settled in settled {
            self.held.retain(|stream| *stream != settled.0);
            match outcome(settled) {
                Ok(_) => self.begin(settled.0),
                // The yes was recorded, and so is the no.
                Err(_) => self.decided += 1,
            }
        }
    }

    fn finish(&mut self, stream: StreamId) {
        self.under_way.retain(|other| *other != stream);
        let code = 200 + u16::try_from(stream % 100).unwrap();
        self.engine
            .finished(stream, answered(code, stream.into()), at(self.now));
    }

    fn ledger(&mut self, is_well: bool) {
        // Longer than it is left alone after a failure.
        let Some(call) = self.engine.backlog().next_call(at(self.now + 10_000)) else {
            return;
        };
        let decisions = AppendRequest::decode(call.as_slice()).unwrap().decisions;
        let durable = u64::try_from(decisions.len()).unwrap();
        let response = AppendResponse { durable }.encode_to_vec();
        let settled = self
            .engine
            .ledger_answered(is_well.then_some(&response), at(self.now));
        self.settle(&settled);
        if is_well {
            self.told.extend(decisions);
        }
    }

    fn take(&mut self, step: &Step) {
        let of = |streams: &[StreamId], which: usize| {
            which.checked_rem(streams.len()).map(|index| streams[index])
        };
        let [read, transfer] = &*TOKENS;
        match *step {
            Step::Read => self.ask(&Call {
                path: "/accounts",
                ..with(read)
            }),
            Step::Refused => self.ask(&Call {
                path: "/accounts",
                peer: Some(THIEF),
                ..with(read)
            }),
            Step::Transfer => self.ask(&Call {
                method: "POST",
                path: "/transfers",
                ..with(transfer)
            }),
            Step::Finish(which) => {
                if let Some(stream) = of(&self.under_way, which) {
                    self.finish(stream);
                }
            }
            Step::Abandon(which) => {
                if let Some(stream) = of(&self.held, which) {
                    self.held.retain(|other| *other != stream);
                    self.engine.abandoned(stream);
                }
            }
            Step::Tick(ms) => {
                // Within the lease: what ends with it is for the tests of streams.
                self.now = (self.now + ms).min(1900);
                let (settled, _) = self.engine.give_up_overdue(at(self.now));
                self.settle(&settled);
            }
            Step::Ledger(is_well) => self.ledger(is_well),
        }
    }
}

proptest! {
    /// Whatever comes in whatever order: each decision is there once, numbers have no gap, each request
    /// that was let through is told of once with its own end, and nothing is left behind.
    #[test]
    fn every_decision_is_there_once_and_every_end_with_its_own_request(
        steps in proptest::collection::vec(step(), 1..60),
    ) {
        let mut point = Point::new();
        for step in &steps {
            point.take(step);
            prop_assert!(point.engine.backlog().len() <= MAX_EVENTS);
            let waiting = point.engine.backlog().waiting();
            prop_assert!(waiting <= point.under_way.len());
        }
        while let Some(stream) = point.under_way.first() {
            point.finish(*stream);
        }
        for _ in 0..3 {
            point.ledger(true);
            while let Some(stream) = point.under_way.first() {
                point.finish(*stream);
            }
        }
        prop_assert!(point.engine.backlog().is_empty());

        let numbers: Vec<_> = point.told.iter().map(|event| event.seq).collect();
        let all: Vec<_> = (1..=u64::try_from(point.told.len()).unwrap()).collect();
        prop_assert_eq!(numbers, all);
        let told = point.told.iter();
        let decisions: Vec<_> = told.filter(|event| event.decision == 0).collect();
        prop_assert_eq!(decisions.len(), point.decided);

        let mut ends: Vec<StreamId> = Vec::new();
        let by_number: HashMap<_, _> = decisions.iter().map(|event| (event.seq, *event)).collect();
        for event in &point.told {
            let Some(duration_us) = event.duration_us else {
                prop_assert_eq!((event.status, &*event.ended_by), (0, ""));
                continue;
            };
            let stream = StreamId::try_from(duration_us).unwrap();
            prop_assert_eq!(event.status, 200 + stream % 100);
            let decision = by_number.get(&event.decision).copied().unwrap_or(event);
            prop_assert!(decision.reason.is_empty());
            // The two are known to belong together, but for transfers, whose path is one.
            let own = format!("/accounts/{stream}");
            prop_assert!(decision.path == own || decision.path == "/transfers", "{decision:?}");
            if event.decision != 0 {
                prop_assert!(event.decision < event.seq && decision.duration_us.is_none());
                prop_assert_eq!(&event.mandate, &decision.mandate);
            }
            ends.push(stream);
        }
        ends.sort_unstable();
        let mut expected = point.let_through.clone();
        expected.sort_unstable();
        prop_assert_eq!(ends, expected);
    }
}
