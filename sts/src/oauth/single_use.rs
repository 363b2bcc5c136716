//! What may be used once: ids of client assertions (RFC 7523 §3 no. 7).

use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, PoisonError};

use sha2::{Digest as _, Sha256};

/// Most uses that are remembered: ten minutes of 400 assertions each second.
const MAX_USES: usize = 262_144;

/// One use. A digest, so that every one costs the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Use([u8; 32]);

impl Use {
    /// The use of `id` by `client` of `zone`.
    #[must_use]
    pub fn of_assertion(zone: &str, client: &str, id: &str) -> Self {
        let mut hash = Sha256::new();
        for part in ["caracal-jti\0", zone, "\0", client, "\0", id] {
            hash.update(part);
        }
        Self(hash.finalize().into())
    }

    /// The digest.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Whether something was used cannot be known, so it is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it cannot be known whether this was used before")]
pub struct SingleUseError;

/// Remembers what was used. Of any number of takers of one use, exactly one gets it.
#[tonic::async_trait]
pub trait SingleUse: Send + Sync + 'static {
    /// Takes a use, which matters until `until_s`. False if it was taken before.
    async fn take(&self, used: Use, until_s: u64, now_s: u64) -> Result<bool, SingleUseError>;
}

/// The memory of one process: right for one replica.
#[derive(Debug, Default)]
pub struct InProcess(Mutex<Uses>);

#[derive(Debug, Default)]
struct Uses {
    taken: HashSet<Use>,
    by_end: BTreeMap<u64, Vec<Use>>,
}

#[tonic::async_trait]
impl SingleUse for InProcess {
    async fn take(&self, used: Use, until_s: u64, now_s: u64) -> Result<bool, SingleUseError> {
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let later = memory.by_end.split_off(&now_s);
        for over in std::mem::replace(&mut memory.by_end, later)
            .into_values()
            .flatten()
        {
            memory.taken.remove(&over);
        }
        if memory.taken.contains(&used) {
            return Ok(false);
        }
        if memory.taken.len() >= MAX_USES {
            return Err(SingleUseError);
        }
        memory.taken.insert(used);
        memory.by_end.entry(until_s).or_default().push(used);
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_use_is_had_once_until_it_does_not_matter_any_more() {
        let memory = InProcess::default();
        let one = Use::of_assertion("z", "payout", "1");
        assert_eq!(memory.take(one, 100, 50).await, Ok(true));
        assert_eq!(memory.take(one, 100, 50).await, Ok(false));
        assert_eq!(
            memory.take(one, 200, 100).await,
            Ok(false),
            "its last second"
        );
        assert_eq!(memory.take(one, 200, 101).await, Ok(true));
        assert_eq!(memory.0.lock().unwrap().taken.len(), 1);
    }

    #[tokio::test]
    async fn uses_of_zones_clients_and_ids_are_apart() {
        let memory = InProcess::default();
        for (zone, client, id) in [
            ("z", "a", "b"),
            ("z", "ab", ""),
            ("za", "", "b"),
            ("z", "", "ab"),
        ] {
            let used = Use::of_assertion(zone, client, id);
            assert_eq!(
                memory.take(used, 100, 50).await,
                Ok(true),
                "{zone} {client} {id}"
            );
        }
    }

    #[tokio::test]
    async fn a_full_memory_lets_nothing_pass() {
        let memory = InProcess::default();
        for index in 0..MAX_USES {
            let used = Use::of_assertion("z", "a", &index.to_string());
            assert_eq!(memory.take(used, 100, 50).await, Ok(true));
        }
        let one_more = Use::of_assertion("z", "a", "x");
        assert_eq!(memory.take(one_more, 100, 50).await, Err(SingleUseError));
        assert_eq!(memory.take(one_more, 200, 101).await, Ok(true));
    }
}
