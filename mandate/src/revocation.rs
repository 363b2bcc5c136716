//! Revocation: a handful of ids per mandate, looked up in a set.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

use sha2::{Digest, Sha256};

/// What can be revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RevocationKind {
    /// One mandate, by `jti`.
    Mandate,
    /// A session, with everything that descends from it.
    Session,
    /// A grant.
    Grant,
    /// A delegation, with everything that was passed on by it.
    Delegation,
    /// An application.
    Application,
    /// A resource, by identifier.
    Resource,
    /// Everything in a zone.
    Zone,
}

impl RevocationKind {
    /// The kind as it stands in ids, the log and the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mandate => "mandate",
            Self::Session => "session",
            Self::Grant => "grant",
            Self::Delegation => "delegation",
            Self::Application => "application",
            Self::Resource => "resource",
            Self::Zone => "zone",
        }
    }
}

/// Name of a revocable thing in 64 bits: the start of a SHA-256 over kind, zone and id. A collision
/// (5e-15 for one look-up among 100,000 entries) refuses too much, never too little.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RevocationId(pub u64);

impl RevocationId {
    /// The id of a thing in a zone.
    #[must_use]
    pub fn new(kind: RevocationKind, zone: &str, id: &str) -> Self {
        // Short, so that usual ids fit into one block: a mandate has half a dozen of them. A NUL is in
        // no kind and no zone, so ("ab", "c") and ("a", "bc") stay apart.
        let mut hash = Sha256::new();
        for part in ["crv1", kind.as_str(), "\0", zone, "\0", id] {
            hash.update(part);
        }
        let digest = hash.finalize();
        let mut first = [0_u8; 8];
        first
            .iter_mut()
            .zip(digest.iter())
            .for_each(|(to, from)| *to = *from);
        Self(u64::from_be_bytes(first))
    }
}

/// The ids are uniformly distributed already; hashing them again would only cost time. They are
/// outputs of SHA-256, so nobody can aim them at one bucket.
#[derive(Debug, Default, Clone, Copy)]
pub struct IdentityHasher(u64);

impl Hasher for IdentityHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

/// One entry of the revocation state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revocation {
    /// What is revoked.
    pub id: RevocationId,
    /// Mandates issued at or before this Unix second are refused. `iat` has a grain of one second,
    /// so the comparison is inclusive: what was issued in the same second is refused with the rest.
    pub issued_until: u64,
    /// Unix second after which no mandate that it could hit is alive, so the entry may go.
    pub expires: u64,
}

/// A Unix second in four bytes, because each worker holds a hundred thousand entries. The last one (in
/// 2106) stands for every second from there on: what does not fit lasts longer than it said, never
/// shorter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Second(u32);

impl Second {
    fn of(second: u64) -> Self {
        Self(u32::try_from(second).unwrap_or(u32::MAX))
    }

    fn widened(self) -> u64 {
        if self.0 == u32::MAX {
            u64::MAX
        } else {
            self.0.into()
        }
    }
}

/// What is kept under an id.
#[derive(Debug, Clone, Copy)]
struct Mark {
    issued_until: Second,
    expires: Second,
}

/// All live revocations of a zone, and what is suspended there.
#[derive(Debug, Clone, Default)]
pub struct RevocationSet {
    entries: HashMap<RevocationId, Mark, BuildHasherDefault<IdentityHasher>>,
    by_expiry: BTreeMap<Second, Vec<RevocationId>>,
    suspended: HashSet<RevocationId, BuildHasherDefault<IdentityHasher>>,
}

impl RevocationSet {
    /// Adds an entry. Of two for the same id the stricter parts are kept, so order never matters.
    pub fn insert(&mut self, revocation: Revocation) {
        let id = revocation.id;
        let new = Mark {
            issued_until: Second::of(revocation.issued_until),
            expires: Second::of(revocation.expires),
        };
        let merged = self.entries.get(&id).map_or(new, |old| Mark {
            issued_until: old.issued_until.max(new.issued_until),
            expires: old.expires.max(new.expires),
        });
        self.entries.insert(id, merged);
        self.by_expiry.entry(merged.expires).or_default().push(id);
    }

    /// Whether a mandate issued at `issued_at` that carries `ids` is revoked.
    #[must_use]
    pub fn hits(&self, ids: &[RevocationId], issued_at: u64) -> bool {
        ids.iter().any(|id| {
            self.entries
                .get(id)
                .is_some_and(|entry| issued_at <= entry.issued_until.widened())
        })
    }

    /// Refuses what descends from `id` until it is resumed.
    pub fn suspend(&mut self, id: RevocationId) {
        self.suspended.insert(id);
    }

    /// Ends a suspension. What was revoked stays revoked.
    pub fn resume(&mut self, id: RevocationId) {
        self.suspended.remove(&id);
    }

