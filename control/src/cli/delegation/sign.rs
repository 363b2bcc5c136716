//! What the owner of an application does on a machine of their own: signs delegations, with a key that no
//! service ever has.

use std::path::{Path, PathBuf};

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use caracal_mandate::catalog::ResourceUri;
use caracal_mandate::edge::{EdgeSignature, Statement};
use caracal_mandate::name::Name;
use caracal_store::model::Delegation;
use clap::Args;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;

use super::Terms;
use crate::cli::error::CliError;

#[derive(Debug, Args)]
pub(crate) struct SignArgs {
    /// Private key of the owner of --from: P-256 in PKCS#8, as `openssl genpkey` writes it.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Identifier of the resource: a signature is for what mandates name, and names can be given anew.
    #[arg(long, value_name = "URI")]
    uri: ResourceUri,
    #[command(flatten)]
    terms: Terms,
}

impl SignArgs {
    /// The delegation as it is to be registered.
    pub(super) fn sign(self, zone: &Name, now: u64) -> Result<Delegation, CliError> {
        let Self { key, uri, terms } = self;
        let owner = Owner::read(&key)?;
        let mut delegation = terms.delegation(new_id()?, now)?;
        delegation.signature = Some(owner.sign(zone, &uri, &delegation)?);
        Ok(delegation)
    }
}

/// The public half of a key, as points that demand signatures are told it.
pub(super) fn public_half(path: &Path) -> Result<String, CliError> {
    Ok(Owner::read(path)?.public())
}

/// Who signs.
struct Owner(EcdsaKeyPair);

impl Owner {
    fn read(path: &Path) -> Result<Self, CliError> {
        let place = path.display();
        let pem = std::fs::read(path)
            .map_err(|error| CliError::Usage(format!("{place} cannot be read: {error}")))?;
        Self::from_pem(&pem).ok_or_else(|| {
            CliError::Usage(format!(
                "{place} is no P-256 key in PKCS#8 PEM; make one with \
                 `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out owner.pem`"
            ))
        })
    }

    fn from_pem(pem: &[u8]) -> Option<Self> {
        let key = PrivatePkcs8KeyDer::from_pem_slice(pem).ok()?;
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.secret_pkcs8_der());
        pair.ok().map(Self)
    }

    fn public(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.public_key())
    }

    fn sign(
        &self,
        zone: &Name,
        uri: &ResourceUri,
        delegation: &Delegation,
    ) -> Result<EdgeSignature, CliError> {
        let Delegation {
            id,
            from,
            to,
            resource: _,
            scopes,
            expires_at,
            max_lifetime,
            max_depth,
            // The store takes no signed one with these.
            from_session: _,
            to_session: _,
            signature: _,
        } = delegation;
        let message = Statement {
            zone,
            id,
            from,
            to,
            resource: uri,
            scopes,
            max_depth: *max_depth,
            max_lifetime: *max_lifetime,
            expires_at: *expires_at,
        }
        .message();
        let signature = self.0.sign(&SystemRandom::new(), &message).ok();
        let signature =
            signature.and_then(|signature| <[u8; 64]>::try_from(signature.as_ref()).ok());
        let failed = || CliError::Usage("the key could not be used".to_owned());
        signature.map(EdgeSignature::from).ok_or_else(failed)
    }
}

/// A new id. It is chosen here because it is signed with the rest.
fn new_id() -> Result<String, CliError> {
    let mut bytes = [0; 16];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.map_err(|_| CliError::Usage("the system's source of randomness failed".to_owned()))?;
    Ok(format!("dlg_{}", URL_SAFE_NO_PAD.encode(bytes)))
}

#[cfg(test)]
mod tests {
    use caracal_mandate::key::{PublicKey, SignatureVerifier as _};
    use caracal_mandate::scope::ScopeSet;
    use caracal_sts::Es256;

    use super::*;

    fn pem() -> String {
        rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)
            .unwrap()
            .serialize_pem()
    }

    #[test]
    fn what_is_signed_verifies_by_the_key_that_is_shown() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("owner.pem");
        std::fs::write(&file, pem()).unwrap();
        let (zone, uri): (Name, ResourceUri) = (
            "bank".parse().unwrap(),
            "https://mercury-bank.internal".parse().unwrap(),
        );
        let terms = Terms {
            from: "orchestrator".parse().unwrap(),
            to: "payer".parse().unwrap(),
            resource: "mercury-bank".parse().unwrap(),
            scopes: vec!["payments:write"]
                .into_iter()
                .map(|one| caracal_mandate::scope::Scope::parse(one).unwrap())
                .collect(),
            expires_in: None,
            max_lifetime: None,
            max_depth: 1,
        };
        let args = SignArgs {
            key: file.clone(),
            uri: uri.clone(),
            terms,
        };
        let signed = args.sign(&zone, 1000).unwrap();
        let point = URL_SAFE_NO_PAD.decode(public_half(&file).unwrap()).unwrap();
        let key = PublicKey::from_sec1(&point).unwrap();
        let statement = Statement {
            zone: &zone,
            id: &signed.id,
            from: &signed.from,
            to: &signed.to,
            resource: &uri,
            scopes: &ScopeSet::parse("payments:write").unwrap(),
            max_depth: 1,
            max_lifetime: None,
            expires_at: None,
        };
        let signature = signed.signature.unwrap();
        assert!(Es256.verify(&key, &statement.message(), signature.bytes()));
    }

    #[test]
    fn what_is_no_such_key_is_refused_with_how_to_make_one() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("owner.pem");
        std::fs::write(&file, pem().replace("PRIVATE", "EC PRIVATE")).unwrap();
        let error = public_half(&file).unwrap_err().to_string();
        assert!(error.contains("openssl genpkey"), "{error}");
    }
}
