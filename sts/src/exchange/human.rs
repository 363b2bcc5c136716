//! A human on whose behalf an application acts, by the ID token of a trusted issuer.

use std::sync::Arc;

use caracal_mandate::event::Event;
use caracal_mandate::name::Name;
use caracal_mandate::reason::Reason;
use caracal_store::model::{IssuerPurpose, TrustedIssuer};

use super::wish::IdToken;
use crate::authority::{Authority, ZoneState};
use crate::jwks::keys_of;
use crate::jwt::{Foreign, ForeignError};
use crate::request::note;

/// Longest subject (`OpenID` Connect Core 1.0 §2).
const MAX_SUBJECT_BYTES: usize = 255;

/// A human who was authenticated by an issuer that the zone trusts.
pub(crate) struct Human {
    issuer: Arc<TrustedIssuer>,
    subject: String,
    expires: u64,
    auth_time: Option<u64>,
    acr: Option<String>,
}

impl Human {
    pub(super) fn verify(
        authority: &Authority,
        zone: &Name,
        token: &IdToken<'_>,
        now_s: u64,
        event: &mut Event,
    ) -> Result<Self, Reason> {
        let verified = Self::read(authority, zone, token, now_s);
        verified.map_err(|error| {
            note(event, &format!("id token: {error}"));
            match error {
                ForeignError::TooOld => Reason::UserAuthentication,
                ForeignError::NoKeys => Reason::IssuerUnavailable,
                _ => Reason::SubjectInvalid,
            }
        })
    }

    fn read(
        authority: &Authority,
        zone: &Name,
        token: &IdToken<'_>,
        now_s: u64,
    ) -> Result<Self, ForeignError> {
        let foreign = Foreign::parse(token.token)?;
        // RFC 9068 §2.1: an access token is marked, and is no statement about who is there.
        if !matches!(foreign.typ(), None | Some("JWT" | "jwt")) {
            return Err(ForeignError::Type);
        }
        let issuer = {
            let state = authority.read();
            let zone = state.zone(zone).ok_or(ForeignError::Issuer)?;
            zone.issuer(foreign.issuer()).cloned()
        };
        let issuer = issuer
            .filter(|issuer| issuer.purpose == IssuerPurpose::Human)
            .ok_or(ForeignError::Issuer)?;
        // An issuer that is trusted since a moment ago, by other keys: nobody has them yet.
        let keys = keys_of(&issuer, token.published.as_ref()).ok_or(ForeignError::NoKeys)?;
        let claims = foreign.verify(keys, now_s)?;
        claims.check_audiences(&issuer.audiences)?;
        let subject = claims.text(&issuer.subject_claim).filter(|subject| {
            (1..=MAX_SUBJECT_BYTES).contains(&subject.len())
                && subject.bytes().all(|byte| byte.is_ascii_graphic())
        });
        let subject = subject.ok_or(ForeignError::Subject)?.to_owned();
        let auth_time = claims.number("auth_time")?;
        let authenticated = auth_time.unwrap_or(claims.issued_at()?);
        if now_s.saturating_sub(authenticated) > issuer.max_token_age {
            return Err(ForeignError::TooOld);
        }
        Ok(Self {
            subject,
            expires: claims.expires(),
            auth_time,
            acr: claims.text("acr").map(str::to_owned),
            issuer,
        })
    }

    /// `sub` of mandates for this human. The issuer's name makes it unique in the zone.
    pub(super) fn sub(&self) -> String {
        format!("user:{}:{}", self.issuer.name, self.subject)
    }

    /// Name of the issuer.
    pub(super) fn issuer(&self) -> &str {
        self.issuer.name.as_str()
    }

    /// What the issuer calls the human.
    pub(super) fn subject(&self) -> &str {
        &self.subject
    }

    /// Unix second of the authentication, if the issuer says it.
    pub(super) const fn auth_time(&self) -> Option<u64> {
        self.auth_time
    }

    /// Class of the authentication, if the issuer says it.
    pub(super) fn acr(&self) -> Option<&str> {
        self.acr.as_deref()
    }

    /// Unix second from which the ID token is void.
    pub(super) const fn expires(&self) -> u64 {
        self.expires
    }

    /// Whether the issuer is trusted as it was.
    pub(super) fn is_trusted_in(&self, zone: &ZoneState) -> bool {
        let issuer = zone.issuer(self.issuer.issuer.as_str());
        issuer.is_some_and(|issuer| Arc::ptr_eq(issuer, &self.issuer))
    }
}
