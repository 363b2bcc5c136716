//! The service's book of who may still decide alone.

use super::Knowledge;

/// One stream of a point, as the service knows it. It outlives the connection until its last lease
/// has run out.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Holder {
    length_ms: u64,
    acked: u64,
    until_ms: u64,
    departed: bool,
}

impl Holder {
    /// A stream of a point with a lease of this length. It holds none yet.
    #[must_use]
    pub const fn new(length_ms: u64) -> Self {
        Self {
            length_ms,
            acked: 0,
            until_ms: 0,
            departed: false,
        }
    }

    /// A lease is about to be given. Noted *before* the state is read from which the rest of the
    /// stream is made: whoever looks here after a change was applied then either finds the lease, or
    /// the change stands on the stream before the pong. One millisecond to spare, because clocks are
    /// read in whole ones.
    pub const fn extend(&mut self, knowledge: Knowledge) {
        let until = knowledge
            .confirmed_ms()
            .saturating_add(self.length_ms)
            .saturating_add(1);
        if until > self.until_ms {
            self.until_ms = until;
        }
    }

    /// The point has applied everything up to `epoch`. Returns what it had acknowledged until now.
    pub const fn acknowledge(&mut self, epoch: u64) -> u64 {
        let before = self.acked;
        if epoch > before {
            self.acked = epoch;
        }
        before
    }

    /// The connection is gone; the point may decide on until its lease ends.
    pub const fn depart(&mut self) {
        self.departed = true;
    }

    /// What it acknowledged.
    #[must_use]
    pub const fn acked(&self) -> u64 {
        self.acked
    }

    /// Whether its connection is gone.
    #[must_use]
    pub const fn is_departed(&self) -> bool {
        self.departed
    }

    /// End of its last lease.
    #[must_use]
    pub const fn until_ms(&self) -> u64 {
        self.until_ms
    }

    /// Whether it may decide alone.
    #[must_use]
    pub const fn holds(&self, now_ms: u64) -> bool {
        now_ms < self.until_ms
    }

    /// Whether it has not acknowledged `seq`.
    #[must_use]
    pub const fn is_behind(&self, seq: u64) -> bool {
        self.acked < seq
    }

    /// Whether nothing needs to be known of it any more.
    #[must_use]
    pub const fn is_obsolete(&self, now_ms: u64) -> bool {
        self.departed && !self.holds(now_ms)
    }
}

/// Why a change may not be in effect everywhere yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pending {
    /// A lease of a point that has not acknowledged it runs until then; so do those that an earlier
    /// process may have given.
    Lease(u64),
    /// The service itself has not read it, and may still give leases without it.
    Unread,
}

/// Whether some point may decide on a state without position `seq`, by the book of one service that
/// has applied everything up to `applied`. `None`: none does, now or later.
///
/// `applied` has to be read before the holders. Leases of a process before this one run until
/// `previous_until_ms` at the latest.
pub fn pending<'a>(
    seq: u64,
    applied: u64,
    now_ms: u64,
    previous_until_ms: u64,
    holders: impl IntoIterator<Item = &'a Holder>,
) -> Option<Pending> {
    if applied < seq {
        return Some(Pending::Unread);
    }
    let leases = holders
        .into_iter()
        .filter(|holder| holder.holds(now_ms) && holder.is_behind(seq))
        .map(Holder::until_ms);
    let previous = (now_ms < previous_until_ms).then_some(previous_until_ms);
    leases.chain(previous).min().map(Pending::Lease)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(until_ms: u64, acked: u64) -> Holder {
        let mut holder = Holder::new(10);
        holder.extend(Knowledge::new(until_ms, until_ms - 11));
        holder.acknowledge(acked);
        assert_eq!(holder.until_ms(), until_ms);
        holder
    }

    #[test]
    fn a_change_is_in_effect_when_all_who_decide_alone_have_acknowledged_it() {
        let book = [holder(100, 7), holder(120, 6), holder(150, 6)];
        assert_eq!(pending(7, 7, 90, 0, &book), Some(Pending::Lease(120)));
        assert_eq!(pending(7, 7, 120, 0, &book), Some(Pending::Lease(150)));
        assert_eq!(pending(7, 7, 150, 0, &book), None);
        assert_eq!(pending(6, 7, 90, 0, &book), None);
    }

    #[test]
    fn it_is_not_before_the_service_itself_has_read_it() {
        assert_eq!(pending(7, 6, 0, 0, []), Some(Pending::Unread));
        assert_eq!(pending(7, 7, 0, 0, []), None);
    }

    #[test]
    fn leases_of_a_process_before_this_one_are_waited_for() {
        assert_eq!(pending(7, 9, 10, 30, []), Some(Pending::Lease(30)));
        assert_eq!(pending(7, 9, 30, 30, []), None);
    }

    #[test]
    fn leases_and_acknowledgements_only_grow() {
        let mut holder = holder(100, 7);
        holder.extend(Knowledge::new(0, 0));
        assert_eq!(holder.until_ms(), 100);
        assert_eq!(holder.acknowledge(3), 7);
        assert_eq!(holder.acked(), 7);
    }

    #[test]
    fn one_that_left_counts_until_its_lease_is_over() {
        let mut holder = holder(100, 7);
        holder.depart();
        assert!(!holder.is_obsolete(99) && holder.is_obsolete(100));
    }
}
