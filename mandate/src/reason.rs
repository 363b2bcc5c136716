//! Why a request was refused: one vocabulary for filter, STS, ledger and documentation.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The family of an OAuth error code, as it stands in `WWW-Authenticate` and in bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorCode {
    /// RFC 6750 §3.1, 400: the request cannot be read one way only.
    InvalidRequest,
    /// RFC 6750 §3.1, 401: no mandate that holds for this peer now.
    InvalidToken,
    /// RFC 6750 §3.1, 401 without an error code: no credentials were presented.
    NoCredentials,
    /// RFC 6750 §3.1, 403: the mandate is good, but not for this.
    InsufficientScope,
    /// RFC 6749 §5.2, 403: authority was asked for and refused.
    AccessDenied,
    /// RFC 6749 §4.1.2.1, 503: nobody can say yes right now.
    TemporarilyUnavailable,
}

impl ErrorCode {
    /// The registered code as it goes over the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidToken | Self::NoCredentials => "invalid_token",
            Self::InsufficientScope => "insufficient_scope",
            Self::AccessDenied => "access_denied",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
        }
    }

    /// HTTP status of a refusal with this code.
    #[must_use]
    pub const fn http_status(self) -> u16 {
        match self {
            Self::InvalidRequest => 400,
            Self::InvalidToken | Self::NoCredentials => 401,
            Self::InsufficientScope | Self::AccessDenied => 403,
            Self::TemporarilyUnavailable => 503,
        }
    }

    /// gRPC status code of a refusal with this code (`INVALID_ARGUMENT`, `UNAUTHENTICATED`,
    /// `PERMISSION_DENIED`, `UNAVAILABLE`).
    #[must_use]
    pub const fn grpc_status(self) -> u32 {
        match self {
            Self::InvalidRequest => 3,
            Self::InvalidToken | Self::NoCredentials => 16,
            Self::InsufficientScope | Self::AccessDenied => 7,
            Self::TemporarilyUnavailable => 14,
        }
    }
}

/// Declares the reasons once: variant, wire code, error family, sentence for people.
macro_rules! reasons {
    ($( $variant:ident = $code:literal, $family:ident, $sentence:literal; )*) => {
        /// Why a request was refused. The wire form is a dotted code; its first part is the class.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Reason {
            $( #[doc = $sentence] $variant, )*
        }

        impl Reason {
            /// Every reason there is, in decision order.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )* ];

            /// The wire code, such as `invalid_mandate.expired`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $code, )* }
            }

            /// The family that fixes HTTP status, gRPC status and OAuth error code.
            #[must_use]
            pub const fn error_code(self) -> ErrorCode {
                match self { $( Self::$variant => ErrorCode::$family, )* }
            }

            /// One sentence for the person who reads the refusal.
            #[must_use]
            pub const fn sentence(self) -> &'static str {
                match self { $( Self::$variant => $sentence, )* }
            }
        }
    };
}

