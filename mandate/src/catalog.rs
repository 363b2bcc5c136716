//! Resources, and the index that finds the operation of a request.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::host::Host;
use crate::name::Name;
use crate::operation::{Operation, Segment};
use crate::path::NormalPath;

/// Most operations of one resource.
pub const MAX_OPERATIONS: usize = 256;

/// A resource identifier: an absolute URI in normal form (RFC 8707 §2), the `aud` of mandates.
/// It is compared byte for byte and never normalized again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceUri(Box<str>);

/// Why a text is no resource identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a resource identifier: use https://host[/path] or http://host[/path] in lower case, without port 443/80, query, fragment or trailing slash"
)]
pub struct ResourceUriError(pub String);

impl ResourceUri {
    /// The URI's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ResourceUri {
    type Err = ResourceUriError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ResourceUriError(text.chars().take(256).collect());
        let (rest, default_port) =
            match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
                (Some(rest), _) => (rest, ":443"),
                (None, Some(rest)) => (rest, ":80"),
                (None, None) => return Err(error()),
            };
        let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        let normal = crate::host::normal_host(authority.as_bytes()).map_err(|_| error())?;
        let plain_path = path.is_empty()
            || NormalPath::parse(path.as_bytes()).is_ok_and(|normal| normal.as_str() == path);
        if text.len() > 256
            || !authority.starts_with(&*normal)
            || authority.ends_with(default_port)
            || !plain_path
            || path.ends_with('/')
        {
            return Err(error());
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for ResourceUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for ResourceUri {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ResourceUri {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// Something that is protected: hosts, and what can be done there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resource {
    /// Name, unique within the zone.
    pub name: Name,
    /// Identifier, the `aud` of mandates for it.
    pub uri: ResourceUri,
    /// Hosts under which it is called; each belongs to one resource of the zone.
    pub hosts: Vec<Host>,
    /// What can be done there; everything else is refused.
    pub operations: Vec<Operation>,
    /// The application that answers there, if it is one. Whoever calls it may have it act in turn, as far
    /// as a delegation says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<Name>,
}

/// Why a resource cannot be registered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResourceError {
    /// No host.
    #[error("resource {0} has no host")]
    NoHost(Name),
    /// A host twice.
    #[error("resource {0} lists host {1} twice")]
    DuplicateHost(Name, Host),
    /// More than [`MAX_OPERATIONS`].
    #[error("resource {0} has {1} operations, more than {MAX_OPERATIONS}")]
    TooManyOperations(Name, usize),
    /// Two operations with one name.
    #[error("resource {0} has two operations with the name {1}")]
    DuplicateOperation(Name, Name),
    /// Two operations that match the same requests.
    #[error("operations {1} and {2} of resource {0} match the same requests")]
    Ambiguous(Name, Name, Name),
    /// An operation that anyone with any mandate could call.
    #[error("operation {1} of resource {0} needs no scope; name at least one")]
    NoScope(Name, Name),
}

impl Resource {
    /// Checks what the types of the fields cannot say.
    pub fn validate(&self) -> Result<(), ResourceError> {
        let name = || self.name.clone();
        if self.hosts.is_empty() {
            return Err(ResourceError::NoHost(name()));
        }
        let mut hosts: Vec<_> = self.hosts.iter().collect();
        hosts.sort_unstable();
        if let Some([twice, _]) = hosts.array_windows::<2>().find(|[a, b]| a == b) {
            return Err(ResourceError::DuplicateHost(name(), (*twice).clone()));
        }
        if self.operations.len() > MAX_OPERATIONS {
            return Err(ResourceError::TooManyOperations(
                name(),
                self.operations.len(),
            ));
        }
        let mut names = HashSet::new();
        let mut shapes = HashMap::new();
        for operation in &self.operations {
            if operation.scopes.is_empty() {
                return Err(ResourceError::NoScope(name(), operation.name.clone()));
            }
            if !names.insert(&operation.name) {
                return Err(ResourceError::DuplicateOperation(
                    name(),
                    operation.name.clone(),
                ));
            }
            let shape: Vec<_> = operation.path.segments().iter().map(literal).collect();
            if let Some(other) = shapes.insert((&operation.method, shape), &operation.name) {
                let (a, b) = (other.clone(), operation.name.clone());
                return Err(ResourceError::Ambiguous(name(), a, b));
            }
        }
        Ok(())
    }
}

const fn literal(segment: &Segment) -> Option<&str> {
    match segment {
        Segment::Literal(text) => Some(text),
        Segment::Parameter(_) => None,
    }
}

/// A resource with its operations in matching order.
#[derive(Debug)]
pub struct CatalogEntry {
    /// The resource.
    pub resource: Resource,
    /// Indexes into `resource.operations` by number of segments, most specific first.
    by_length: HashMap<usize, Vec<usize>>,
}

impl CatalogEntry {
    /// Prepares a resource for matching.
    #[must_use]
    pub fn new(resource: Resource) -> Self {
        let mut by_length: HashMap<usize, Vec<usize>> = HashMap::new();
        for (index, operation) in resource.operations.iter().enumerate() {
            by_length
                .entry(operation.path.segments().len())
                .or_default()
                .push(index);
        }
        for indexes in by_length.values_mut() {
            // At the first segment where two templates differ in kind, the literal wins: the same
            // rule that HTTP routers follow, so that both sides pick the same operation.
            indexes.sort_by_key(|index| {
                resource.operations.get(*index).map(|operation| {
                    operation
                        .path
                        .segments()
                        .iter()
                        .map(|segment| matches!(segment, Segment::Parameter(_)))
                        .collect::<Vec<_>>()
                })
            });
        }
        Self {
            resource,
            by_length,
        }
    }

    /// The operation that `method` on `path` is, if any.
    ///
    /// None as well when servers differ on which one it is: `/accounts/Summary` is an account's id
    /// for some, and `/accounts/summary` for those that compare without regard to case. Where both
    /// are registered, it is neither.
    #[must_use]
    pub fn operation(&self, method: &str, path: &NormalPath<'_>) -> Option<&Operation> {
        let candidates = self.by_length.get(&path.segments().count())?;
        let mut taken_for = None;
        for index in candidates {
            let Some(operation) = self.resource.operations.get(*index) else {
                continue;
            };
            if operation.method.as_str() != method || !operation.path.resembles(path) {
                continue;
            }
            // The most specific one comes first: what a server that reads loosely would call.
            let loosely: &Operation = taken_for.get_or_insert(operation);
            if operation.path.matches(path) {
                let same = loosely.path.is_as_specific_as(&operation.path);
                return same.then_some(operation);
            }
        }
        None
    }
}

/// The resources of a zone (or the part that one enforcement point guards), found by host.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    by_name: HashMap<Name, Arc<CatalogEntry>>,
    by_host: HashMap<Host, Arc<CatalogEntry>>,
}

