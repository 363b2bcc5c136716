//! Files that others may have changed: nothing is read without a bound.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::Path;

/// The whole text of a small file.
pub(super) fn text(path: &Path, most: usize) -> io::Result<String> {
    let bound = u64::try_from(most).unwrap_or(u64::MAX);
    let mut text = String::new();
    let mut file = File::open(path)?.take(bound.saturating_add(1));
    file.read_to_string(&mut text)?;
    if text.len() > most {
        return Err(io::Error::other(format!("it has more than {most} bytes")));
    }
    Ok(text)
}

/// A line of a file, without its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line<'a> {
    pub(super) bytes: &'a [u8],
    /// Whether it ends as a line does; the last one of a file that was cut off does not.
    pub(super) is_whole: bool,
}

/// The lines of a file.
pub(super) struct Lines {
    file: BufReader<File>,
    line: Vec<u8>,
    most: usize,
}

impl Lines {
    /// Lines of up to `most` bytes.
    pub(super) fn open(path: &Path, most: usize) -> io::Result<Self> {
        Ok(Self {
            file: BufReader::with_capacity(1 << 16, File::open(path)?),
            line: Vec::new(),
            most,
        })
    }

    /// The next line. A longer one is an error, and the end of what can be read.
    pub(super) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.line.clear();
        let bound = u64::try_from(self.most).unwrap_or(u64::MAX);
        let mut bounded = self.file.by_ref().take(bound.saturating_add(1));
        bounded.read_until(b'\n', &mut self.line)?;
        if self.line.is_empty() {
            return Ok(None);
        }
        let is_whole = self.line.last() == Some(&b'\n');
        if !is_whole && self.line.len() > self.most {
            let what = format!("a line has more than {} bytes", self.most);
            return Err(io::Error::other(what));
        }
        let bytes = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
        Ok(Some(Line { bytes, is_whole }))
    }
}
