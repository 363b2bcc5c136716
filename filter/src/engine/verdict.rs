//! What happens with a request.

use std::rc::Rc;

use caracal_mandate::reason::Reason;
use caracal_mandate::refusal::Refusal;
use caracal_mandate::scope::ScopeSet;
use caracal_mandate::verify::{Permit, VerifiedMandate};

use super::HeldMandate;
use super::edit::{Authorization, Edit, Obtained, Own};
use super::facts::Facts;
use crate::config::{Role, Shadow};

/// The engine's name of a question that is to be sent or was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ticket(pub(super) u64);

/// The end of a decision, or of what can be said of it now.
#[derive(Debug)]
#[must_use = "an outcome that is not carried out leaves its request hanging"]
pub enum Outcome {
    /// Let it through.
    Forward(Forward),
    /// Answer it with a refusal.
    Refuse(Refused),
    /// Let it pass although it is refused: this point only shadows.
    Pass(ShadowPass),
    /// Hold it, and give the ledger its decision soon: it goes on when that is durable.
    Record,
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
        /// The same mandate, for as long as the request lasts.
        rests_on: Rc<VerifiedMandate>,
        /// The mandate to attach, where this point stands before the one that verifies.
        attach: Option<Rc<HeldMandate>>,
    },
    /// The token service said yes to this request a moment ago.
    Service {
        /// The mandate of the request, where that is verified.
        mandate: Option<Rc<VerifiedMandate>>,
        /// Until when its word is good, in monotonic milliseconds.
        until_ms: u64,
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

    /// What the request rests on for as long as it lasts, and until when the service's word is good:
    /// 0 where it was not asked.
    pub(super) fn rests_on(&self) -> (Option<Rc<VerifiedMandate>>, u64) {
        match self {
            Self::Permit { rests_on, .. } => (Some(Rc::clone(rests_on)), 0),
            Self::Service {
                mandate, until_ms, ..
            } => (mandate.clone(), *until_ms),
        }
    }
}

/// Evidence that a request may go on. Only the engine makes it, from a [`Basis`], after the
/// decision was recorded.
#[derive(Debug)]
pub struct Forward {
    edit: Edit,
    tracestate: Option<String>,
    note: String,
}

impl Forward {
    pub(super) fn new(basis: Basis<'_>, role: Role, own: Own, note: String) -> Self {
        let obtained = match basis {
            Basis::Permit { attach, .. } => attach.map(Obtained::Held),
            Basis::Service { attach, .. } => attach.map(Obtained::Fresh),
        };
        let edit = Edit::of_yes(role, own, obtained);
        Self {
            edit,
            tracestate: None,
            note,
        }
    }

    /// The same with what the request's `tracestate` becomes.
    pub(super) fn in_trace(self, tracestate: Option<String>) -> Self {
        Self { tracestate, ..self }
    }

    /// What the request's `tracestate` becomes, if it becomes something else.
    #[must_use]
    pub fn tracestate(&self) -> Option<&str> {
        self.tracestate.as_deref()
    }

    /// What becomes of the `authorization` header.
    #[must_use]
    pub fn authorization(&self) -> Authorization<'_> {
        self.edit.authorization()
    }

    /// What the access log may say.
    #[must_use]
    pub fn note(&self) -> &str {
        &self.note
    }
}

/// A request that was refused and passes all the same. It is made of the refusal and of the
/// evidence that the configuration asks for shadow, and is no [`Forward`]: the mark of an allow is
/// not for it.
#[derive(Debug)]
pub struct ShadowPass {
    refused: Refused,
    edit: Edit,
}

impl ShadowPass {
    pub(super) const fn new(_: Shadow, refused: Refused, role: Role, own: Own) -> Self {
        let edit = Edit::of_shadow_no(role, own);
        Self { refused, edit }
    }

    /// The refusal that enforcement would have answered.
    #[must_use]
    pub const fn refused(&self) -> &Refused {
        &self.refused
    }

    /// What becomes of the `authorization` header.
    #[must_use]
    pub fn authorization(&self) -> Authorization<'_> {
        self.edit.authorization()
    }
}

/// A refusal.
#[derive(Debug)]
pub struct Refused {
    reason: Reason,
    request_id: String,
    scopes: Option<ScopeSet>,
    is_grpc: bool,
    note: String,
}

impl Refused {
    pub(super) fn new(reason: Reason, facts: &Facts<'_>, note: String) -> Self {
        let scopes = facts.target.map(|target| target.operation.scopes.clone());
        Self {
            reason,
            request_id: facts.request_id.to_owned(),
            scopes,
            is_grpc: facts.is_grpc,
            note,
        }
    }

    /// What the access log may say.
    #[must_use]
    pub fn note(&self) -> &str {
        &self.note
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
