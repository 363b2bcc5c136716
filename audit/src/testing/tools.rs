//! Programs that others wrote, which tests run. A test that needs one fails without it.

use std::path::PathBuf;

/// A program that `make setup` has put into our cache, or that a variable names.
pub(crate) fn tool(variable: &str, name: &str) -> PathBuf {
    let cache = || {
        let home = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
        home.unwrap().join("caracal/tools").join(name)
    };
    let path = std::env::var_os(variable).map_or_else(cache, PathBuf::from);
    let shown = path.display();
    assert!(
        path.exists(),
        "{shown} is missing: run make setup, or set {variable}"
    );
    path
}
