//! The ledger: every decision is in it, and a changed byte is found.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use tokio::process::Command;

use super::Stage;
use super::narrator::Narrator;

pub(super) async fn play(stage: &mut Stage, narrator: &mut Narrator) -> Result<()> {
    narrator.chapter("The ledger")?;
    let copy = stage.stack.folder().join("ledger-copy.db");
    let live = stage.stack.authority.data.join("ledger.db");
    backup(&live, &copy).await?;
    let (clean, text) = verify(stage, &copy).await?;
    narrator.step(
        "`caracal audit verify` finds a copy of the live ledger whole",
        clean,
        &last_line(&text),
    )?;

    let entry = change_one_byte(&copy).await?;
    let (clean, text) = verify(stage, &copy).await?;
    let named = text
        .lines()
        .find(|line| names(line, &entry))
        .map(str::to_owned);
    narrator.step(
        "with one byte of one entry changed, the verifier names that entry",
        !clean && named.is_some(),
        named.unwrap_or_else(|| last_line(&text)).trim(),
    )
}

async fn verify(stage: &Stage, file: &Path) -> Result<(bool, String)> {
    let output = Command::new(&stage.stack.parts.caracal)
        .args(["audit", "verify", "--ledger"])
        .arg(file)
        .arg("--key")
        .arg(stage.stack.authority.data.join("ledger.vkey"))
        .output()
        .await?;
    let text = [output.stdout, output.stderr].concat();
    Ok((
        output.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    ))
}

fn last_line(text: &str) -> String {
    text.lines()
        .rfind(|line| !line.trim().is_empty())
        .unwrap_or("no output")
        .trim()
        .to_owned()
}

/// A consistent copy of a database that is in use.
async fn backup(from: &Path, to: &Path) -> Result<()> {
    let program = "import sqlite3,sys\na=sqlite3.connect(sys.argv[1]);b=sqlite3.connect(sys.argv[2])\nwith b: a.backup(b)";
    python(program, &[from, to]).await?;
    Ok(())
}

/// Flips a bit inside the body of an entry in the middle; gives its index.
async fn change_one_byte(file: &Path) -> Result<String> {
    let program = "import sqlite3,sys
d=sqlite3.connect(sys.argv[1])
z='payments'
n,=d.execute('select count(*) from log_entries where zone=?',(z,)).fetchone()
index,body=d.execute('select idx,body from log_entries where zone=? order by idx limit 1 offset ?',(z,n//2)).fetchone()
b=bytearray(body); b[len(b)//2]^=1
with d: d.execute('update log_entries set body=? where zone=? and idx=?',(bytes(b),z,index))
print('entry %d' % index)";
    Ok(python(program, &[file]).await?.trim().to_owned())
}

async fn python(program: &str, arguments: &[&Path]) -> Result<String> {
    let output = Command::new("python3")
        .arg("-c")
        .arg(program)
        .args(arguments)
        .output()
        .await;
    let output = output.context("this step needs python3")?;
    if !output.status.success() {
        bail!("python3: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// Whether a line names the entry, and not one whose number begins alike.
fn names(line: &str, entry: &str) -> bool {
    line.split_once(entry)
        .is_some_and(|(_, rest)| !rest.starts_with(|next: char| next.is_ascii_digit()))
}
