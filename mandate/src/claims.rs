//! What a mandate says: RFC 9068 claims, the holder, and the delegation chain.

use serde::{Deserialize, Serialize};

use crate::catalog::ResourceUri;
use crate::chain::{Chain, Leaf, MAX_HOPS};
use crate::edge::Edge;
use crate::name::Name;
use crate::scope::ScopeSet;
use crate::spiffe::SpiffeId;

/// Longest life of a mandate in seconds.
pub const MAX_LIFETIME_SECONDS: u64 = 15 * 60;

/// How far the issuer's clock may run ahead of a verifier's, in seconds. Expiry has no such leeway.
pub const CLOCK_SKEW_SECONDS: u64 = 30;

/// Longest mandate in bytes: it must pass through header tables of that size (RFC 7541 §4.2).
pub const MAX_MANDATE_BYTES: usize = 4096;

/// What a mandate is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MandateUse {
    /// At one resource. Where that resource is an application, the application may act in turn with what
    /// the chain holds for it (`may_act`); otherwise it delegates nothing.
    Execute,
    /// At the token service only.
    Delegate,
}

/// RFC 7800 confirmation: the workload that may present the mandate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confirmation {
    /// SPIFFE ID of the holder. An ID and not a certificate digest: certificates rotate hourly.
    pub spiffe_id: SpiffeId,
}

/// RFC 8693 §4.1: who acts, outermost the current actor, inside whoever acted before. It informs;
/// authority is never read from it, but from the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Actor {
    /// Application that acts.
    pub sub: Name,
    /// Who acted before it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub act: Option<Box<Actor>>,
}

impl Actor {
    /// An actor in front of those that acted before.
    #[must_use]
    pub fn after(sub: Name, before: Option<&Self>) -> Self {
        Self {
            sub,
            act: before.cloned().map(Box::new),
        }
    }

    /// How many actors there are.
    #[must_use]
    pub fn count(&self) -> usize {
        std::iter::successors(Some(self), |actor| actor.act.as_deref()).count()
    }
}

/// RFC 8693 §4.4: the one application that may act with a mandate as its subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MayAct {
    /// Application.
    pub sub: Name,
}

/// The claims. Every byte is defined here: an unknown member is an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// Issuer of the zone.
    pub iss: String,
    /// On whose behalf: the application itself when it acts for itself, the application at the root
    /// when it was delegated to, and `user:ISSUER:SUBJECT` for a human of a trusted issuer. Names
    /// have no colon, so no human can be taken for an application.
    pub sub: String,
    /// The one resource.
    pub aud: ResourceUri,
    /// Application.
    pub client_id: Name,
    /// Zone.
    pub zone: Name,
    /// Session.
    pub sid: String,
    /// Grant that it rests on.
    pub grant: String,
    /// Id of this mandate.
    pub jti: String,
    /// Unix second of issue.
    pub iat: u64,
    /// Unix second from which it is void.
    pub exp: u64,
    /// Scopes, exactly, space separated.
    pub scope: String,
    /// What it is good for.
    #[serde(rename = "use")]
    pub usage: MandateUse,
    /// The holder.
    pub cnf: Confirmation,
    /// Who acts, where that is another than `sub`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub act: Option<Actor>,
    /// Who may act with it as the subject: who is to redeem a delegation mandate, or the application that
    /// is called by an execution mandate.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub may_act: Option<MayAct>,
    /// Ids of the mandates that it was derived from. It dies with each of them.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub from: Vec<String>,
    /// Ids of the grants that those mandates rested on, where they were others than `grant`.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub through: Vec<String>,
    /// Ids of the delegations by which those before the holder have these rights passed on at `aud`, and of
    /// those that the mandates before rested on so. The hops' `by` says by which each was called. It dies with
    /// each of them.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub via: Vec<String>,
    /// For each hop after the root, what the owner of the application before it signed. Where one of them
    /// did not there is none, and points that demand signatures refuse.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub edges: Vec<Edge>,
    /// The delegation chain.
    pub mdt: Chain,
}

/// Most ids in `from`: for each hop a mandate that was passed on and one of who took it.
pub const MAX_ANCESTORS: usize = 2 * MAX_HOPS;

/// Most ids in `via`: for each hop, one for each of those before it.
pub const MAX_VIA: usize = MAX_HOPS * MAX_HOPS / 2;

impl Claims {
    /// What has to hold between the members beside the chain.
    pub(crate) fn are_coherent(&self) -> bool {
        let actor = self
            .act
            .as_ref()
            .is_none_or(|act| act.sub == self.client_id && act.count() <= MAX_HOPS);
        // A delegation mandate is for somebody.
        let may_act = self.may_act.is_some() || self.usage == MandateUse::Execute;
        let ancestors = self.from.len() <= MAX_ANCESTORS && self.through.len() <= MAX_HOPS;
        let delegations = self.edges.len() < MAX_HOPS && self.via.len() <= MAX_VIA;
        actor && may_act && ancestors && delegations
    }

    /// The part of the claims that the last hop of the chain must repeat.
    #[must_use]
    pub fn leaf<'a>(&'a self, scopes: &'a ScopeSet) -> Leaf<'a> {
        Leaf {
            session: &self.sid,
            application: &self.client_id,
            resource: &self.aud,
            scopes,
            expires: self.exp,
            passes_on: self.usage == MandateUse::Execute && self.may_act.is_some(),
        }
    }
}
