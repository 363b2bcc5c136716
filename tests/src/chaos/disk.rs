//! A small disk of its own, which can really be filled.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};

/// Names a directory on a small file system, where the program may not mount one.
const GIVEN: &str = "CARACAL_CHAOS_DISK";

/// Room for a server and the ledger of a run, in MiB. It is filled from memory.
const SIZE_MIB: u64 = 512;

/// Larger ones are not filled: somebody may need them.
const LARGEST_MIB: u64 = 1024;

/// Keeps the mount while its standard input is open, that is, while the program runs, however it
/// ends. Who has files on it may take a moment longer.
const KEEPER: &str = r#"
trap '' INT TERM
as_root() { if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi; }
dir=$(mktemp -d /tmp/caracal-disk.XXXXXX) || exit 1
as_root mount -t tmpfs -o "size=$1m,mode=1777" caracal-chaos "$dir" || { rmdir "$dir"; exit 1; }
echo "$dir"
cat >/dev/null
left=50
while ! as_root umount "$dir" 2>/dev/null && [ "$left" -gt 0 ]; do left=$((left - 1)); sleep 0.2; done
as_root umount -l "$dir" 2>/dev/null
rmdir "$dir"
"#;

/// The disk, and the file that fills it.
#[derive(Debug)]
pub(super) struct SmallDisk {
    directory: PathBuf,
    keeper: Option<Child>,
}

impl SmallDisk {
    /// Mounts one, or takes the one that the environment names.
    pub(super) fn mount() -> Result<Self> {
        if let Some(given) = std::env::var_os(GIVEN) {
            let directory = PathBuf::from(given);
            check(&directory).with_context(|| format!("{GIVEN}={}", directory.display()))?;
            return Ok(Self {
                directory,
                keeper: None,
            });
        }
        let mut keeper = Command::new("sh")
            .args(["-c", KEEPER, "keeper", &SIZE_MIB.to_string()])
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let output = keeper.stdout.take().context("it is piped")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        if line.is_empty() {
            let said = keeper.wait_with_output()?;
            bail!(
                "a disk that can be filled could not be mounted ({}). Run as root or with sudo, or mount a \
                 file system of at most {LARGEST_MIB} MiB that everybody may write to (`mount -t tmpfs -o \
                 size={SIZE_MIB}m,mode=1777 tmpfs DIR`) and set {GIVEN} to it",
                String::from_utf8_lossy(&said.stderr).trim()
            );
        }
        Ok(Self {
            directory: line.trim_end().into(),
            keeper: Some(keeper),
        })
    }

    /// Where it is.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Writes until the system says that nothing is left; again, when something was freed. Returns
    /// the bytes that were written.
    pub(super) fn fill(&self) -> Result<u64> {
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.filler())?;
        // Large pieces first, then what is left of a page.
        let large = write_until_full(&mut file, 1 << 20)?;
        Ok(large + write_until_full(&mut file, 1 << 12)?)
    }

    /// Gives the room back.
    pub(super) fn free(&self) -> Result<()> {
        match std::fs::remove_file(self.filler()) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn filler(&self) -> PathBuf {
        self.directory.join("filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _left = self.free();
        if let Some(mut keeper) = self.keeper.take() {
            // Its end of input is its sign.
            drop(keeper.stdin.take());
            let _ended = keeper.wait();
        }
    }
}

fn write_until_full(file: &mut File, size: usize) -> Result<u64> {
    let block = vec![0; size];
    let mut written = 0;
    while written < LARGEST_MIB << 20 {
        match file.write(&block) {
            // A short write is one that found less room than it wanted.
            Ok(count) if count == size => written += u64::try_from(count)?,
            Ok(count) => return Ok(written + u64::try_from(count)?),
            Err(error) if error.kind() == ErrorKind::StorageFull => return Ok(written),
            Err(error) => return Err(error).context("filling the disk"),
        }
    }
    bail!("the disk of the log is not full after {LARGEST_MIB} MiB")
}

/// A file system of its own, and a small one: nobody's root is filled.
fn check(directory: &Path) -> Result<()> {
    let parent = directory.parent().context("it has no parent")?;
    let own = std::fs::metadata(directory)?.dev() != std::fs::metadata(parent)?.dev();
    ensure!(own, "nothing is mounted there");
    let output = Command::new("df")
        .args(["--output=size", "-BM"])
        .arg(directory)
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let size = text
        .lines()
        .nth(1)
        .map(|line| line.trim().trim_end_matches('M'));
    let size: u64 = size.context("df says nothing of it")?.parse()?;
    ensure!(
        size <= LARGEST_MIB,
        "it has {size} MiB, more than {LARGEST_MIB}"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_is_no_disk_of_its_own_is_not_filled() {
        let directory = tempfile::tempdir().unwrap();
        let below = directory.path().join("below");
        std::fs::create_dir(&below).unwrap();
        assert!(check(&below).is_err());
    }
}
