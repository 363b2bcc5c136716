//! The configuration that is shipped, with its listener and its clusters in files that Envoy watches.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::stack::envoy::{Envoy, Rendered};
use crate::stack::wait;

/// Longest wait until Envoy has taken, or refused, an update: it may have to compile the filter.
const TAKEN: Duration = Duration::from_secs(30);

/// What becomes of the listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListenerEdit {
    /// It goes.
    Gone,
    /// Another configuration of the filter.
    Renamed,
    /// A configuration that the filter refuses.
    Misspelt,
    /// A module that is none.
    NoModule,
    /// The same in a VM of its own.
    AnotherVm,
}

/// What becomes of the token service's cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClusterEdit {
    /// It goes.
    Gone,
    /// It has no endpoint.
    NoEndpoint,
    /// One call at a time, further ones overflow.
    OneCall,
}

/// The two files.
#[derive(Debug)]
pub(super) struct Resources {
    listeners: PathBuf,
    clusters: PathBuf,
    listener: String,
    services: String,
    garbage: PathBuf,
}

/// Splits a rendered configuration, and makes it point to the files.
pub(super) async fn split(rendered: &Rendered, folder: &Path) -> Result<(Rendered, Resources)> {
    let text = tokio::fs::read_to_string(&rendered.path).await?;
    let (head, rest) = text
        .split_once("static_resources:\n  listeners:\n")
        .context("no listeners")?;
    let (listener, services) = rest.split_once("\n  clusters:\n").context("no clusters")?;
    let folder = folder.join(format!("{}.xds", rendered.instance));
    tokio::fs::create_dir_all(&folder).await?;
    let resources = Resources {
        listeners: folder.join("lds.yaml"),
        clusters: folder.join("cds.yaml"),
        listener: typed(listener, "envoy.config.listener.v3.Listener"),
        services: typed(services, "envoy.config.cluster.v3.Cluster"),
        garbage: folder.join("garbage.wasm"),
    };
    tokio::fs::write(&resources.garbage, b"no module").await?;
    put(&resources.listeners, &resources.listener).await?;
    put(&resources.clusters, &resources.services).await?;
    let source = |path: &Path| {
        format!(
            "{{ resource_api_version: V3, path_config_source: {{ path: \"{}\", watched_directory: {{ path: \"{}\" }} }} }}",
            path.display(),
            folder.display()
        )
    };
    let bootstrap = format!(
        "node: {{ id: \"{}\", cluster: faults }}\n{head}dynamic_resources:\n  lds_config: {}\n  cds_config: {}\n",
        rendered.instance,
        source(&resources.listeners),
        source(&resources.clusters)
    );
    let rendered = rendered.edited(|_| Ok(bootstrap)).await?;
    Ok((rendered, resources))
}

/// A list of resources as a file of its own.
fn typed(list: &str, kind: &str) -> String {
    let lines = list.lines().map(|line| {
        let line = line.strip_prefix("  ").unwrap_or(line);
        line.strip_prefix("- name:").map_or_else(
            || line.to_owned(),
            |name| format!("- \"@type\": type.googleapis.com/{kind}\n  name:{name}"),
        )
    });
    let lines: Vec<_> = lines.collect();
    format!("resources:\n{}\n", lines.join("\n"))
}

/// Moved into its place: Envoy looks at moves, and must never see half of it.
async fn put(path: &Path, text: &str) -> Result<()> {
    let new = path.with_extension("new");
    tokio::fs::write(&new, text).await?;
    tokio::fs::rename(&new, path).await?;
    Ok(())
}

fn replaced(text: &str, from: &str, to: &str) -> Result<String> {
    ensure!(text.contains(from), "the configuration has no {from}");
    Ok(text.replace(from, to))
}

impl Resources {
    /// Changes the listener, and waits until Envoy has taken that, or refused it.
    pub(super) async fn edit_listener(&self, envoy: &Envoy, edit: ListenerEdit) -> Result<()> {
        let (text, outcome) = match edit {
            ListenerEdit::Gone => ("resources: []\n".to_owned(), "update_success"),
            ListenerEdit::Renamed => (
                replaced(&self.listener, "\"instance\": \"", "\"instance\": \"re-")?,
                "update_success",
            ),
            ListenerEdit::Misspelt => (
                replaced(&self.listener, "\"instance\":", "\"instanse\":")?,
                "update_rejected",
            ),
            ListenerEdit::NoModule => {
                let named = self.listener.split("filename: \"");
                let mut modules = named.filter_map(|rest| rest.split('"').next());
                let module = modules.find(|path| path.contains(".wasm"));
                let module = module.context("no module")?;
                let garbage = self.garbage.display().to_string();
                (
                    replaced(&self.listener, module, &garbage)?,
                    "update_rejected",
                )
            }
            ListenerEdit::AnotherVm => (
                replaced(&self.listener, "vm_id: \"caracal.", "vm_id: \"another.")?,
                "update_success",
            ),
        };
        let counter = format!("listener_manager.lds.{outcome}");
        self.update(envoy, &self.listeners, &text, &counter).await
    }

    /// Puts the listener back.
    pub(super) async fn restore_listener(&self, envoy: &Envoy) -> Result<()> {
        let counter = "listener_manager.lds.update_success";
        let (path, text) = (&self.listeners, &self.listener);
        self.update(envoy, path, text, counter).await
    }

    /// Changes the token service's cluster.
    pub(super) async fn edit_cluster(&self, envoy: &Envoy, edit: ClusterEdit) -> Result<()> {
        let start = "- \"@type\": type.googleapis.com/envoy.config.cluster.v3.Cluster\n  name: caracal_sts\n";
        let (others, service) = self.services.split_once(start).context("no service")?;
        let service = match edit {
            ClusterEdit::Gone => String::new(),
            ClusterEdit::NoEndpoint => {
                let at = service.find("endpoints: [").context("no endpoints")?;
                let (before, _) = service.split_at(at);
                format!("{start}{before}endpoints: []\n")
            }
            ClusterEdit::OneCall => {
                let service = replaced(service, "max_requests: 4096", "max_requests: 1")?;
                format!("{start}{service}")
            }
        };
        let text = format!("{others}{service}");
        self.update(
            envoy,
            &self.clusters,
            &text,
            "cluster_manager.cds.update_success",
        )
        .await
    }

    /// Puts the clusters back.
    pub(super) async fn restore_clusters(&self, envoy: &Envoy) -> Result<()> {
        let counter = "cluster_manager.cds.update_success";
        let (path, text) = (&self.clusters, &self.services);
        self.update(envoy, path, text, counter).await
    }

    async fn update(&self, envoy: &Envoy, path: &Path, text: &str, counter: &str) -> Result<()> {
        // An update that changes nothing counts as one as well.
        let before = count(envoy, counter).await?;
        put(path, text).await?;
        wait::until(counter, TAKEN, async || {
            (count(envoy, counter).await.ok()? > before).then_some(())
        })
        .await
    }
}

/// A counter of Envoy's. One that nothing was added to may not be there yet.
pub(super) async fn count(envoy: &Envoy, name: &str) -> Result<u64> {
    let stats = envoy.admin(&format!("/stats?filter={name}")).await?;
    let lines = stats.lines().filter_map(|line| line.split_once(": "));
    let mut own = lines.filter(|(named, _)| *named == name);
    own.next()
        .map_or(Ok(0), |(_, number)| Ok(number.trim().parse()?))
}
