//! What the feed carries, and how far back it can tell it again.

use std::collections::VecDeque;

use caracal_mandate::catalog::Resource;
use caracal_mandate::key::PublicKey;
use caracal_mandate::name::Name;
use caracal_mandate::revocation::Revocation;
use caracal_proto::enforcement::{self as wire, item};
use caracal_store::model::{EnforcementPoint, PointRole};

use super::ZoneState;

/// Items that a zone keeps; a stream that is farther behind starts over with a snapshot.
const KEPT_ITEMS: usize = 8192;

/// One item with its position.
#[derive(Debug)]
pub(crate) struct FeedItem {
    /// Position of its entry in the log.
    pub(crate) seq: u64,
    /// The resource that it is about, if it is about one, and the application that answers there.
    resource: Option<(Name, Option<Name>)>,
    item: wire::Item,
}

/// The part of a zone that one enforcement point is told.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum FeedScope {
    /// Everything.
    Zone,
    /// Keys, revocations and these resources.
    Resources(Vec<Name>),
    /// The same for where an application answers.
    AnsweredBy(Name),
}

impl FeedScope {
    /// What a registered point is told.
    pub(crate) fn of(point: &EnforcementPoint) -> Self {
        match point.role {
            PointRole::Gateway if point.resources.is_empty() => Self::Zone,
            // A resource point without resources is told of none, rather than of all.
            PointRole::Gateway | PointRole::Resource => Self::Resources(point.resources.clone()),
        }
    }

    fn takes(&self, resource: &Name, application: Option<&Name>) -> bool {
        match self {
            Self::Zone => true,
            Self::Resources(names) => names.contains(resource),
            Self::AnsweredBy(name) => application == Some(name),
        }
    }

    /// What an item is to this scope. A resource that another application answers at now is one that is
    /// gone.
    fn view(&self, item: &FeedItem) -> Option<wire::Item> {
        let Some((name, application)) = &item.resource else {
            return Some(item.item.clone());
        };
        if self.takes(name, application.as_ref()) {
            return Some(item.item.clone());
        }
        matches!(self, Self::AnsweredBy(_)).then(|| wire::Item {
            item: Some(item::Item::ResourceRemoved(name.to_string())),
        })
    }
}

/// The stream is farther behind than the kept items reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the feed does not reach back that far")]
pub(crate) struct FeedGap;

/// The recent items of a zone.
#[derive(Debug)]
pub(crate) struct FeedLog {
    items: VecDeque<FeedItem>,
    /// Everything after this position is kept.
    floor: u64,
}

impl FeedLog {
    pub(super) const fn new(seq: u64) -> Self {
        Self {
            items: VecDeque::new(),
            floor: seq,
        }
    }

    /// The items of a scope after a position, in order.
    pub(crate) fn after(
        &self,
        seq: u64,
        scope: &FeedScope,
    ) -> Result<Vec<(u64, wire::Item)>, FeedGap> {
        if seq < self.floor {
            return Err(FeedGap);
        }
        let start = self.items.partition_point(|item| item.seq <= seq);
        let items = self.items.range(start..);
        Ok(items
            .filter_map(|item| Some((item.seq, scope.view(item)?)))
            .collect())
    }

    fn push(&mut self, seq: u64, resource: Option<(Name, Option<Name>)>, item: item::Item) {
        if self.items.len() >= KEPT_ITEMS
            && let Some(dropped) = self.items.pop_front()
        {
            self.floor = dropped.seq;
        }
        self.items.push_back(FeedItem {
            seq,
            resource,
            item: wire::Item { item: Some(item) },
        });
    }

    pub(super) fn resource(&mut self, seq: u64, resource: &Resource) {
        let about = (resource.name.clone(), resource.application.clone());
        self.push(seq, Some(about), resource_item(resource));
    }

    pub(super) fn key(&mut self, seq: u64, key: &PublicKey) {
        self.push(seq, None, key_item(key));
    }

    pub(super) fn key_removed(&mut self, seq: u64, kid: String) {
        self.push(seq, None, item::Item::KeyRemoved(kid));
    }

    pub(super) fn revocation(&mut self, seq: u64, revocation: Revocation) {
        self.push(seq, None, revocation_item(revocation));
    }

    pub(super) fn suspended(&mut self, seq: u64, id: u64) {
        self.push(seq, None, item::Item::Suspended(id));
    }

    pub(super) fn resumed(&mut self, seq: u64, id: u64) {
        self.push(seq, None, item::Item::Resumed(id));
    }
}

fn key_item(key: &PublicKey) -> item::Item {
    item::Item::KeyAdded(wire::Key {
        point: key.sec1().to_vec(),
    })
}

fn resource_item(resource: &Resource) -> item::Item {
    let operation = |operation: &caracal_mandate::operation::Operation| wire::Operation {
        name: operation.name.to_string(),
        method: operation.method.to_string(),
        path: operation.path.to_string(),
        scopes: operation.scopes.to_string(),
        irreversible: operation.irreversible,
    };
    item::Item::ResourcePut(wire::Resource {
        name: resource.name.to_string(),
        uri: resource.uri.to_string(),
        hosts: resource.hosts.iter().map(ToString::to_string).collect(),
        operations: resource.operations.iter().map(operation).collect(),
    })
}

const fn revocation_item(revocation: Revocation) -> item::Item {
    item::Item::Revocation(wire::Revocation {
        id: revocation.id.0,
        issued_until: revocation.issued_until,
        expires: revocation.expires,
    })
}

impl ZoneState {
    /// Everything that a scope is told, as it is now.
    pub(crate) fn snapshot(&self, scope: &FeedScope) -> Vec<wire::Item> {
        let keys = self.keys.verifying().iter().map(key_item);
        let resources = self
            .catalog
            .resources()
            .filter(|resource| scope.takes(&resource.name, resource.application.as_ref()))
            .map(resource_item);
        let revocations = self.revocations.iter().map(revocation_item);
        let suspended = self.revocations.suspended();
        let suspended = suspended.map(|id| item::Item::Suspended(id.0));
        keys.chain(resources)
            .chain(revocations)
            .chain(suspended)
            .map(|item| wire::Item { item: Some(item) })
            .collect()
    }
}
