//! A request in the zone's words, as the input document that the token service would make of it.

use std::borrow::Cow;

use caracal_mandate::catalog::Resource;
use caracal_mandate::name::Name;
use caracal_mandate::operation::Operation;
use caracal_mandate::scope::{Scope, ScopeSet};
use caracal_mandate::spiffe::SpiffeId;
use caracal_store::model::{Application, Grant};
use caracal_store::{Listed, Revocable};
use caracal_sts::policy::{
    ApplicationInput, GrantInput, OperationInput, PolicyInput, RequestInput, ResourceInput,
    SessionInput, SubjectInput,
};
use clap::Args;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::super::Context;
use super::super::error::CliError;
use super::super::session::label;

/// Who asks for what. The rest is looked up in the zone.
#[derive(Debug, Args)]
pub(crate) struct RequestArgs {
    /// Application that asks, instead of an input document.
    #[arg(
        long = "app",
        value_name = "NAME",
        requires = "resource",
        conflicts_with = "input"
    )]
    application: Option<Name>,
    /// Its workload; the first one if it is left out.
    #[arg(long, value_name = "ID", requires = "application")]
    spiffe_id: Option<SpiffeId>,
    /// Resource that it asks for.
    #[arg(long, value_name = "NAME", requires = "application")]
    resource: Option<Name>,
    /// Operation there, whose scopes it needs: as Envoy asks.
    #[arg(
        long,
        value_name = "NAME",
        requires = "resource",
        conflicts_with = "scopes"
    )]
    operation: Option<Name>,
    /// Path of the request; the operation's template if it is left out.
    #[arg(long, requires = "operation")]
    path: Option<String>,
    /// Scopes that it asks for, as at the token endpoint; all of the grant if they are left out.
    #[arg(long = "scope", num_args = 1.., value_name = "SCOPE", value_parser = Scope::parse, requires = "resource")]
    scopes: Vec<Scope>,
    /// User on whose behalf, as ISSUER:ID.
    #[arg(long, requires = "application")]
    user: Option<String>,
    /// Class of the user's authentication.
    #[arg(long, requires = "user")]
    acr: Option<String>,
    /// Unix second of the user's authentication.
    #[arg(long, value_name = "SECOND", requires = "user")]
    auth_time: Option<u64>,
    /// Applications that the authority went through before, root first.
    #[arg(long, num_args = 1.., value_name = "NAME", requires = "application")]
    via: Vec<Name>,
    /// Whether its session was declared.
    #[arg(long, requires = "application")]
    declared: bool,
    /// Labels of its declared session, and of those on whose behalf it is, such as run=nightly.
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = label, requires = "application")]
    labels: Vec<(Name, String)>,
    /// Unix second of the request; now if it is left out.
    #[arg(long, value_name = "SECOND", requires = "application")]
    at: Option<u64>,
}

#[derive(Deserialize)]
struct Items<T> {
    items: Vec<T>,
}

impl RequestArgs {
    /// The input document, if a request is described.
    pub(super) async fn document(
        &self,
        context: &Context,
        now_s: u64,
    ) -> Result<Option<String>, CliError> {
        let (Some(application), Some(resource)) = (&self.application, &self.resource) else {
            return Ok(None);
        };
        let applications: Vec<Revocable<Application>> = list(context, "applications").await?;
        let known = applications.into_iter().map(|one| one.item);
        let known = find(known, "application", application, |one| &one.name)?;
        let resources: Vec<Listed<Resource>> = list(context, "resources").await?;
        let resources = resources.into_iter().map(|one| one.item);
        let resource = find(resources, "resource", resource, |one| &one.name)?;
        let grants: Vec<Revocable<Grant>> = list(context, "grants").await?;
        let live = grants.into_iter().filter(|one| !one.revoked);
        let live: Vec<_> = live.map(|one| one.item).collect();
        let zone = context.zone.as_ref().map_or("", Name::as_str);
        let now_s = self.at.unwrap_or(now_s);
        let input = self.input(zone, &known, &resource, &live, now_s)?;
        Ok(Some(input))
    }

