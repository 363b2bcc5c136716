//! Carrying out what the engine decided.

use caracal_mandate::refusal::REASON_HEADER;
use proxy_wasm::hostcalls;
use proxy_wasm::types::{GrpcStatusCode, MapType, Status};

use super::{Gate, Vm, host};
use crate::engine::{CallToken, Forward, Outcome, Question, Refused, Settled};

const AUTHORIZATION: &str = "authorization";

/// Filter state that the RBAC filter behind this one demands. One segment: the host joins several
/// with NUL, and the key `wasm.caracal.decision` would not match.
const ALLOW_MARK_PROPERTY: &str = "caracal.decision";

impl Vm {
    /// Carries out an outcome for the request of the effective context; tells what its gate is now.
    pub(super) fn carry_out(&self, outcome: &Outcome) -> Gate {
        match outcome {
            Outcome::Forward(forward) if self.let_through(forward).is_ok() => Gate::Open,
            // A host that cannot edit the request must not get to forward it.
            Outcome::Forward(_) => {
                let _ = hostcalls::send_http_response(503, Vec::new(), None);
                Gate::Shut
            }
            Outcome::Refuse(refused) => {
                let _ = refuse(refused);
                Gate::Shut
            }
        }
    }

    fn let_through(&self, forward: &Forward) -> Result<(), Status> {
        if let Some(mandate) = forward.mandate() {
            let value = ["Bearer ", mandate].concat();
            hostcalls::set_map_value(MapType::HttpRequestHeaders, AUTHORIZATION, Some(&value))?;
        } else {
            // What is protected never sees the mandate, nor a key that an agent still sends.
            hostcalls::remove_map_value(MapType::HttpRequestHeaders, AUTHORIZATION)?;
        }
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

    /// Takes the answer of a call from whatever context it came to; tells whether it was the
    /// ledger's. If not, another context may be in effect afterwards.
    pub(super) fn answered(&self, call: CallToken, status: u32, size: usize) -> bool {
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
        if is_ledger {
            self.engine
                .borrow_mut()
                .backlog()
                .answered(response.as_deref(), host::now());
            return true;
        }
        let settled = self
            .engine
            .borrow_mut()
            .answered(call, response.as_deref(), host::now());
        self.settle(settled);
        false
    }
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
