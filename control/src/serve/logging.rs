//! The log: standard error, for people or for programs.

use tracing_subscriber::EnvFilter;

use crate::settings::LogFormat;

/// Starts it. What was logged before is lost.
pub(crate) fn start(format: LogFormat, level: &str) {
    let log = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(level))
        .with_writer(std::io::stderr);
    // Fails only where somebody has started one already: a test.
    let _started = match format {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
}

/// The log of commands that end by themselves.
pub(crate) fn start_for_commands() {
    let level = std::env::var("CARACAL_LOG").unwrap_or_default();
    let level = if EnvFilter::builder().parse(&level).is_ok() && !level.is_empty() {
        level
    } else {
        "info".to_owned()
    };
    start(LogFormat::Text, &level);
}
