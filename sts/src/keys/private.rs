//! The private half of a zone's key, wherever it is.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use caracal_mandate::claims::Claims;
use caracal_mandate::jws::{MintError, mint};
use caracal_mandate::key::{PublicKey, SignError, Signer};
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// How long a mandate may wait for its signature, queueing included.
const PATIENCE: Duration = Duration::from_secs(2);

/// Signs for a zone: in this process, or in a token.
pub trait PrivateKey: Signer + fmt::Debug + Send + Sync {
    /// The public half.
    fn public(&self) -> &PublicKey;

    /// Who signs elsewhere blocks, and lets in as many at a time as this has permits. `None` is a
    /// matter of microseconds.
    fn gate(&self) -> Option<&Arc<Semaphore>>;
}

/// Signs claims into a mandate. A key that blocks does so on a thread of its own, which keeps its
/// permit for as long as it hangs: a token that does not answer takes a few threads and no more.
pub(crate) async fn sign(key: Arc<dyn PrivateKey>, claims: Claims) -> Result<String, MintError> {
    let Some(gate) = key.gate().cloned() else {
        return mint(&claims, &*key);
    };
    let signing = async {
        let permit = gate.acquire_owned().await.map_err(|_| SignError)?;
        let signed = tokio::task::spawn_blocking(move || {
            let _held = permit;
            mint(&claims, &*key)
        });
        signed.await.unwrap_or(Err(SignError.into()))
    };
    timeout(PATIENCE, signing).await.unwrap_or_else(|_| {
        tracing::error!("the token did not sign in time");
        Err(SignError.into())
    })
}
