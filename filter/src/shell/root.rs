//! One VM: configuration, the authority feed, the ledger, and the clock tick.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use caracal_mandate::key::SignatureVerifier;
use caracal_proto::enforcement::{Hello, watch_request};
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{BufferType, ContextType, LogLevel};

use super::host::{self, HostShared, HostVerifier};
use super::http::Request;
use super::metrics::{Gauges, Metrics};
use super::upstream::Upstream;
use super::{Gate, Vm};
use crate::config::{Config, ConfigError};
use crate::crypto::{PortableVerifier, known_answer};
use crate::engine::{CallToken, Engine};
use crate::feed::{acknowledgement, encode};
use crate::time::Moment;

/// Granularity of pings, deadlines and ledger batches.
const TICK: Duration = Duration::from_millis(100);

/// Shortest and longest pause before the feed is opened again.
const RECONNECT_MS: (u64, u64) = (100, 2000);

/// How long a batch of decisions may take to become durable. Nobody waits for it, and one that is
/// given up and sent again costs the ledger more than one that is waited for.
const LEDGER_TIMEOUT_MS: u32 = 10_000;

/// The open stream of the feed.
struct Stream {
    token: CallToken,
    last_ping: u64,
    /// When it last brought something that is a sign of life.
    last_message: u64,
}

/// The root context.
#[derive(Default)]
pub(super) struct Root {
    vm: Option<Rc<Vm>>,
    boot: String,
    stream: Option<Stream>,
    open_at: u64,
    pause_ms: u64,
    /// When revocations were last looked through; the first time as soon as there is a clock.
    expired_at: Option<u64>,
    /// Streams of the feed that were opened, and why the last one ended.
    streams: u64,
    last_error: String,
}

fn log(level: LogLevel, message: &str) {
    let _ = hostcalls::log(level, message);
}

impl Root {
    fn configure(&mut self) -> Result<(), ConfigError> {
        let bytes = hostcalls::get_buffer(BufferType::PluginConfiguration, 0, usize::MAX);
        let config = Config::parse(&bytes.ok().flatten().unwrap_or_default())?;
        let sts = &config.sts;
        let upstream = |cluster, timeout_ms| Upstream::new(cluster, &sts.authority, timeout_ms);
        let watch = sts.watch_cluster.as_ref().unwrap_or(&sts.cluster);
        let (Some(ledger), Some(feed), Some(sts)) = (
            upstream(&sts.cluster, LEDGER_TIMEOUT_MS),
            upstream(watch, sts.timeout_ms),
            upstream(&sts.cluster, sts.timeout_ms),
        ) else {
            return Err(ConfigError::Range {
                field: "sts",
                problem: "has names that are too long",
            });
        };
        // Tried before it is trusted: a host that says yes to everything is found out here.
        let crypto: Box<dyn SignatureVerifier> = if known_answer::holds(&HostVerifier) {
            Box::new(HostVerifier)
        } else {
            log(
                LogLevel::Warn,
                "caracal: the host's verify_signature is missing or wrong; verifying in the VM, about 8 times slower",
            );
            Box::new(PortableVerifier)
        };
        self.boot = host::random_name();
        let mode = config.mode;
        if mode.shadow().is_some() {
            log(
                LogLevel::Warn,
                "caracal: SHADOW MODE: requests that are refused pass all the same",
            );
        }
        self.vm = Some(Rc::new(Vm {
            engine: RefCell::new(
                Engine::new(config, &self.boot, crypto).sharing(Box::new(HostShared)),
            ),
            gates: RefCell::default(),
            ledger_call: RefCell::new(None),
            hurries: Cell::new(false),
            sts,
            feed,
            ledger,
            metrics: Metrics::define(mode),
        }));
        Ok(())
    }

