//! `caracal audit list`.

use std::fmt::Write as _;

use caracal_sts::{Clock as _, SystemClock};
use clap::{Args, ValueEnum};
use serde_json::json;

use super::filter::FilterArgs;
use super::pages::{self, Found};
use crate::cli::Context;
use crate::cli::error::CliError;
use crate::cli::output::Column;

/// Where a search begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum OrderArg {
    /// At the end of the log.
    Newest,
    /// At its beginning.
    Oldest,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    filter: FilterArgs,
    /// Which come first.
    #[arg(long, value_enum, default_value_t = OrderArg::Newest)]
    order: OrderArg,
    /// Only entries before this index.
    #[arg(long, value_name = "INDEX")]
    before: Option<u64>,
    /// Only entries after this index.
    #[arg(long, value_name = "INDEX")]
    after: Option<u64>,
    /// Goes on where a search with the same filters and times stopped: the `next` of its JSON.
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
    /// Most entries to print.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
}

impl ListArgs {
    pub(super) async fn run(self, context: &Context) -> Result<(), CliError> {
        let Self {
            filter,
            order,
            before,
            after,
            cursor,
            limit,
        } = self;
        let mut parameters = filter.parameters(SystemClock::new().unix_ms());
        if order == OrderArg::Oldest {
            parameters.push_str("&order=oldest");
        }
        for (name, index) in [("before", before), ("after", after)] {
            if let Some(index) = index {
                let _infallible = write!(parameters, "&{name}={index}");
            }
        }
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let Found { items, next } = pages::search(context, &parameters, limit, cursor).await?;
        let mut answer = json!({ "items": items });
        if let (Some(next), Some(answer)) = (next, answer.as_object_mut()) {
            answer.insert("next".to_owned(), json!(next));
        }
        context.output.list(&answer, COLUMNS)
    }
}

const COLUMNS: &[Column] = &[
    ("INDEX", &["index"]),
    ("TIME MS", &["event", "time_ms"]),
    ("COMPONENT", &["event", "component"]),
    ("ACTION", &["event", "action"]),
    ("OUTCOME", &["event", "outcome"]),
    ("REASON", &["event", "reason"]),
    ("STATUS", &["event", "status"]),
    ("APPLICATION", &["event", "application"]),
    ("METHOD", &["event", "method"]),
    ("HOST", &["event", "host"]),
    ("PATH", &["event", "path"]),
    ("REQUEST ID", &["event", "request_id"]),
    ("DETAIL", &["event", "detail"]),
];
