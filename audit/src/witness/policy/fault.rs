//! What can be wrong with the text of a policy.

use crate::note::KeyError;

/// Longest policy in bytes.
pub(super) const MAX_BYTES: usize = 64 * 1024;
/// Most logs, and as many witnesses and groups; the format asks for at least 32.
pub(super) const MAX_OF_A_KIND: usize = 256;

/// Why a text is no policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {fault}")]
pub struct PolicyError {
    /// Where, from 1; what the whole text lacks is at its last line.
    pub line: usize,
    /// What is wrong there.
    pub fault: PolicyFault,
}

/// What is wrong with a line of a policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyFault {
    /// The text is longer than any policy.
    #[error("the text has more than {MAX_BYTES} bytes")]
    TooLong,
    /// A line has no end.
    #[error("the line has no end")]
    NoEnd,
    /// A control character other than tab and the end of a line.
    #[error("it holds a control character")]
    Control,
    /// A name or an address is not UTF-8.
    #[error("it is not UTF-8")]
    NotUtf8,
    /// It begins with another word than `log`, `witness`, `group` and `quorum`.
    #[error("it begins with neither log, witness, group nor quorum")]
    Keyword,
    /// The wrong number of items.
    #[error("it is not of the form `{0}`")]
    Form(&'static str),
    /// The key is not usable.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Another line has the same public key.
    #[error("another line has the same public key")]
    DuplicateKey,
    /// The name is that of another witness or group, or the word `none`.
    #[error("the name {0:?} is taken")]
    NameTaken(String),
    /// No line before this one defines the name.
    #[error("no line before this one defines {0:?}")]
    Undefined(String),
    /// A witness or group is counted twice.
    #[error("{0:?} is a member of a group already")]
    CountedTwice(String),
    /// The threshold is no number from 1 to the number of members.
    #[error("the threshold is neither all, any, nor a number from 1 to the number of members")]
    Threshold,
    /// Too many lines of one kind.
    #[error("more than {MAX_OF_A_KIND} lines of one kind")]
    TooMany,
    /// There is another quorum line.
    #[error("there is a second quorum line")]
    SecondQuorum,
    /// There is no quorum line.
    #[error("there is no quorum line")]
    NoQuorum,
}
