//! The token service's answer about one request.

use caracal_proto::extauthz as wire;
use caracal_proto::extauthz::check_response::HttpResponse;
use prost::Message as _;

use crate::check::{Answer, answer};

/// A yes needs status 0 and the body of a yes, both; a mandate comes with a yes alone, and not when
/// the header stands there twice. An answer says the same when it is written again.
///
/// # Panics
/// When the input breaks the law.
#[must_use]
pub fn check_answer(data: &[u8]) -> bool {
    let said = answer(data);
    let response = wire::CheckResponse::decode(data).ok();
    if let Some(response) = &response {
        assert_eq!(answer(&response.encode_to_vec()), said);
    }
    let Answer::Yes { mandate, .. } = said else {
        return false;
    };
    let response = response.unwrap_or_default();
    assert!(
        response.status.is_none_or(|status| status.code == 0),
        "a status that is no yes"
    );
    let Some(HttpResponse::OkResponse(ok)) = response.http_response else {
        assert!(mandate.is_none(), "a mandate without a yes");
        return false;
    };
    let headers = ok
        .headers
        .iter()
        .filter_map(|option| option.header.as_ref());
    let named = headers.filter(|header| header.key.eq_ignore_ascii_case("authorization"));
    assert!(mandate.is_none() || named.count() == 1);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(key: &str, value: &str) -> wire::HeaderValueOption {
        let header = wire::HeaderValue {
            key: key.to_owned(),
            value: value.to_owned(),
            raw_value: vec![],
        };
        wire::HeaderValueOption {
            header: Some(header),
        }
    }

    fn response(code: i32, http_response: HttpResponse) -> Vec<u8> {
        wire::CheckResponse {
            status: Some(wire::Status { code }),
            http_response: Some(http_response),
        }
        .encode_to_vec()
    }

    fn ok(headers: Vec<wire::HeaderValueOption>) -> HttpResponse {
        HttpResponse::OkResponse(wire::OkHttpResponse { headers })
    }

    #[test]
    fn seeds_are_read_as_their_names_say() {
        let bearer = || header("authorization", "Bearer a.b.c");
        let denied = HttpResponse::DeniedResponse(wire::DeniedHttpResponse {
            headers: vec![header("x-caracal-reason", "no_grant")],
        });
        let seeds = [
            ("good-mandate", response(0, ok(vec![bearer()]))),
            ("good-bare", response(0, ok(vec![]))),
            ("good-twice", response(0, ok(vec![bearer(), bearer()]))),
            ("bad-status", response(7, ok(vec![bearer()]))),
            ("bad-denied", response(7, denied)),
            ("bad-empty", Vec::new()),
            ("bad-bytes", vec![0xff; 9]),
        ];
        caracal_seeds::hold("check_answer", &seeds, check_answer).unwrap();
    }
}
