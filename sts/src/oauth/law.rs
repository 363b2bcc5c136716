//! The law of forms.

use super::form::{Endpoint, Form, Parameter};
use super::request::TokenRequest;

const MAX_PARAMETERS: usize = 32;

/// What is read is known to the endpoint, printable, within its length, and there once unless it
/// may repeat; with everything in it encoded it is read the same; and a token request in it asks
/// for one thing.
///
/// # Panics
/// When the input breaks the law.
#[must_use]
pub fn form(data: &[u8]) -> bool {
    let token = read(data, Endpoint::Token);
    let about = read(data, Endpoint::About);
    if let Some(form) = &token
        && let Ok(request) = TokenRequest::read(form)
    {
        assert!(form.all(Parameter::Resource).count() <= 1);
        assert!(form.all(Parameter::Audience).count() <= 1);
        assert_eq!(request.wish.resource, form.get(Parameter::Resource));
        assert_eq!(request.wish.actor, form.get(Parameter::ActorToken));
    }
    token.is_some() || about.is_some()
}

fn read(data: &[u8], endpoint: Endpoint) -> Option<Form> {
    let form = Form::parse(data, endpoint).ok()?;
    let mut encoded = String::new();
    let mut count = 0_usize;
    for parameter in Parameter::ALL {
        let values: Vec<&str> = form.all(parameter).collect();
        let repeats = matches!(parameter, Parameter::Audience | Parameter::Resource);
        assert!(values.len() <= 1 || repeats, "{parameter:?} twice");
        count = count.saturating_add(values.len());
        for value in values {
            assert!(!value.is_empty() && value.bytes().all(|byte| (0x20..=0x7e).contains(&byte)));
            assert!(value.len() <= data.len());
            let name = parameter
                .as_str()
                .bytes()
                .map(|byte| format!("%{byte:02x}"));
            let value = value.bytes().map(|byte| format!("%{byte:02X}"));
            let pair: String = name.chain(["=".to_owned()]).chain(value).collect();
            encoded.extend([if encoded.is_empty() { "" } else { "&" }, &pair]);
        }
    }
    assert!(count <= MAX_PARAMETERS);
    if let Ok(again) = Form::parse(encoded.as_bytes(), endpoint) {
        for parameter in Parameter::ALL {
            assert!(form.all(parameter).eq(again.all(parameter)));
        }
    } else {
        // Only its length can stand in the way: every byte takes three then.
        assert!(encoded.len() > super::form::MAX_BODY_BYTES);
    }
    Some(form)
}

#[cfg(test)]
mod tests {
    #[test]
    fn seeds_are_read_as_their_names_say() {
        let exchange = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&subject_token=a.b.c\
            &subject_token_type=urn:ietf:params:oauth:token-type:access_token";
        let seeds = [
            (
                "good-credentials",
                "grant_type=client_credentials&resource=https://bank&scope=a+b".to_owned(),
            ),
            (
                "good-exchange",
                format!(
                    "{exchange}&resource=https%3A%2F%2Fbank&requested_token_type=\
                urn:ietf:params:oauth:token-type:jwt"
                ),
            ),
            (
                "good-actor",
                format!(
                    "{exchange}&actor_token=d.e.f&actor_token_type=urn:ietf:params:oauth:token-type:jwt"
                ),
            ),
            (
                "good-assertion",
                "token=a.b.c&token_type_hint=access_token&client_id=payout&client_assertion=a.b.c\
                &client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
                    .to_owned(),
            ),
            (
                "good-two-resources",
                format!("{exchange}&resource=https://a&resource=https://b"),
            ),
            ("good-empty", String::new()),
            ("bad-twice", format!("{exchange}&subject_token=d")),
            ("bad-unknown", "grant_type=password&username=a".to_owned()),
            ("bad-escape", "scope=%zz".to_owned()),
            ("bad-control", "scope=a%0Ab".to_owned()),
            ("good-semicolon", "grant_type=a;scope=b".to_owned()),
            ("bad-no-value", "grant_type".to_owned()),
        ];
        let seeds = seeds.map(|(name, text)| (name, text.into_bytes()));
        caracal_seeds::hold("form", &seeds, super::form).unwrap();
    }
}
