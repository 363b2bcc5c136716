//! Mandates as they are presented.

use caracal_mandate::claims::{Claims, MAX_LIFETIME_SECONDS, MAX_MANDATE_BYTES};
use caracal_mandate::jws::mint;
use caracal_mandate::key::{SignatureVerifier, Signer as _};
use caracal_mandate::name::Name;
use caracal_mandate::reason::Reason;
use caracal_mandate::revocation::{Revocation, RevocationSet};
use caracal_mandate::verify::{Trust, VerifiedMandate, verify};

use super::signer::{Credulous, ZoneKey, base64url};
use crate::crypto::PortableVerifier;

const ISSUER: &str = "https://sts.caracal.dev/zones/prod";

/// The input is a token, or a header and claims with a line feed between them, which are made one.
///
/// Only what the zone's key signed verifies, in one spelling: a token with any bit turned does not.
/// What verifies lives no longer than a mandate may, can be revoked by each of its ancestors, and
/// says the same when it is written again.
///
/// # Panics
/// When the input breaks the law.
#[must_use]
pub fn token(data: &[u8]) -> bool {
    let (Some(key), Ok(zone)) = (ZoneKey::new(), "prod".parse::<Name>()) else {
        return false;
    };
    let Some(token) = compact(data) else {
        return false;
    };
    let zone = Zone { key, zone };
    let as_it_is = zone.verify(&token, &PortableVerifier);
    let Ok(believed) = zone.verify(&token, &Credulous) else {
        assert!(
            as_it_is.is_err(),
            "nothing else is looked at than the signature"
        );
        return false;
    };
    let genuine = zone.signed(&token);
    assert_eq!(
        as_it_is.is_ok(),
        token == genuine,
        "only what was signed verifies"
    );
    let verified = zone.verify(&genuine, &PortableVerifier);
    assert_eq!(
        verified.map(|mandate| mandate.claims().clone()),
        Ok(believed.claims().clone())
    );
    for turned in turned(&genuine) {
        assert!(
            zone.verify(&turned, &PortableVerifier).is_err(),
            "a bit was turned"
        );
    }
    zone.is_what_it_says(&believed);
    true
}

struct Zone {
    key: ZoneKey,
    zone: Name,
}

impl Zone {
    fn verify(
        &self,
        token: &[u8],
        crypto: &dyn SignatureVerifier,
    ) -> Result<VerifiedMandate, Reason> {
        let trust = Trust {
            zone: &self.zone,
            issuer: ISSUER,
            keys: &self.key.keys(),
            delegators: None,
        };
        verify(token, trust, crypto)
    }

    /// The token with the zone's own signature.
    fn signed(&self, token: &[u8]) -> Vec<u8> {
        let end = token
            .iter()
            .rposition(|byte| *byte == b'.')
            .unwrap_or_default();
        let input = token.get(..end).unwrap_or_default();
        let signature = self.key.sign(input).unwrap_or([0; 64]);
        [input, b".", base64url(&signature).as_bytes()].concat()
    }

    fn is_what_it_says(&self, mandate: &VerifiedMandate) {
        let claims: &Claims = mandate.claims();
        assert_eq!((claims.iss.as_str(), &claims.zone), (ISSUER, &self.zone));
        assert!(claims.exp > claims.iat && claims.exp - claims.iat <= MAX_LIFETIME_SECONDS);
        assert_eq!(mandate.scopes().to_string().len(), claims.scope.len());
        let nothing = RevocationSet::default();
        let holds = mandate.holds(claims.iat, &nothing).is_ok();
        assert_eq!(
            holds,
            claims.mdt.verify(claims.leaf(mandate.scopes())).is_ok()
        );
        assert!(mandate.holds(claims.exp, &nothing).is_err());
        for id in mandate.lineage() {
            let mut revoked = RevocationSet::default();
            revoked.insert(Revocation {
                id: *id,
                issued_until: claims.iat,
                expires: u64::MAX,
            });
            assert!(
                mandate.holds(claims.iat, &revoked).is_err(),
                "{id:?} is revoked"
            );
        }
        // Members in another order, or numbers in another spelling, make it longer or shorter.
        if let Ok(again) = mint(claims, &self.key) {
            let again = self.verify(again.as_bytes(), &PortableVerifier);
            assert_eq!(
                again.map(|again| again.claims().clone()).as_ref(),
                Ok(claims)
            );
        }
    }
}

