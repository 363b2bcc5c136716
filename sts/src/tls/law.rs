//! The law of certificates.

use super::spiffe_id;
use crate::jwks::JwksConfig;

/// The input is a certificate in DER, or PEM of authorities.
///
/// A certificate names nobody, or it names the one SPIFFE ID that stands in it, letter by letter.
///
/// # Panics
/// When the input breaks the law.
#[must_use]
pub fn certificate(data: &[u8]) -> bool {
    let mut config = JwksConfig::default();
    let believed = config.believe(data).is_ok();
    assert_eq!(believed, !config.authorities.is_empty());
    let Some(id) = spiffe_id(data) else {
        return believed;
    };
    let text = id.as_str().as_bytes();
    assert!(
        data.windows(text.len()).any(|window| window == text),
        "{id} stands in it"
    );
    assert_eq!(id.as_str().parse().as_ref(), Ok(&id));
    true
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::Ed25519KeyPair;
    use rcgen::{
        BasicConstraints, CertificateParams, IsCa, KeyPair, PKCS_ED25519, SanType, SerialNumber,
    };
    use rustls::pki_types::PrivatePkcs8KeyDer;

    use super::*;

    /// A certificate that is the same each time.
    fn made(sans: &[&str], is_ca: bool) -> Vec<u8> {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        let pkcs8 = pair.to_pkcs8().unwrap();
        let key = PrivatePkcs8KeyDer::from(pkcs8.as_ref());
        let key = KeyPair::from_pkcs8_der_and_sign_algo(&key, &PKCS_ED25519).unwrap();
        let mut params = CertificateParams::default();
        params.serial_number = Some(SerialNumber::from(7_u64));
        let uris = sans
            .iter()
            .map(|san| SanType::URI((*san).try_into().unwrap()));
        params.subject_alt_names = uris.collect();
        params
            .subject_alt_names
            .push(SanType::DnsName("a.example".try_into().unwrap()));
        if is_ca {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        params.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn seeds_are_read_as_their_names_say() {
        const ID: &str = "spiffe://corp.example/ns/agents/sa/payout";
        let pem = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
        let seeds = [
            ("good-workload", made(&[ID], false)),
            ("good-pem", pem.as_bytes().to_vec()),
            (
                "bad-two-ids",
                made(&[ID, "spiffe://corp.example/other"], false),
            ),
            ("bad-authority", made(&[ID], true)),
            ("bad-no-id", made(&[], false)),
            ("bad-url", made(&["https://corp.example/payout"], false)),
            ("bad-longer", [made(&[ID], false), vec![0]].concat()),
            ("bad-empty", Vec::new()),
        ];
        caracal_seeds::hold("certificate", &seeds, certificate).unwrap();
    }
}
