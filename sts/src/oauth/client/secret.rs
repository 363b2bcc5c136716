//! `client_secret_basic` and `client_secret_post`.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use caracal_mandate::name::Name;
use caracal_store::model::{Proof, SecretHash};

use super::Unproven;
use crate::service::Service;

/// The application whose secret it is.
pub(super) fn check(
    service: &Service,
    zone: &Name,
    client_id: &str,
    secret: &str,
    now_s: u64,
) -> Result<Name, Unproven> {
    let hash = SecretHash::of(secret);
    let application: Name = client_id.parse().map_err(|_| Unproven::Unknown)?;
    let state = service.authority.read();
    let zone = state.zone(zone).ok_or(Unproven::Unknown)?;
    // Every secret is looked at, so that time does not tell which one was nearly right.
    let matches = zone
        .credentials(&application, now_s)
        .filter(|credential| match &credential.proof {
            Proof::Secret { sha256 } => {
                verify_slices_are_equal(sha256.as_bytes(), hash.as_bytes()).is_ok()
            }
            Proof::Spiffe { .. }
            | Proof::PublicKey { .. }
            | Proof::JwksUri { .. }
            | Proof::Kubernetes(_) => false,
        })
        .count();
    if matches == 0 {
        return Err(Unproven::Secret);
    }
    Ok(application)
}
