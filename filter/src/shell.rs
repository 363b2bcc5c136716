//! The filter inside Envoy: proxy-wasm callbacks in, host calls out, no decision of its own.
//!
//! Only the free functions of `proxy_wasm::hostcalls` are used: the convenience methods of its
//! contexts panic on what a client can send.

mod carry;
mod host;
mod http;
mod metrics;
mod root;
#[cfg(feature = "trap")]
mod trap;
mod upstream;

use std::cell::{Cell, RefCell};

use self::metrics::Metrics;
use self::root::Root;
use self::upstream::Upstream;
use crate::engine::{CallToken, Engine, StreamMap};

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(Root::default()));
}}

/// Whether the body of a request may pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gate {
    /// No decision yet: nothing may pass, whatever callback asks.
    Held,
    /// The request was let through.
    Open,
    /// The request was refused.
    Shut,
}

/// What the contexts of one VM share. A VM has one thread; a borrow is never held over a host call
/// that could call back.
struct Vm {
    engine: RefCell<Engine>,
    /// Requests that waited or wait.
    gates: RefCell<StreamMap<Gate>>,
    /// The ledger call under way.
    ledger_call: RefCell<Option<CallToken>>,
    /// Whether the next tick was asked for sooner than usual.
    hurries: Cell<bool>,
    sts: Upstream,
    feed: Upstream,
    ledger: Upstream,
    metrics: Metrics,
}
