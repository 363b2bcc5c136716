//! The body of a request: `application/x-www-form-urlencoded`, with exactly one reading.

use zeroize::Zeroizing;

/// Longest body in bytes: two mandates, an ID token and an assertion, with room.
pub(super) const MAX_BODY_BYTES: usize = 64 * 1024;

/// Most parameters.
const MAX_PARAMETERS: usize = 32;

/// Every parameter that any endpoint knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parameter {
    ActorToken,
    ActorTokenType,
    Audience,
    ClientAssertion,
    ClientAssertionType,
    ClientId,
    ClientSecret,
    GrantType,
    RequestedTokenType,
    Resource,
    Scope,
    Session,
    SubjectToken,
    SubjectTokenType,
    Token,
    TokenTypeHint,
}

/// What an endpoint takes beside client authentication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// RFC 6749 §3.2, RFC 8693.
    Token,
    /// RFC 7009, RFC 7662: about a token.
    About,
    /// About a session.
    Session,
}

impl Parameter {
    pub(super) const ALL: [Self; 16] = [
        Self::ActorToken,
        Self::ActorTokenType,
        Self::Audience,
        Self::ClientAssertion,
        Self::ClientAssertionType,
        Self::ClientId,
        Self::ClientSecret,
        Self::GrantType,
        Self::RequestedTokenType,
        Self::Resource,
        Self::Scope,
        Self::Session,
        Self::SubjectToken,
        Self::SubjectTokenType,
        Self::Token,
        Self::TokenTypeHint,
    ];

    /// Its registered name.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::ActorToken => "actor_token",
            Self::ActorTokenType => "actor_token_type",
            Self::Audience => "audience",
            Self::ClientAssertion => "client_assertion",
            Self::ClientAssertionType => "client_assertion_type",
            Self::ClientId => "client_id",
            Self::ClientSecret => "client_secret",
            Self::GrantType => "grant_type",
            Self::RequestedTokenType => "requested_token_type",
            Self::Resource => "resource",
            Self::Scope => "scope",
            Self::Session => "session",
            Self::SubjectToken => "subject_token",
            Self::SubjectTokenType => "subject_token_type",
            Self::Token => "token",
            Self::TokenTypeHint => "token_type_hint",
        }
    }

    /// Longest value in bytes.
    const fn limit(self) -> usize {
        match self {
            Self::ActorToken | Self::ClientAssertion | Self::SubjectToken | Self::Token => {
                crate::jwt::MAX_FOREIGN_BYTES
            }
            // 53 scopes of 128 bytes.
            Self::Scope => 8 * 1024,
            Self::Resource => 2048,
            Self::ActorTokenType
            | Self::Audience
            | Self::ClientAssertionType
            | Self::ClientId
            | Self::ClientSecret
            | Self::GrantType
            | Self::RequestedTokenType
            | Self::Session
            | Self::SubjectTokenType
            | Self::TokenTypeHint => 512,
        }
    }

    const fn belongs_to(self, endpoint: Endpoint) -> bool {
        match self {
            Self::ClientAssertion
            | Self::ClientAssertionType
            | Self::ClientId
            | Self::ClientSecret => true,
            Self::Token | Self::TokenTypeHint => matches!(endpoint, Endpoint::About),
            Self::Session => matches!(endpoint, Endpoint::Session),
            Self::ActorToken
            | Self::ActorTokenType
            | Self::Audience
            | Self::GrantType
            | Self::RequestedTokenType
            | Self::Resource
            | Self::Scope
            | Self::SubjectToken
            | Self::SubjectTokenType => matches!(endpoint, Endpoint::Token),
        }
    }

    /// RFC 8693 §2.1 lets these stand more than once; anything else is an error (RFC 6749 §3.2).
    const fn repeats(self) -> bool {
        matches!(self, Self::Audience | Self::Resource)
    }
}

