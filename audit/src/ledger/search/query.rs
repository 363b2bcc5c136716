//! What can be asked.

use caracal_mandate::event::{Action, Component, Outcome};
use serde::Serialize;

/// Most entries of one answer.
pub const MAX_LIST: u32 = 1000;

/// In which order entries are looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub enum Order {
    /// From the end of the log.
    #[default]
    NewestFirst,
    /// From its beginning, or from where the last page ended: towards what will be appended.
    OldestFirst,
}

impl Order {
    /// Where to go on behind an entry, see [`Page::bound`](super::Page::bound).
    pub(super) const fn beyond(self, index: u64) -> u64 {
        match self {
            Self::NewestFirst => index,
            Self::OldestFirst => index.saturating_add(1),
        }
    }
}

/// Which entries are asked for. Absent filters match everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ListQuery {
    /// The zone; there is no listing across zones.
    pub zone: String,
    /// Exactly this request id.
    pub request_id: Option<String>,
    /// The exchange that issued this mandate, if it tells the mandate's chain.
    pub issued: Option<String>,
    /// Exactly this mandate: its issue, and every use of it.
    pub mandate: Option<String>,
    /// Exactly this application.
    pub application: Option<String>,
    /// Exactly this SPIFFE ID of the peer that held the mandate or asked for it.
    pub holder: Option<String>,
    /// Exactly this session: that of the mandate, not those that it descends from.
    pub session: Option<String>,
    /// Exactly this grant.
    pub grant: Option<String>,
    /// Exactly this resource.
    pub resource: Option<String>,
    /// Exactly this host, in normal form.
    pub host: Option<String>,
    /// Paths that start so, in normal form.
    pub path_prefix: Option<String>,
    /// This component.
    pub component: Option<Component>,
    /// This kind of decision.
    pub action: Option<Action>,
    /// This outcome.
    pub outcome: Option<Outcome>,
    /// Reasons that start so: `invalid_mandate` finds `invalid_mandate.expired`.
    pub reason_prefix: Option<String>,
    /// Recorded at this time or later, Unix milliseconds.
    pub since_ms: Option<u64>,
    /// Recorded before this time, Unix milliseconds.
    pub until_ms: Option<u64>,
    /// In which order.
    pub order: Order,
    /// Only entries below this index.
    #[serde(skip)]
    pub before: Option<u64>,
    /// Only entries above this index, which has to be there.
    #[serde(skip)]
    pub after: Option<u64>,
    /// Most entries to return; 0 and anything above [`MAX_LIST`] mean that.
    #[serde(skip)]
    pub limit: u32,
}

impl ListQuery {
    /// The limit that counts.
    pub(super) fn row_limit(&self) -> u32 {
        match self.limit {
            0 => MAX_LIST,
            limit => limit.min(MAX_LIST),
        }
    }

    /// Asks for what comes after a page that ended at `bound`.
    pub const fn go_on(&mut self, bound: u64) {
        match self.order {
            Order::NewestFirst => self.before = Some(bound),
            Order::OldestFirst => self.after = bound.checked_sub(1),
        }
    }
}
