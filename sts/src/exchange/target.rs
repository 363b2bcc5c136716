//! What is to be done, and where.

use std::sync::Arc;

use caracal_mandate::catalog::CatalogEntry;
use caracal_mandate::event::Event;
use caracal_mandate::operation::Operation;
use caracal_mandate::reason::Reason;

use super::{Caller, Holder};
use crate::authority::{Authority, ZoneState};
use crate::request::Normal;

/// A registered operation of a registered resource that the caller may ask about.
#[derive(Debug)]
pub(crate) struct Target {
    entry: Arc<CatalogEntry>,
    operation: Operation,
}

impl Target {
    /// Question 2 of the decision order, for the holder's zone.
    pub(crate) fn resolve(
        authority: &Authority,
        holder: &Holder,
        caller: &Caller,
        normal: &Normal<'_>,
        event: &mut Event,
    ) -> Result<Self, Reason> {
        let state = authority.read();
        let zone = state
            .zone(&holder.zone().name)
            .ok_or(Reason::CallerUnknown)?;
        Self::resolve_in(zone, caller, normal, event)
    }

    /// The same, in a zone that is at hand.
    pub(crate) fn resolve_in(
        zone: &ZoneState,
        caller: &Caller,
        normal: &Normal<'_>,
        event: &mut Event,
    ) -> Result<Self, Reason> {
        let entry = zone
            .catalog
            .by_host(&normal.host)
            .ok_or(Reason::ResourceUnregistered)?;
        event.resource = Some(entry.resource.uri.as_str().to_owned());
        if let Some(point) = caller.point() {
            let guards = point.resources.contains(&entry.resource.name);
            let guards_all = point.resources.is_empty()
                && point.role == caracal_store::model::PointRole::Gateway;
            if !guards && !guards_all {
                return Err(Reason::CallerNotTrusted);
            }
        }
        let operation = entry
            .operation(normal.method, &normal.path)
            .ok_or(Reason::OperationUnregistered)?
            .clone();
        event.operation = Some(operation.name.as_str().to_owned());
        event.scope = Some(operation.scopes.to_string());
        Ok(Self {
            entry: Arc::clone(entry),
            operation,
        })
    }

    /// The resource.
    pub(crate) const fn entry(&self) -> &Arc<CatalogEntry> {
        &self.entry
    }

    /// The operation.
    pub(crate) const fn operation(&self) -> &Operation {
        &self.operation
    }
}
