//! Time and randomness, as arguments.

use std::time::{Duration, Instant, SystemTime};

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom as AwsRandom};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use caracal_mandate::lease::Reading;

/// Where the service takes the time from.
pub trait Clock: Send + Sync + 'static {
    /// Unix time in milliseconds.
    fn unix_ms(&self) -> u64;

    /// Milliseconds since some fixed moment; never steps back. Leases are measured with it.
    fn monotonic_ms(&self) -> u64;

    /// Both, the monotonic one first.
    fn reading(&self) -> Reading {
        Reading {
            monotonic_ms: self.monotonic_ms(),
            unix_ms: self.unix_ms(),
        }
    }

    /// The monotonic one in microseconds, for measurements. Nothing is decided by it.
    fn monotonic_us(&self) -> u64 {
        self.monotonic_ms().saturating_mul(1000)
    }
}

/// The clocks of this machine.
#[derive(Debug)]
pub struct SystemClock {
    origin: Instant,
}

impl SystemClock {
    /// A clock whose monotonic time starts now.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where the machine's clock is read"
    )]
    pub fn new() -> Self {
        Self {
            origin: Instant::now(),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where the machine's clock is read"
    )]
    fn unix_ms(&self) -> u64 {
        // A clock before 1970 gives 0, at which no mandate is valid.
        SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, millis)
    }

    fn monotonic_ms(&self) -> u64 {
        millis(self.origin.elapsed())
    }

    fn monotonic_us(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

/// Where ids and nonces come from.
pub trait Random: Send + Sync + 'static {
    /// Fills `bytes` with bits that nobody can predict.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError>;
}

/// The source of randomness failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system's source of randomness failed")]
pub struct RandomError;

/// The operating system's randomness.
#[derive(Debug, Default)]
pub struct SystemRandom(AwsRandom);

impl SystemRandom {
    /// The operating system's randomness.
    #[must_use]
    pub fn new() -> Self {
        Self(AwsRandom::new())
    }
}

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError> {
        self.0.fill(bytes).map_err(|_| RandomError)
    }
}

/// A new id: the prefix and 128 bits in 22 characters of base64url.
pub(crate) fn new_id(random: &dyn Random, prefix: &str) -> Result<String, RandomError> {
    let mut bytes = [0_u8; 16];
    random.fill(&mut bytes)?;
    let mut id = prefix.to_owned();
    URL_SAFE_NO_PAD.encode_string(bytes, &mut id);
    Ok(id)
}
