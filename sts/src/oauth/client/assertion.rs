//! Client assertions: signed by the client itself, or by its Kubernetes cluster.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use caracal_mandate::name::Name;
use caracal_store::model::{Credential, IssuerPurpose, Proof, ServiceAccount, TrustedIssuer};

use super::Unproven;
use crate::canonical::framed;
use crate::exchange::Method;
use crate::jwks::keys_of;
use crate::jwt::{Foreign, ForeignClaims, ForeignError};
use crate::service::Service;

/// How long an assertion may be good for, in seconds.
const LONGEST_S: u64 = 600;

/// Longest `jti` in bytes.
const MAX_JTI_BYTES: usize = 256;

/// What an assertion proves.
pub(super) struct Proven {
    pub(super) application: Name,
    pub(super) method: Method,
    pub(super) account: Option<ServiceAccount>,
}

pub(super) async fn check(
    service: &Service,
    zone: &Name,
    jwt: &str,
    now_s: u64,
) -> Result<Proven, Unproven> {
    let foreign = Foreign::parse(jwt)?;
    let cluster = {
        let state = service.authority.read();
        let zone = state.zone(zone).ok_or(Unproven::Unknown)?;
        zone.issuer(foreign.issuer()).cloned()
    };
    // An `iss` is the URL of an issuer or the name of an application; no text is both.
    match cluster {
        Some(issuer) => service_account(service, zone, &foreign, &issuer, now_s).await,
        None => own_key(service, zone, &foreign, now_s).await,
    }
}

/// `private_key_jwt`: RFC 7523 §3 as it was tightened after the audience attacks of 2025.
async fn own_key(
    service: &Service,
    zone: &Name,
    foreign: &Foreign<'_>,
    now_s: u64,
) -> Result<Proven, Unproven> {
    if !matches!(
        foreign.typ(),
        None | Some("JWT" | "jwt" | "client-authentication+jwt")
    ) {
        return Err(ForeignError::Type.into());
    }
    let application: Name = foreign.issuer().parse().map_err(|_| Unproven::Unknown)?;
    let (credentials, home) = {
        let state = service.authority.read();
        let state = state.zone(zone).ok_or(Unproven::Unknown)?;
        let credentials: Vec<_> = state.credentials(&application, now_s).cloned().collect();
        (credentials, state.zone.clone())
    };
    let claims = verified(service, zone, foreign, &credentials, now_s).await?;
    if claims.subject() != Some(application.as_str()) {
        return Err(ForeignError::Subject.into());
    }
    // One audience: an assertion that is good elsewhere too can be carried from there to here.
    let audience = claims.sole_audience()?;
    let endpoint = || format!("{}/token", crate::oauth::metadata::base(&home));
    let at_endpoint = service.config.accept_endpoint_audience && audience == endpoint();
    if audience != home.issuer && !at_endpoint {
        return Err(ForeignError::Audience.into());
    }
    claims.check_age(LONGEST_S)?;
    let id = claims
        .id()
        .filter(|id| (1..=MAX_JTI_BYTES).contains(&id.len()));
    let id = id.ok_or(ForeignError::Claim)?;
    let used = used(zone, &application, id);
    // Last, so that what fails uses nothing up. Where it was used before is known to all replicas.
    match service.store.use_once(&used, claims.expires()).await {
        Ok(true) => Ok(Proven {
            application,
            method: Method::PrivateKeyJwt,
            account: None,
        }),
        Ok(false) => Err(Unproven::Replayed),
        Err(error) => {
            tracing::error!(%error, "an assertion is refused");
            Err(Unproven::Unknowable)
        }
    }
}