reasons! {
    AuthorityUnavailable = "authority_unavailable", TemporarilyUnavailable, "the enforcement point has no live authority state and the token service did not answer";
    MalformedPath = "malformed_request.path", InvalidRequest, "the path can be read in more than one way";
    MalformedHost = "malformed_request.host", InvalidRequest, "the host can be read in more than one way";
    MalformedMethod = "malformed_request.method", InvalidRequest, "the method is not a plain upper-case HTTP method";
    MalformedCredential = "malformed_request.credential", InvalidRequest, "the authorization header is repeated or is not a single bearer credential";
    MalformedHeader = "malformed_request.header", InvalidRequest, "a header that decisions rest on is repeated or not readable";
    RequestTooLarge = "malformed_request.size", InvalidRequest, "the request head is larger than an enforcement point reads";
    ResourceUnregistered = "resource_unregistered", AccessDenied, "no resource is registered for this host";
    OperationUnregistered = "operation_unregistered", AccessDenied, "the resource has no such operation (method and path)";
    NoMandate = "no_mandate", NoCredentials, "the request carries no mandate";
    MandateSize = "invalid_mandate.size", InvalidToken, "the mandate is larger than any that is issued";
    MandateEncoding = "invalid_mandate.encoding", InvalidToken, "the mandate is not a compact JWS in strict base64url";
    MandateHeader = "invalid_mandate.header", InvalidToken, "the mandate's header is not the one that is issued";
    MandateAlgorithm = "invalid_mandate.algorithm", InvalidToken, "the mandate is not signed with ES256";
    MandateType = "invalid_mandate.type", InvalidToken, "the token's type is not at+jwt";
    MandateKey = "invalid_mandate.key", InvalidToken, "the mandate names a signing key that is not live";
    MandateSignature = "invalid_mandate.signature", InvalidToken, "the mandate's signature does not verify";
    MandateClaims = "invalid_mandate.claims", InvalidToken, "the mandate's claims are not of the issued form";
    MandateIssuer = "invalid_mandate.issuer", InvalidToken, "the mandate was issued by somebody else";
    MandateZone = "invalid_mandate.zone", InvalidToken, "the mandate belongs to another zone";
    MandateUse = "invalid_mandate.use", InvalidToken, "the mandate is for delegation and not for use at a resource";
    MandateLifetime = "invalid_mandate.lifetime", InvalidToken, "the mandate lives longer than any that is issued";
    MandateNotYetValid = "invalid_mandate.not_yet_valid", InvalidToken, "the mandate is issued in the future";
    MandateExpired = "invalid_mandate.expired", InvalidToken, "the mandate has expired";
    MandateAudience = "invalid_mandate.audience", InvalidToken, "the mandate is for another resource";
    HolderUnknown = "holder_unknown", InvalidToken, "the peer has no verified workload identity";
    HolderMismatch = "holder_mismatch", InvalidToken, "the mandate is bound to another workload than the peer that presents it";
    AttenuationViolation = "attenuation_violation", InvalidToken, "a hop of the delegation chain holds more than the hop before it";
    DelegationUnsigned = "delegation_unsigned", InvalidToken, "an application before the holder passed this on without a signature of its owner that this point knows";
    Revoked = "revoked", InvalidToken, "the mandate, or something that it descends from, was revoked";
    Suspended = "suspended", InvalidToken, "the mandate, or something that it descends from, is suspended";
    InsufficientScope = "insufficient_scope", InsufficientScope, "the mandate's scopes do not cover the operation";
    CallerUnknown = "caller_unknown", AccessDenied, "the calling workload is not an application of this zone";
    CallerNotTrusted = "caller_not_trusted", AccessDenied, "the caller speaks for another workload without being an enforcement point that may";
    ClientUnproven = "client_unproven", AccessDenied, "the client did not prove who it is";
    ClientUnbound = "client_unbound", AccessDenied, "the client has no workload identity that a mandate could be bound to";
    MalformedParameter = "malformed_request.parameter", InvalidRequest, "the parameters of the token request are not readable in one way only";
    SubjectInvalid = "subject_invalid", AccessDenied, "the subject token is not valid for this client";
    ActorInvalid = "actor_invalid", AccessDenied, "the actor token is not a live mandate of this client";
    UserAuthentication = "user_authentication", AccessDenied, "the user did not authenticate as recently as it is asked for";
    DelegationDenied = "delegation_denied", AccessDenied, "the subject token does not let this client act, or nothing is left to delegate";
    DelegationMissing = "delegation_missing", AccessDenied, "no live delegation has this application act for its caller at this resource";
    DelegationCycle = "delegation_cycle", AccessDenied, "the application acts already further up in the chain";
    CallerMissing = "caller_missing", AccessDenied, "the application acts here for its callers only, and no caller is known for the trace of this request";
    CallerAmbiguous = "caller_ambiguous", AccessDenied, "several callers are known for the trace of this request, and it does not say for which of them it is";
    SessionExpired = "session_expired", AccessDenied, "the session that was declared for this workload is over";
    SessionMissing = "session_missing", AccessDenied, "the policy asks for a declared session, and the workload is in none";
    SessionLimit = "session_limit", AccessDenied, "as many sessions are open as may be, or the tree is as deep as it may be";
    TargetInvalid = "target_invalid", AccessDenied, "the request does not name exactly one registered target";
    ScopeExceeded = "scope_exceeded", AccessDenied, "the requested scopes are more than grant and subject allow";
    ApplicationInactive = "application_inactive", AccessDenied, "the application was revoked";
    NoGrant = "no_grant", AccessDenied, "no live grant covers this application, resource and scope";
    GrantNotYet = "grant_condition.not_before", AccessDenied, "the grant is not good yet";
    GrantWindow = "grant_condition.window", AccessDenied, "the grant is not good at this time of the week";
    GrantSubject = "grant_condition.subject", AccessDenied, "the grant is for acting on behalf of a user, of an issuer that it names";
    UserAuthenticationClass = "user_authentication_class", AccessDenied, "the user was not authenticated in a way that is asked for";
    PolicyMissing = "policy_missing", AccessDenied, "the zone has no active policy, so nothing is allowed";
    PolicyDenied = "policy_denied", AccessDenied, "the zone's policy does not allow this exchange";
    PolicyFailed = "policy_failed", AccessDenied, "the zone's policy could not be evaluated to a decision, which is a no";
    IssuerUnavailable = "issuer_unavailable", TemporarilyUnavailable, "the token service could not issue a mandate";
    AuditUnavailable = "audit_unavailable", TemporarilyUnavailable, "the decision could not be recorded";
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A code that names no reason of this version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown reason code {0:?}")]
pub struct UnknownReason(pub String);

impl FromStr for Reason {
    type Err = UnknownReason;

    fn from_str(code: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|reason| reason.as_str() == code)
            .ok_or_else(|| UnknownReason(code.to_owned()))
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Reason {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        code.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_reads_back_as_its_reason() {
        for reason in Reason::ALL {
            assert_eq!(reason.as_str().parse(), Ok(*reason));
        }
    }

    #[test]
    fn codes_are_unique() {
        let mut codes: Vec<_> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Reason::ALL.len());
    }
}
