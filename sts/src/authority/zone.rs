//! The state of one zone.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use caracal_mandate::catalog::Catalog;
use caracal_mandate::name::Name;
use caracal_mandate::revocation::{Revocation, RevocationId, RevocationKind, RevocationSet};
use caracal_store::model::{
    Application, Change, CredentialRef, DeclaredSession, Delegation, Grant, KeyRevocation, Proof,
    RevocationRecord, RevocationTarget, SigningKey, Suspension, Zone,
};

use super::credentials::{Credentials, Issuers};
use super::delegations::{Delegations, Side};
use super::items::FeedLog;
use super::keys::ZoneKeys;
use super::sessions::Sessions;
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
    delegations: Delegations,
    pub(crate) sessions: Sessions,
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
            delegations: Delegations::default(),
            sessions: Sessions::default(),
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

    /// The grants of an application for a resource that were neither revoked nor are suspended, whether
    /// they are good now or not.
    pub(crate) fn grants<'a>(
        &'a self,
        application: &Name,
        resource: &'a Name,
    ) -> impl Iterator<Item = &'a Arc<Grant>> + use<'a> {
        let grants = self.grants.get(application).map_or(&[][..], Vec::as_slice);
        grants.iter().filter(move |grant| {
            grant.resource == *resource && !self.is_suspended(RevocationKind::Grant, &grant.id)
        })
    }

    /// The delegations by which one side may have another one act: neither revoked, nor suspended,
    /// nor expired.
    pub(crate) fn delegations<'a>(
        &'a self,
        from: Side<'a>,
        to: Side<'a>,
        now_s: u64,
    ) -> impl Iterator<Item = &'a Arc<Delegation>> + use<'a> {
        let all = self.delegations.between(from, to, now_s);
        all.filter(|one| !self.is_suspended(RevocationKind::Delegation, &one.id))
    }

    /// Whether anybody may have the application act for it at a resource.
    pub(crate) fn may_act_at(&self, application: &Name, resource: &Name, now_s: u64) -> bool {
        let mut to = self.delegations.to_any_of(application, now_s);
        to.any(|one| {
            one.resource == *resource && !self.is_suspended(RevocationKind::Delegation, &one.id)
        })
    }

    fn is_suspended(&self, kind: RevocationKind, id: &str) -> bool {
        // The id is a digest: not worth it while nothing is suspended.
        self.revocations.suspended().next().is_some() && {
            let id = RevocationId::new(kind, self.zone.name.as_str(), id);
            self.revocations.suspends(&[id])
        }
    }

    /// Whether a grant is still there.
    pub(crate) fn has_grant(&self, application: &Name, id: &str) -> bool {
        self.grants
            .get(application)
            .is_some_and(|grants| grants.iter().any(|grant| grant.id == id))
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
            Change::DelegationCreated(new) => self.delegations.add(new),
            Change::PolicyActivated(_) => self.policy = Some(policy.unwrap_or(ZonePolicy::Broken)),
            Change::KeyPublished(key) => self.publish(seq, &key),
            Change::KeyActivated(activation) => self.keys.activate(&activation),
            Change::KeyDropped(kid) => self.drop_key(seq, kid),
            Change::KeyRevoked(revocation) => self.revoke_key(seq, revocation),
            Change::SessionOpened(session) => self.sessions.open(session),
            Change::SessionDeclared(DeclaredSession { session, ended }) => {
                let ended = ended.into_iter();
                ended.for_each(|record| self.revoke(seq, record));
                self.sessions.open(session);
            }
            Change::Revoked(record) => self.revoke(seq, record),
            Change::Suspended(Suspension { id, .. }) => {
                self.feed.suspended(seq, id);
                self.revocations.suspend(RevocationId(id));
            }
            Change::Resumed(Suspension { id, .. }) => {
                self.feed.resumed(seq, id);
                self.revocations.resume(RevocationId(id));
            }
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
        if let Proof::Spiffe { spiffe_id } = &credential.proof {
            self.sessions.end_of(&which.application, spiffe_id.as_str());
        }
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
                if let Some(application) = self.sessions.end(&id) {
                    self.delegations.remove_all_within(&application, &id);
                }
            }
            RevocationTarget::Delegation(id) => self.delegations.remove(&id),
            RevocationTarget::Grant(id) => {
                self.grants
                    .values_mut()
                    .for_each(|grants| grants.retain(|grant| grant.id != id));
            }
            RevocationTarget::Application(name) => {
                self.grants.remove(&name);
                self.sessions.end_all_of(&name);
                self.delegations.remove_all_of(&name);
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
        self.sessions.sweep();
    }
}
