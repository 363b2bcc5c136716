//! One token, and the sessions with it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use zeroize::Zeroizing;

/// Sessions at a time, and threads that a token which hangs can take.
const SESSIONS: usize = 8;

/// How long a call may take, and how long it may wait for its turn.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why a token did not do what it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The module is none, or does not start.
    #[error("{path} is no PKCS#11 module that can be used: {why}", path = .path.display())]
    Module {
        /// The shared library.
        path: PathBuf,
        /// What it said.
        why: String,
    },
    /// No token of this label.
    #[error("the PKCS#11 module shows no token {0:?}: is it plugged in, and is that its label?")]
    NoToken(String),
    /// The PIN is wrong. It is not tried again: tokens lock themselves after a few wrong ones.
    #[error(
        "the PIN of the PKCS#11 token {0:?} is wrong, and is not tried again: restart with the right one"
    )]
    Pin(String),
    /// The token does not let anybody in.
    #[error("the PKCS#11 token {0:?} is locked after too many wrong PINs")]
    Locked(String),
    /// The key is not in the token.
    #[error("the PKCS#11 token {0:?} has no such key")]
    NoKey(String),
    /// It hangs.
    #[error("the PKCS#11 token {0:?} did not answer in time")]
    Silent(String),
    /// Anything else that it answers.
    #[error("the PKCS#11 token failed: {0}")]
    Failed(String),
}

/// A token of a module, with its sessions. It is looked for by its label whenever a session is
/// opened, so one that was unplugged may come back in another slot.
pub struct Token {
    context: Pkcs11,
    label: String,
    pin: AuthPin,
    refused: AtomicBool,
    idle: Mutex<Vec<Session>>,
    gate: Arc<Semaphore>,
}

impl Token {
    /// Loads the module and logs in to the token. Blocks.
    pub fn open(
        module: &Path,
        label: &str,
        pin: &Zeroizing<String>,
    ) -> Result<Arc<Self>, TokenError> {
        let unusable = |error: Error| TokenError::Module {
            path: module.to_owned(),
            why: error.to_string(),
        };
        let context = Pkcs11::new(module).map_err(unusable)?;
        initialize(&context).map_err(unusable)?;
        let token = Self {
            context,
            label: label.to_owned(),
            pin: AuthPin::from(pin.as_str().to_owned()),
            refused: AtomicBool::new(false),
            idle: Mutex::default(),
            gate: Arc::new(Semaphore::new(SESSIONS)),
        };
        let session = token.session()?;
        token.give_back(session);
        Ok(Arc::new(token))
    }

    /// Its label.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    pub(super) const fn gate(&self) -> &Arc<Semaphore> {
        &self.gate
    }

    pub(super) fn no_key(&self) -> TokenError {
        TokenError::NoKey(self.label.clone())
    }

    /// Works in a session, which may be one that was used before. If that fails the session may be
    /// to blame, whatever it says: the token was reset, or somebody logged out. So it is tried once
    /// more in a new one, and no other session of before is used again. Blocks.
    pub(super) fn with<T>(
        &self,
        work: impl Fn(&Session) -> Result<T, TokenError>,
    ) -> Result<T, TokenError> {
        let used = self.idle().pop();
        if let Some(session) = used {
            if let Ok(done) = work(&session) {
                self.give_back(session);
                return Ok(done);
            }
            drop(session);
            let lost = std::mem::take(&mut *self.idle());
            drop(lost);
        }
        let session = self.session()?;
        let done = work(&session)?;
        self.give_back(session);
        Ok(done)
    }

    /// The same on a thread that may block.
    pub(super) async fn spawn<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl Fn(&Session) -> Result<T, TokenError> + Send + 'static,
    ) -> Result<T, TokenError> {
        let failed = || TokenError::Failed("the call did not end".to_owned());
        let permit = timeout(PATIENCE, Arc::clone(&self.gate).acquire_owned()).await;
        let permit = permit.map_err(|_| TokenError::Silent(self.label.clone()))?;
        let (token, permit) = (Arc::clone(self), permit.map_err(|_| failed())?);
        let working = tokio::task::spawn_blocking(move || {
            let _held = permit;
            token.with(work)
        });
        // The thread goes on hanging, with its permit.
        let ended = timeout(PATIENCE, working).await;
        let ended = ended.map_err(|_| TokenError::Silent(self.label.clone()))?;
        ended.unwrap_or_else(|_| Err(failed()))
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Session>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn give_back(&self, session: Session) {
        self.idle().push(session);
    }

    fn session(&self) -> Result<Session, TokenError> {
        if self.refused.load(Ordering::Acquire) {
            return Err(TokenError::Pin(self.label.clone()));
        }
        initialize(&self.context).map_err(failed)?;
        let session = self.context.open_rw_session(self.slot()?).map_err(failed)?;
        match session.login(UserType::User, Some(&self.pin)) {
            // Who is logged in is known for the whole process, not for each session.
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(session),
            Err(Error::Pkcs11(
                RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange,
                _,
            )) => {
                self.refused.store(true, Ordering::Release);
                Err(TokenError::Pin(self.label.clone()))
            }
            Err(Error::Pkcs11(RvError::PinLocked, _)) => {
                self.refused.store(true, Ordering::Release);
                Err(TokenError::Locked(self.label.clone()))
            }
            Err(error) => Err(failed(error)),
        }
    }

    fn slot(&self) -> Result<Slot, TokenError> {
        for slot in self.context.get_slots_with_token().map_err(failed)? {
            let info = self.context.get_token_info(slot);
            if info.is_ok_and(|info| info.label() == self.label) {
                return Ok(slot);
            }
        }
        Err(TokenError::NoToken(self.label.clone()))
    }
}

/// Once for each process, whoever asks first.
fn initialize(context: &Pkcs11) -> Result<(), Error> {
    match context.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(()),
        Err(error) => Err(error),
    }
}

pub(super) fn failed(error: Error) -> TokenError {
    TokenError::Failed(match error {
        // Its own text is a paragraph of the standard.
        Error::Pkcs11(code, function) => format!("{function} answered {code:?}"),
        error => error.to_string(),
    })
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("label", &self.label)
            .finish_non_exhaustive()
    }
}
