//! `caracal audit tail`: the end of the log, and what comes.
//!
//! Every answer says where the next one begins, by index. So a server that goes away and comes back, or
//! another replica that answers, costs nothing but time.

use std::time::Duration;

use caracal_sts::{Clock as _, SystemClock};
use clap::Args;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::filter::FilterArgs;
use super::line::line;
use super::pages::{self, tell};
use crate::cli::Context;
use crate::cli::client::RequestError;
use crate::cli::error::CliError;

/// Seconds that the server may wait for something to say.
const WAIT_S: u64 = 20;

/// Shortest time between two questions that brought nothing.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug, Args)]
pub(crate) struct TailArgs {
    #[command(flatten)]
    filter: FilterArgs,
    /// Goes on with new decisions as they are recorded, until it is interrupted. With `--output json`
    /// each is one line.
    #[arg(long, short)]
    follow: bool,
    /// How many of the newest are printed first.
    #[arg(short = 'n', long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    lines: u32,
}

impl TailArgs {
    pub(super) async fn run(self, context: &Context) -> Result<(), CliError> {
        let Self {
            filter,
            follow,
            lines,
        } = self;
        if follow && filter.has_an_end() {
            let text = "--follow waits for what comes, and --until leaves that out: leave out one";
            return Err(CliError::Usage(text.to_owned()));
        }
        let filter = filter.parameters(SystemClock::new().unix_ms());
        // First the end, whatever is there: what comes behind it is new.
        let end = pages::search(context, "", 1, None).await?;
        let end = end
            .items
            .first()
            .and_then(|entry| entry.get("index")?.as_u64());
        if let Some(end) = end {
            let parameters = format!("{filter}&before={}", end.saturating_add(1));
            let count = usize::try_from(lines).unwrap_or(usize::MAX);
            let newest = pages::search(context, &parameters, count, None).await?;
            for entry in newest.items.iter().rev() {
                print(context, entry)?;
            }
        }
        if !follow {
            return Ok(());
        }
        let after = end.map_or_else(String::new, |end| format!("&after={end}"));
        Following {
            context,
            parameters: format!("&order=oldest{filter}{after}"),
            next: None,
            is_in_trouble: false,
        }
        .run()
        .await
    }
}

fn print(context: &Context, entry: &Value) -> Result<(), CliError> {
    if context.output.is_json() {
        context.output.line(&entry.to_string())
    } else {
        context.output.line(&line(entry))
    }
}

struct Following<'a> {
    context: &'a Context,
    parameters: String,
    next: Option<String>,
    is_in_trouble: bool,
}

impl Following<'_> {
    /// Until something is wrong that does not pass.
    async fn run(mut self) -> Result<(), CliError> {
        loop {
            let asked = Instant::now();
            let mut path = format!("audit?limit=1000&wait={WAIT_S}{}", self.parameters);
            if let Some(next) = &self.next {
                path.push_str("&cursor=");
                path.push_str(&super::percent_encoded(next));
            }
            let path = self.context.zone_path(&path)?;
            match self.context.client.try_get(&path).await {
                Ok(answer) => {
                    let is_quiet = self.take(&answer)?;
                    if is_quiet {
                        // A server that is about to stop does not wait.
                        sleep(PAUSE.saturating_sub(asked.elapsed())).await;
                    }
                }
                Err(RequestError::Final(error)) => return Err(error),
                Err(RequestError::Passing(text)) => {
                    if !self.is_in_trouble {
                        self.is_in_trouble = true;
                        tell(&format!(
                            "{text}; trying again every second, nothing will be missed"
                        ));
                    }
                    sleep(PAUSE).await;
                }
            }
        }
    }

    /// Prints what came; tells whether it was nothing, with nothing more to look at.
    fn take(&mut self, answer: &Value) -> Result<bool, CliError> {
        if self.is_in_trouble {
            self.is_in_trouble = false;
            tell("the server answers again");
        }
        let items = answer.get("items").and_then(Value::as_array);
        for entry in items.into_iter().flatten() {
            print(self.context, entry)?;
        }
        let next = pages::next(answer);
        self.next = next.or_else(|| self.next.take());
        let looked_at = answer.get("looked_at").and_then(Value::as_u64);
        Ok(items.is_none_or(Vec::is_empty) && looked_at.unwrap_or(0) == 0)
    }
}
