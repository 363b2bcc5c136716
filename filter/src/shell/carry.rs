//! Carrying out what the engine decided.

use std::time::Duration;

use caracal_mandate::refusal::REASON_HEADER;
use proxy_wasm::hostcalls;
use proxy_wasm::types::{GrpcStatusCode, MapType, Status};

use super::{Gate, Vm, host};
use crate::engine::{Authorization, CallToken, Forward, Outcome, Question, Refused, Settled};
use crate::time::Moment;

const AUTHORIZATION: &str = "authorization";
const TRACESTATE: &str = "tracestate";

/// Until the ledger is given a decision that a request waits for.
const SOON: Duration = Duration::from_millis(1);

/// Filter state that the RBAC filter behind this one demands. One segment: the host joins several
/// with NUL, and the key `wasm.caracal.decision` would not match.
const ALLOW_MARK_PROPERTY: &str = "caracal.decision";

/// Filter state for the access log, `%FILTER_STATE(wasm.caracal.request:PLAIN)%`. One property for
/// everything, because each is a call into the host.
const NOTE_PROPERTY: &str = "caracal.request";

impl Vm {
    /// Carries out an outcome for the request of the effective context; tells what its gate is now.
    pub(super) fn carry_out(&self, outcome: &Outcome) -> Gate {
        let done = match outcome {
            Outcome::Forward(forward) => self.let_through(forward),
            Outcome::Pass(pass) => {
                note(pass.refused().note());
                // Without the mark: the net behind counts it as what it would have refused.
                edit(pass.authorization())
            }
            Outcome::Record => {
                self.hurry();
                return Gate::Held;
            }
            Outcome::Refuse(refused) => {
                note(refused.note());
                let _ = refuse(refused);
                return Gate::Shut;
            }
        };
        match done {
            Ok(()) => Gate::Open,
            Err(_) => self.unable(),
        }
    }

    /// A host that cannot show or edit the request must not get to forward it, unless nothing is
    /// enforced.
    pub(super) fn unable(&self) -> Gate {
        if self.is_shadow() {
            return Gate::Open;
        }
        let _ = hostcalls::send_http_response(503, Vec::new(), None);
        Gate::Shut
    }

    fn let_through(&self, forward: &Forward) -> Result<(), Status> {
        edit(forward.authorization())?;
        if let Some(tracestate) = forward.tracestate() {
            set_tracestate(tracestate)?;
        }
        note(forward.note());
        // Last: without the mark the request does not pass the filter behind this one.
        let engine = self.engine.borrow();
        let mark = engine.config().allow_mark.as_bytes();
        hostcalls::set_property(vec![ALLOW_MARK_PROPERTY], Some(mark))
    }

    /// Carries out outcomes for requests that were held.
    pub(super) fn settle(&self, settled: Vec<Settled>) {
        for (stream, outcome) in settled {
            // The request may be gone; then there is nothing to let through or to refuse.
            if hostcalls::set_effective_context(stream).is_err() {
                continue;
            }
            let gate = self.carry_out(&outcome);
            self.gates.borrow_mut().insert(stream, gate);
            if gate == Gate::Open {
                // After this the request's headers are out of reach.
                let _ = hostcalls::resume_http_request();
            }
        }
    }

    /// Cuts requests that were let through and may not go on. Afterwards another context may be in
    /// effect.
    pub(super) fn cut(&self, now: Moment) {
        // The host may give back what it cuts at once, so nothing is borrowed meanwhile.
        let ended = self.engine.borrow_mut().take_ended(now);
        if self.is_shadow() {
            return;
        }
        for stream in ended {
            if hostcalls::set_effective_context(stream).is_ok() {
                let _ = hostcalls::reset_http_request();
            }
        }
    }

    /// Has the root context come round soon: calls to the ledger must be its own, because a call goes
    /// with the context that made it.
    fn hurry(&self) {
        if !self.hurries.replace(true) {
            let _ = hostcalls::set_tick_period(SOON);
        }
    }

    fn is_shadow(&self) -> bool {
        self.engine.borrow().config().mode.shadow().is_some()
    }

