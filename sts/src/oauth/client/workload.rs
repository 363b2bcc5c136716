//! The workload that a client's mandates are bound to.
//!
//! A mandate without a holder would be good for whoever steals it, so a client has to be a workload.
//! A certificate says which; a service account says it by the convention of Istio and SPIRE
//! (`/ns/NAMESPACE/sa/NAME`); a secret or a key says only which application, which is enough if the
//! application has one workload.

use caracal_mandate::name::Name;
use caracal_mandate::spiffe::SpiffeId;
use caracal_store::model::{Proof, ServiceAccount};

use crate::authority::{Identity, State, ZoneState};

/// What beside the application is known about the workload.
pub(super) struct Hints<'a> {
    pub(super) certificate: Option<&'a SpiffeId>,
    pub(super) account: Option<&'a ServiceAccount>,
}

/// Whether a SPIFFE ID is a live workload of the application.
pub(super) fn is_of(state: &State, zone: &Name, application: &Name, id: &SpiffeId) -> bool {
    matches!(
        state.identity(id.as_str()),
        Some(Identity::Application { zone: home, name }) if home == zone && name == application
    )
}

/// The workload, if it is certain.
pub(super) fn of(
    state: &State,
    zone: &ZoneState,
    application: &Name,
    hints: &Hints<'_>,
    now_s: u64,
) -> Option<SpiffeId> {
    // Checked by the caller to be of this application.
    if let Some(id) = hints.certificate {
        return Some(id.clone());
    }
    let made_with = zone.application(application)?.spiffe_ids.iter();
    let added = zone
        .credentials(application, now_s)
        .filter_map(|held| match &held.proof {
            Proof::Spiffe { spiffe_id } => Some(spiffe_id),
            Proof::Secret { .. }
            | Proof::PublicKey { .. }
            | Proof::JwksUri { .. }
            | Proof::Kubernetes(_) => None,
        });
    let live = |id: &&SpiffeId| is_of(state, &zone.zone.name, application, id);
    let all: Vec<_> = made_with.chain(added).filter(live).collect();
    let suffix = hints
        .account
        .map(|account| format!("/ns/{}/sa/{}", account.namespace, account.service_account));
    let named = |id: &&&SpiffeId| match &suffix {
        Some(suffix) => path(id) == *suffix,
        None => false,
    };
    only(all.iter().filter(named))
        .or_else(|| only(all.iter()))
        .cloned()
}

fn only<'a, 'b>(mut ids: impl Iterator<Item = &'b &'a SpiffeId>) -> Option<&'a SpiffeId>
where
    'a: 'b,
{
    let first = ids.next()?;
    ids.next().is_none().then_some(*first)
}

/// The path of a SPIFFE ID, whatever its trust domain.
fn path(id: &SpiffeId) -> &str {
    let rest = id.as_str().strip_prefix("spiffe://").unwrap_or_default();
    rest.find('/')
        .and_then(|at| rest.get(at..))
        .unwrap_or_default()
}
