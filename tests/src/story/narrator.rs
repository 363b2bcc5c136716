//! Telling what happens: numbered steps with a tick or a cross and one plain sentence each.

use std::io::{IsTerminal as _, Write};

use anyhow::Result;
use tokio::time::Instant;

/// Writes the story and remembers how its steps came out.
pub struct Narrator {
    out: Box<dyn Write + Send>,
    colour: bool,
    start: Instant,
    steps: Vec<(String, bool)>,
}

impl std::fmt::Debug for Narrator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Narrator")
            .field("steps", &self.steps)
            .finish_non_exhaustive()
    }
}

impl Narrator {
    /// To standard output, in colour on a terminal.
    #[must_use]
    pub fn stdout() -> Self {
        let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self {
            out: Box::new(std::io::stdout()),
            colour,
            start: Instant::now(),
            steps: Vec::new(),
        }
    }

    /// A heading.
    pub fn chapter(&mut self, title: &str) -> Result<()> {
        let title = self.paint("1", title);
        writeln!(self.out, "\n{title}")?;
        Ok(())
    }

    /// A line of detail.
    pub fn note(&mut self, text: &str) -> Result<()> {
        let text = self.paint("2", text);
        writeln!(self.out, "       {text}")?;
        self.out.flush()?;
        Ok(())
    }

    /// A step: what is claimed, whether it held, and what was seen.
    pub fn step(&mut self, claim: &str, held: bool, seen: &str) -> Result<()> {
        let number = self.steps.len() + 1;
        let mark = if held {
            self.paint("32", "\u{2713}")
        } else {
            self.paint("31", "\u{2717}")
        };
        let seen = self.paint("2", &format!("[{seen}]"));
        writeln!(self.out, "  {number:>2} {mark} {claim} {seen}")?;
        self.out.flush()?;
        self.steps.push((claim.to_owned(), held));
        Ok(())
    }

    /// How many steps did not hold.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.steps.iter().filter(|(_, held)| !held).count()
    }

    /// The table at the end.
    pub fn summary(&mut self) -> Result<()> {
        self.chapter("Summary")?;
        let (all, failed) = (self.steps.len(), self.failed());
        for (number, (claim, held)) in self.steps.clone().iter().enumerate() {
            let verdict = if *held {
                self.paint("32", "holds ")
            } else {
                self.paint("31", "FAILED")
            };
            writeln!(self.out, "  {:>2}  {verdict}  {claim}", number + 1)?;
        }
        let took = self.start.elapsed().as_secs_f64();
        writeln!(
            self.out,
            "\n  {} of {all} steps hold ({took:.1} s)",
            all - failed
        )?;
        self.out.flush()?;
        Ok(())
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colour {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}
