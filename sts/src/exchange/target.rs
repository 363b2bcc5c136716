//! What is to be done, and where.

use std::sync::Arc;

use caracal_mandate::catalog::CatalogEntry;
use caracal_mandate::claims::MandateUse;
use caracal_mandate::event::Event;
use caracal_mandate::name::Name;
use caracal_mandate::operation::Operation;
use caracal_mandate::reason::Reason;
use caracal_mandate::scope::ScopeSet;

use super::{Caller, Holder, Subject, Wish};
use crate::authority::{Authority, ZoneState};
use crate::request::{Normal, Refused};

/// A registered operation of a registered resource that the caller may ask about.
#[derive(Debug)]
pub(crate) struct Called {
    entry: Arc<CatalogEntry>,
    operation: Operation,
}

impl Called {
    /// Question 2 of the decision order. To a point there is nothing but what it guards: it is told
    /// of nothing else, and so it must not matter who answers.
    pub(crate) fn resolve(
        zone: &ZoneState,
        caller: &Caller,
        normal: &Normal<'_>,
        event: &mut Event,
    ) -> Result<Self, Reason> {
        let entry = zone
            .catalog
            .by_host(&normal.host)
            .filter(|entry| caller.sees(&entry.resource.name))
            .ok_or(Reason::ResourceUnregistered)?;
        event.resource = Some(entry.resource.uri.as_str().to_owned());
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

    /// A no that names what the operation needs.
    pub(crate) fn refused(&self, reason: Reason) -> Refused {
        Refused {
            scopes: Some(self.operation.scopes.clone()),
            ..reason.into()
        }
    }
}

/// A registered resource, and what is wanted there.
#[derive(Debug)]
pub(crate) struct Target {
    entry: Arc<CatalogEntry>,
    wanted: Wanted,
}

/// What is wanted at the resource.
#[derive(Debug)]
enum Wanted {
    /// What one operation needs.
    Operation(Operation),
    /// The named scopes, or all that can be had.
    Use(Option<ScopeSet>),
    /// The same, for another application to redeem.
    Delegation(Option<ScopeSet>, Name),
}

impl From<Called> for Target {
    fn from(Called { entry, operation }: Called) -> Self {
        Self {
            entry,
            wanted: Wanted::Operation(operation),
        }
    }
}

impl Target {
    /// The one resource that a wish names by `resource`, by `audience` or by its subject token.
    pub(crate) fn select(
        authority: &Authority,
        holder: &Holder,
        subject: &Subject,
        wish: &Wish<'_>,
        event: &mut Event,
    ) -> Result<Self, Reason> {
        event.scope = wish.scopes.as_ref().map(ToString::to_string);
        let state = authority.read();
        let zone = state
            .zone(&holder.zone().name)
            .ok_or(Reason::CallerUnknown)?;
        // A delegation's audience is the application that redeems it, any other's the resource.
        let (audience, delegatee) = match wish.usage {
            MandateUse::Execute => (wish.audience, None),
            MandateUse::Delegate => (None, Some(delegatee(zone, wish)?)),
        };
        let by_resource = wish.resource.map(|uri| zone.catalog.by_uri(uri));
        let by_audience = audience.map(|name| {
            let name = name.parse().ok()?;
            zone.catalog.by_name(&name)
        });
        // What somebody is called for says nothing of where it acts.
        let parent = subject.parent().filter(|_| subject.caller().is_none());
        let by_subject = parent.map(|parent| {
            let uri = parent.resource().as_str();
            zone.catalog.by_uri(uri)
        });
        let mut named = [by_resource, by_audience, by_subject].into_iter().flatten();
        let entry = named.next().flatten().ok_or(Reason::TargetInvalid)?;
        // All that are given have to name the same: RFC 8707 §2 with one resource for each mandate.
        if !named.all(|other| other.is_some_and(|other| Arc::ptr_eq(other, entry))) {
            return Err(Reason::TargetInvalid);
        }
        event.resource = Some(entry.resource.uri.as_str().to_owned());
        let scopes = wish.scopes.clone();
        Ok(Self {
            entry: Arc::clone(entry),
            wanted: match delegatee {
                None => Wanted::Use(scopes),
                Some(delegatee) => Wanted::Delegation(scopes, delegatee),
            },
        })
    }

    /// The resource.
    pub(crate) const fn entry(&self) -> &Arc<CatalogEntry> {
        &self.entry
    }

    /// The operation, where a request asked.
    pub(crate) const fn operation(&self) -> Option<&Operation> {
        match &self.wanted {
            Wanted::Operation(operation) => Some(operation),
            Wanted::Use(_) | Wanted::Delegation(..) => None,
        }
    }

    /// The scopes, where they are named.
    pub(crate) const fn wanted_scopes(&self) -> Option<&ScopeSet> {
        match &self.wanted {
            Wanted::Operation(operation) => Some(&operation.scopes),
            Wanted::Use(scopes) | Wanted::Delegation(scopes, _) => scopes.as_ref(),
        }
    }

    /// Who is to redeem it, if it is to be passed on.
    pub(crate) const fn delegatee(&self) -> Option<&Name> {
        match &self.wanted {
            Wanted::Operation(_) | Wanted::Use(_) => None,
            Wanted::Delegation(_, delegatee) => Some(delegatee),
        }
    }
}

fn delegatee(zone: &ZoneState, wish: &Wish<'_>) -> Result<Name, Reason> {
    let name: Option<Name> = wish.audience.and_then(|audience| audience.parse().ok());
    name.filter(|name| zone.is_active(name))
        .ok_or(Reason::TargetInvalid)
}
