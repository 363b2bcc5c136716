//! What the authority state is made of.

mod condition;
mod credential;
mod delegation;
mod issuer;
pub mod jwk;
mod key;
mod session;
mod suspension;

use std::fmt;
use std::str::FromStr;

use caracal_mandate::catalog::{Resource, ResourceUri};
use caracal_mandate::name::Name;
use caracal_mandate::revocation::{RevocationId, RevocationKind};
use caracal_mandate::scope::ScopeSet;
use caracal_mandate::spiffe::SpiffeId;
use serde::{Deserialize, Serialize};

pub use condition::{
    GrantConditions, MAX_AUTHENTICATION_AGE, MAX_NAMED, OnBehalfOf, OnBehalfOfError, TimeOfDay,
    TimeOfDayError, Weekday, WeeklyWindow, WindowError,
};
pub use credential::{
    AccountName, AccountNameError, Credential, CredentialRef, Proof, SECRET_PREFIX, SecretHash,
    SecretHashError, ServiceAccount,
};
pub use delegation::{Delegation, MAX_DELEGATIONS};
pub use issuer::{
    IssuerError, IssuerPurpose, IssuerUrl, KeysUrl, MAX_AUDIENCES, MAX_TOKEN_AGE_SECONDS,
    TrustedIssuer, UrlError,
};
pub use jwk::{Jwk, JwkError, JwkSet};
pub use key::{
    KEY_LINGERING_MS, KEY_SETTLING_MS, KeyActivation, KeyRecord, KeyRevocation, KeyState,
    KeyStateError, MAX_LEASE_MS, SigningKey,
};
pub use session::{
    DeclaredSession, Labels, LabelsError, MAX_SESSION_LEASE, MIN_SESSION_LEASE, Session,
    SessionState, SessionTerms,
};
pub use suspension::Suspension;

/// A tenant: its own keys, policy, resources and ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Zone {
    /// Name.
    pub name: Name,
    /// `iss` of its mandates: an https URL.
    pub issuer: String,
}

/// A party that may hold mandates. Its name is its public `client_id`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Application {
    /// Name, unique within the zone.
    pub name: Name,
    /// SPIFFE IDs of its workloads; each belongs to one application of one zone. Without any it
    /// needs a [`Credential`] to be anybody.
    pub spiffe_ids: Vec<SpiffeId>,
}

/// Permission for an application to be issued mandates. Without one nothing is issued, whatever the
/// policy says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// Id, `grt_` and 22 characters; never used twice.
    pub id: String,
    /// Application.
    pub application: Name,
    /// Resource.
    pub resource: Name,
    /// Scopes, at most.
    pub scopes: ScopeSet,
    /// Unix second from which it is void; `None` is until revoked.
    pub expires_at: Option<u64>,
    /// Longest life of its mandates in seconds, at most 900; `None` is the service's default.
    pub max_lifetime: Option<u64>,
    /// What has to hold besides.
    #[serde(default, skip_serializing_if = "GrantConditions::is_empty")]
    pub conditions: GrantConditions,
}

/// One immutable version of a zone's policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// `sha256:` and the hex digest of the source.
    pub digest: String,
    /// Rego v1 source, package `caracal.policy`.
    pub source: String,
}

impl Policy {
    /// The version that `source` is.
    #[must_use]
    pub fn new(source: String) -> Self {
        Self {
            digest: Self::digest_of(&source),
            source,
        }
    }

    /// `sha256:` and the hex digest of `source`.
    #[must_use]
    pub fn digest_of(source: &str) -> String {
        format!("sha256:{}", crate::digest::hex(&[source.as_bytes()]))
    }
}

/// What an enforcement point that is no application's own sidecar may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PointRole {
    /// Guards the resources that it lists: asks about requests that its peers present there.
    Resource,
    /// Exchanges for its downstream peers and enforces for all resources, or those it lists.
    Gateway,
}

/// A proxy that enforces for others, by the SPIFFE ID that it calls the token service with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnforcementPoint {
    /// Name, unique within the zone.
    pub name: Name,
    /// Identity; belongs to one point of one zone and to no application.
    pub spiffe_id: SpiffeId,
    /// Role.
    pub role: PointRole,
    /// Resources that it guards; empty is all of them, and only a gateway may say so.
    pub resources: Vec<Name>,
}

/// What a revocation hits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    rename_all = "snake_case",
    tag = "kind",
    content = "id",
    deny_unknown_fields
)]
pub enum RevocationTarget {
    /// One mandate, by `jti`.
    Mandate(String),
    /// A session; the application may open a new one.
    Session(String),
    /// A grant, for good.
    Grant(String),
    /// A delegation, for good, with everything that was passed on by it.
    Delegation(String),
    /// An application, for good, with every mandate that it holds.
    Application(Name),
    /// Every mandate for a resource (by name) that was issued until now.
    Resource(Name),
    /// Every mandate of the zone that was issued until now.
    Zone,
}

/// Why a text names nothing that can be revoked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} names nothing that can be revoked: use mandate/ID, session/ID, grant/ID, delegation/ID, application/NAME, resource/NAME or zone"
)]
pub struct RevocationTargetError(pub String);

impl FromStr for RevocationTarget {
    type Err = RevocationTargetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || RevocationTargetError(text.to_owned());
        if text == "zone" {
            return Ok(Self::Zone);
        }
        let (kind, id) = text
            .split_once('/')
            .filter(|(_, id)| !id.is_empty())
            .ok_or_else(error)?;
        Ok(match kind {
            "mandate" => Self::Mandate(id.to_owned()),
            "session" => Self::Session(id.to_owned()),
            "grant" => Self::Grant(id.to_owned()),
            "delegation" => Self::Delegation(id.to_owned()),
            "application" => Self::Application(id.parse().map_err(|_| error())?),
            "resource" => Self::Resource(id.parse().map_err(|_| error())?),
            _ => return Err(error()),
        })
    }
}

