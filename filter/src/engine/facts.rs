//! What is known of one request, borrowed while it is decided and owned while it waits.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use caracal_mandate::catalog::{CatalogEntry, Resource};
use caracal_mandate::operation::Operation;

use super::calling::{Calling, WaitingCall};
use super::edit::Own;
use crate::head::Head;

/// The host's number of a request.
pub type StreamId = u32;

/// Something for each of some requests.
pub type StreamMap<V> = HashMap<StreamId, V, BuildHasherDefault<StreamHasher>>;

/// Spreads the host's numbers, which are in sequence: no client chooses them, so they need no hash
/// that withstands one.
#[derive(Debug, Default, Clone, Copy)]
pub struct StreamHasher(u64);

impl Hasher for StreamHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u32(u32::from(*byte));
        }
    }

    fn write_u32(&mut self, value: u32) {
        self.0 = (self.0 ^ u64::from(value)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

/// The operation that a request is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) resource: &'a Resource,
    pub(super) operation: &'a Operation,
}

/// One request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts<'a> {
    pub(super) stream: StreamId,
    pub(super) method: &'a str,
    pub(super) host: &'a str,
    pub(super) path: &'a str,
    pub(super) request_id: &'a str,
    pub(super) is_grpc: bool,
    pub(super) peer: Option<&'a str>,
    pub(super) own: Own,
    pub(super) target: Option<Target<'a>>,
    pub(super) calling: Option<Calling<'a>>,
}

impl<'a> Facts<'a> {
    pub(super) fn new(
        stream: StreamId,
        head: &'a Head<'_>,
        peer: Option<&'a str>,
        own: Own,
    ) -> Self {
        Self {
            stream,
            method: head.method,
            host: &head.host,
            path: head.path.as_str(),
            request_id: head.request_id,
            is_grpc: head.is_grpc,
            peer,
            own,
            target: None,
            calling: None,
        }
    }

    pub(super) fn with_target(self, target: Target<'a>) -> Self {
        Self {
            target: Some(target),
            ..self
        }
    }

    pub(super) fn with_calling(self, calling: Option<Calling<'a>>) -> Self {
        Self { calling, ..self }
    }
}

/// A request that waits for an answer.
#[derive(Debug)]
pub(super) struct Waiter {
    pub(super) stream: StreamId,
    method: String,
    host: String,
    path: String,
    request_id: String,
    is_grpc: bool,
    peer: Option<String>,
    own: Own,
    target: Option<(Arc<CatalogEntry>, Operation)>,
    calling: Option<WaitingCall>,
}

impl Waiter {
    pub(super) fn new(facts: &Facts<'_>, target: Option<(Arc<CatalogEntry>, Operation)>) -> Self {
        Self {
            stream: facts.stream,
            method: facts.method.to_owned(),
            host: facts.host.to_owned(),
            path: facts.path.to_owned(),
            request_id: facts.request_id.to_owned(),
            is_grpc: facts.is_grpc,
            peer: facts.peer.map(str::to_owned),
            own: facts.own,
            target,
            calling: facts.calling.map(Calling::to_waiting),
        }
    }

    pub(super) fn facts(&self) -> Facts<'_> {
        Facts {
            stream: self.stream,
            method: &self.method,
            host: &self.host,
            path: &self.path,
            request_id: &self.request_id,
            is_grpc: self.is_grpc,
            peer: self.peer.as_deref(),
            own: self.own,
            target: self.target.as_ref().map(|(entry, operation)| Target {
                resource: &entry.resource,
                operation,
            }),
            calling: self.calling.as_ref().map(WaitingCall::calling),
        }
    }
}
