//! The state of one zone.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use caracal_mandate::catalog::Catalog;
use caracal_mandate::name::Name;
use caracal_mandate::revocation::{Revocation, RevocationId, RevocationSet};
use caracal_store::model::{
    Application, Change, CredentialRef, Grant, KeyRevocation, Proof, RevocationRecord,
    RevocationTarget, Session, SigningKey, Zone,
};

use super::credentials::{Credentials, Issuers};
use super::items::FeedLog;
use super::keys::ZoneKeys;
use crate::policy::CompiledPolicy;

/// The zone's active policy.
#[derive(Debug, Clone)]
pub(crate) enum ZonePolicy {
    /// Ready to be evaluated.
    Ready(Arc<CompiledPolicy>),
    /// Does not compile here, so nothing is allowed.
    Broken,
}

/// One zone.
#[derive(Debug)]
pub(crate) struct ZoneState {
    /// Name and issuer.
    pub(crate) zone: Arc<Zone>,
    /// Resources and operations.
    pub(crate) catalog: Catalog,
    /// Keys: which verify, and which one signs.
    pub(crate) keys: ZoneKeys,
    /// Active policy.
    pub(crate) policy: Option<ZonePolicy>,
    /// What is revoked.
    pub(crate) revocations: RevocationSet,
    /// Recent items for the feed.
    pub(crate) feed: FeedLog,
    applications: HashMap<Name, Arc<Application>>,
    pub(super) credentials: Credentials,
    pub(super) issuers: Issuers,
    inactive: HashSet<Name>,
    grants: HashMap<Name, Vec<Arc<Grant>>>,
    sessions: HashMap<Name, HashMap<Box<str>, Arc<str>>>,
}

impl ZoneState {
    pub(super) fn new(zone: Zone, seq: u64) -> Self {
        Self {
            zone: Arc::new(zone),
            catalog: Catalog::default(),
            keys: ZoneKeys::default(),
            policy: None,
            revocations: RevocationSet::default(),
            feed: FeedLog::new(seq),
            applications: HashMap::new(),
            credentials: Credentials::default(),
            issuers: Issuers::default(),
            inactive: HashSet::new(),
            grants: HashMap::new(),
            sessions: HashMap::new(),
        }
    }

    /// An application, revoked or not.
    pub(crate) fn application(&self, name: &Name) -> Option<&Arc<Application>> {
        self.applications.get(name)
    }

    /// Whether an application exists and was not revoked.
    pub(crate) fn is_active(&self, name: &Name) -> bool {
        self.applications.contains_key(name) && !self.inactive.contains(name)
    }

    /// The grants of an application for a resource that were not revoked, whether they are good now
    /// or not.
    pub(crate) fn grants<'a>(
        &'a self,
        application: &Name,
        resource: &'a Name,
    ) -> impl Iterator<Item = &'a Arc<Grant>> + use<'a> {
        let grants = self.grants.get(application).map_or(&[][..], Vec::as_slice);
        grants
            .iter()
            .filter(move |grant| grant.resource == *resource)
    }

    /// Whether a grant is still there.
    pub(crate) fn has_grant(&self, application: &Name, id: &str) -> bool {
        self.grants
            .get(application)
            .is_some_and(|grants| grants.iter().any(|grant| grant.id == id))
    }

    /// The open session of an application's workload.
    pub(crate) fn session(&self, application: &Name, holder: &str) -> Option<&Arc<str>> {
        self.sessions.get(application)?.get(holder)
    }

    pub(super) fn apply(&mut self, seq: u64, change: Change, policy: Option<ZonePolicy>) {
        match change {
            // A zone is made before anything is in it.
            Change::ZoneCreated(_) | Change::PointCreated(_) => {}
            Change::ApplicationCreated(application) => {
                self.applications
                    .insert(application.name.clone(), Arc::new(application));
            }
            Change::CredentialAdded(credential) => self.credentials.add(credential),
            Change::CredentialRevoked(which) => self.withdraw(&which),
            Change::IssuerCreated(issuer) => self.issuers.add(issuer),
            Change::IssuerRemoved(name) => self.issuers.remove(&name),
            Change::ResourcePut(resource) => {
                self.feed.resource(seq, &resource);
                self.catalog.insert(resource);
            }
            Change::GrantCreated(grant) => {
                let grants = self.grants.entry(grant.application.clone()).or_default();
                grants.push(Arc::new(grant));
            }
            Change::PolicyActivated(_) => self.policy = Some(policy.unwrap_or(ZonePolicy::Broken)),
            Change::KeyPublished(key) => self.publish(seq, &key),
            Change::KeyActivated(activation) => self.keys.activate(&activation),
            Change::KeyDropped(kid) => self.drop_key(seq, kid),
            Change::KeyRevoked(revocation) => self.revoke_key(seq, revocation),
            Change::SessionOpened(session) => self.open(session),
            Change::Revoked(record) => self.revoke(seq, record),
        }
    }

    fn publish(&mut self, seq: u64, key: &SigningKey) {
        match self.keys.publish(key) {
            Ok(public) => self.feed.key(seq, &public),
            Err(error) => tracing::error!(%error, zone = %self.zone.name, kid = %key.kid),
        }
    }

    fn drop_key(&mut self, seq: u64, kid: String) {
        self.keys.drop_retired(&kid);
        self.feed.key_removed(seq, kid);
    }

    fn revoke_key(&mut self, seq: u64, revocation: KeyRevocation) {
        let KeyRevocation {
            kid,
            successor,
            mandates,
        } = revocation;
        self.keys.revoke(&kid, successor.as_deref());
        self.feed.key_removed(seq, kid);
        self.revoke(seq, mandates);
    }

    fn withdraw(&mut self, which: &CredentialRef) {
        let Some(credential) = self.credentials.remove(which) else {
            return;
        };
        if let Proof::Spiffe { spiffe_id } = &credential.proof
            && let Some(held) = self.sessions.get_mut(&which.application)
        {
            held.remove(spiffe_id.as_str());
        }
    }

    fn open(&mut self, session: Session) {
        let Session {
            id,
            application,
            holder,
            opened_at: _,
        } = session;
        let sessions = self.sessions.entry(application).or_default();
        sessions.insert(holder.as_str().into(), id.into());
    }

    fn revoke(&mut self, seq: u64, record: RevocationRecord) {
        let RevocationRecord {
            target,
            id,
            issued_until,
            expires,
        } = record;
        let revocation = Revocation {
            id: RevocationId(id),
            issued_until,
            expires,
        };
        self.feed.revocation(seq, revocation);
        self.revocations.insert(revocation);
        match target {
            RevocationTarget::Session(id) => {
                self.sessions
                    .values_mut()
                    .for_each(|held| held.retain(|_, sid| **sid != *id));
            }
            RevocationTarget::Grant(id) => {
                self.grants
                    .values_mut()
                    .for_each(|grants| grants.retain(|grant| grant.id != id));
            }
            RevocationTarget::Application(name) => {
                self.grants.remove(&name);
                self.sessions.remove(&name);
                self.credentials.remove_all(&name);
                self.inactive.insert(name);
            }
            // Watermarks over mandates; what is issued afterwards is good again.
            RevocationTarget::Mandate(_)
            | RevocationTarget::Resource(_)
            | RevocationTarget::Zone => {}
        }
    }

    pub(super) fn expire(&mut self, now_s: u64) {
        self.revocations.expire(now_s);
    }
}
