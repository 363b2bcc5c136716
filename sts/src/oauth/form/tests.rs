use super::*;
use proptest::prelude::*;

fn token(body: &str) -> Result<Form, FormError> {
    Form::parse(body.as_bytes(), Endpoint::Token)
}

#[test]
fn a_body_is_read_as_the_form_that_it_is() {
    let form =
        token("grant_type=client_credentials&scope=a%3Ar+b&resource=https%3a%2F%2Fr&resource=x")
            .unwrap();
    assert_eq!(form.get(Parameter::GrantType), Some("client_credentials"));
    assert_eq!(form.get(Parameter::Scope), Some("a:r b"));
    assert_eq!(
        form.all(Parameter::Resource).collect::<Vec<_>>(),
        ["https://r", "x"]
    );
    assert_eq!(form.get(Parameter::Audience), None);
    assert!(token("").unwrap().get(Parameter::GrantType).is_none());
}

#[test]
fn a_parameter_without_a_value_is_as_good_as_left_out() {
    let form = token("grant_type=x&scope=&actor_token=").unwrap();
    assert_eq!(form.get(Parameter::Scope), None);
    let repeated = FormError::Repeated(Parameter::Scope);
    assert_eq!(token("scope=&scope=a").err(), Some(repeated));
}

#[test]
fn what_can_be_read_in_two_ways_is_refused() {
    let long = |name: &str, length: usize| format!("{name}={}", "a".repeat(length));
    for (body, error) in [
        (
            "grant_type=a&grant_type=a".to_owned(),
            FormError::Repeated(Parameter::GrantType),
        ),
        (
            "grant_type=a&grant%5Ftype=a".to_owned(),
            FormError::Repeated(Parameter::GrantType),
        ),
        (
            "client_id=a&client_id=b".to_owned(),
            FormError::Repeated(Parameter::ClientId),
        ),
        ("code=a".to_owned(), FormError::Unknown),
        ("Grant_type=a".to_owned(), FormError::Unknown),
        ("=a".to_owned(), FormError::Unknown),
        ("token=a".to_owned(), FormError::Unknown),
        ("grant_type".to_owned(), FormError::Malformed),
        ("grant_type=a&".to_owned(), FormError::Malformed),
        ("&grant_type=a".to_owned(), FormError::Malformed),
        ("grant_type=%".to_owned(), FormError::Malformed),
        ("grant_type=%4".to_owned(), FormError::Malformed),
        ("grant_type=%zz".to_owned(), FormError::Malformed),
        ("grant_type=a%00".to_owned(), FormError::Malformed),
        ("grant_type=a%0d%0a".to_owned(), FormError::Malformed),
        ("grant_type=\u{e9}".to_owned(), FormError::Malformed),
        ("grant_type=%C3%A9".to_owned(), FormError::Malformed),
        ("\u{feff}grant_type=a".to_owned(), FormError::Malformed),
        ("grant_type=a\n".to_owned(), FormError::Malformed),
        ("{\"grant_type\":\"a\"}".to_owned(), FormError::Malformed),
        (
            long("client_id", 513),
            FormError::TooLong(Parameter::ClientId),
        ),
        (
            long("subject_token", 16_385),
            FormError::TooLong(Parameter::SubjectToken),
        ),
        (long("scope", 70_000), FormError::TooLarge),
        (vec!["audience=a"; 33].join("&"), FormError::TooMany),
    ] {
        assert_eq!(token(&body).err(), Some(error), "{body:.40}");
    }
    let about = Form::parse(b"grant_type=a", Endpoint::About);
    assert_eq!(about.err(), Some(FormError::Unknown));
}

#[test]
fn some_parameters_come_in_pairs() {
    use Parameter::{ActorToken, ActorTokenType};
    let pair = |body| {
        token(body)
            .unwrap()
            .pair(ActorToken, ActorTokenType)
            .map(|pair| pair.is_some())
    };
    assert_eq!(pair(""), Ok(false));
    assert_eq!(pair("actor_token=a&actor_token_type=b"), Ok(true));
    assert_eq!(
        pair("actor_token=a"),
        Err(FormError::Alone(ActorToken, ActorTokenType))
    );
    assert_eq!(
        pair("actor_token_type=a"),
        Err(FormError::Alone(ActorTokenType, ActorToken))
    );
}

#[test]
fn descriptions_fit_into_an_error_response() {
    // RFC 6749 §5.2: %x20-21 / %x23-5B / %x5D-7E.
    let legal = |byte| matches!(byte, 0x20..=0x21 | 0x23..=0x5B | 0x5D..=0x7E);
    let mut errors = vec![
        FormError::ContentType,
        FormError::TooLarge,
        FormError::Incomplete,
        FormError::Query,
        FormError::Malformed,
        FormError::Unknown,
        FormError::TooMany,
    ];
    for one in Parameter::ALL {
        errors.extend([
            FormError::Repeated(one),
            FormError::TooLong(one),
            FormError::Missing(one),
        ]);
        errors.push(FormError::Alone(one, one));
    }
    for error in errors {
        assert!(error.to_string().bytes().all(legal), "{error}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_parser_panic(body in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _form = Form::parse(&body, Endpoint::Token);
    }

    #[test]
    fn what_is_encoded_reads_back(value in "[ -~]{1,100}") {
        let encoded: String = value.bytes().flat_map(|byte| format!("%{byte:02X}").into_bytes()).map(char::from).collect();
        let form = token(&format!("client_secret={encoded}")).unwrap();
        prop_assert_eq!(form.get(Parameter::ClientSecret), Some(value.as_str()));
    }
}
