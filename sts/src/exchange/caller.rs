//! Who calls, and for whom.

use std::sync::Arc;

use caracal_mandate::catalog::CatalogEntry;
use caracal_mandate::event::Event;
use caracal_mandate::name::Name;
use caracal_mandate::reason::Reason;
use caracal_mandate::spiffe::SpiffeId;
use caracal_store::model::{Application, EnforcementPoint, PointRole, Zone};

use super::Client;
use crate::authority::{Authority, Identity, Side, ZoneState};
use crate::request::Asked;

/// A peer whose certificate names an identity that is registered.
#[derive(Debug)]
pub(crate) struct Caller {
    spiffe_id: SpiffeId,
    identity: Identity,
}

impl Caller {
    /// `peer` is the SPIFFE ID of the verified client certificate.
    pub(crate) fn authenticate(
        authority: &Authority,
        peer: Option<&str>,
        event: &mut Event,
    ) -> Result<Self, Reason> {
        let spiffe_id: SpiffeId = peer
            .and_then(|peer| peer.parse().ok())
            .ok_or(Reason::HolderUnknown)?;
        event.holder = Some(spiffe_id.as_str().to_owned());
        let state = authority.read();
        let identity = state
            .identity(spiffe_id.as_str())
            .cloned()
            .ok_or(Reason::CallerUnknown)?;
        identity.zone().as_str().clone_into(&mut event.zone);
        event.epoch = Some(state.applied());
        drop(state);
        Ok(Self {
            spiffe_id,
            identity,
        })
    }

    /// Its zone.
    pub(crate) const fn zone(&self) -> &Name {
        self.identity.zone()
    }

    /// The point that it is, unless it is an application.
    pub(crate) const fn point(&self) -> Option<&Arc<EnforcementPoint>> {
        match &self.identity {
            Identity::Application { .. } => None,
            Identity::Point { point, .. } => Some(point),
        }
    }

    /// Whether it decides who gets to a resource: a point at all that it sees, an application where it
    /// answers itself.
    pub(crate) fn guards(&self, entry: &CatalogEntry) -> bool {
        match &self.identity {
            Identity::Application { name, .. } => entry.resource.application.as_ref() == Some(name),
            Identity::Point { .. } => self.sees(&entry.resource.name),
        }
    }

    /// Whether it may ask about a resource: an application about any, a point about what its feed
    /// tells it of.
    pub(crate) fn sees(&self, resource: &Name) -> bool {
        self.point().is_none_or(|point| {
            let guards_all = point.role == PointRole::Gateway && point.resources.is_empty();
            guards_all || point.resources.contains(resource)
        })
    }
}

/// The workload that will hold the mandate, and its live application and zone.
#[derive(Debug)]
pub(crate) struct Holder {
    zone: Arc<Zone>,
    application: Arc<Application>,
    spiffe_id: SpiffeId,
}

impl Holder {
    /// The caller itself, or the peer that a gateway names. Nobody else speaks for another.
    pub(crate) fn identify(
        authority: &Authority,
        caller: &Caller,
        asked: &Asked<'_>,
        event: &mut Event,
    ) -> Result<Self, Reason> {
        let spiffe_id = match &caller.identity {
            Identity::Application { .. } => {
                let own =
                    asked.principal.is_empty() || asked.principal == caller.spiffe_id.as_str();
                if !own {
                    return Err(Reason::CallerNotTrusted);
                }
                caller.spiffe_id.clone()
            }
            Identity::Point { point, .. } => match point.role {
                PointRole::Gateway => {
                    let id: SpiffeId =
                        asked.principal.parse().map_err(|_| Reason::HolderUnknown)?;
                    event.holder = Some(id.as_str().to_owned());
                    id
                }
                PointRole::Resource => return Err(Reason::CallerNotTrusted),
            },
        };
        let state = authority.read();
        let Some(Identity::Application { zone, name }) = state.identity(spiffe_id.as_str()) else {
            return Err(Reason::CallerUnknown);
        };
        if zone != caller.zone() {
            return Err(Reason::CallerUnknown);
        }
        let zone = state.zone(zone).ok_or(Reason::CallerUnknown)?;
        Self::active(zone, name, spiffe_id, event)
    }

    /// The workload of a client that proved who it is.
    pub(crate) fn of_client(
        authority: &Authority,
        client: &Client,
        event: &mut Event,
    ) -> Result<Self, Reason> {
        let workload = client.workload().ok_or(Reason::ClientUnbound)?;
        event.holder = Some(workload.as_str().to_owned());
        let state = authority.read();
        // The credential named the application; the state says whether the workload is still its.
        match state.identity(workload.as_str()) {
            Some(Identity::Application { zone, name })
                if zone == client.zone() && name == client.application() => {}
            _ => return Err(Reason::ClientUnbound),
        }
        let zone = state.zone(client.zone()).ok_or(Reason::CallerUnknown)?;
        Self::active(zone, client.application(), workload.clone(), event)
    }

    fn active(
        zone: &ZoneState,
        name: &Name,
        spiffe_id: SpiffeId,
        event: &mut Event,
    ) -> Result<Self, Reason> {
        event.application = Some(name.as_str().to_owned());
        if !zone.is_active(name) {
            return Err(Reason::ApplicationInactive);
        }
        let application = zone
            .application(name)
            .cloned()
            .ok_or(Reason::CallerUnknown)?;
        Ok(Self {
            zone: Arc::clone(&zone.zone),
            application,
            spiffe_id,
        })
    }

    /// Zone.
    pub(crate) const fn zone(&self) -> &Arc<Zone> {
        &self.zone
    }

    /// Application.
    pub(crate) const fn application(&self) -> &Arc<Application> {
        &self.application
    }

    /// The session that it is in, for itself or on behalf of another one; `None` where none is open.
    pub(crate) fn session<'a>(
        &self,
        zone: &'a ZoneState,
        on_behalf_of: Option<&str>,
    ) -> Option<&'a Arc<str>> {
        let workload = self.spiffe_id.as_str();
        let sessions = &zone.sessions;
        sessions.find(on_behalf_of, &self.application.name, workload)
    }

    /// The same as one side of a delegation.
    pub(crate) fn side<'a>(&'a self, zone: &'a ZoneState, on_behalf_of: Option<&str>) -> Side<'a> {
        let session = self.session(zone, on_behalf_of);
        Side::within(&self.application.name, session.map(AsRef::as_ref))
    }

    /// Workload.
    pub(crate) const fn spiffe_id(&self) -> &SpiffeId {
        &self.spiffe_id
    }
}
