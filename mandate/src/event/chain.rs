//! The delegation chain of a mandate, as the record of its issue tells it.
//!
//! The ledger would not prove much without it: a mandate is with its holder and gone with it, and the
//! record of a request names the mandate alone. So each exchange says whom its authority came through,
//! by what, with which rights and until when.
//!
//! Texts are texts here, as in the rest of an event: what was once recorded stays readable when rules for
//! names change.

use serde::{Deserialize, Serialize};

use crate::chain::Hop;
use crate::claims::Claims;

/// Who a mandate descends from. Its members stand in alphabetical order, as those of an event.
///
/// Every text and number in it stands in the mandate too, and mandates are bounded
/// ([`MAX_MANDATE_BYTES`](crate::claims::MAX_MANDATE_BYTES)); so it is never shortened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedChain {
    /// Ids of the mandates that it was made from. It ends with each of them.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub from: Vec<String>,
    /// Hops, root first. The root holds by the event's grant.
    pub hops: Vec<RecordedHop>,
    /// What the bits of the hops' rights mean.
    pub table: Vec<RecordedRow>,
    /// Ids of the grants that those mandates rested on, where they were others than the event's.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub through: Vec<String>,
    /// Ids of the delegations by which those before the holder had its rights passed on.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub via: Vec<String>,
}

/// One holder in the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedHop {
    /// Application.
    pub application: String,
    /// Id of the delegation by which it came from the hop before. Absent at the root, and where a
    /// mandate was handed on by its holder.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub delegation: Option<String>,
    /// How many further delegations may follow.
    pub depth: u8,
    /// Unix second after which the hop holds nothing.
    pub expires: u64,
    /// Bits over the table, the lowest for the first scope of the first row.
    pub rights: u64,
    /// Session.
    pub session: String,
}

/// One resource of the table, and its scopes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedRow {
    /// Resource identifier (URI).
    pub resource: String,
    /// Scopes, sorted.
    pub scopes: Vec<String>,
}

impl RecordedChain {
    /// The chain of a mandate.
    #[must_use]
    pub fn of(claims: &Claims) -> Self {
        let chain = &claims.mdt;
        let rows = chain.resources.iter().zip(&chain.scopes);
        let table = rows.map(|(resource, scopes)| RecordedRow {
            resource: resource.as_str().to_owned(),
            scopes: scopes.iter().map(ToString::to_string).collect(),
        });
        Self {
            from: claims.from.clone(),
            hops: chain.hops.iter().map(RecordedHop::of).collect(),
            table: table.collect(),
            through: claims.through.clone(),
            via: claims.via.clone(),
        }
    }

    /// What a mandate that was to be made from this one would have descended from: the record of a no.
    #[must_use]
    pub fn below(claims: &Claims) -> Self {
        let mut chain = Self::of(claims);
        chain.from.push(claims.jti.clone());
        if !chain.through.contains(&claims.grant) {
            chain.through.push(claims.grant.clone());
        }
        chain
    }

    /// What a hop may: the resources and their scopes.
    pub fn rights<'a>(
        &'a self,
        hop: &RecordedHop,
    ) -> impl Iterator<Item = (&'a str, Vec<&'a str>)> {
        let mut left = hop.rights;
        self.table.iter().filter_map(move |row| {
            let mut held = Vec::new();
            for scope in &row.scopes {
                if left & 1 == 1 {
                    held.push(scope.as_str());
                }
                left >>= 1;
            }
            (!held.is_empty()).then_some((row.resource.as_str(), held))
        })
    }

    /// Bytes of its texts, and no less than its numbers and names of members take beside them.
    pub(super) fn measure(&self) -> (usize, usize) {
        /// Members, punctuation and numbers of 16 digits at most.
        const HOP: usize = 140;
        const TEXT: usize = 40;
        let hops = self.hops.iter().flat_map(|hop| {
            [Some(&hop.application), hop.delegation.as_ref()]
                .into_iter()
                .flatten()
                .chain([&hop.session])
        });
        let rows = self.table.iter();
        let rows = rows.flat_map(|row| [&row.resource].into_iter().chain(&row.scopes));
        let texts = hops
            .chain(rows)
            .chain(&self.from)
            .chain(&self.through)
            .chain(&self.via);
        let (count, bytes) = texts.fold((0_usize, 0_usize), |(count, bytes), text| {
            (count.saturating_add(1), bytes.saturating_add(text.len()))
        });
        let frame = self.hops.len().saturating_mul(HOP);
        (bytes, frame.saturating_add(count.saturating_mul(TEXT)))
    }
}

impl RecordedHop {
    fn of(hop: &Hop) -> Self {
        let Hop {
            session,
            application,
            by,
            rights,
            expires,
            depth,
        } = hop;
        Self {
            application: application.as_str().to_owned(),
            delegation: (!by.is_empty()).then(|| by.clone()),
            depth: *depth,
            expires: *expires,
            rights: *rights,
            session: session.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
