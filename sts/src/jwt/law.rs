//! The law of JWTs of others.

#![expect(
    clippy::arithmetic_side_effects,
    reason = "an overflow breaks the law as well"
)]

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use caracal_store::model::JwkSet;
use serde_json::{Value, json};

use super::{Foreign, SKEW_SECONDS};

const NOW_S: u64 = 1_790_000_000;

/// The input is a token, or a header and claims with a line feed between them, which are signed.
///
/// Only what the key signed verifies, and with any bit turned it does not; what verifies has an end
/// that is still to come and a beginning that is not, and names the issuer that was asked for its
/// keys.
///
/// # Panics
/// When the input breaks the law.
#[must_use]
pub fn jwt(data: &[u8]) -> bool {
    let Some((pair, keys)) = keys() else {
        return false;
    };
    let Ok(text) = std::str::from_utf8(data) else {
        return false;
    };
    let token = text.split_once('\n').map_or_else(
        || text.to_owned(),
        |(header, claims)| {
            let b64 = |text: &str| URL_SAFE_NO_PAD.encode(text);
            signed(&format!("{}.{}", b64(header), b64(claims)), &pair)
        },
    );
    let Ok(foreign) = Foreign::parse(&token) else {
        return false;
    };
    let Ok(claims) = foreign.verify(&keys, NOW_S) else {
        return false;
    };
    let input = token.rsplit_once('.').map_or("", |(input, _)| input);
    assert_eq!(token, signed(input, &pair), "only what was signed verifies");
    assert_eq!(claims.issuer(), Some(foreign.issuer()));
    assert!(claims.expires() > NOW_S);
    assert!(claims.issued_at().unwrap_or_default() <= NOW_S + SKEW_SECONDS);
    assert!(claims.check_age(60).is_err() || claims.expires() - NOW_S <= 60 + SKEW_SECONDS);
    let document = input
        .split_once('.')
        .and_then(|(_, claims)| URL_SAFE_NO_PAD.decode(claims).ok());
    let document: Option<Value> = document.and_then(|claims| serde_json::from_slice(&claims).ok());
    let text = |name: &str| document.as_ref()?.get(name)?.as_str();
    assert_eq!(
        (claims.issuer(), claims.subject()),
        (text("iss"), text("sub"))
    );
    if let Ok(audience) = claims.sole_audience() {
        let ours = [audience.to_owned()];
        assert_eq!(claims.check_audiences(&ours), Ok(()));
        assert!(claims.check_audiences(&[]).is_err(), "for nobody");
    }
    for place in places(&token) {
        let mut turned = token.clone().into_bytes();
        if let Some(byte) = turned.get_mut(place) {
            *byte ^= 1;
        }
        let turned = String::from_utf8(turned).unwrap_or_default();
        let verified = Foreign::parse(&turned).is_ok_and(|one| one.verify(&keys, NOW_S).is_ok());
        assert!(!verified, "a bit was turned at {place}");
    }
    true
}

fn keys() -> Option<(Ed25519KeyPair, JwkSet)> {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).ok()?;
    let x = URL_SAFE_NO_PAD.encode(pair.public_key());
    let key = json!({"kty": "OKP", "crv": "Ed25519", "kid": "k1", "x": x});
    Some((pair, JwkSet::from_document(key).ok()?))
}

fn signed(input: &str, pair: &Ed25519KeyPair) -> String {
    let signature = URL_SAFE_NO_PAD.encode(pair.sign(input.as_bytes()));
    format!("{input}.{signature}")
}

/// One place in each part, which depends on what is in the token.
fn places(token: &str) -> [usize; 3] {
    let sum = token.bytes().fold(0_usize, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(byte.into())
    });
    let mut start = 0_usize;
    let mut parts = token.split('.');
    [(); 3].map(|()| {
        let length = parts.next().map_or(0, str::len);
        let place = start + sum % length.max(1);
        start += length + 1;
        place
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_read_as_their_names_say() {
        let header = r#"{"alg":"EdDSA","kid":"k1","typ":"JWT"}"#;
        let claims = r#"{"iss":"https://idp","sub":"u1","aud":"sts","iat":1789999995,"exp":1790000060,"jti":"j","acr":"urn:mfa"}"#;
        let lines = |header: &str, claims: &str| format!("{header}\n{claims}");
        let (pair, _) = keys().unwrap();
        let input = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header),
            URL_SAFE_NO_PAD.encode(claims)
        );
        let token = signed(&input, &pair);
        let seeds = [
            ("good-token", token.clone()),
            ("good-claims", lines(header, claims)),
            (
                "good-audiences",
                lines(header, &claims.replace("\"sts\"", "[\"sts\",\"a\"]")),
            ),
            ("good-no-kid", lines(r#"{"alg":"Ed25519"}"#, claims)),
            ("bad-signature", token.replace(&input[..20], &input[1..21])),
            ("bad-none", lines(r#"{"alg":"none","kid":"k1"}"#, claims)),
            ("bad-other", lines(r#"{"alg":"ES256","kid":"k1"}"#, claims)),
            (
                "bad-critical",
                lines(&header.replace('}', ",\"crit\":[\"b64\"]}"), claims),
            ),
            (
                "bad-expired",
                lines(header, &claims.replace("1790000060", "1789999999")),
            ),
            (
                "bad-future",
                lines(header, &claims.replace("1789999995", "1790000055")),
            ),
            (
                "bad-endless",
                lines(header, &claims.replace(",\"exp\":1790000060", "")),
            ),
            (
                "bad-two-issuers",
                lines(
                    header,
                    &claims.replace("\"sub\"", "\"iss\":\"https://b\",\"sub\""),
                ),
            ),
        ];
        let seeds = seeds.map(|(name, text)| (name, text.into_bytes()));
        caracal_seeds::hold("jwt", &seeds, jwt).unwrap();
    }
}
