//! What a run comes to. What must not be is asserted where it is looked at; a table is printed of what
//! was lived through.

use std::fmt;

use super::history::History;

#[derive(Default)]
pub(crate) struct Figures {
    pub(crate) kills: u64,
    /// Kills of the server, or of a process of it.
    pub(crate) of_the_server: u64,
    /// Tails of the write-ahead log that were damaged after a kill.
    pub(crate) torn_tails: u64,
    /// Commits that were damaged before anybody was told of them.
    pub(crate) torn_commits: u64,
    ledgers: u64,
    acknowledged: usize,
    checkpoints: usize,
    refused: u64,
}

impl Figures {
    /// A ledger has held all that it promised.
    pub(crate) fn count(&mut self, history: &History) {
        self.ledgers += 1;
        self.acknowledged += history.acknowledged().count();
        self.checkpoints += history.published().len();
        self.refused += history.refused;
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kills,
            of_the_server,
            torn_tails,
            torn_commits,
            ledgers,
            acknowledged,
            checkpoints,
            refused,
        } = self;
        write!(
            f,
            "{kills} kills ({of_the_server} of the server), {torn_tails} torn tails, \
             {torn_commits} torn commits, {ledgers} ledgers, {acknowledged} acknowledged, {refused} \
             refused, lost 0, duplicates 0, gaps 0, {checkpoints} checkpoints, forks 0"
        )
    }
}
