//! One key, one algorithm.

use caracal_store::model::jwk::{Algorithm, KeyMaterial};
use jwt_simple::JWTError;
use jwt_simple::algorithms::{
    ECDSAP256PublicKeyLike as _, ES256PublicKey, Ed25519PublicKey, EdDSAPublicKeyLike as _,
    PS256PublicKey, RS256PublicKey, RSAPublicKeyLike as _,
};
use jwt_simple::claims::JWTClaims;
use jwt_simple::common::VerificationOptions;
use jwt_simple::prelude::{Duration, UnixTimeStamp};
use serde_json::{Map, Value};

use super::{ForeignError, MAX_FOREIGN_BYTES, SKEW_SECONDS};

/// Claims as the library reads them: the registered ones apart, everything else by name.
pub(super) type Claims = JWTClaims<Map<String, Value>>;

pub(super) fn verify(
    token: &str,
    material: &KeyMaterial,
    algorithm: Algorithm,
    now_s: u64,
) -> Result<Claims, ForeignError> {
    let options = Some(VerificationOptions {
        time_tolerance: Some(Duration::from_secs(SKEW_SECONDS)),
        max_token_length: Some(MAX_FOREIGN_BYTES),
        artificial_time: Some(UnixTimeStamp::from_secs(now_s)),
        ..VerificationOptions::default()
    });
    let unusable = |_| ForeignError::Key;
    let verified = match (material, algorithm) {
        (KeyMaterial::P256 { x, y }, Algorithm::Es256) => {
            let point: Vec<u8> = [&[4][..], x, y].concat();
            let key = ES256PublicKey::from_bytes(&point).map_err(unusable)?;
            key.verify_token(token, options)
        }
        (KeyMaterial::Rsa { n, e }, Algorithm::Rs256) => {
            let key = RS256PublicKey::from_components(n, e).map_err(unusable)?;
            key.verify_token(token, options)
        }
        (KeyMaterial::Rsa { n, e }, Algorithm::Ps256) => {
            let key = PS256PublicKey::from_components(n, e).map_err(unusable)?;
            key.verify_token(token, options)
        }
        (KeyMaterial::Ed25519(point), Algorithm::Ed25519) => {
            let key = Ed25519PublicKey::from_bytes(point).map_err(unusable)?;
            key.verify_token(token, options)
        }
        (KeyMaterial::P256 { .. } | KeyMaterial::Rsa { .. } | KeyMaterial::Ed25519(_), _) => {
            return Err(ForeignError::Algorithm);
        }
    };
    verified.map_err(|error| match error.downcast_ref::<JWTError>() {
        Some(JWTError::TokenHasExpired) => ForeignError::Expired,
        Some(JWTError::TokenNotValidYet | JWTError::ClockDrift) => ForeignError::NotYetValid,
        _ => ForeignError::Signature,
    })
}
