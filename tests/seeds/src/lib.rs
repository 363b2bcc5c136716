//! The seed corpus of the fuzz targets: `tests/fuzz/seeds`, one folder for each target.
//!
//! A file is named for what becomes of it: `good-...` is accepted, `bad-...` is refused. Each crate
//! makes the seeds of its own targets in a test, which holds them against the files that are
//! committed; with `CARACAL_REGENERATE=1` it writes them. So the laws that the fuzzer looks for
//! exceptions to are tried on every seed in every test run, without a fuzzer.

use std::path::PathBuf;
use std::{fs, io};

/// A seed that a test makes: its name and its bytes.
pub type Seed = (&'static str, Vec<u8>);

/// Holds a target's seeds against the files, and the law against every file. `law` says whether it
/// accepts an input, and panics where the input breaks it.
///
/// # Errors
/// When the folder cannot be read, or written.
///
/// # Panics
/// When a seed is not the file of its name, or is not taken as its name says.
pub fn hold(target: &str, made: &[Seed], law: impl Fn(&[u8]) -> bool) -> io::Result<()> {
    let folder: PathBuf = [env!("CARGO_MANIFEST_DIR"), "../fuzz/seeds", target]
        .iter()
        .collect();
    let regenerate = std::env::var_os("CARACAL_REGENERATE").is_some_and(|value| value == "1");
    if regenerate {
        fs::create_dir_all(&folder)?;
        for (name, bytes) in made {
            fs::write(folder.join(name), bytes)?;
        }
    }
    for (name, bytes) in made {
        let kept = fs::read(folder.join(name)).unwrap_or_default();
        assert!(
            kept == *bytes,
            "{target}/{name} is not what is made now; CARACAL_REGENERATE=1 writes it"
        );
    }
    for file in fs::read_dir(&folder)? {
        let file = file?;
        let name = file.file_name().to_string_lossy().into_owned();
        let accepted = law(&fs::read(file.path())?);
        let expected = match name.split('-').next() {
            Some("good") => true,
            Some("bad") => false,
            _ => accepted,
        };
        assert_eq!(
            accepted, expected,
            "{target}/{name}: whether it is accepted"
        );
    }
    Ok(())
}
