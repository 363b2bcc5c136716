//! A certificate authority for development: SPIFFE certificates without SPIRE.

mod files;

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use caracal_mandate::name::Name;
use caracal_mandate::spiffe::{SpiffeId, SpiffeIdError};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};
use serde::Serialize;

/// How far clocks of containers on one machine may disagree.
const BACKDATE_SECONDS: u64 = 300;

/// A trust domain, such as `caracal.dev`.
#[derive(Debug, Clone)]
pub struct TrustDomain(String);

impl FromStr for TrustDomain {
    type Err = SpiffeIdError;

    fn from_str(text: &str) -> Result<Self, SpiffeIdError> {
        format!("spiffe://{text}/x").parse::<SpiffeId>()?;
        // A slash would have moved a part of the domain into the path.
        if text.contains('/') {
            Err(SpiffeIdError(text.to_owned()))
        } else {
            Ok(Self(text.to_owned()))
        }
    }
}

/// A workload to make a certificate for.
#[derive(Debug, Clone)]
pub struct Identity {
    name: Name,
    path: String,
}

impl FromStr for Identity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, path) = text
            .split_once('=')
            .ok_or("write NAME=PATH, such as agent=ns/agents/sa/payout")?;
        let name: Name = name.parse().map_err(|error| format!("{error}"))?;
        if name.as_str() == "ca" {
            return Err("the name ca is the authority's own".to_owned());
        }
        let path = path.trim_start_matches('/').to_owned();
        format!("spiffe://x/{path}")
            .parse::<SpiffeId>()
            .map_err(|error| error.to_string())?;
        Ok(Self { name, path })
    }
}

/// A certificate that was made.
#[derive(Debug, Clone, Serialize)]
pub struct Issued {
    /// Its identity.
    pub spiffe_id: SpiffeId,
    /// Its file; the key is beside it.
    pub certificate: PathBuf,
}

/// Why no certificates were made.
#[derive(Debug, thiserror::Error)]
pub enum DevCaError {
    /// A file.
    #[error("{0} cannot be read or written: {1}")]
    File(PathBuf, std::io::Error),
    /// A key or certificate.
    #[error("a certificate could not be made or read: {0}")]
    Certificate(#[from] rcgen::Error),
    /// An identity.
    #[error(transparent)]
    SpiffeId(#[from] SpiffeIdError),
}

/// Makes the certificates, good from now for `days`, and the authority if it is not there yet.
pub fn issue(
    out: &Path,
    trust_domain: &TrustDomain,
    identities: &[Identity],
    days: u32,
    now_s: u64,
) -> Result<Vec<Issued>, DevCaError> {
    files::directory(out)?;
    let authority = authority(out, trust_domain, now_s)?;
    identities
        .iter()
        .map(|identity| {
            let text = format!("spiffe://{}/{}", trust_domain.0, identity.path);
            let spiffe_id: SpiffeId = text.parse()?;
            let key = KeyPair::generate()?;
            let params = workload(identity, &spiffe_id, days, now_s)?;
            let pem = params.signed_by(&key, &authority)?.pem();
            let certificate = out.join(format!("{}.pem", identity.name));
            files::private(
                &out.join(format!("{}.key", identity.name)),
                &key.serialize_pem(),
            )?;
            files::public(&certificate, &pem)?;
            Ok(Issued {
                spiffe_id,
                certificate,
            })
        })
        .collect()
}

fn authority(
    out: &Path,
    trust_domain: &TrustDomain,
    now_s: u64,
) -> Result<Issuer<'static, KeyPair>, DevCaError> {
    let (certificate, key) = (out.join("ca.pem"), out.join("ca.key"));
    if certificate.exists() && key.exists() {
        let pair = KeyPair::from_pem(&files::read(&key)?)?;
        return Ok(Issuer::from_ca_cert_pem(&files::read(&certificate)?, pair)?);
    }
    let pair = KeyPair::generate()?;
    let mut params = validity(365, now_s)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name.push(
        DnType::CommonName,
        "Caracal development CA, not for production",
    );
    // SPIFFE X509-SVID §4.1: a signing certificate names the trust domain only.
    params.subject_alt_names = vec![SanType::URI(
        format!("spiffe://{}", trust_domain.0).try_into()?,
    )];
    let pem = params.self_signed(&pair)?.pem();
    files::private(&key, &pair.serialize_pem())?;
    files::public(&certificate, &pem)?;
    Ok(Issuer::new(params, pair))
}

fn workload(
    identity: &Identity,
    spiffe_id: &SpiffeId,
    days: u32,
    now_s: u64,
) -> Result<CertificateParams, DevCaError> {
    let mut params = validity(days, now_s)?;
    params
        .distinguished_name
        .push(DnType::CommonName, identity.name.as_str());
    params.subject_alt_names = vec![
        SanType::URI(spiffe_id.as_str().try_into()?),
        SanType::DnsName("localhost".try_into()?),
        SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)),
    ];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![
        ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUsagePurpose::ClientAuth,
    ];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

fn validity(days: u32, now_s: u64) -> Result<CertificateParams, DevCaError> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let start = now_s.saturating_sub(BACKDATE_SECONDS);
    let end = now_s.saturating_add(u64::from(days).saturating_mul(86_400));
    // Out of the calendar's range means 1970, at which nothing is valid.
    let date = |second| {
        let span = Duration::from_secs(second).try_into().ok();
        span.and_then(|span| epoch.checked_add(span))
            .unwrap_or(epoch)
    };
    (params.not_before, params.not_after) = (date(start), date(end));
    Ok(params)
}
