//! What happens with a request.

use std::rc::Rc;

use caracal_mandate::reason::Reason;
use caracal_mandate::refusal::Refusal;
use caracal_mandate::scope::ScopeSet;
use caracal_mandate::verify::{Permit, VerifiedMandate};

use super::HeldMandate;
use super::facts::Facts;

/// The engine's name of a question that is to be sent or was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ticket(pub(super) u64);

/// The end of a decision.
#[derive(Debug)]
#[must_use = "an outcome that is not carried out leaves its request hanging"]
pub enum Outcome {
    /// Let it through.
    Forward(Forward),
    /// Answer it with a refusal.
    Refuse(Refused),
}

/// What to do with a request now.
#[derive(Debug)]
#[must_use = "a verdict that is not carried out leaves its request hanging"]
pub enum Verdict {
    /// It is decided.
    Settled(Outcome),
    /// Hold it, and send this question.
    Ask(Question),
    /// Hold it; another request asked already.
    Hold,
}

impl From<Outcome> for Verdict {
    fn from(outcome: Outcome) -> Self {
        Self::Settled(outcome)
    }
}

/// A question to the token service.
#[derive(Debug)]
pub struct Question {
    /// To be given back with the call's token, or when the call could not be made.
    pub ticket: Ticket,
    /// A serialized `CheckRequest`.
    pub message: Vec<u8>,
}

/// What a request may rest on. There is no third way.
#[derive(Debug)]
pub(super) enum Basis<'a> {
    /// A mandate that was verified here, and presented for this request.
    Permit {
        permit: Permit<'a>,
        /// The mandate to attach, where this point stands before the one that verifies.
        attach: Option<Rc<HeldMandate>>,
    },
    /// The token service said yes to this request a moment ago.
    Service {
        /// The mandate to attach, where this point stands before the one that verifies.
        attach: Option<Box<str>>,
    },
}

impl Basis<'_> {
    pub(super) const fn mandate(&self) -> Option<&VerifiedMandate> {
        match self {
            Self::Permit { permit, .. } => Some(permit.mandate()),
            Self::Service { .. } => None,
        }
    }
}

/// Evidence that a request may go on. Only the engine makes it, from a [`Basis`], after the
/// decision was recorded.
#[derive(Debug)]
pub struct Forward {
    attach: Attach,
}

#[derive(Debug)]
enum Attach {
    Nothing,
    Held(Rc<HeldMandate>),
    Fresh(Box<str>),
}

impl Forward {
    pub(super) fn new(basis: Basis<'_>) -> Self {
        let attach = match basis {
            Basis::Permit {
                attach: Some(held), ..
            } => Attach::Held(held),
            Basis::Service {
                attach: Some(token),
            } => Attach::Fresh(token),
            Basis::Permit { attach: None, .. } | Basis::Service { attach: None } => Attach::Nothing,
        };
        Self { attach }
    }

    /// The mandate to send on; without one the `authorization` header is to be removed.
    #[must_use]
    pub fn mandate(&self) -> Option<&str> {
        match &self.attach {
            Attach::Nothing => None,
            Attach::Held(held) => Some(&held.token),
            Attach::Fresh(token) => Some(token),
        }
    }
}

/// A refusal.
#[derive(Debug)]
pub struct Refused {
    reason: Reason,
    request_id: String,
    scopes: Option<ScopeSet>,
    is_grpc: bool,
}

impl Refused {
    pub(super) fn new(reason: Reason, facts: &Facts<'_>) -> Self {
        let scopes = facts.target.map(|target| target.operation.scopes.clone());
        Self {
            reason,
            request_id: facts.request_id.to_owned(),
            scopes,
            is_grpc: facts.is_grpc,
        }
    }

    /// Why.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        self.reason
    }

    /// Whether it must be a gRPC status.
    #[must_use]
    pub const fn is_grpc(&self) -> bool {
        self.is_grpc
    }

    /// How it looks on the wire.
    #[must_use]
    pub fn refusal(&self) -> Refusal<'_> {
        Refusal {
            reason: self.reason,
            request_id: &self.request_id,
            scopes: self.scopes.as_ref(),
        }
    }
}
