//! Claims of a token whose signature and times are good.

use jwt_simple::claims::Audiences;
use serde_json::Value;

use super::key::Claims;
use super::{ForeignError, SKEW_SECONDS};

/// Verified claims of somebody else's token.
pub(crate) struct ForeignClaims {
    claims: Claims,
    expires: u64,
    now_s: u64,
}

impl ForeignClaims {
    pub(super) fn new(claims: Claims, now_s: u64) -> Result<Self, ForeignError> {
        let expires = claims.expires_at.ok_or(ForeignError::NoExpiry)?.as_secs();
        // The library's leeway is meant for the other clock's start, not for the end.
        if expires <= now_s {
            return Err(ForeignError::Expired);
        }
        Ok(Self {
            claims,
            expires,
            now_s,
        })
    }

    /// `iss`.
    pub(crate) fn issuer(&self) -> Option<&str> {
        self.claims.issuer.as_deref()
    }

    /// `sub`.
    pub(crate) fn subject(&self) -> Option<&str> {
        self.claims.subject.as_deref()
    }

    /// `jti`.
    pub(crate) fn id(&self) -> Option<&str> {
        self.claims.jwt_id.as_deref()
    }

    /// `exp`.
    pub(crate) const fn expires(&self) -> u64 {
        self.expires
    }

    /// `iat`, which has to be there.
    pub(crate) fn issued_at(&self) -> Result<u64, ForeignError> {
        let issued = self.claims.issued_at.ok_or(ForeignError::Claim)?;
        Ok(issued.as_secs())
    }

    /// Refuses a token that is valid for longer from now, or was issued longer ago.
    pub(crate) fn check_age(&self, longest_s: u64) -> Result<(), ForeignError> {
        let longest = longest_s.saturating_add(SKEW_SECONDS);
        if self.expires.saturating_sub(self.now_s) > longest {
            return Err(ForeignError::LongLived);
        }
        let issued = self.claims.issued_at.map(|at| at.as_secs());
        match issued {
            Some(issued) if self.now_s.saturating_sub(issued) > longest => {
                Err(ForeignError::TooOld)
            }
            _ => Ok(()),
        }
    }

    /// Refuses a token that is for anybody beside those that are taken. At least one is named.
    pub(crate) fn check_audiences(&self, taken: &[String]) -> Result<(), ForeignError> {
        let is_taken = |audience: &String| taken.contains(audience);
        let good = match &self.claims.audiences {
            None => false,
            Some(Audiences::AsString(audience)) => is_taken(audience),
            Some(Audiences::AsSet(set)) => !set.is_empty() && set.iter().all(is_taken),
        };
        good.then_some(()).ok_or(ForeignError::Audience)
    }

    /// The one audience of a token that is for one party only.
    pub(crate) fn sole_audience(&self) -> Result<&str, ForeignError> {
        match &self.claims.audiences {
            Some(Audiences::AsString(audience)) => Ok(audience),
            Some(Audiences::AsSet(set)) if set.len() == 1 => {
                let only = set.iter().next().ok_or(ForeignError::Audience)?;
                Ok(only)
            }
            _ => Err(ForeignError::Audience),
        }
    }

    /// A claim that is a text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        match name {
            "sub" => self.subject(),
            name => self.claims.custom.get(name).and_then(Value::as_str),
        }
    }

    /// A claim that is a whole number; one of another type is an error.
    pub(crate) fn number(&self, name: &str) -> Result<Option<u64>, ForeignError> {
        match self.claims.custom.get(name) {
            None => Ok(None),
            Some(value) => value.as_u64().map(Some).ok_or(ForeignError::Claim),
        }
    }
}
