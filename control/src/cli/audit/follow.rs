//! `caracal audit follow`: a monitor of a published log.

use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

use caracal_audit::follow::{FollowError, Followed, Follower};
use caracal_sts::{Clock as _, SystemClock};
use clap::Args;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval};

use super::trust::{TrustArgs, published};
use crate::cli::Seconds;
use crate::cli::error::{CliError, with_causes};
use crate::cli::output::Output;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  caracal audit follow --tiles https://audit.example.com/log/bank --key bank.vkey --state /var/lib/follow/bank
  caracal audit follow --tiles /srv/audit/log/bank --key ledger.vkey --state follow --once    from cron

Each new entry is read and verified, and the newest good checkpoint is kept in the state folder. Run it where
the log's operator cannot write, and keep the folder: one that was emptied begins anew and remembers nothing.

Exit status with --once: 0 all is well; 1 an alarm: a fork, a log that was put back, files that do not fit, a
checkpoint that is not believed, or none for too long; 69 the log cannot be reached, which is no alarm. A fork
leaves the two checkpoints that contradict each other in the folder evidence of the state.")]
pub(crate) struct FollowArgs {
    /// Where the log is published: the folder with its checkpoint, or its address.
    #[arg(long, value_name = "PATH|URL")]
    tiles: String,
    /// Authorities to believe at that address, beside the system's, as PEM.
    #[arg(long, value_name = "FILE")]
    tiles_ca: Option<PathBuf>,
    #[command(flatten)]
    trust: TrustArgs,
    /// Folder for what is remembered; it is made.
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
    /// Looks once, and ends.
    #[arg(long)]
    once: bool,
    /// How often to look.
    #[arg(
        long,
        value_name = "TIME",
        default_value = "10s",
        conflicts_with = "once"
    )]
    interval: Seconds,
    /// Alarms when no new checkpoint was seen for so long. An idle log has none.
    #[arg(long, value_name = "TIME")]
    stale_after: Option<Seconds>,
}

impl FollowArgs {
    pub(crate) async fn run(self, output: &Output) -> Result<(), CliError> {
        let Self {
            tiles,
            tiles_ca,
            trust,
            state,
            once,
            interval: every,
            stale_after,
        } = self;
        let trust = trust.read()?;
        let log = published(&tiles, tiles_ca.as_deref())?;
        let place = log.place();
        let follower = Follower::open(log, trust, &state)
            .map_err(|error| CliError::Failure(with_causes(&error)))?;
        let mut watch = Watch {
            follower,
            place,
            stale_after,
            output,
        };
        watch.begin()?;
        if once {
            return watch.look().await?;
        }
        let signals = |error: std::io::Error| CliError::Failure(format!("signals: {error}"));
        let mut terminate = signal(SignalKind::terminate()).map_err(signals)?;
        let mut ticks = interval(Duration::from_secs(every.0));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = terminate.recv() => return Ok(()),
                _ = tokio::signal::ctrl_c() => return Ok(()),
                _ = ticks.tick() => {}
            }
            // What is read and not finished is read again: nothing is kept before it is whole.
            let looked = tokio::select! {
                _ = terminate.recv() => return Ok(()),
                _ = tokio::signal::ctrl_c() => return Ok(()),
                looked = watch.look() => looked?,
            };
            match looked {
                Ok(()) => {}
                Err(CliError::Unavailable(text)) => watch.say("unavailable", &text)?,
                Err(error) => watch.say("alarm", &error.to_string())?,
            }
        }
    }
}

struct Watch<'a> {
    follower: Follower,
    place: String,
    stale_after: Option<Seconds>,
    output: &'a Output,
}

impl Watch<'_> {
    fn begin(&self) -> Result<(), CliError> {
        let place = &self.place;
        let text = match self.follower.kept() {
            None => format!(
                "{place}: nothing of this log was seen before; what it shows now is believed"
            ),
            Some(kept) => {
                let size = kept.checkpoint.size;
                format!(
                    "{place}: goes on from {size} entries of {}",
                    kept.checkpoint.origin
                )
            }
        };
        self.say("begins", &text)
    }

    /// Looks once. The inner error is what was found; the outer, that nobody takes the output.
    async fn look(&mut self) -> Result<Result<(), CliError>, CliError> {
        let followed = self.follower.step(&mut |_| {}).await;
        match followed {
            Ok(Followed::Unchanged) => {}
            Ok(Followed::Unpublished) => {
                let place = &self.place;
                let text = format!("{place} has no checkpoint yet");
                return Ok(Err(CliError::Unavailable(text)));
            }
            Ok(Followed::Grown { from, to }) => {
                let count = to.saturating_sub(from);
                let root = self.follower.kept().map(|kept| kept.checkpoint.root);
                let root = root.map(|root| root.to_string()).unwrap_or_default();
                self.say(
                    "grown",
                    &format!("{to} entries, {count} new and verified, root {root}"),
                )?;
            }
            Err(error) => return Ok(Err(found(&error))),
        }
        Ok(self.stale().map_or(Ok(()), Err))
    }

    fn stale(&self) -> Option<CliError> {
        let bound = self.stale_after?.0;
        let kept = self.follower.kept()?;
        let now = UNIX_EPOCH.checked_add(Duration::from_millis(SystemClock::new().unix_ms()))?;
        let age = now.duration_since(kept.since).ok()?.as_secs();
        (age > bound).then(|| {
            CliError::Failure(format!(
                "ALARM: STALE: the newest checkpoint of {} was first seen {age} s ago",
                self.place
            ))
        })
    }

    /// One line for each thing that happens.
    fn say(&self, event: &str, text: &str) -> Result<(), CliError> {
        if self.output.is_json() {
            let line = json!({ "event": event, "log": self.place, "message": text });
            self.output.line(&line.to_string())
        } else {
            self.output.line(text)
        }
    }
}

fn found(error: &FollowError) -> CliError {
    let text = with_causes(error);
    match error {
        FollowError::Unreachable(_) => CliError::Unavailable(text),
        error if error.is_alarm() => CliError::Failure(format!("ALARM: {text}")),
        _ => CliError::Failure(text),
    }
}