/// Why a body cannot be read in exactly one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum FormError {
    #[error("the body must be application/x-www-form-urlencoded")]
    ContentType,
    #[error("the body is larger than {MAX_BODY_BYTES} bytes")]
    TooLarge,
    #[error("the body did not arrive")]
    Incomplete,
    #[error("parameters belong into the body, not into the URL")]
    Query,
    #[error(
        "the body is not well-formed: name=value pairs joined by an ampersand, printable ASCII, percent-encoded"
    )]
    Malformed,
    #[error("a parameter is not known at this endpoint")]
    Unknown,
    #[error("there are more than {MAX_PARAMETERS} parameters")]
    TooMany,
    #[error("{} stands more than once", .0.as_str())]
    Repeated(Parameter),
    #[error("{} is too long", .0.as_str())]
    TooLong(Parameter),
    #[error("{} is missing", .0.as_str())]
    Missing(Parameter),
    #[error("{} is not to be sent without {}", .0.as_str(), .1.as_str())]
    Alone(Parameter, Parameter),
}

/// The parameters of a body. Their values are secrets more often than not: no `Debug`, and nothing
/// of them stays in memory.
pub(super) struct Form(Vec<(Parameter, Zeroizing<String>)>);

impl Form {
    pub(super) fn parse(body: &[u8], endpoint: Endpoint) -> Result<Self, FormError> {
        if body.len() > MAX_BODY_BYTES {
            return Err(FormError::TooLarge);
        }
        let mut form = Self(Vec::new());
        if body.is_empty() {
            return Ok(form);
        }
        for (count, pair) in body.split(|byte| *byte == b'&').enumerate() {
            if count >= MAX_PARAMETERS {
                return Err(FormError::TooMany);
            }
            let equals = pair.iter().position(|byte| *byte == b'=');
            let (name, value) = equals
                .and_then(|at| Some((pair.get(..at)?, pair.get(at.checked_add(1)?..)?)))
                .ok_or(FormError::Malformed)?;
            let name = decode(name)?;
            let parameter = Parameter::ALL
                .into_iter()
                .find(|parameter| parameter.as_str() == name.as_str())
                .filter(|parameter| parameter.belongs_to(endpoint))
                .ok_or(FormError::Unknown)?;
            let value = decode(value)?;
            if value.len() > parameter.limit() {
                return Err(FormError::TooLong(parameter));
            }
            if !parameter.repeats() && form.0.iter().any(|(known, _)| *known == parameter) {
                return Err(FormError::Repeated(parameter));
            }
            form.0.push((parameter, value));
        }
        // RFC 6749 §3.2: a parameter without a value is as good as left out. Only now, so that an
        // empty one does not hide that it is there twice.
        form.0.retain(|(_, value)| !value.is_empty());
        Ok(form)
    }

    /// The value of a parameter that stands once or not at all.
    pub(super) fn get(&self, parameter: Parameter) -> Option<&str> {
        self.all(parameter).next()
    }

    /// The value of a parameter that has to be there.
    pub(super) fn need(&self, parameter: Parameter) -> Result<&str, FormError> {
        self.get(parameter).ok_or(FormError::Missing(parameter))
    }

    /// Two parameters that come together or not at all.
    pub(super) fn pair(
        &self,
        one: Parameter,
        other: Parameter,
    ) -> Result<Option<(&str, &str)>, FormError> {
        match (self.get(one), self.get(other)) {
            (None, None) => Ok(None),
            (Some(first), Some(second)) => Ok(Some((first, second))),
            (Some(_), None) => Err(FormError::Alone(one, other)),
            (None, Some(_)) => Err(FormError::Alone(other, one)),
        }
    }

    /// Every value of a parameter.
    pub(super) fn all(&self, parameter: Parameter) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(move |(known, _)| *known == parameter)
            .map(|(_, value)| value.as_str())
    }
}

/// Decodes one name or value. RFC 6749 Appendix A: every value here is printable ASCII; what would
/// be read in two ways (control characters, other encodings, broken escapes) is refused.
pub(super) fn decode(bytes: &[u8]) -> Result<Zeroizing<String>, FormError> {
    let mut text = Zeroizing::new(String::with_capacity(bytes.len()));
    let mut rest = bytes.iter();
    while let Some(byte) = rest.next() {
        let byte = match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || {
                    let digit = rest.next().copied().map(char::from)?;
                    digit
                        .to_digit(16)
                        .and_then(|digit| u8::try_from(digit).ok())
                };
                let (high, low) = (digit(), digit());
                high.zip(low)
                    .map(|(high, low)| (high << 4) | low)
                    .ok_or(FormError::Malformed)?
            }
            byte => *byte,
        };
        if !(0x20..=0x7e).contains(&byte) {
            return Err(FormError::Malformed);
        }
        text.push(char::from(byte));
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