    fn keep_feed(&mut self, vm: &Vm, now: Moment) {
        let lease_ms = u64::from(vm.engine.borrow().config().lease_ms);
        let now = now.monotonic_ms;
        if let Some(stream) = &mut self.stream {
            // Nothing for two leases: the far end hangs, or the way to it does.
            let silent = now.saturating_sub(stream.last_message) > lease_ms.saturating_mul(2);
            let due = now.saturating_sub(stream.last_ping) >= lease_ms / 4;
            if silent {
                self.close_feed(vm, now, "it is silent");
            } else if due {
                stream.last_ping = now;
                let ping = vm.engine.borrow_mut().feed().ping(now);
                if hostcalls::send_grpc_stream_message(stream.token, Some(&ping), false).is_err() {
                    self.close_feed(vm, now, "a ping could not be sent");
                }
            }
        } else if now >= self.open_at {
            self.open_feed(vm, now);
        }
    }

    fn open_feed(&mut self, vm: &Vm, now: u64) {
        vm.engine.borrow_mut().feed().stream_opened();
        let Ok(token) = vm.feed.open("caracal.enforcement.v1.Enforcement", "Watch") else {
            "the cluster of the feed is missing or has no endpoint"
                .clone_into(&mut self.last_error);
            self.retry_later(now);
            return;
        };
        self.streams = self.streams.saturating_add(1);
        self.stream = Some(Stream {
            token,
            last_ping: now,
            last_message: now,
        });
        let hello = {
            let engine = vm.engine.borrow();
            let config = engine.config();
            encode(watch_request::Message::Hello(Hello {
                zone: config.zone.to_string(),
                instance: config.instance.clone(),
                boot: self.boot.clone(),
                role: config.role.as_str().to_owned(),
                software: env!("CARGO_PKG_VERSION").to_owned(),
                lease_ms: config.lease_ms,
                mode: config.mode.as_str().to_owned(),
                last_error: self.last_error.clone(),
                streams: self.streams,
            }))
        };
        // The ping at once: its pong comes right after the snapshot, and the point is live.
        let ping = vm.engine.borrow_mut().feed().ping(now);
        for message in [hello, ping] {
            if hostcalls::send_grpc_stream_message(token, Some(&message), false).is_err() {
                self.close_feed(vm, now, "the first messages could not be sent");
                return;
            }
        }
    }

    fn close_feed(&mut self, vm: &Vm, now: u64, why: &str) {
        why.clone_into(&mut self.last_error);
        if let Some(stream) = self.stream.take() {
            log(
                LogLevel::Warn,
                &format!("caracal: closing the authority feed: {why}"),
            );
            let _ = hostcalls::cancel_grpc_stream(stream.token);
        }
        vm.engine.borrow_mut().feed().stream_ended();
        self.retry_later(now);
    }

    fn retry_later(&mut self, now: u64) {
        let (shortest, longest) = RECONNECT_MS;
        self.pause_ms = self.pause_ms.saturating_mul(2).clamp(shortest, longest);
        // Up to a half more, so that the proxies of a fleet do not come back all at once. The name
        // of this life is random already.
        let spread = self.boot.bytes().fold(0_u64, |sum, byte| {
            sum.wrapping_mul(31).wrapping_add(byte.into())
        });
        let jitter = spread.wrapping_add(now) % (self.pause_ms / 2).max(1);
        self.open_at = now.saturating_add(self.pause_ms).saturating_add(jitter);
    }

    fn send_ledger(vm: &Vm, now: Moment) {
        if vm.ledger_call.borrow().is_some() {
            return;
        }
        let Some(message) = vm.engine.borrow_mut().backlog().next_call(now) else {
            return;
        };
        match vm
            .ledger
            .call("caracal.ledger.v1.Ledger", "Append", &message)
        {
            Ok(call) => *vm.ledger_call.borrow_mut() = Some(call),
            // Nothing is durable by that.
            Err(_) => drop(vm.engine.borrow_mut().ledger_answered(None, now)),
        }
    }

    fn report(&self, vm: &Vm, now: Moment) {
        let mut engine = vm.engine.borrow_mut();
        let counts = engine.take_counts();
        let gauges = Gauges {
            lease_remaining_ms: engine.feed().lease().remaining_ms(now.monotonic_ms),
            backlog: engine.backlog().len(),
            dropped: engine.backlog().dropped(),
            feed_streams: self.streams,
        };
        drop(engine);
        vm.metrics.report(counts, &gauges);
    }
}

