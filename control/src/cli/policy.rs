//! `caracal policy`.

mod described;
mod files;
mod local;
mod report;

use std::path::PathBuf;

use caracal_sts::{Clock as _, SystemClock};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Context;
use super::error::CliError;
use super::output::plain;

const CHECK_EXAMPLES: &str = "\
Every finding is one line, FILE:LINE:COLUMN, with what to do about it. The exit status is 1 when one
of them is an error. docs/policy.md has the language, the input document and the result.";

const DESCRIBED_EXAMPLES: &str = "\
Examples:
  caracal policy simulate --file policy.rego --input in.json
  caracal policy simulate --zone bank --app payout --resource accounts --operation read
  caracal policy explain --zone bank --app payout --resource accounts --scope payments:write \\
      --user staff:alice --acr urn:mfa

A described request is looked up in the zone: identifiers, the grant that covers it, its operation.
Conditions of grants are not looked at, only the policy is.";

const TEST_EXAMPLES: &str = "\
Files named *_test.rego are tests, in any package; the other one is the policy:
  package caracal.policy_test
  import data.caracal.policy
  test_reads if policy.allow with input as {\"application\": {\"name\": \"payout\"}}";

#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Checks files as they would be checked before activation; needs no server.
    #[command(after_help = CHECK_EXAMPLES)]
    Check {
        /// Rego v1 sources, package caracal.policy.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Runs the rules `test_*` of files and directories; needs no server.
    #[command(after_help = TEST_EXAMPLES)]
    Test {
        /// A policy, its tests, or directories with both.
        #[arg(required = true)]
        paths: Vec<PathBuf>,
    },
    /// Decides on an input, by the way that the token service takes.
    #[command(after_help = DESCRIBED_EXAMPLES)]
    Simulate(Box<EvaluateArgs>),
    /// Says why: which rule ended at which line, and what it saw there.
    #[command(after_help = DESCRIBED_EXAMPLES)]
    Explain(Box<EvaluateArgs>),
    /// Checks a policy and makes it the zone's policy at once.
    #[command(visible_alias = "apply")]
    Activate {
        /// Rego v1 source, package caracal.policy.
        file: PathBuf,
    },
    /// Makes an earlier version the zone's policy again.
    Rollback {
        /// Digest of the version; the one before the active one if it is left out.
        digest: Option<String>,
    },
    /// Prints a version's source.
    Show {
        /// Digest of the version; the active one if it is left out.
        digest: Option<String>,
    },
    /// Lists versions, the active one first.
    List,
}

/// What is evaluated, and on what.
#[derive(Debug, Args)]
pub(crate) struct EvaluateArgs {
    /// A file; the zone's active version if it is left out.
    #[arg(long, short, value_name = "FILE")]
    file: Option<PathBuf>,
    /// An earlier version of the zone.
    #[arg(long, conflicts_with = "file")]
    digest: Option<String>,
    /// The input document in JSON; `-` is standard input.
    #[arg(
        long,
        short,
        value_name = "FILE",
        required_unless_present = "application"
    )]
    input: Option<PathBuf>,
    #[command(flatten)]
    request: described::RequestArgs,
}

impl PolicyCommand {
    pub(crate) async fn run(self, context: &Context) -> Result<(), CliError> {
        match self {
            Self::Check { files } => local::check(&files, &context.output).await,
            Self::Test { paths } => local::test(&paths, &context.output).await,
            Self::Simulate(args) => {
                local::simulate(&args.read(context).await?, &context.output).await
            }
            Self::Explain(args) => {
                local::explain(&args.read(context).await?, &context.output).await
            }
            Self::Activate { file } => {
                let source = files::read(&file)?;
                activate(context, &json!({ "source": source })).await
            }
            Self::Rollback { digest } => {
                let digest = match digest {
                    Some(digest) => digest,
                    None => version(context, 1).await?,
                };
                activate(context, &json!({ "digest": digest })).await
            }
            Self::Show { digest } => {
                let answer = show(context, digest).await?;
                if context.output.is_json() {
                    return context.output.json(&answer);
                }
                let source = answer.get("source").and_then(Value::as_str);
                context.output.line(source.unwrap_or_default().trim_end())
            }
            Self::List => {
                let answer = context.client.get(&context.zone_path("policies")?).await?;
                let columns: &[super::output::Column] = &[
                    ("DIGEST", &["digest"]),
                    ("ACTIVE", &["active"]),
                    ("SEQ", &["seq"]),
                ];
                context.output.list(&answer, columns)
            }
        }
    }
}

async fn activate(context: &Context, body: &Value) -> Result<(), CliError> {
    let path = context.zone_path("policies/active")?;
    let answer = context.client.put(&path, body).await?;
    let digest = answer.get("digest").map(plain).unwrap_or_default();
    let sentence = format!("policy {digest} is active");
    context.output.done(&answer, &sentence)
}

/// A version with its source.
async fn show(context: &Context, digest: Option<String>) -> Result<Value, CliError> {
    let digest = match digest {
        Some(digest) => digest,
        None => version(context, 0).await?,
    };
    let path = context.zone_path(&format!("policies/{digest}"))?;
    context.client.get(&path).await
}

/// Digest of the version at a place of the list, which starts with the active one.
async fn version(context: &Context, place: usize) -> Result<String, CliError> {
    let answer = context.client.get(&context.zone_path("policies")?).await?;
    let digest = answer
        .pointer(&format!("/items/{place}/digest"))
        .and_then(Value::as_str)
        .map(str::to_owned);
    digest.ok_or_else(|| {
        let what = if place == 0 {
            "no policy"
        } else {
            "no earlier policy"
        };
        CliError::Failure(format!("the zone has {what}: see `caracal policy list`"))
    })
}

/// A source and an input document.
pub(crate) struct Case {
    name: String,
    source: String,
    input: String,
}

impl EvaluateArgs {
    async fn read(self, context: &Context) -> Result<Case, CliError> {
        let Self {
            file,
            digest,
            input,
            request,
        } = self;
        let now_s = SystemClock::new().unix_ms().div_euclid(1000);
        let input = match (input, request.document(context, now_s).await?) {
            (Some(input), _) => files::read(&input)?,
            (None, Some(document)) => document,
            (None, None) => return Err(CliError::Usage("give --input or --app".to_owned())),
        };
        if let Some(file) = file {
            let source = files::read(&file)?;
            let name = file.display().to_string();
            return Ok(Case {
                name,
                source,
                input,
            });
        }
        let answer = show(context, digest).await?;
        let text = |member: &str| {
            let text = answer.get(member).and_then(Value::as_str);
            text.unwrap_or_default().to_owned()
        };
        Ok(Case {
            name: text("digest"),
            source: text("source"),
            input,
        })
    }
}