    fn input(
        &self,
        zone: &str,
        application: &Application,
        resource: &Resource,
        grants: &[Grant],
        now_s: u64,
    ) -> Result<String, CliError> {
        let operation = self.operation.as_ref().map(|name| {
            let operations = resource.operations.iter();
            find(operations, "operation", name, |one: &&Operation| &one.name)
        });
        let operation = operation.transpose()?;
        let named = ScopeSet::new(self.scopes.iter().cloned());
        let named = named.map_err(|error| CliError::Usage(error.to_string()))?;
        let wanted = operation.map_or(&named, |operation| &operation.scopes);
        let root = self.via.first().unwrap_or(&application.name);
        let covers = |grant: &&Grant| {
            grant.application == *root
                && grant.resource == resource.name
                && grant.expires_at.is_none_or(|end| now_s < end)
                && wanted.is_subset(&grant.scopes)
        };
        let grant = grants.iter().filter(covers);
        let grant = grant.max_by_key(|grant| grant.scopes.iter().count());
        let grant = grant.ok_or_else(|| {
            CliError::Failure(format!(
                "no live grant of application {root} covers that, so nothing is issued whatever the \
                 policy says: see `caracal grant list`"
            ))
        })?;
        let scopes = if wanted.is_empty() {
            &grant.scopes
        } else {
            wanted
        };
        let workload = self.spiffe_id.as_ref().or(application.spiffe_ids.first());
        let own = application.name.as_str();
        let user = self.user.as_deref().map(|user| {
            let named = user.split_once(':').filter(|(_, id)| !id.is_empty());
            named.ok_or_else(|| CliError::Usage("--user is ISSUER:ID".to_owned()))
        });
        let subject = match user.transpose()? {
            Some((issuer, id)) => SubjectInput {
                kind: "user",
                id,
                issuer: Some(issuer),
                acr: self.acr.as_deref(),
                auth_time: self.auth_time,
            },
            None => SubjectInput {
                kind: "application",
                id: root.as_str(),
                issuer: None,
                acr: None,
                auth_time: None,
            },
        };
        let template = operation.map(|operation| operation.path.to_string());
        let path = self.path.as_ref().or(template.as_ref());
        let host = resource.hosts.first().map(ToString::to_string);
        let request = operation.zip(path).map(|(operation, path)| RequestInput {
            method: operation.method.as_str(),
            path,
            host: host.as_deref().unwrap_or_default(),
        });
        let labels = self.labels.iter();
        let labels = labels.map(|(name, value)| (name.to_string(), value.clone()));
        let labels = labels.collect();
        let before = self.via.iter().map(Name::as_str);
        let input = PolicyInput {
            zone,
            application: ApplicationInput {
                name: own,
                spiffe_id: workload.map_or("", SpiffeId::as_str),
            },
            resource: ResourceInput {
                name: resource.name.as_str(),
                uri: resource.uri.as_str(),
            },
            operation: operation.map(|operation| OperationInput {
                name: operation.name.as_str(),
                method: operation.method.as_str(),
                path: operation.path.to_string(),
            }),
            scopes: scopes.iter().map(Scope::as_str).collect(),
            grant: GrantInput { id: &grant.id },
            subject,
            delegation: before.chain([own]).collect(),
            session: SessionInput {
                declared: self.declared || !self.labels.is_empty(),
                labels: Cow::Owned(labels),
            },
            request,
            now: now_s,
        };
        serde_json::to_string(&input).map_err(|error| CliError::Failure(error.to_string()))
    }
}

async fn list<T: DeserializeOwned>(context: &Context, what: &str) -> Result<Vec<T>, CliError> {
    let answer = context.client.get(&context.zone_path(what)?).await?;
    let read = serde_json::from_value(answer).map(|Items { items }| items);
    read.map_err(|error| CliError::Failure(format!("the list of {what} is not readable: {error}")))
}

