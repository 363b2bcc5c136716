//! Why a command failed: what, where, what to do.

/// A failed command.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// The command line, or a file that it names, cannot be understood.
    #[error("{0}")]
    Usage(String),
    /// The configuration of what serves has mistakes.
    #[error("{0}")]
    Configuration(String),
    /// It was understood and did not work.
    #[error("{0}")]
    Failure(String),
    /// What it needs is not there now, which says nothing about what it was to check.
    #[error("{0}")]
    Unavailable(String),
    /// A check has printed what it found.
    #[error("the check found something")]
    Reported,
    /// Nobody takes the output.
    #[error("the output could not be written")]
    Output(#[from] std::io::Error),
}

/// An error with its causes on one line.
pub(super) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