impl fmt::Display for RevocationTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mandate(id) => write!(f, "mandate/{id}"),
            Self::Session(id) => write!(f, "session/{id}"),
            Self::Grant(id) => write!(f, "grant/{id}"),
            Self::Delegation(id) => write!(f, "delegation/{id}"),
            Self::Application(name) => write!(f, "application/{name}"),
            Self::Resource(name) => write!(f, "resource/{name}"),
            Self::Zone => f.write_str("zone"),
        }
    }
}

/// A revocation as it was committed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevocationRecord {
    /// What it hits.
    pub target: RevocationTarget,
    /// The 64-bit id that filters look up.
    pub id: u64,
    /// Mandates issued at or before this Unix second are refused; `u64::MAX` is all of them.
    pub issued_until: u64,
    /// Unix second after which it can hit nothing alive.
    pub expires: u64,
}

impl RevocationTarget {
    /// The id that filters look up. Mandates name a resource by its identifier, so the identifier
    /// of the named resource has to be given for [`Self::Resource`]; otherwise the result is `None`.
    #[must_use]
    pub fn revocation_id(
        &self,
        zone: &Name,
        resource: Option<&ResourceUri>,
    ) -> Option<RevocationId> {
        let id = |kind, id: &str| Some(RevocationId::new(kind, zone.as_str(), id));
        match self {
            Self::Mandate(jti) => id(RevocationKind::Mandate, jti),
            Self::Session(session) => id(RevocationKind::Session, session),
            Self::Grant(grant) => id(RevocationKind::Grant, grant),
            Self::Delegation(delegation) => id(RevocationKind::Delegation, delegation),
            Self::Application(name) => id(RevocationKind::Application, name.as_str()),
            Self::Resource(_) => id(RevocationKind::Resource, resource?.as_str()),
            Self::Zone => id(RevocationKind::Zone, zone.as_str()),
        }
    }

    /// Whether what was revoked never comes back, so that the time of issue does not matter.
    #[must_use]
    pub const fn is_for_good(&self) -> bool {
        match self {
            Self::Mandate(_)
            | Self::Session(_)
            | Self::Grant(_)
            | Self::Delegation(_)
            | Self::Application(_) => true,
            Self::Resource(_) | Self::Zone => false,
        }
    }
}

/// One change of authority, whole: the state is the fold of all changes in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    rename_all = "snake_case",
    tag = "kind",
    content = "value",
    deny_unknown_fields
)]
pub enum Change {
    /// A zone was made.
    ZoneCreated(Zone),
    /// An application was made.
    ApplicationCreated(Application),
    /// An application got a further means of proving who it is.
    CredentialAdded(Credential),
    /// A means of proving who somebody is was withdrawn. What it obtained stays as it is.
    CredentialRevoked(CredentialRef),
    /// An issuer's tokens are to be taken.
    IssuerCreated(TrustedIssuer),
    /// The issuer with this name is trusted no more.
    IssuerRemoved(Name),
    /// A resource was made or replaced.
    ResourcePut(Resource),
    /// A grant was made.
    GrantCreated(Grant),
    /// An application may have another one act for it.
    DelegationCreated(Delegation),
    /// A policy version became the zone's policy.
    PolicyActivated(Policy),
    /// A signing key is to be trusted; it does not sign yet.
    KeyPublished(SigningKey),
    /// A published key signs from now on; the one that did is retired.
    KeyActivated(KeyActivation),
    /// The retired key with this id is to be trusted no more: nothing that it signed is alive.
    KeyDropped(String),
    /// A key is to be trusted no more, and nothing that was issued until now.
    KeyRevoked(KeyRevocation),
    /// An enforcement point was made.
    PointCreated(EnforcementPoint),
    /// A session was opened at a workload's first exchange.
    SessionOpened(Session),
    /// A session was declared, in place of those that ended for it.
    SessionDeclared(DeclaredSession),
    /// Something was revoked.
    Revoked(RevocationRecord),
    /// Something is refused until it is resumed.
    Suspended(Suspension),
    /// What was suspended is good again.
    Resumed(Suspension),
}

impl Change {
    /// The kind as it stands in the log.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::ZoneCreated(_) => "zone_created",
            Self::ApplicationCreated(_) => "application_created",
            Self::CredentialAdded(_) => "credential_added",
            Self::CredentialRevoked(_) => "credential_revoked",
            Self::IssuerCreated(_) => "issuer_created",
            Self::IssuerRemoved(_) => "issuer_removed",
            Self::ResourcePut(_) => "resource_put",
            Self::GrantCreated(_) => "grant_created",
            Self::DelegationCreated(_) => "delegation_created",
            Self::PolicyActivated(_) => "policy_activated",
            Self::KeyPublished(_) => "key_published",
            Self::KeyActivated(_) => "key_activated",
            Self::KeyDropped(_) => "key_dropped",
            Self::KeyRevoked(_) => "key_revoked",
            Self::PointCreated(_) => "point_created",
            Self::SessionOpened(_) => "session_opened",
            Self::SessionDeclared(_) => "session_declared",
            Self::Revoked(_) => "revoked",
            Self::Suspended(_) => "suspended",
            Self::Resumed(_) => "resumed",
        }
    }
}

/// One entry of the authority log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// Position, from 1, without gaps.
    pub seq: u64,
    /// Zone that it belongs to.
    pub zone: Name,
    /// Unix milliseconds of the commit.
    pub at_ms: u64,
    /// What changed.
    pub change: Change,
}