impl Catalog {
    /// Adds a resource, or replaces the one with its name.
    pub fn insert(&mut self, resource: Resource) {
        self.remove(&resource.name);
        let entry = Arc::new(CatalogEntry::new(resource));
        for host in &entry.resource.hosts {
            self.by_host.insert(host.clone(), Arc::clone(&entry));
        }
        self.by_name.insert(entry.resource.name.clone(), entry);
    }

    /// Removes a resource and its hosts.
    pub fn remove(&mut self, name: &Name) {
        if self.by_name.remove(name).is_some() {
            self.by_host.retain(|_, entry| entry.resource.name != *name);
        }
    }

    /// The resource that is called under a host in normal form.
    #[must_use]
    pub fn by_host(&self, host: &str) -> Option<&Arc<CatalogEntry>> {
        self.by_host.get(host)
    }

    /// The resource with a name.
    #[must_use]
    pub fn by_name(&self, name: &Name) -> Option<&Arc<CatalogEntry>> {
        self.by_name.get(name)
    }

    /// The resource with an identifier, compared byte for byte.
    #[must_use]
    pub fn by_uri(&self, uri: &str) -> Option<&Arc<CatalogEntry>> {
        let mut entries = self.by_name.values();
        entries.find(|entry| entry.resource.uri.as_str() == uri)
    }

    /// Every resource, in no order.
    pub fn resources(&self) -> impl Iterator<Item = &Resource> {
        self.by_name.values().map(|entry| &entry.resource)
    }

    /// How many resources there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Whether there is no resource.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }
}

#[cfg(test)]
mod tests;
