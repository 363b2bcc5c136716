//! Who may prove what: credentials of applications, and issuers whose tokens are taken.

use std::collections::HashMap;
use std::sync::Arc;

use caracal_mandate::name::Name;
use caracal_mandate::spiffe::SpiffeId;
use caracal_store::model::{Credential, CredentialRef, Proof, ServiceAccount, TrustedIssuer};

use super::ZoneState;

/// The credentials of a zone that were not revoked.
#[derive(Debug, Default)]
pub(super) struct Credentials {
    by_application: HashMap<Name, Vec<Arc<Credential>>>,
    accounts: HashMap<ServiceAccount, Arc<Credential>>,
}

impl Credentials {
    pub(super) fn add(&mut self, credential: Credential) {
        let credential = Arc::new(credential);
        if let Proof::Kubernetes(account) = &credential.proof {
            self.accounts
                .insert(account.clone(), Arc::clone(&credential));
        }
        let held = self.by_application.entry(credential.application.clone());
        held.or_default().push(credential);
    }

    pub(super) fn remove(&mut self, which: &CredentialRef) -> Option<Arc<Credential>> {
        let held = self.by_application.get_mut(&which.application)?;
        let index = held.iter().position(|held| held.id == which.id)?;
        let removed = held.swap_remove(index);
        self.forget_account(&removed);
        Some(removed)
    }

    pub(super) fn remove_all(&mut self, application: &Name) {
        let held = self.by_application.remove(application);
        for removed in held.into_iter().flatten() {
            self.forget_account(&removed);
        }
    }

    fn forget_account(&mut self, removed: &Credential) {
        if let Proof::Kubernetes(account) = &removed.proof {
            self.accounts.remove(account);
        }
    }

    fn of(&self, application: &Name) -> &[Arc<Credential>] {
        self.by_application
            .get(application)
            .map_or(&[], Vec::as_slice)
    }
}

/// The issuers that a zone trusts.
#[derive(Debug, Default)]
pub(super) struct Issuers {
    by_url: HashMap<Box<str>, Arc<TrustedIssuer>>,
}

impl Issuers {
    pub(super) fn add(&mut self, issuer: TrustedIssuer) {
        let url = issuer.issuer.as_str().into();
        self.by_url.insert(url, Arc::new(issuer));
    }

    pub(super) fn remove(&mut self, name: &Name) {
        self.by_url.retain(|_, issuer| issuer.name != *name);
    }
}

impl ZoneState {
    /// What an application may prove itself with now. Empty for one that does not exist or was
    /// revoked.
    pub(crate) fn credentials<'a>(
        &'a self,
        application: &Name,
        now_s: u64,
    ) -> impl Iterator<Item = &'a Arc<Credential>> + use<'a> {
        let held = self.credentials.of(application).iter();
        held.filter(move |credential| credential.is_live(now_s))
    }

    /// The application whose credential a Kubernetes service account is.
    pub(crate) fn service_account(&self, account: &ServiceAccount, now_s: u64) -> Option<&Name> {
        let credential = self.credentials.accounts.get(account)?;
        credential.is_live(now_s).then_some(&credential.application)
    }

    /// The trusted issuer with exactly this `iss`. The caller looks at its purpose.
    pub(crate) fn issuer(&self, iss: &str) -> Option<&Arc<TrustedIssuer>> {
        self.issuers.by_url.get(iss)
    }
}

impl ZoneState {
    /// The identity that a credential is, if it is one.
    pub(super) fn spiffe_id_of(&self, which: &CredentialRef) -> Option<&SpiffeId> {
        let mut held = self.credentials.of(&which.application).iter();
        match &held.find(|held| held.id == which.id)?.proof {
            Proof::Spiffe { spiffe_id } => Some(spiffe_id),
            Proof::Secret { .. }
            | Proof::PublicKey { .. }
            | Proof::JwksUri { .. }
            | Proof::Kubernetes(_) => None,
        }
    }
}
