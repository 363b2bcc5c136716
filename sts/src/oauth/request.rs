//! From a form to what is asked for.

use caracal_mandate::claims::MandateUse;
use caracal_mandate::scope::ScopeSet;

use super::error::{Code, OAuthError};
use super::form::{Form, Parameter};
use crate::exchange::{IdToken, SubjectToken, Wish};

/// RFC 8693 §2.1.
pub(super) const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// RFC 6749 §4.4.
pub(super) const CLIENT_CREDENTIALS: &str = "client_credentials";
/// RFC 8693 §3. A mandate is an access token.
pub(super) const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// RFC 8693 §3. A mandate is a JWT as well.
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
/// RFC 8693 §3.
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
/// A mandate that is good at this service only, for the application that `audience` names.
pub(super) const DELEGATION: &str = "urn:caracal:params:oauth:token-type:delegation";

/// What is to be said about the token in the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Requested {
    /// RFC 6749 §5.1: no `issued_token_type`.
    Plain,
    /// The type, by its identifier.
    Typed(&'static str),
}

/// A token request.
pub(super) struct TokenRequest<'a> {
    pub(super) wish: Wish<'a>,
    pub(super) requested: Requested,
}

impl<'a> TokenRequest<'a> {
    pub(super) fn read(form: &'a Form) -> Result<Self, OAuthError> {
        match form.need(Parameter::GrantType)? {
            CLIENT_CREDENTIALS => Self::client_credentials(form),
            TOKEN_EXCHANGE => Self::exchange(form),
            _ => Err(OAuthError::new(
                Code::UnsupportedGrantType,
                "take client_credentials or urn:ietf:params:oauth:grant-type:token-exchange",
            )),
        }
    }

    fn client_credentials(form: &'a Form) -> Result<Self, OAuthError> {
        for parameter in [
            Parameter::SubjectToken,
            Parameter::SubjectTokenType,
            Parameter::ActorToken,
            Parameter::ActorTokenType,
        ] {
            if form.get(parameter).is_some() {
                return Err(OAuthError::new(
                    Code::InvalidRequest,
                    "parameters of token exchange do not go with client_credentials",
                ));
            }
        }
        // An extension: without it an application could delegate for humans only, not for itself.
        let (usage, requested) = match form.get(Parameter::RequestedTokenType) {
            None => (MandateUse::Execute, Requested::Plain),
            Some(kind) => requested(kind)?,
        };
        Ok(Self {
            wish: wish(form, None, None, usage)?,
            requested,
        })
    }

    fn exchange(form: &'a Form) -> Result<Self, OAuthError> {
        let token = form.need(Parameter::SubjectToken)?;
        let subject = match form.need(Parameter::SubjectTokenType)? {
            ACCESS_TOKEN | JWT | DELEGATION => SubjectToken::Mandate(token),
            ID_TOKEN => SubjectToken::IdToken(IdToken {
                token,
                published: None,
            }),
            _ => {
                return Err(OAuthError::new(
                    Code::InvalidRequest,
                    "subject_token_type is not one that is taken",
                ));
            }
        };
        let actor = match form.pair(Parameter::ActorToken, Parameter::ActorTokenType)? {
            None => None,
            Some((token, ACCESS_TOKEN | JWT)) => Some(token),
            Some(_) => {
                return Err(OAuthError::new(
                    Code::InvalidRequest,
                    "actor_token_type is not one that is taken",
                ));
            }
        };
        let kind = form.get(Parameter::RequestedTokenType);
        let (usage, requested) = requested(kind.unwrap_or(ACCESS_TOKEN))?;
        Ok(Self {
            wish: wish(form, Some(subject), actor, usage)?,
            requested,
        })
    }
}

fn requested(kind: &str) -> Result<(MandateUse, Requested), OAuthError> {
    let (usage, issued) = match kind {
        ACCESS_TOKEN => (MandateUse::Execute, ACCESS_TOKEN),
        JWT => (MandateUse::Execute, JWT),
        DELEGATION => (MandateUse::Delegate, DELEGATION),
        _ => {
            return Err(OAuthError::new(
                Code::InvalidRequest,
                "requested_token_type is not one that is issued",
            ));
        }
    };
    Ok((usage, Requested::Typed(issued)))
}

fn wish<'a>(
    form: &'a Form,
    subject: Option<SubjectToken<'a>>,
    actor: Option<&'a str>,
    usage: MandateUse,
) -> Result<Wish<'a>, OAuthError> {
    let resource = only(
        form,
        Parameter::Resource,
        "a mandate is for one resource; send one resource at a time",
    )?;
    if resource.is_some_and(|uri| !is_absolute(uri)) {
        return Err(OAuthError::new(
            Code::InvalidTarget,
            "resource is not an absolute URI without a fragment",
        ));
    }
    let audience = only(
        form,
        Parameter::Audience,
        "a mandate is for one audience; send one audience at a time",
    )?;
    let scopes = form.get(Parameter::Scope).map(ScopeSet::parse).transpose();
    let scopes = scopes.map_err(|_| {
        OAuthError::new(
            Code::InvalidScope,
            "scope is not a list of distinct scopes with one space between them",
        )
    })?;
    Ok(Wish {
        subject,
        actor,
        resource,
        audience,
        scopes,
        usage,
    })
}