/// Verifies with the keys that are registered; where none of them is named, with those that the
/// client publishes.
async fn verified(
    service: &Service,
    zone: &Name,
    foreign: &Foreign<'_>,
    credentials: &[Arc<Credential>],
    now_s: u64,
) -> Result<ForeignClaims, Unproven> {
    let registered = credentials.iter().filter_map(|held| match &held.proof {
        Proof::PublicKey { jwks } => Some(jwks),
        Proof::Spiffe { .. }
        | Proof::Secret { .. }
        | Proof::JwksUri { .. }
        | Proof::Kubernetes(_) => None,
    });
    let registered = || registered.clone().flatten();
    let is_named = registered().any(|key| Some(key.kid()) == foreign.kid());
    let remote = credentials.iter().find_map(|held| match &held.proof {
        Proof::JwksUri { jwks_uri } => Some((held, jwks_uri)),
        Proof::Spiffe { .. }
        | Proof::Secret { .. }
        | Proof::PublicKey { .. }
        | Proof::Kubernetes(_) => None,
    });
    let Some((credential, address)) = remote.filter(|_| !is_named) else {
        return Ok(foreign.verify_with(registered(), now_s)?);
    };
    let published = service.jwks.find(address, foreign.kid()).await?;
    // That may have taken a while, in which the credential was revoked.
    let still_counts = {
        let state = service.authority.read();
        let zone = state.zone(zone).ok_or(Unproven::Unknown)?;
        let mut held = zone.credentials(&credential.application, now_s);
        held.any(|held| Arc::ptr_eq(held, credential))
    };
    if !still_counts {
        return Err(Unproven::Unknown);
    }
    let published = published.of(address).into_iter().flatten();
    Ok(foreign.verify_with(registered().chain(published), now_s)?)
}

/// What stands for the one use of an assertion's `jti`, which is the client's to choose.
fn used(zone: &Name, client: &Name, jti: &str) -> [u8; 32] {
    let zone = zone.as_str().as_bytes();
    let row = framed(&[
        b"caracal/jti/v1",
        zone,
        client.as_str().as_bytes(),
        jti.as_bytes(),
    ]);
    let mut used = [0; 32];
    used.copy_from_slice(digest(&SHA256, &row).as_ref());
    used
}

/// The token of a service account, as the cluster projects it into pods. It is used many times until
/// it is rotated, so it has no single use.
async fn service_account(
    service: &Service,
    zone: &Name,
    foreign: &Foreign<'_>,
    issuer: &Arc<TrustedIssuer>,
    now_s: u64,
) -> Result<Proven, Unproven> {
    if issuer.purpose != IssuerPurpose::Kubernetes {
        return Err(ForeignError::Issuer.into());
    }
    if !matches!(foreign.typ(), None | Some("JWT" | "jwt")) {
        return Err(ForeignError::Type.into());
    }
    let published = service.published(issuer, foreign.kid()).await?;
    let keys = keys_of(issuer, published.as_ref()).ok_or(ForeignError::Key)?;
    let claims = foreign.verify(keys, now_s)?;
    claims.check_audiences(&issuer.audiences)?;
    if now_s.saturating_sub(claims.issued_at()?) > issuer.max_token_age {
        return Err(ForeignError::TooOld.into());
    }
    let account = claims
        .subject()
        .and_then(|subject| account(issuer, subject))
        .ok_or(ForeignError::Subject)?;
    let state = service.authority.read();
    let zone = state.zone(zone).ok_or(Unproven::Unknown)?;
    // Reading its keys may have taken a while, in which the issuer was removed.
    if !zone
        .issuer(foreign.issuer())
        .is_some_and(|trusted| Arc::ptr_eq(trusted, issuer))
    {
        return Err(ForeignError::Issuer.into());
    }
    let application = zone
        .service_account(&account, now_s)
        .cloned()
        .ok_or(Unproven::Unknown)?;
    drop(state);
    Ok(Proven {
        application,
        method: Method::ServiceAccount,
        account: Some(account),
    })
}

/// `system:serviceaccount:NAMESPACE:NAME`, and nothing after it.
fn account(issuer: &TrustedIssuer, subject: &str) -> Option<ServiceAccount> {
    let (namespace, name) = subject
        .strip_prefix("system:serviceaccount:")?
        .split_once(':')?;
    Some(ServiceAccount {
        issuer: issuer.issuer.clone(),
        namespace: namespace.parse().ok()?,
        service_account: name.parse().ok()?,
    })
}