    /// Whether something of `ids` is suspended.
    #[must_use]
    pub fn suspends(&self, ids: &[RevocationId]) -> bool {
        // Nearly always empty: the question costs a comparison.
        !self.suspended.is_empty() && ids.iter().any(|id| self.suspended.contains(id))
    }

    /// What is suspended, in no order.
    pub fn suspended(&self) -> impl Iterator<Item = RevocationId> {
        self.suspended.iter().copied()
    }

    /// Drops entries that can hit nothing alive any more. `now` is Unix seconds.
    pub fn expire(&mut self, now: u64) {
        let now = Second::of(now);
        let live = self.by_expiry.split_off(&now);
        for id in std::mem::replace(&mut self.by_expiry, live)
            .into_values()
            .flatten()
        {
            if self
                .entries
                .get(&id)
                .is_some_and(|entry| entry.expires < now)
            {
                self.entries.remove(&id);
            }
        }
    }

    /// Every live entry, in no order.
    pub fn iter(&self) -> impl Iterator<Item = Revocation> {
        self.entries.iter().map(|(id, mark)| Revocation {
            id: *id,
            issued_until: mark.issued_until.widened(),
            expires: mark.expires.widened(),
        })
    }

    /// How many entries and suspensions there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len().saturating_add(self.suspended.len())
    }

    /// Whether nothing is revoked or suspended.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.suspended.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn id(number: u64) -> RevocationId {
        RevocationId(number)
    }

    #[test]
    fn ids_differ_by_kind_zone_and_name() {
        let grant = RevocationId::new(RevocationKind::Grant, "z", "a");
        assert_ne!(grant, RevocationId::new(RevocationKind::Session, "z", "a"));
        assert_ne!(grant, RevocationId::new(RevocationKind::Grant, "y", "a"));
        assert_ne!(
            RevocationId::new(RevocationKind::Grant, "za", "b"),
            RevocationId::new(RevocationKind::Grant, "z", "ab"),
        );
    }

    #[test]
    fn a_mandate_issued_after_a_watermark_is_good_again() {
        let mut set = RevocationSet::default();
        set.insert(Revocation {
            id: id(1),
            issued_until: 100,
            expires: 1000,
        });
        assert!(set.hits(&[id(2), id(1)], 100));
        assert!(!set.hits(&[id(2), id(1)], 101));
        assert!(!set.hits(&[id(2)], 50));
    }

    #[test]
    fn a_suspension_holds_until_it_is_resumed_and_no_clock_ends_it() {
        let mut set = RevocationSet::default();
        set.suspend(id(1));
        set.suspend(id(1));
        set.expire(u64::MAX);
        assert!(set.suspends(&[id(2), id(1)]) && !set.suspends(&[id(2)]));
        assert_eq!(set.len(), 1);
        set.resume(id(1));
        assert!(!set.suspends(&[id(1)]) && set.is_empty());
        set.resume(id(1));
    }

    #[test]
    fn a_second_that_does_not_fit_lasts_longer_and_never_shorter() {
        let far = u64::from(u32::MAX);
        for second in [far - 1, far, far + 1, u64::MAX] {
            let mut set = RevocationSet::default();
            set.insert(Revocation {
                id: id(1),
                issued_until: second,
                expires: second,
            });
            assert!(set.hits(&[id(1)], second), "{second}");
            assert_eq!(set.hits(&[id(1)], second.saturating_add(1)), second >= far);
            set.expire(second);
            assert_eq!(set.len(), 1, "{second}");
        }
    }

    fn entries() -> impl Strategy<Value = Vec<Revocation>> {
        proptest::collection::vec(
            (0..4_u64, 0..20_u64, 20..60_u64).prop_map(|(number, issued_until, expires)| {
                Revocation {
                    id: id(number),
                    issued_until,
                    expires,
                }
            }),
            0..12,
        )
    }

    proptest! {
        #[test]
        fn order_and_repetition_never_matter(entries in entries(), issued_at in 0..20_u64, number in 0..4_u64) {
            let build = |entries: &mut dyn Iterator<Item = &Revocation>| {
                let mut set = RevocationSet::default();
                entries.for_each(|entry| set.insert(*entry));
                set
            };
            let forward = build(&mut entries.iter());
            let backward = build(&mut entries.iter().rev().chain(entries.iter()));
            prop_assert_eq!(forward.hits(&[id(number)], issued_at), backward.hits(&[id(number)], issued_at));
        }

        #[test]
        fn expiry_drops_exactly_what_has_passed(entries in entries(), now in 0..80_u64) {
            let mut set = RevocationSet::default();
            for entry in &entries {
                set.insert(*entry);
            }
            set.expire(now);
            for number in 0..4 {
                let alive = entries.iter().any(|entry| entry.id == id(number) && entry.expires >= now);
                prop_assert_eq!(set.hits(&[id(number)], 0), alive);
            }
        }
    }
}
