//! A client of the token endpoint that proved who it is.

use caracal_mandate::event::Event;
use caracal_mandate::name::Name;
use caracal_mandate::spiffe::SpiffeId;

use crate::authority::Authority;
use crate::request::note;

/// How it proved who it is, by the registered names of OAuth where there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    /// X.509 SVID on the connection.
    Certificate,
    /// Secret in the `Authorization` header.
    SecretBasic,
    /// Secret in the body.
    SecretPost,
    /// Assertion signed with its own key.
    PrivateKeyJwt,
    /// Token of its Kubernetes service account.
    ServiceAccount,
}

impl Method {
    /// The name in metadata and events.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Certificate => "tls_client_auth",
            Self::SecretBasic => "client_secret_basic",
            Self::SecretPost => "client_secret_post",
            Self::PrivateKeyJwt => "private_key_jwt",
            Self::ServiceAccount => "kubernetes_service_account",
        }
    }
}

/// Evidence of a client's authentication. Made in [`crate::oauth`] and nowhere else.
#[derive(Debug)]
pub(crate) struct Client {
    zone: Name,
    application: Name,
    workload: Option<SpiffeId>,
    method: Method,
}

impl Client {
    pub(crate) const fn proven(
        zone: Name,
        application: Name,
        workload: Option<SpiffeId>,
        method: Method,
    ) -> Self {
        Self {
            zone,
            application,
            workload,
            method,
        }
    }

    /// Zone.
    pub(crate) const fn zone(&self) -> &Name {
        &self.zone
    }

    /// Application.
    pub(crate) const fn application(&self) -> &Name {
        &self.application
    }

    /// The workload that its mandates are bound to, if there is exactly one that it can be.
    pub(crate) const fn workload(&self) -> Option<&SpiffeId> {
        self.workload.as_ref()
    }

    /// Fills in what is known from here on.
    pub(crate) fn describe(&self, authority: &Authority, event: &mut Event) {
        self.zone.as_str().clone_into(&mut event.zone);
        event.application = Some(self.application.as_str().to_owned());
        event.epoch = Some(authority.read().applied());
        note(event, &format!("by {}", self.method.as_str()));
    }
}
