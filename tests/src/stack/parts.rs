//! Where the programs under test are.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};

/// The programs under test.
#[derive(Debug, Clone)]
pub struct Parts {
    /// The `caracal` command.
    pub caracal: PathBuf,
    /// The filter's Wasm module.
    pub filter: PathBuf,
    /// Envoy.
    pub envoy: PathBuf,
}

impl Parts {
    /// Finds them: by the environment, else where make leaves them.
    pub fn find() -> Result<Self> {
        let cache = std::env::var_os("XDG_CACHE_HOME").map_or_else(
            || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache"),
            PathBuf::from,
        );
        Ok(Self {
            caracal: part(
                "CARACAL_BIN",
                &beside_this_program()?.join("caracal"),
                "build",
            )?,
            filter: part(
                "CARACAL_FILTER_WASM",
                &repository().join("target/wasm/caracal-filter.wasm"),
                "wasm",
            )?,
            envoy: part(
                "CARACAL_ENVOY",
                &cache.join("caracal/envoy-1.40.0/envoy"),
                "setup",
            )?,
        })
    }
}

/// The build of the filter that can be made to trap.
pub(crate) fn trap_filter() -> Result<PathBuf> {
    let built = repository().join("target/wasm/caracal-filter-trap.wasm");
    part("CARACAL_TRAP_FILTER_WASM", &built, "wasm")
}

/// The least that a Wasm filter does, which the benchmark holds ours against.
pub(crate) fn floor() -> Result<PathBuf> {
    let built = repository().join("target/wasm/caracal-floor.wasm");
    part("CARACAL_FLOOR_WASM", &built, "wasm")
}

/// The folder of the repository.
#[must_use]
pub fn repository() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// The folder that cargo leaves programs in; test programs run from `deps` below it.
fn beside_this_program() -> Result<PathBuf> {
    let mut folder = std::env::current_exe()?;
    folder.pop();
    if folder.ends_with("deps") {
        folder.pop();
    }
    Ok(folder)
}

/// A part of the tool chain that `make setup` installs.
pub(crate) fn tool(variable: &str, name: &str) -> Result<PathBuf> {
    let cache = || {
        let home = std::env::var_os("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))?;
        Some(home.join("caracal/tools").join(name))
    };
    let path = std::env::var_os(variable)
        .map(PathBuf::from)
        .or_else(cache)
        .with_context(|| format!("neither {variable} nor HOME is set"))?;
    ensure!(
        path.exists(),
        "{} is missing: run make setup",
        path.display()
    );
    Ok(path)
}

fn part(variable: &str, default: &Path, target: &str) -> Result<PathBuf> {
    let path = std::env::var_os(variable).map_or_else(|| default.to_owned(), PathBuf::from);
    if !path.is_file() {
        bail!(
            "{} is missing: run `make {target}`, or set {variable} to it",
            path.display()
        );
    }
    Ok(path)
}