impl Context for Root {
    fn on_grpc_stream_message(&mut self, token: u32, size: usize) {
        let Some(vm) = self.vm.clone() else { return };
        #[cfg(feature = "trap")]
        super::trap::spring(super::trap::Point::Feed);
        let now = host::now();
        let Some(stream) = self.stream.as_mut().filter(|stream| stream.token == token) else {
            return;
        };
        let bytes = hostcalls::get_buffer(BufferType::GrpcReceiveBuffer, 0, size);
        let bytes = bytes.ok().flatten().unwrap_or_default();
        let applied = vm.engine.borrow_mut().feed_message(&bytes);
        match applied {
            Err(error) => self.close_feed(&vm, now.monotonic_ms, &error.to_string()),
            Ok(applied) => {
                if applied.alive {
                    stream.last_message = now.monotonic_ms;
                }
                let Some(version) = applied.acknowledge else {
                    return;
                };
                self.pause_ms = 0;
                let ack = acknowledgement(version);
                if hostcalls::send_grpc_stream_message(token, Some(&ack), false).is_err() {
                    self.close_feed(
                        &vm,
                        now.monotonic_ms,
                        "an acknowledgement could not be sent",
                    );
                }
                // Last, because it leaves another context in effect.
                vm.cut(now);
            }
        }
    }

    fn on_grpc_stream_close(&mut self, token: u32, code: u32) {
        let Some(vm) = self.vm.clone() else { return };
        if self
            .stream
            .take_if(|stream| stream.token == token)
            .is_some()
        {
            self.last_error = format!("the stream ended with gRPC status {code}");
            vm.engine.borrow_mut().feed().stream_ended();
            self.retry_later(host::now().monotonic_ms);
        }
    }

    fn on_grpc_call_response(&mut self, call: u32, status: u32, size: usize) {
        if let Some(vm) = self.vm.clone() {
            let (was_ledger, settled) = vm.answered(call, status, size);
            let presses =
                |engine: &mut Engine| engine.backlog().is_pressing() || engine.is_recording();
            if was_ledger && presses(&mut vm.engine.borrow_mut()) {
                Self::send_ledger(&vm, host::now());
            }
            // Last, because it leaves another context in effect.
            vm.settle(settled);
        }
    }
}

impl RootContext for Root {
    fn on_configure(&mut self, _: usize) -> bool {
        match self.configure() {
            Ok(()) => hostcalls::set_tick_period(TICK).is_ok(),
            Err(error) => {
                log(LogLevel::Critical, &format!("caracal: {error}"));
                false
            }
        }
    }

    /// Streams begin here and not in `on_configure`, which also runs in a VM that is thrown away.
    fn on_tick(&mut self) {
        let Some(vm) = self.vm.clone() else { return };
        #[cfg(feature = "trap")]
        super::trap::spring(super::trap::Point::Tick);
        let now = host::now();
        if vm.hurries.take() {
            let _ = hostcalls::set_tick_period(TICK);
        }
        self.keep_feed(&vm, now);
        let (settled, calls) = vm.engine.borrow_mut().give_up_overdue(now);
        for call in calls {
            let _ = hostcalls::cancel_grpc_call(call);
        }
        let orphans = vm.engine.borrow_mut().take_orphans();
        let refused: Vec<_> = orphans
            .iter()
            .flat_map(|question| vm.ask(question))
            .collect();
        Self::send_ledger(&vm, now);
        self.report(&vm, now);
        let recently = |at| now.monotonic_ms.saturating_sub(at) < 1000;
        if !self.expired_at.is_some_and(recently) {
            self.expired_at = Some(now.monotonic_ms);
            vm.engine.borrow_mut().expire(host::read());
        }
        // Last, because it leaves another context in effect.
        vm.settle(settled);
        vm.settle(refused);
        vm.cut(now);
    }

    fn create_http_context(&self, stream: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Request {
            stream,
            vm: self.vm.clone(),
            gate: Gate::Held,
            began: None,
        }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}
