//! `caracal envoy`: configurations that run as they stand.

mod template;

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::{Args, Subcommand, ValueEnum};

use super::error::CliError;
use super::output::Output;

const AGENT: &str = include_str!("../../../envoy/agent.yaml");
const RESOURCE: &str = include_str!("../../../envoy/resource.yaml");
const GATEWAY: &str = include_str!("../../../envoy/gateway.yaml");

/// Name of the secret that ties our filter to the filter behind it.
const ALLOW_MARK: &str = "ALLOW_MARK";

#[derive(Debug, Subcommand)]
pub(crate) enum EnvoyCommand {
    /// Prints a complete Envoy configuration.
    #[command(after_help = "\
Example; run it without --set to see which values are needed:
  caracal envoy render agent --set ZONE=bank --set INSTANCE=payout-1 ... > agent.yaml

Every rendering holds a new secret. Keep the file readable by Envoy only.")]
    Render(RenderArgs),
}

/// Where the proxy stands.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Role {
    /// Beside an agent: obtains mandates.
    Agent,
    /// Beside what is protected: enforces.
    Resource,
    /// At the edge: both.
    Gateway,
}

#[derive(Debug, Args)]
pub(crate) struct RenderArgs {
    /// Where the proxy stands.
    #[arg(value_enum)]
    role: Role,
    /// A value of the template, once for each.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    values: Vec<String>,
}

impl EnvoyCommand {
    pub(crate) fn run(self, output: &Output) -> Result<(), CliError> {
        let Self::Render(RenderArgs { role, values }) = self;
        let template = match role {
            Role::Agent => AGENT,
            Role::Resource => RESOURCE,
            Role::Gateway => GATEWAY,
        };
        let mut given = template::values(&values)?;
        if given.insert(ALLOW_MARK.to_owned(), mark()?).is_some() {
            return Err(CliError::Usage(format!(
                "{ALLOW_MARK} is a secret that is made anew each time: leave it out"
            )));
        }
        output.line(template::render(template, &given)?.trim_end())
    }
}

fn mark() -> Result<String, CliError> {
    let mut bytes = [0_u8; 32];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| CliError::Failure("the system's source of randomness failed".to_owned()))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_has_the_mark_and_well_formed_placeholders() {
        for text in [AGENT, RESOURCE, GATEWAY] {
            let names: Vec<_> = template::placeholders(text)
                .map(|one| one.unwrap())
                .collect();
            assert!(
                names
                    .iter()
                    .any(|one| one.name == ALLOW_MARK && one.default.is_none())
            );
        }
    }

    #[test]
    fn marks_differ() {
        assert_ne!(mark().unwrap(), mark().unwrap());
        assert_eq!(mark().unwrap().len(), 43);
    }
}
