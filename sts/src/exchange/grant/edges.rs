//! What the owners of those before the holder signed, for points that believe nobody else.

use caracal_mandate::edge::Edge;
use caracal_mandate::scope::ScopeSet;

use super::passed_on::of_hop;
use super::{Granted, Search};
use crate::authority::Side;
use crate::exchange::Question;

impl Granted {
    /// The same with what was signed, and within it: a point looks whether the mandate's whole life is
    /// within each edge, so that it has to look once.
    pub(super) fn with_edges(self, edges: Vec<Edge>) -> Self {
        let ends = edges.iter().filter_map(|edge| edge.expires_at);
        Self {
            until: ends.chain(self.until).min(),
            edges,
            ..self
        }
    }

    /// Longest life of what is issued in seconds, as far as delegations bound it.
    pub(crate) fn max_lifetime(&self) -> Option<u64> {
        let by = self.by.as_ref().and_then(|by| by.max_lifetime);
        let signed = self.edges.iter().filter_map(|edge| edge.max_lifetime);
        signed.chain(by).min()
    }

    /// For each hop after the root what was signed, or nothing.
    pub(crate) fn edges(&self) -> &[Edge] {
        &self.edges
    }
}

impl Search<'_> {
    /// For each hop after the root a live delegation from the application before it that is signed and
    /// goes as far as the chain does; nothing where one of them is missing. Looked up anew for each
    /// mandate: the subject's own edges are of another resource.
    pub(super) fn edges(&self, question: &Question<'_>, scopes: &ScopeSet) -> Vec<Edge> {
        let Question {
            holder,
            subject,
            target,
            normal: _,
        } = question;
        // What only the token service takes needs to convince nobody else.
        let parent = subject.parent().filter(|_| target.delegatee().is_none());
        let Some(parent) = parent else {
            return Vec::new();
        };
        let hops = parent.claims().mdt.hops.iter();
        let above = hops.map(of_hop);
        let last = subject.narrowed().is_none();
        let last = last.then(|| holder.side(self.zone, Some(&parent.claims().sid)));
        let path: Vec<Side<'_>> = above.chain(last).collect();
        let steps = path.array_windows::<2>().rev().enumerate();
        let edges = steps.map(|(further, [from, to])| self.signed(*from, *to, scopes, further));
        let mut edges: Vec<Edge> = edges.collect::<Option<_>>().unwrap_or_default();
        edges.reverse();
        edges
    }

    /// Of several the one that is good for longest.
    fn signed(
        &self,
        from: Side<'_>,
        to: Side<'_>,
        scopes: &ScopeSet,
        further: usize,
    ) -> Option<Edge> {
        let reaching = self.reaching(from, to, scopes, further);
        let signed = reaching.filter_map(|delegation| {
            Some(Edge {
                id: delegation.id.clone(),
                scopes: delegation.scopes.clone(),
                max_depth: delegation.max_depth,
                max_lifetime: delegation.max_lifetime,
                expires_at: delegation.expires_at,
                signature: delegation.signature.clone()?,
            })
        });
        let good_for = |edge: &Edge| {
            let bounds = (edge.expires_at, edge.max_lifetime);
            (bounds.0.unwrap_or(u64::MAX), bounds.1.unwrap_or(u64::MAX))
        };
        signed.max_by_key(good_for)
    }
}