fn find<T>(
    mut all: impl Iterator<Item = T>,
    kind: &str,
    name: &Name,
    name_of: impl Fn(&T) -> &Name,
) -> Result<T, CliError> {
    all.find(|one| name_of(one) == name)
        .ok_or_else(|| CliError::Failure(format!("there is no {kind} {name}")))
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::{Value, json};

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[arg(long)]
        input: Option<String>,
        #[command(flatten)]
        request: RequestArgs,
    }

    fn described(line: &str) -> Result<Value, String> {
        let words = ["x", "--app", "payout", "--resource", "bank"].into_iter();
        let line = Line::try_parse_from(words.chain(line.split_whitespace()));
        let line = line.map_err(|error| error.to_string())?;
        assert_eq!(line.input, None);
        let application = json!({"name": "payout", "spiffe_ids": ["spiffe://d.example/payout"]});
        let resource = json!({"name": "bank", "uri": "https://bank.internal", "hosts": ["bank.internal"],
            "operations": [
                {"name": "read", "method": "GET", "path": "/accounts/{id}", "scopes": ["accounts:read"]},
                {"name": "pay", "method": "POST", "path": "/payments", "scopes": ["payments:write"]}]});
        let grant = |id: &str, application: &str, scopes: &[&str]| {
            json!({"id": id, "application": application, "resource": "bank", "scopes": scopes,
                "expires_at": 2000, "max_lifetime": null})
        };
        let grants = json!([
            grant("grt_1", "payout", &["accounts:read"]),
            grant("grt_2", "worker", &["accounts:read", "payments:write"]),
        ]);
        let input = line.request.input(
            "acme",
            &serde_json::from_value(application).unwrap(),
            &serde_json::from_value(resource).unwrap(),
            &serde_json::from_value::<Vec<Grant>>(grants).unwrap(),
            line.request.at.unwrap_or(1000),
        );
        let input = input.map_err(|error| error.to_string())?;
        Ok(serde_json::from_str(&input).unwrap())
    }

    #[test]
    fn an_operation_is_described_as_envoy_asks_for_it() {
        let input = described("--operation read --path /accounts/42").unwrap();
        assert_eq!(
            input,
            json!({
                "zone": "acme",
                "application": {"name": "payout", "spiffe_id": "spiffe://d.example/payout"},
                "resource": {"name": "bank", "uri": "https://bank.internal"},
                "operation": {"name": "read", "method": "GET", "path": "/accounts/{id}"},
                "scopes": ["accounts:read"],
                "grant": {"id": "grt_1"},
                "subject": {"type": "application", "id": "payout", "issuer": null, "acr": null, "auth_time": null},
                "delegation": ["payout"],
                "session": {"declared": false, "labels": {}},
                "request": {"method": "GET", "path": "/accounts/42", "host": "bank.internal"},
                "now": 1000,
            })
        );
    }

    #[test]
    fn a_user_and_a_delegation_are_described_as_at_the_token_endpoint() {
        let line = "--via worker --user staff:alice:2 --acr urn:mfa --auth-time 900 --scope payments:write";
        let input = described(line).unwrap();
        assert_eq!(input["grant"]["id"], "grt_2", "of the root");
        assert_eq!(input["delegation"], json!(["worker", "payout"]));
        assert_eq!(
            described("--scope accounts:read --label run=nightly --label tier=1").unwrap()["session"],
            json!({"declared": true, "labels": {"run": "nightly", "tier": "1"}})
        );
        assert_eq!(
            described("--scope accounts:read --declared").unwrap()["session"],
            json!({"declared": true, "labels": {}})
        );
        let subject = json!({"type": "user", "id": "alice:2", "issuer": "staff", "acr": "urn:mfa", "auth_time": 900});
        assert_eq!(input["subject"], subject);
        assert_eq!(
            (&input["operation"], &input["request"]),
            (&Value::Null, &Value::Null)
        );
    }

    #[test]
    fn what_no_grant_covers_needs_no_policy_to_be_refused() {
        for line in ["--operation pay", "--scope payments:write", "--at 2000"] {
            let error = described(line).unwrap_err();
            assert!(
                error.contains("no live grant of application payout"),
                "{line}: {error}"
            );
        }
        for line in [
            "--operation nothing",
            "--user alice",
            "--acr x",
            "--input f",
        ] {
            assert!(described(line).is_err(), "{line}");
        }
    }
}
