//! What a client of the token endpoint asks for, read and not yet judged.

use caracal_mandate::claims::MandateUse;
use caracal_mandate::scope::ScopeSet;

use crate::jwks::Published;

/// A wish. The tokens in it are secrets, so it has no `Debug`.
pub(crate) struct Wish<'a> {
    /// On whose behalf; nobody's but its own without one.
    pub(crate) subject: Option<SubjectToken<'a>>,
    /// A mandate that shows who acts.
    pub(crate) actor: Option<&'a str>,
    /// `resource` (RFC 8707).
    pub(crate) resource: Option<&'a str>,
    /// `audience`: the resource's registered name, or for a delegation who is to redeem it.
    pub(crate) audience: Option<&'a str>,
    /// `scope`; `None` is all that can be had.
    pub(crate) scopes: Option<ScopeSet>,
    /// What the mandate is to be good for.
    pub(crate) usage: MandateUse,
}

/// An ID token, and the keys that its issuer publishes. They are read before anything is decided, so
/// that no decision waits for somebody else's server.
pub(crate) struct IdToken<'a> {
    pub(crate) token: &'a str,
    pub(crate) published: Option<Published>,
}

/// A subject token by its declared type.
pub(crate) enum SubjectToken<'a> {
    /// A mandate of this zone.
    Mandate(&'a str),
    /// An ID token of a trusted issuer.
    IdToken(IdToken<'a>),
}