    /// Sends a question from the effective context. When it cannot be sent, everything that waits
    /// for it is refused at once.
    pub(super) fn ask(&self, question: &Question) -> Vec<Settled> {
        let sent = self.sts.call(
            "envoy.service.auth.v3.Authorization",
            "Check",
            &question.message,
        );
        match sent {
            Ok(call) => {
                self.engine.borrow_mut().sent(question.ticket, call);
                Vec::new()
            }
            Err(_) => self
                .engine
                .borrow_mut()
                .not_sent(question.ticket, host::now()),
        }
    }

    /// Takes the answer of a call from whatever context it came to; tells whether it was the ledger's,
    /// and what is to be settled now.
    pub(super) fn answered(
        &self,
        call: CallToken,
        status: u32,
        size: usize,
    ) -> (bool, Vec<Settled>) {
        #[cfg(feature = "trap")]
        if self.ledger_call.borrow().as_ref() != Some(&call) {
            super::trap::spring(super::trap::Point::Answer);
        }
        // Any status but 0 is a failure: a timeout shows as 14 and not as 4.
        let response = (status == 0)
            .then(|| {
                hostcalls::get_buffer(proxy_wasm::types::BufferType::GrpcReceiveBuffer, 0, size)
            })
            .and_then(Result::ok)
            .map(Option::unwrap_or_default);
        let is_ledger = self
            .ledger_call
            .borrow_mut()
            .take_if(|ledger| *ledger == call)
            .is_some();
        let mut engine = self.engine.borrow_mut();
        let settled = if is_ledger {
            engine.ledger_answered(response.as_deref(), host::now())
        } else {
            engine.answered(call, response.as_deref(), host::now())
        };
        (is_ledger, settled)
    }
}

fn edit(authorization: Authorization<'_>) -> Result<(), Status> {
    let headers = MapType::HttpRequestHeaders;
    match authorization {
        Authorization::Keep => Ok(()),
        Authorization::Remove => hostcalls::remove_map_value(headers, AUTHORIZATION),
        Authorization::Mandate(mandate) => {
            let value = ["Bearer ", mandate].concat();
            hostcalls::set_map_value(headers, AUTHORIZATION, Some(&value))
        }
    }
}

/// Makes all `tracestate` fields one, or none.
pub(super) fn set_tracestate(value: &str) -> Result<(), Status> {
    let headers = MapType::HttpRequestHeaders;
    hostcalls::remove_map_value(headers, TRACESTATE)?;
    if value.is_empty() {
        return Ok(());
    }
    hostcalls::set_map_value(headers, TRACESTATE, Some(value))
}

/// A line that the access log lacks refuses nothing.
fn note(line: &str) {
    let _ = hostcalls::set_property(vec![NOTE_PROPERTY], Some(line.as_bytes()));
}

fn refuse(refused: &Refused) -> Result<(), Status> {
    let refusal = refused.refusal();
    if refused.is_grpc() {
        return hostcalls::send_grpc_response(
            grpc_status(refused.reason().error_code().grpc_status()),
            Some(refused.reason().sentence()),
            vec![(REASON_HEADER, refused.reason().as_str().as_bytes())],
        );
    }
    let challenge = refusal.challenge();
    let mut headers = vec![
        ("content-type", "application/json"),
        ("cache-control", "no-store"),
        (REASON_HEADER, refused.reason().as_str()),
    ];
    if let Some(challenge) = &challenge {
        headers.push(("www-authenticate", challenge));
    }
    if refusal.http_status() == 503 {
        headers.push(("retry-after", "1"));
    }
    hostcalls::send_http_response(refusal.http_status().into(), headers, Some(&refusal.body()))
}

const fn grpc_status(code: u32) -> GrpcStatusCode {
    match code {
        3 => GrpcStatusCode::InvalidArgument,
        7 => GrpcStatusCode::PermissionDenied,
        16 => GrpcStatusCode::Unauthenticated,
        _ => GrpcStatusCode::Unavailable,
    }
}
