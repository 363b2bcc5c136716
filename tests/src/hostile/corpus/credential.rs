//! How many credentials there are, where, and in what form. Each mandate in them is good.

use caracal_mandate::reason::Reason::{self, MalformedCredential, MandateEncoding, NoMandate};

use super::{HONEST_LINE, Request};
use crate::hostile::case::{Case, Expect};
use crate::hostile::class::CREDENTIAL;
use crate::hostile::site::{BANK, Kit};

pub(super) fn cases(kit: &Kit) -> Vec<Case> {
    let good = &kit.account;
    let bare = || Request::new("GET", BANK, "/accounts/42");
    let case = |name: &str, request: Request, expect| Case::new(CREDENTIAL, name, request, expect);
    let value = |name: &str, value: String, reason: Reason| {
        let request = bare().field("authorization", value);
        case(name, request, Expect::Refused(reason))
    };
    let twice = |name: &str, first: &str, second: &str| {
        let request = bare()
            .field("authorization", first)
            .field("authorization", second);
        case(name, request, Expect::Refused(MalformedCredential))
    };
    let bearer = format!("Bearer {good}");
    let missing = |name: &str, field: &str, value: String| {
        case(name, bare().field(field, value), Expect::Refused(NoMandate))
    };
    let malformed = MalformedCredential;
    vec![
        case("none", bare(), Expect::Refused(NoMandate)),
        twice("two bearers", &bearer, &bearer),
        twice("a good one, then a bad one", &bearer, "Bearer x"),
        twice("a bad one, then a good one", "Bearer x", &bearer),
        twice("Basic, then a bearer", "Basic dTpw", &bearer),
        // Envoy joins values that are not empty: one is left.
        case(
            "an empty one, then a bearer",
            bare()
                .field("authorization", "")
                .field("authorization", &bearer),
            Expect::line(HONEST_LINE),
        ),
        value(
            "two joined by a comma",
            format!("Bearer {good}, Bearer {good}"),
            malformed,
        ),
        value(
            "two joined by a comma alone",
            format!("Bearer {good},{good}"),
            malformed,
        ),
        value("two tokens", format!("Bearer {good} {good}"), malformed),
        value("parameters", format!("Bearer {good};x=1"), malformed),
        value("in quotes", format!("Bearer \"{good}\""), malformed),
        value(
            "as a named parameter",
            format!("Bearer token={good}"),
            MandateEncoding,
        ),
        value("Basic", "Basic dXNlcjpwYXNz".to_owned(), malformed),
        value("Basic with the mandate", format!("Basic {good}"), malformed),
        value("DPoP", format!("DPoP {good}"), malformed),
        value("Token", format!("Token {good}"), malformed),
        value("no scheme", good.clone(), malformed),
        value("scheme alone", "Bearer".to_owned(), malformed),
        value("scheme and nothing", "Bearer ".to_owned(), malformed),
        value("scheme and a colon", format!("Bearer: {good}"), malformed),
        value(
            "scheme joined to the token",
            format!("Bearer{good}"),
            malformed,
        ),
        value("scheme twice", format!("Bearer Bearer {good}"), malformed),
        value("two blanks", format!("Bearer  {good}"), malformed),
        value("a tab", format!("Bearer\t{good}"), malformed),
        value("empty", String::new(), malformed),
        value(
            "the token in capitals",
            format!("Bearer {}", good.to_uppercase()),
            Reason::MandateHeader,
        ),
        case(
            "scheme in lower case",
            bare().field("authorization", format!("bearer {good}")),
            Expect::line(HONEST_LINE),
        ),
        case(
            "scheme in capitals",
            bare().field("authorization", format!("BEARER {good}")),
            Expect::line(HONEST_LINE),
        ),
        case(
            "field name in capitals",
            bare().field("AUTHORIZATION", &bearer),
            Expect::line(HONEST_LINE),
        ),
        missing("in the cookie", "cookie", format!("access_token={good}")),
        missing(
            "in proxy-authorization",
            "proxy-authorization",
            bearer.clone(),
        ),
        missing("in x-authorization", "x-authorization", bearer.clone()),
        missing(
            "in x-forwarded-access-token",
            "x-forwarded-access-token",
            good.clone(),
        ),
        missing("in a field of ours", "x-caracal-mandate", good.clone()),
        case(
            "in the query",
            bare().target(format!("/accounts/42?access_token={good}")),
            Expect::Refused(NoMandate),
        ),
        case(
            "in the content",
            bare()
                .field("content-type", "application/x-www-form-urlencoded")
                .content(&format!("access_token={good}")),
            Expect::Refused(NoMandate),
        ),
    ]
}