fn compact(data: &[u8]) -> Option<Vec<u8>> {
    let Some(end) = data.iter().position(|byte| *byte == b'\n') else {
        return Some(data.to_vec());
    };
    let (header, claims) = data.split_at_checked(end)?;
    let claims = claims.strip_prefix(b"\n")?;
    if claims.len() > MAX_MANDATE_BYTES {
        return None;
    }
    let input = format!("{}.{}", base64url(header), base64url(claims));
    let signature = ZoneKey::new()?.sign(input.as_bytes()).ok()?;
    Some(format!("{input}.{}", base64url(&signature)).into_bytes())
}

/// The token with one bit turned, at places that depend on what is in it.
fn turned(token: &[u8]) -> [Vec<u8>; 2] {
    let seed = token.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    [seed, seed.rotate_left(32)].map(|seed| {
        let mut turned = token.to_vec();
        let places = u64::try_from(turned.len()).unwrap_or(1).max(1);
        let place = usize::try_from((seed >> 8) % places).unwrap_or_default();
        if let Some(byte) = turned.get_mut(place) {
            *byte ^= 1 << (seed & 7);
        }
        turned
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> String {
        let kid = ZoneKey::new().unwrap().kid().to_owned();
        format!(r#"{{"alg":"ES256","kid":"{kid}","typ":"at+jwt"}}"#)
    }

    fn claims(scope: &str, hop: &str, more: &str) -> String {
        format!(
            r#"{{"iss":"{ISSUER}","sub":"payout","aud":"https://bank","client_id":"payout","zone":"prod",
"sid":"ses_1","grant":"grt_1","jti":"mdt_1","iat":1000,"exp":1300,"scope":"{scope}","use":"execute",
"cnf":{{"spiffe_id":"spiffe://d/payout"}}{more},"mdt":{{"v":2,"rev":{{"term":1,"epoch":7}},
"R":["https://bank"],"S":[["a","b"]],"ch":[{hop}]}}}}"#
        )
        .replace('\n', "")
    }

    #[test]
    fn seeds_are_read_as_their_names_say() {
        let hop = r#"["ses_1","payout","",3,1300,0]"#;
        let (header, plain) = (header(), claims("a b", hop, ""));
        let lines = |header: &str, claims: &str| format!("{header}\n{claims}").into_bytes();
        let token = compact(&lines(&header, &plain)).unwrap();
        let [turned, _] = turned(&token);
        let delegated = claims(
            "a",
            &format!(
                r#"["ses_0","root","",3,1400,2],{}"#,
                hop.replace(",3,1300", ",1,1300")
            ),
            r#","act":{"sub":"payout","act":{"sub":"root"}},"from":["mdt_0"]"#,
        );
        let edge = format!(
            r#","edges":[["dlg_1",["a"],0,null,1300,"{}"]]"#,
            "A".repeat(86)
        );
        let signed = delegated.replace(r#","mdt""#, &format!(r#"{edge},"mdt""#));
        let seeds = [
            ("good-token", token.clone()),
            ("good-signed", lines(&header, &signed)),
            (
                "bad-signed",
                lines(&header, &signed.replace("AA\"]]", "AB\"]]")),
            ),
            ("good-claims", lines(&header, &plain)),
            ("good-delegated", lines(&header, &delegated)),
            ("bad-turned", turned[..turned.len() - 2].to_vec()),
            (
                "bad-none",
                lines(r#"{"alg":"none","typ":"at+jwt"}"#, &plain),
            ),
            (
                "bad-jku",
                lines(&header.replace('}', r#","jku":"https://x"}"#), &plain),
            ),
            (
                "bad-member",
                lines(&header, &plain.replace("\"sub\"", "\"admin\":true,\"sub\"")),
            ),
            (
                "bad-long-lived",
                lines(&header, &plain.replace("1300", "9999")),
            ),
            (
                "bad-zone",
                lines(&header, &plain.replace("prod\"", "test\"")),
            ),
            ("bad-padding", [token.as_slice(), b"="].concat()),
        ];
        caracal_seeds::hold("token", &seeds, super::token).unwrap();
    }

    #[test]
    fn base64url_is_that_of_the_rfc() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg"),
            ("fo", "Zm8"),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg"),
        ] {
            assert_eq!(base64url(bytes.as_bytes()), text);
        }
    }
}
