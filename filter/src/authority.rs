//! What this point knows: keys, resources, revocations, under one version.

use caracal_mandate::catalog::{Catalog, Resource};
use caracal_mandate::key::{KeySet, PublicKey};
use caracal_mandate::operation::Operation;
use caracal_mandate::revocation::{Revocation, RevocationId, RevocationSet};
use caracal_mandate::scope::ScopeSet;
use caracal_mandate::version::Version;
use caracal_proto::enforcement as wire;

/// Most revocations that are held. Beyond that the point closes; it never forgets one.
pub const MAX_REVOCATIONS: usize = 1_000_000;

/// Most resources that are held.
pub const MAX_CATALOG: usize = 10_000;

/// Authority state as of one version.
#[derive(Debug, Clone, Default)]
pub struct Authority {
    /// Version of the last applied change.
    pub version: Version,
    /// Issuer of the zone.
    pub issuer: String,
    /// Live keys.
    pub keys: KeySet,
    /// Resources that this point guards, or may call.
    pub catalog: Catalog,
    /// Live revocations.
    pub revocations: RevocationSet,
}

/// Why an item of the feed cannot be applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ItemError {
    /// An item without content: written by a newer service, so its meaning is unknown here.
    #[error("an item of a kind that this version does not know")]
    Unknown,
    /// A key that is no P-256 point.
    #[error("a key that is not a P-256 point")]
    Key,
    /// A resource that could not be registered.
    #[error("a resource that is not valid: {0}")]
    Resource(String),
    /// More than this point holds.
    #[error("more authority than this point holds")]
    TooMuch,
}

/// What an item changed, as far as caches are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// What was verified before is still verified.
    None,
    /// A key went: verified mandates must be verified again.
    KeysChanged,
}

impl Authority {
    /// Applies one item.
    pub fn apply(&mut self, item: wire::Item) -> Result<Effect, ItemError> {
        use wire::item::Item;
        match item.item.ok_or(ItemError::Unknown)? {
            Item::KeyAdded(key) => {
                self.keys
                    .insert(PublicKey::from_sec1(&key.point).map_err(|_| ItemError::Key)?);
            }
            Item::KeyRemoved(kid) => {
                self.keys.remove(&kid);
                return Ok(Effect::KeysChanged);
            }
            Item::ResourcePut(resource) => {
                let resource = read_resource(resource)?;
                self.catalog.insert(resource);
            }
            Item::ResourceRemoved(name) => {
                self.catalog.remove(&name.parse().map_err(resource_error)?);
            }
            Item::Revocation(entry) => self.revocations.insert(Revocation {
                id: RevocationId(entry.id),
                issued_until: entry.issued_until,
                expires: entry.expires,
            }),
            Item::Suspended(id) => self.revocations.suspend(RevocationId(id)),
            Item::Resumed(id) => self.revocations.resume(RevocationId(id)),
        }
        if self.revocations.len() > MAX_REVOCATIONS || self.catalog.len() > MAX_CATALOG {
            return Err(ItemError::TooMuch);
        }
        Ok(Effect::None)
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "it is given to `map_err`, which gives it the error"
)]
fn resource_error(error: impl ToString) -> ItemError {
    ItemError::Resource(error.to_string())
}

/// The feed is authenticated, but what it says is checked all the same: a resource that the
/// catalog would not take at registration must not be matched here either.
fn read_resource(wire: wire::Resource) -> Result<Resource, ItemError> {
    let operation = |wire: wire::Operation| {
        Ok(Operation {
            name: wire.name.parse().map_err(resource_error)?,
            method: wire.method.parse().map_err(resource_error)?,
            path: wire.path.parse().map_err(resource_error)?,
            scopes: ScopeSet::parse(&wire.scopes).map_err(resource_error)?,
            irreversible: wire.irreversible,
        })
    };
    let resource = Resource {
        name: wire.name.parse().map_err(resource_error)?,
        uri: wire.uri.parse().map_err(resource_error)?,
        hosts: wire
            .hosts
            .iter()
            .map(|host| host.parse().map_err(resource_error))
            .collect::<Result<_, _>>()?,
        operations: wire
            .operations
            .into_iter()
            .map(operation)
            .collect::<Result<_, _>>()?,
        // Who answers there matters to the token service alone.
        application: None,
    };
    resource.validate().map_err(resource_error)?;
    Ok(resource)
}