fn only<'a>(
    form: &'a Form,
    parameter: Parameter,
    several: &'static str,
) -> Result<Option<&'a str>, OAuthError> {
    let mut values = form.all(parameter);
    let first = values.next();
    match values.next() {
        None => Ok(first),
        Some(_) => Err(OAuthError::new(Code::InvalidTarget, several)),
    }
}

/// RFC 8707 §2, RFC 3986 §4.3: a scheme, and no fragment. Which URIs are known is decided later.
fn is_absolute(uri: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    let scheme = uri.split_once(':').map_or("", |(scheme, _)| scheme);
    scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(legal)
        && !uri.contains('#')
}

#[cfg(test)]
mod tests {
    use super::super::form::Endpoint;
    use super::*;

    const EXCHANGE: &str = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange";
    const SUBJECT: &str =
        "&subject_token=t&subject_token_type=urn:ietf:params:oauth:token-type:access_token";

    fn read(body: &str) -> Result<(MandateUse, Requested), Code> {
        let form = Form::parse(body.as_bytes(), Endpoint::Token).unwrap();
        let request = TokenRequest::read(&form).map_err(|error| error.code)?;
        Ok((request.wish.usage, request.requested))
    }

    #[test]
    fn the_types_that_are_issued_can_be_asked_for() {
        let with = |kind: &str| read(&format!("{EXCHANGE}{SUBJECT}&requested_token_type={kind}"));
        let execute = MandateUse::Execute;
        assert_eq!(
            read("grant_type=client_credentials"),
            Ok((execute, Requested::Plain))
        );
        assert_eq!(
            read(&format!("{EXCHANGE}{SUBJECT}")),
            Ok((execute, Requested::Typed(ACCESS_TOKEN)))
        );
        assert_eq!(
            with(ACCESS_TOKEN),
            Ok((execute, Requested::Typed(ACCESS_TOKEN)))
        );
        assert_eq!(with(JWT), Ok((execute, Requested::Typed(JWT))));
        assert_eq!(
            with(DELEGATION),
            Ok((MandateUse::Delegate, Requested::Typed(DELEGATION)))
        );
        for other in ["refresh_token", "id_token", "saml1", "saml2"] {
            let uri = format!("urn:ietf:params:oauth:token-type:{other}");
            assert_eq!(with(&uri), Err(Code::InvalidRequest), "{other}");
        }
    }

    #[test]
    fn requests_that_say_too_little_or_too_much_have_their_code() {
        let id_token = "&actor_token=t&actor_token_type=urn:ietf:params:oauth:token-type:id_token";
        for (body, code) in [
            (String::new(), Code::InvalidRequest),
            ("grant_type=password".to_owned(), Code::UnsupportedGrantType),
            (
                "grant_type=Client_Credentials".to_owned(),
                Code::UnsupportedGrantType,
            ),
            (EXCHANGE.to_owned(), Code::InvalidRequest),
            (format!("{EXCHANGE}&subject_token=t"), Code::InvalidRequest),
            (
                format!("{EXCHANGE}&subject_token=t&subject_token_type=x"),
                Code::InvalidRequest,
            ),
            (
                format!("{EXCHANGE}{SUBJECT}&actor_token=t"),
                Code::InvalidRequest,
            ),
            (
                format!("{EXCHANGE}{SUBJECT}&actor_token_type={JWT}"),
                Code::InvalidRequest,
            ),
            (
                format!("{EXCHANGE}{SUBJECT}{id_token}"),
                Code::InvalidRequest,
            ),
            (
                format!("grant_type=client_credentials{SUBJECT}"),
                Code::InvalidRequest,
            ),
            (
                format!("{EXCHANGE}{SUBJECT}&resource=a&resource=b"),
                Code::InvalidTarget,
            ),
            (
                format!("{EXCHANGE}{SUBJECT}&resource=/relative"),
                Code::InvalidTarget,
            ),
            (
                format!("{EXCHANGE}{SUBJECT}&resource=https://r%23f"),
                Code::InvalidTarget,
            ),
            (
                format!("{EXCHANGE}{SUBJECT}&audience=a&audience=b"),
                Code::InvalidTarget,
            ),
            (
                format!("{EXCHANGE}{SUBJECT}&scope=a++b"),
                Code::InvalidScope,
            ),
            (format!("{EXCHANGE}{SUBJECT}&scope=a+a"), Code::InvalidScope),
            (format!("{EXCHANGE}{SUBJECT}&scope=%22"), Code::InvalidScope),
            (format!("{EXCHANGE}{SUBJECT}&scope=*"), Code::InvalidScope),
        ] {
            assert_eq!(read(&body), Err(code), "{body}");
        }
    }
}
