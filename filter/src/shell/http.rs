//! One request.

use std::rc::Rc;
use std::time::Instant;

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, MapType, Status};

use super::carry::set_tracestate;
use super::{Gate, Vm, host};
use crate::calls::{is_marked, unmarked};
use crate::config::{Mode, Role};
use crate::decision::End;
use crate::engine::{Outcome, StreamId, Verdict};
use crate::head::{Head, is_ours};

/// One request. Without a VM (a configuration that was refused) it is never let through.
pub(super) struct Request {
    pub(super) stream: StreamId,
    pub(super) vm: Option<Rc<Vm>>,
    pub(super) gate: Gate,
    /// When its head came.
    pub(super) began: Option<Instant>,
}

impl Request {
    fn begin(&mut self, vm: &Vm) -> Gate {
        let (now, instant) = host::now_and_instant();
        self.began = Some(instant);
        let Ok(pairs) = hostcalls::get_map_bytes(MapType::HttpRequestHeaders) else {
            return vm.unable();
        };
        #[cfg(feature = "trap")]
        {
            super::trap::arm(&pairs);
            super::trap::spring(super::trap::Point::Head);
        }
        let is_agent = vm.engine.borrow().config().role == Role::Agent;
        // An agent beside its own sidecar has no certificate to show.
        let peer = if is_agent { None } else { host::peer() };
        let head = match Head::parse(&pairs) {
            Ok(head) => head,
            Err(malformed) => {
                let outcome = vm.engine.borrow_mut().refuse_malformed(
                    &pairs,
                    &malformed,
                    peer.as_deref(),
                    now,
                );
                // Unreadable or not: what shadow lets pass has no internal headers from outside.
                if matches!(outcome, Outcome::Pass(_)) {
                    let names = pairs.iter().map(|(name, _)| name.as_str());
                    let _ = remove(names.filter(|name| is_ours(name)));
                }
                return vm.carry_out(&outcome);
            }
        };
        // Before anything waits: copies of internal headers from outside must not be there later.
        // Shadow takes nothing away but what is ours.
        let shadows = vm.engine.borrow().config().mode == Mode::Shadow;
        let internal = head.internal.iter().copied();
        if remove(internal.filter(|name| !shadows || is_ours(name))).is_err() {
            return vm.unable();
        }
        // The mark of a call is for the proxy that made it.
        if is_marked(&head.tracestates) && set_tracestate(&unmarked(&head.tracestates)).is_err() {
            return vm.unable();
        }
        let verdict = vm
            .engine
            .borrow_mut()
            .decide(self.stream, &head, peer.as_deref(), now);
        match verdict {
            Verdict::Settled(Outcome::Record) => {
                let _ = self.hold(vm);
                vm.carry_out(&Outcome::Record)
            }
            Verdict::Settled(outcome) => vm.carry_out(&outcome),
            Verdict::Hold => self.hold(vm),
            Verdict::Ask(question) => {
                let gate = self.hold(vm);
                let settled = vm.ask(&question);
                if settled.is_empty() {
                    return gate;
                }
                // It could not be asked. This request is decided in place and not resumed.
                let mut gate = gate;
                let (own, others): (Vec<_>, Vec<_>) = settled
                    .into_iter()
                    .partition(|(stream, _)| *stream == self.stream);
                for (_, outcome) in &own {
                    gate = vm.carry_out(outcome);
                }
                vm.gates.borrow_mut().insert(self.stream, gate);
                vm.settle(others);
                gate
            }
        }
    }

    fn hold(&self, vm: &Vm) -> Gate {
        vm.gates.borrow_mut().insert(self.stream, Gate::Held);
        Gate::Held
    }

    /// Body and trailers must wait like the head: where the listener allows headers to stop alone,
    /// a `Continue` from here would send the request on while its decision is pending.
    fn pass_or_wait(&mut self) -> Action {
        if self.gate == Gate::Held {
            let settled = self
                .vm
                .as_ref()
                .and_then(|vm| vm.gates.borrow().get(&self.stream).copied());
            self.gate = settled.unwrap_or(Gate::Shut);
        }
        match self.gate {
            Gate::Open => Action::Continue,
            Gate::Held | Gate::Shut => Action::Pause,
        }
    }
}

/// Removes all headers of these names.
fn remove<'a>(mut names: impl Iterator<Item = &'a str>) -> Result<(), Status> {
    names.try_for_each(|name| hostcalls::remove_map_value(MapType::HttpRequestHeaders, name))
}

impl Context for Request {
    fn on_grpc_call_response(&mut self, call: u32, status: u32, size: usize) {
        if let Some(vm) = self.vm.clone() {
            let (_, settled) = vm.answered(call, status, size);
            vm.settle(settled);
        }
    }
}

impl HttpContext for Request {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        if let Some(vm) = self.vm.clone() {
            self.gate = self.begin(&vm);
        } else {
            let _ = hostcalls::send_http_response(503, Vec::new(), None);
            self.gate = Gate::Shut;
        }
        self.pass_or_wait()
    }

    fn on_http_request_body(&mut self, _: usize, _: bool) -> Action {
        self.pass_or_wait()
    }

    fn on_http_request_trailers(&mut self, _: usize) -> Action {
        self.pass_or_wait()
    }
}

/// The host has let go of the request, decided or not.
impl Drop for Request {
    fn drop(&mut self) {
        let Some(vm) = &self.vm else { return };
        let gate = vm.gates.borrow_mut().remove(&self.stream);
        if gate == Some(Gate::Held) {
            vm.engine.borrow_mut().abandoned(self.stream);
        } else {
            let (now, instant) = host::now_and_instant();
            let asks = vm.engine.borrow().asks_for_end(self.stream);
            let end = if asks {
                let began = self.began;
                host::end(began.map(|began| instant.saturating_duration_since(began)))
            } else {
                End::default()
            };
            vm.engine.borrow_mut().finished(self.stream, end, now);
        }
    }
}
