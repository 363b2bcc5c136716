//! The configuration of a workload that is called and calls: the resource side before it and the agent
//! side behind it in one proxy, which know from each other who called.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::str::FromStr;

use caracal_mandate::host::Host;
use caracal_mandate::name::Name;
use caracal_mandate::spiffe::SpiffeId;

use super::{AGENT, RESOURCE};
use crate::cli::error::CliError;

/// What the file says of itself.
const INTRODUCTION: &str = "\
# Both sides of one workload: what calls it comes in by the one listener, and what it sends goes out by
# the other, with the authority of whoever called it.
#
#   agent side --mTLS--> here --http--> workload --http--> here --mTLS--> resource side
#
# Rendered by `caracal envoy render`; the allow mark and the calls' secret are new and random in every
# rendering. What must stay as it is, and why, is in README.md.
";

/// Where a workload's requests may go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Destination {
    name: Name,
    host: Host,
    address: String,
    port: u16,
    spiffe_id: SpiffeId,
}

impl FromStr for Destination {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = "NAME=HOST,ADDRESS:PORT,SPIFFE-ID";
        let parts = || {
            let (name, rest) = text.split_once('=')?;
            let (host, rest) = rest.split_once(',')?;
            let (address, spiffe_id) = rest.split_once(',')?;
            let (address, port) = address.rsplit_once(':')?;
            Some((name, host, address, port, spiffe_id))
        };
        let (name, host, address, port, spiffe_id) =
            parts().ok_or_else(|| format!("it has to be {form}"))?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
        if address.is_empty() || !address.bytes().all(plain) {
            return Err(format!("{address:?} is no host name and no IP address"));
        }
        Ok(Self {
            name: name.parse().map_err(|error| format!("{name:?}: {error}"))?,
            host: host.parse().map_err(|error| format!("{host:?}: {error}"))?,
            address: address.trim_matches(['[', ']']).to_owned(),
            port: port.parse().map_err(|error| format!("{port:?}: {error}"))?,
            spiffe_id: spiffe_id
                .parse()
                .map_err(|error| format!("{spiffe_id:?}: {error}"))?,
        })
    }
}

/// What is between two lines of a template.
fn between<'a>(text: &'a str, from: &str, to: &str) -> Result<&'a str, CliError> {
    let found = text.find(from).and_then(|start| {
        let rest = text.get(start..)?;
        rest.get(..rest.find(to)?)
    });
    found.ok_or_else(|| {
        CliError::Failure(format!("the template has nothing from {from:?} to {to:?}"))
    })
}

/// One replacement that has to happen.
fn replace(text: &str, from: &str, to: &str) -> Result<String, CliError> {
    if !text.contains(from) {
        return Err(CliError::Failure(format!("the template has no {from:?}")));
    }
    Ok(text.replace(from, to))
}

/// A side's filter with the calls and what it needs for them.
fn knowing_calls(listener: &str) -> Result<String, CliError> {
    let mark = "                      \"allow_mark\":";
    let calls = "                      \"calls\": { \"secret\": \"${CALLS_SECRET}\", \"linger_s\": ${CALLS_LINGER:-0} },\n";
    let listener = replace(listener, mark, &[calls, mark].concat())?;
    let last = "                      proxy_call_foreign_function: {}\n";
    let shared = "                      proxy_get_shared_data: {}\n                      proxy_set_shared_data: {}\n";
    replace(&listener, last, &[last, shared].concat())
}

/// Puts a template together out of those of both sides.
pub(super) fn template(destinations: &[Destination]) -> Result<String, CliError> {
    let names: BTreeSet<_> = destinations.iter().map(|one| &one.name).collect();
    let hosts: BTreeSet<_> = destinations.iter().map(|one| one.host.as_str()).collect();
    if names.len() < destinations.len() || hosts.len() < destinations.len() {
        return Err(CliError::Usage(
            "two destinations have the same name or the same host".to_owned(),
        ));
    }
    let head = between(AGENT, "# Loopback only", "  - name: agent\n")?;
    let outbound = between(AGENT, "  - name: agent\n", "  clusters:\n")?;
    let routes = between(
        outbound,
        "            virtual_hosts:\n",
        "          http_filters:\n",
    )?;
    let outbound = replace(outbound, routes, &virtual_hosts(destinations))?;
    // Whoever propagates no `traceparent` may propagate this; it names requests in the ledger and nothing else.
    let outbound = replace(
        &outbound,
        "preserve_external_request_id: false",
        "preserve_external_request_id: true",
    )?;
    let inbound = between(RESOURCE, "  - name: resource\n", "  clusters:\n")?;
    let inbound = replace(inbound, "${LISTEN_PORT}", "${INBOUND_PORT}")?;
    let upstream = between(
        RESOURCE,
        "  - name: upstream\n",
        "  # Exchange, authority feed",
    )?;
    let cluster = between(
        AGENT,
        "  - name: resource_side\n",
        "  # Exchange, authority feed",
    )?;
    let sts = AGENT.find("  # Exchange, authority feed");
    let sts = sts.and_then(|start| AGENT.get(start..)).unwrap_or_default();
    let clusters: Result<Vec<_>, _> = destinations.iter().map(|to| to.cluster(cluster)).collect();
    Ok([
        INTRODUCTION,
        head,
        &knowing_calls(&outbound)?,
        &knowing_calls(&inbound)?,
        "  clusters:\n",
        upstream,
        &clusters?.concat(),
        sts,
    ]
    .concat())
}

