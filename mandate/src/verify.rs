//! From bytes to a verified mandate, and from that to a permit for one request.
//!
//! Two steps, because the first is worth remembering: [`verify`] depends on nothing but the token,
//! the zone and its keys, and its result can be cached. [`VerifiedMandate::present`] depends on the
//! moment, the peer and the request, and runs each time. Only it makes a [`Permit`].

use crate::catalog::{Resource, ResourceUri};
use crate::claims::{CLOCK_SKEW_SECONDS, Claims, MAX_LIFETIME_SECONDS, MandateUse};
use crate::edge::Delegators;
use crate::jws::Parts;
use crate::key::{KeySet, SignatureVerifier};
use crate::name::Name;
use crate::operation::Operation;
use crate::reason::Reason;
use crate::revocation::{RevocationId, RevocationKind, RevocationSet};
use crate::scope::ScopeSet;
use crate::version::Version;

/// Whose mandates are accepted.
#[derive(Debug, Clone, Copy)]
pub struct Trust<'a> {
    /// The zone.
    pub zone: &'a Name,
    /// Its issuer.
    pub issuer: &'a str,
    /// Its live keys.
    pub keys: &'a KeySet,
    /// Whose signatures are demanded of what was passed on; `None` demands none.
    pub delegators: Option<&'a Delegators>,
}

/// A mandate whose signature, type, issuer, zone and claims are good.
#[derive(Debug, Clone)]
pub struct VerifiedMandate {
    kid: Box<str>,
    claims: Claims,
    scopes: ScopeSet,
    /// Whether the chain attenuates and is signed where that is demanded; reported in its own place in the
    /// decision order.
    descent: Result<(), Reason>,
    lineage: Box<[RevocationId]>,
}

/// Verifies everything about a token that does not depend on the request (questions 4 and 6 of
/// the decision order, but for the times and the audience).
pub fn verify(
    token: &[u8],
    trust: Trust<'_>,
    crypto: &dyn SignatureVerifier,
) -> Result<VerifiedMandate, Reason> {
    let parts = Parts::parse(token)?;
    let key = trust.keys.get(&parts.kid).ok_or(Reason::MandateKey)?;
    if !crypto.verify(key, parts.signing_input, &parts.signature) {
        return Err(Reason::MandateSignature);
    }
    let claims: Claims =
        serde_json::from_slice(&parts.payload).map_err(|_| Reason::MandateClaims)?;
    if claims.iss != trust.issuer {
        return Err(Reason::MandateIssuer);
    }
    if claims.zone != *trust.zone {
        return Err(Reason::MandateZone);
    }
    if !claims.are_coherent() {
        return Err(Reason::MandateClaims);
    }
    let scopes = ScopeSet::parse(&claims.scope).map_err(|_| Reason::MandateClaims)?;
    let lifetime = claims
        .exp
        .checked_sub(claims.iat)
        .ok_or(Reason::MandateLifetime)?;
    if lifetime == 0 || lifetime > MAX_LIFETIME_SECONDS {
        return Err(Reason::MandateLifetime);
    }
    let descent = descent(&claims, &scopes, trust.delegators, crypto);
    let lineage = lineage(&claims);
    Ok(VerifiedMandate {
        kid: parts.kid.into(),
        claims,
        scopes,
        descent,
        lineage,
    })
}

/// Whether every hop holds no more than the hop before it, and by a signature where that is demanded.
fn descent(
    claims: &Claims,
    scopes: &ScopeSet,
    delegators: Option<&Delegators>,
    crypto: &dyn SignatureVerifier,
) -> Result<(), Reason> {
    let chain = claims.mdt.verify(claims.leaf(scopes));
    chain.map_err(|_| Reason::AttenuationViolation)?;
    match delegators {
        Some(delegators) if !delegators.vouch_for(claims, scopes, crypto) => {
            Err(Reason::DelegationUnsigned)
        }
        _ => Ok(()),
    }
}

/// Everything that the mandate descends from and by which it can be revoked.
fn lineage(claims: &Claims) -> Box<[RevocationId]> {
    use RevocationKind::{Application, Delegation, Grant, Mandate, Resource, Session, Zone};
    let zone = claims.zone.as_str();
    let id = |kind, id: &str| RevocationId::new(kind, zone, id);
    let fixed = [
        id(Mandate, &claims.jti),
        id(Grant, &claims.grant),
        id(Resource, claims.aud.as_str()),
        id(Zone, zone),
    ];
    let hops = claims.mdt.hops.iter().flat_map(|hop| {
        [
            id(Session, &hop.session),
            id(Application, hop.application.as_str()),
        ]
    });
    let by = claims.mdt.hops.iter().map(|hop| hop.by.as_str());
    let signed = claims.edges.iter().map(|edge| edge.id.as_str());
    let via = claims.via.iter().map(String::as_str);
    let by = by.chain(via).chain(signed).filter(|by| !by.is_empty());
    let by = by.map(|by| id(Delegation, by));
    let ancestors = claims.from.iter().map(|jti| id(Mandate, jti));
    let through = claims.through.iter().map(|grant| id(Grant, grant));
    fixed
        .into_iter()
        .chain(hops)
        .chain(by)
        .chain(ancestors)
        .chain(through)
        .collect()
}

