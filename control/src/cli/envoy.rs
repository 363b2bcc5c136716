//! `caracal envoy`: configurations that run as they stand.

mod delegators;
mod native;
mod sidecar;
mod template;

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::{Args, Subcommand, ValueEnum};

use super::error::CliError;
use super::output::Output;
use delegators::Delegator;
use sidecar::Destination;

const AGENT: &str = include_str!("../../../envoy/agent.yaml");
const RESOURCE: &str = include_str!("../../../envoy/resource.yaml");
const GATEWAY: &str = include_str!("../../../envoy/gateway.yaml");

/// Name of the secret that ties our filter to the filter behind it.
const ALLOW_MARK: &str = "ALLOW_MARK";

/// Name of the secret that ties the two filters of a sidecar to each other.
const CALLS_SECRET: &str = "CALLS_SECRET";

/// What enforcement and shadow differ in: name of the placeholder, value when it enforces, value in
/// shadow. They change together or not at all, so none of them can be set alone.
const MODES: [(&str, &str, &str); 3] = [
    ("MODE", "enforce", "shadow"),
    ("RBAC_RULES", "rules", "shadow_rules"),
    // A filter that crashes closes the gate, and in shadow there is no gate.
    ("FAILURE_POLICY", "FAIL_RELOAD", "FAIL_OPEN"),
];

#[derive(Debug, Subcommand)]
pub(crate) enum EnvoyCommand {
    /// Prints a complete Envoy configuration.
    #[command(after_help = "\
Example; run it without --set to see which values are needed:
  caracal envoy render agent --set ZONE=bank --set INSTANCE=payout-1 ... > agent.yaml

Every rendering holds a new secret, but with --native. Keep the file readable by Envoy only.")]
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
    /// Both sides of a workload that is called and acts for its callers.
    Sidecar,
}

#[derive(Debug, Args)]
pub(crate) struct RenderArgs {
    /// Where the proxy stands.
    #[arg(value_enum)]
    role: Role,
    /// A value of the template, once for each.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    values: Vec<String>,
    /// Where the workload behind a sidecar may send requests, once for each: the host that they name, where
    /// that is, and who has to answer there.
    #[arg(long = "destination", value_name = "NAME=HOST,ADDRESS:PORT,SPIFFE-ID")]
    destinations: Vec<Destination>,
    /// Demand of whatever the application passes on that the owner of this key signed it; once for each key.
    #[arg(long = "delegator", value_name = "NAME=KEY", conflicts_with = "native")]
    delegators: Vec<Delegator>,
    /// Decides, records and counts as if it enforced, and lets everything pass.
    #[arg(long)]
    shadow: bool,
    /// Where Wasm cannot run: Envoy itself asks the token service about each request.
    #[arg(long, conflicts_with = "shadow")]
    native: bool,
}

impl EnvoyCommand {
    pub(crate) fn run(self, output: &Output) -> Result<(), CliError> {
        let Self::Render(RenderArgs {
            role,
            values,
            destinations,
            delegators,
            shadow,
            native,
        }) = self;
        let is_sidecar = matches!(role, Role::Sidecar);
        if !is_sidecar && !destinations.is_empty() {
            return Err(CliError::Usage(
                "--destination is for a sidecar: elsewhere --set says where requests go".to_owned(),
            ));
        }
        let template = match role {
            Role::Agent => AGENT.to_owned(),
            Role::Resource => RESOURCE.to_owned(),
            Role::Gateway => GATEWAY.to_owned(),
            Role::Sidecar => sidecar::template(&destinations)?,
        };
        let template = if delegators.is_empty() {
            template
        } else {
            delegators::demanded(&template, &delegators)?
        };
        let mut given = template::values(&values)?;
        if native && is_sidecar {
            return Err(CliError::Usage(
                "Envoy's own ext_authz does not know who called: render agent and resource with --native"
                    .to_owned(),
            ));
        }
        if native {
            // No filter, so neither its secret nor its modes: both would be placeholders of nothing.
            let template = native::template(&template)?;
            return output.line(template::render(&template, &given)?.trim_end());
        }
        for secret in [Some(ALLOW_MARK), is_sidecar.then_some(CALLS_SECRET)] {
            let Some(secret) = secret else { continue };
            if given.insert(secret.to_owned(), mark()?).is_some() {
                return Err(CliError::Usage(format!(
                    "{secret} is a secret that is made anew each time: leave it out"
                )));
            }
        }
        for (name, enforce, shadowed) in MODES {
            let value = if shadow { shadowed } else { enforce };
            if given.insert(name.to_owned(), value.to_owned()).is_some() {
                return Err(CliError::Usage(format!(
                    "{name} follows from --shadow: leave it out"
                )));
            }
        }
        output.line(template::render(&template, &given)?.trim_end())
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
            let made = MODES.iter().map(|(name, ..)| *name).chain([ALLOW_MARK]);
            for made in made {
                assert!(
                    names
                        .iter()
                        .any(|one| one.name == made && one.default.is_none()),
                    "{made}"
                );
            }
        }
    }

    #[test]
    fn marks_differ() {
        assert_ne!(mark().unwrap(), mark().unwrap());
        assert_eq!(mark().unwrap().len(), 43);
    }
}