/// The routes of the agent side: by host, and nowhere else.
fn virtual_hosts(destinations: &[Destination]) -> String {
    let mut text =
        "            ignore_port_in_host_matching: true\n            virtual_hosts:\n".to_owned();
    for to in destinations {
        // Writing to a `String` cannot fail.
        let _ = write!(
            text,
            "            - name: {name}\n              domains: [ \"{host}\" ]\n              routes:\n              \
             # No retries: the proxy must not pay twice.\n              - match: {{ prefix: \"/\" }}\n                \
             route: {{ cluster: to_{name}, timeout: \"${{UPSTREAM_TIMEOUT:-30s}}\" }}\n",
            name = to.name,
            host = to.host.as_str(),
        );
    }
    text + "            # Direct responses come from the router, so that here, too, the filter has decided before.\n            \
            - name: elsewhere\n              domains: [ \"*\" ]\n              routes:\n              \
            - match: { prefix: \"/\" }\n                direct_response: { status: 404 }\n"
}

impl Destination {
    fn cluster(&self, template: &str) -> Result<String, CliError> {
        let mut text = template.to_owned();
        for (from, to) in [
            ("resource_side", format!("to_{}", self.name)),
            ("${RESOURCE_SPIFFE_ID}", self.spiffe_id.as_str().to_owned()),
            ("${RESOURCE_HOST:-127.0.0.1}", self.address.clone()),
            ("${RESOURCE_PORT}", self.port.to_string()),
        ] {
            text = replace(&text, from, &to)?;
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::super::template::placeholders;
    use super::*;

    const BANK: &str = "bank=bank.internal,10.0.0.7:8443,spiffe://corp.example/ns/bank/sa/proxy";

    #[test]
    fn a_sidecar_is_both_sides_that_know_of_each_other() {
        let text = template(&[BANK.parse().unwrap()]).unwrap();
        for once in [
            "\"role\": \"agent\"",
            "\"role\": \"resource\"",
            "cluster_name: to_bank\n",
            "cluster_name: upstream\n",
            "cluster_name: caracal_sts\n",
            "exact: \"spiffe://corp.example/ns/bank/sa/proxy\"",
            "address: \"10.0.0.7\", port_value: 8443",
        ] {
            assert_eq!(text.matches(once).count(), 1, "{once}");
        }
        for twice in ["\"calls\":", "proxy_set_shared_data", "${ALLOW_MARK}\"\n"] {
            assert_eq!(text.matches(twice).count(), 2, "{twice}");
        }
        assert!(!text.contains("RESOURCE_PORT") && !text.contains("resource_side"));
        let names: Vec<_> = placeholders(&text).map(|one| one.unwrap().name).collect();
        for needed in [
            "LISTEN_PORT",
            "INBOUND_PORT",
            "UPSTREAM_PORT",
            "CALLS_SECRET",
        ] {
            assert!(names.contains(&needed), "{needed}");
        }
    }

    #[test]
    fn a_destination_is_read_strictly() {
        for wrong in [
            "",
            "bank",
            "bank=bank.internal",
            "bank=bank.internal,10.0.0.7,spiffe://corp.example/a",
            "bank=bank.internal,10.0.0.7:x,spiffe://corp.example/a",
            "bank=bank.internal,10.0.0.7:1,bank",
            "b\"k=bank.internal,10.0.0.7:1,spiffe://corp.example/a",
            "bank=bank .internal,10.0.0.7:1,spiffe://corp.example/a",
            "bank=bank.internal,${HOME}:1,spiffe://corp.example/a",
        ] {
            assert!(wrong.parse::<Destination>().is_err(), "{wrong}");
        }
        assert!(BANK.parse::<Destination>().is_ok());
    }

    #[test]
    fn two_ways_to_one_host_are_refused() {
        let bank: Destination = BANK.parse().unwrap();
        let again = Destination {
            name: "other".parse().unwrap(),
            ..bank.clone()
        };
        assert!(template(&[bank, again]).is_err());
    }
}