/// The peer that presents a mandate.
#[derive(Debug, Clone, Copy)]
pub enum Presenter<'a> {
    /// A peer with the SPIFFE ID of its verified certificate, if it has one.
    Peer(Option<&'a str>),
    /// The workload itself: its own sidecar obtained the mandate for it a moment ago.
    Own,
}

/// One request, as far as the mandate is concerned.
#[derive(Debug, Clone, Copy)]
pub struct Presentation<'a> {
    /// Unix seconds.
    pub now: u64,
    /// Who presents.
    pub presenter: Presenter<'a>,
    /// The resource that is called.
    pub resource: &'a Resource,
    /// The operation that is called.
    pub operation: &'a Operation,
    /// What is revoked.
    pub revocations: &'a RevocationSet,
}

/// Evidence that a mandate allows one operation. Only [`VerifiedMandate::present`] makes it.
#[derive(Debug)]
#[must_use = "a permit is the decision: forward with it, or drop the request"]
pub struct Permit<'a> {
    mandate: &'a VerifiedMandate,
}

impl<'a> Permit<'a> {
    /// The mandate that allowed it.
    #[must_use]
    pub const fn mandate(&self) -> &'a VerifiedMandate {
        self.mandate
    }
}

impl VerifiedMandate {
    /// Questions 4 (times, audience) to 8 of the decision order; the first "no" is the answer.
    pub fn present(&self, presentation: Presentation<'_>) -> Result<Permit<'_>, Reason> {
        let Presentation {
            now,
            presenter,
            resource,
            operation,
            revocations,
        } = presentation;
        if self.claims.usage != MandateUse::Execute {
            return Err(Reason::MandateUse);
        }
        self.check_times(now)?;
        if self.claims.aud != resource.uri {
            return Err(Reason::MandateAudience);
        }
        match presenter {
            Presenter::Own => {}
            Presenter::Peer(None) => return Err(Reason::HolderUnknown),
            Presenter::Peer(Some(peer)) if peer == self.claims.cnf.spiffe_id.as_str() => {}
            Presenter::Peer(Some(_)) => return Err(Reason::HolderMismatch),
        }
        self.check_standing(revocations)?;
        if !operation.scopes.is_subset(&self.scopes) {
            return Err(Reason::InsufficientScope);
        }
        Ok(Permit { mandate: self })
    }

    /// Whether it holds at `now`, whoever asks and for whatever: the times, the chain, revocation.
    /// What the token service asks of a mandate that is presented to it.
    pub fn holds(&self, now: u64, revocations: &RevocationSet) -> Result<(), Reason> {
        self.check_times(now)?;
        self.check_standing(revocations)
    }

    const fn check_times(&self, now: u64) -> Result<(), Reason> {
        if self.claims.iat > now.saturating_add(CLOCK_SKEW_SECONDS) {
            return Err(Reason::MandateNotYetValid);
        }
        if now >= self.claims.exp {
            return Err(Reason::MandateExpired);
        }
        Ok(())
    }

    fn check_standing(&self, revocations: &RevocationSet) -> Result<(), Reason> {
        self.descent?;
        if revocations.hits(&self.lineage, self.claims.iat) {
            return Err(Reason::Revoked);
        }
        if revocations.suspends(&self.lineage) {
            return Err(Reason::Suspended);
        }
        Ok(())
    }

    /// Whether the chain is good by itself, whatever is revoked.
    pub const fn descent(&self) -> Result<(), Reason> {
        self.descent
    }

    /// Id of the key that signed it.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The claims.
    #[must_use]
    pub const fn claims(&self) -> &Claims {
        &self.claims
    }

    /// The scopes.
    #[must_use]
    pub const fn scopes(&self) -> &ScopeSet {
        &self.scopes
    }

    /// The resource.
    #[must_use]
    pub const fn resource(&self) -> &ResourceUri {
        &self.claims.aud
    }

    /// The authority state that the issuer decided on.
    #[must_use]
    pub const fn issued_at_version(&self) -> Version {
        self.claims.mdt.rev
    }

    /// Ids by which it can be revoked.
    #[must_use]
    pub fn lineage(&self) -> &[RevocationId] {
        &self.lineage
    }
}

#[cfg(test)]
mod tests;
