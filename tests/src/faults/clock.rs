//! Clocks that can be set: a program whose readings a library shifts (`tests/clock/step.c`).

use std::io::SeekFrom;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _};

use crate::stack::parts;

/// The file that says how far off the wall clock is, and the monotonic one.
#[derive(Debug)]
pub(super) struct File(PathBuf);

impl File {
    /// The one in a folder.
    pub(super) fn of(folder: &Path) -> Self {
        Self(folder.join("clock"))
    }

    /// Makes one that is right.
    pub(super) async fn make(folder: &Path) -> Result<Self> {
        let file = Self::of(folder);
        tokio::fs::write(&file.0, [0; 16]).await?;
        Ok(file)
    }

    /// Sets the wall clock so many seconds off.
    pub(super) async fn set(&self, seconds: i64) -> Result<()> {
        self.write(0, seconds * 1_000_000_000).await
    }

    /// Sets the monotonic clock back by as long as its process stood still: as if its machine had.
    pub(super) async fn stood_still(&self, pause: Duration) -> Result<()> {
        let mut file = tokio::fs::File::open(&self.0).await?;
        file.seek(SeekFrom::Start(8)).await?;
        let mut before = [0; 8];
        file.read_exact(&mut before).await?;
        let before = i64::from_ne_bytes(before);
        self.write(8, before - i64::try_from(pause.as_nanos())?)
            .await
    }

    /// In place, because the processes have it mapped.
    async fn write(&self, at: u64, nanoseconds: i64) -> Result<()> {
        let mut options = tokio::fs::OpenOptions::new();
        let mut file = options.write(true).open(&self.0).await?;
        file.seek(SeekFrom::Start(at)).await?;
        file.write_all(&nanoseconds.to_ne_bytes()).await?;
        Ok(file.flush().await?)
    }

    /// Fails unless a process has it mapped. A library that was not loaded would leave its clock right,
    /// and nothing that follows would show that.
    pub(super) fn is_read_by(&self, pid: u32) -> Result<()> {
        let maps = std::fs::read_to_string(format!("/proc/{pid}/maps"))?;
        let path = self.0.to_str().context("a path in UTF-8")?;
        ensure!(
            maps.lines().any(|line| line.ends_with(path)),
            "process {pid} does not go by {path}"
        );
        Ok(())
    }

    /// A program that runs another by this clock, as the same process.
    pub(super) async fn script(&self, program: &Path, folder: &Path) -> Result<PathBuf> {
        let name = program.file_name().context("a program has a name")?;
        let path = folder.join(name).with_extension("sh");
        let library = parts::tool("CARACAL_CLOCK_LIBRARY", "lib/clock.so")?;
        let text = format!(
            "#!/bin/sh\nLD_PRELOAD='{}' CARACAL_CLOCK='{}' exec '{}' \"$@\"\n",
            library.display(),
            self.0.display(),
            program.display()
        );
        tokio::fs::write(&path, text).await?;
        tokio::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).await?;
        Ok(path)
    }
}
