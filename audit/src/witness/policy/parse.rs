//! The text of a policy (C2SP tlog-policy, "Policy file syntax and structure").

use std::collections::HashSet;

use super::fault::{MAX_BYTES, MAX_OF_A_KIND, PolicyError, PolicyFault};
use super::{Group, PolicyLog, PolicyWitness, TrustPolicy};
use crate::note::{CheckpointVerifier, CosignatureVerifier};

/// The quorum without a witness.
pub(super) const NONE: &str = "none";

pub(super) fn parse(text: &[u8]) -> Result<TrustPolicy, PolicyError> {
    let at = |line, fault| PolicyError { line, fault };
    if text.len() > MAX_BYTES {
        return Err(at(1, PolicyFault::TooLong));
    }
    let mut reader = Reader::default();
    let mut count = 0_usize;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        count = count.saturating_add(1);
        reader.line(line).map_err(|fault| at(count, fault))?;
    }
    let quorum = reader
        .quorum
        .ok_or_else(|| at(count.max(1), PolicyFault::NoQuorum))?;
    Ok(TrustPolicy {
        logs: reader.logs,
        witnesses: reader.witnesses,
        groups: reader.groups,
        quorum,
    })
}

/// What the lines so far say.
#[derive(Default)]
struct Reader {
    logs: Vec<PolicyLog>,
    witnesses: Vec<PolicyWitness>,
    groups: Vec<Group>,
    quorum: Option<String>,
    /// Names of witnesses and groups.
    names: HashSet<String>,
    /// Those that a group counts.
    members: HashSet<String>,
}

impl Reader {
    fn line(&mut self, line: &[u8]) -> Result<(), PolicyFault> {
        let line = line.strip_suffix(b"\n").ok_or(PolicyFault::NoEnd)?;
        if line
            .iter()
            .any(|byte| (*byte < b' ' && *byte != b'\t') || *byte == 0x7f)
        {
            return Err(PolicyFault::Control);
        }
        // Spaces and tabs only: what else is white space in Unicode may be part of a name.
        let mut items = line
            .split(|byte| matches!(byte, b' ' | b'\t'))
            .filter(|item| !item.is_empty())
            .peekable();
        if items.peek().is_none_or(|first| first.starts_with(b"#")) {
            return Ok(());
        }
        let items = items.map(|item| std::str::from_utf8(item).map_err(|_| PolicyFault::NotUtf8));
        let items = items.collect::<Result<Vec<_>, _>>()?;
        match items.as_slice() {
            ["log", rest @ ..] => self.log(rest),
            ["witness", rest @ ..] => self.witness(rest),
            ["group", rest @ ..] => self.group(rest),
            ["quorum", rest @ ..] => self.quorum(rest),
            _ => Err(PolicyFault::Keyword),
        }
    }

    fn log(&mut self, items: &[&str]) -> Result<(), PolicyFault> {
        let (key, url) = match items {
            [key] => (key, None),
            [key, url] => (key, Some((*url).to_owned())),
            _ => return Err(PolicyFault::Form("log <vkey> [<url>]")),
        };
        let verifier = CheckpointVerifier::from_text(key)?;
        let is_same = |log: &PolicyLog| log.verifier.is_same_key(&verifier);
        if self.logs.iter().any(is_same) {
            return Err(PolicyFault::DuplicateKey);
        }
        push(&mut self.logs, PolicyLog { verifier, url })
    }

    fn witness(&mut self, items: &[&str]) -> Result<(), PolicyFault> {
        let (name, key, url) = match items {
            [name, key] => (name, key, None),
            [name, key, url] => (name, key, Some((*url).to_owned())),
            _ => return Err(PolicyFault::Form("witness <name> <vkey> [<url>]")),
        };
        let verifier = CosignatureVerifier::from_text(key)?;
        let is_same = |witness: &PolicyWitness| witness.verifier.is_same_key(&verifier);
        if self.witnesses.iter().any(is_same) {
            return Err(PolicyFault::DuplicateKey);
        }
        let name = self.define(name)?;
        let witness = PolicyWitness {
            name,
            verifier,
            url,
        };
        push(&mut self.witnesses, witness)
    }

    fn group(&mut self, items: &[&str]) -> Result<(), PolicyFault> {
        let [name, threshold, members @ ..] = items else {
            return Err(PolicyFault::Form("group <name> <all|any|k> <name>..."));
        };
        if members.is_empty() {
            return Err(PolicyFault::Form("group <name> <all|any|k> <name>..."));
        }
        let threshold = threshold_of(threshold, members.len()).ok_or(PolicyFault::Threshold)?;
        for member in members {
            let member = (*member).to_owned();
            if !self.names.contains(&member) {
                return Err(PolicyFault::Undefined(member));
            }
            if !self.members.insert(member.clone()) {
                return Err(PolicyFault::CountedTwice(member));
            }
        }
        let group = Group {
            name: self.define(name)?,
            threshold,
            members: members.iter().map(|member| (*member).to_owned()).collect(),
        };
        push(&mut self.groups, group)
    }

    fn quorum(&mut self, items: &[&str]) -> Result<(), PolicyFault> {
        let [name] = items else {
            return Err(PolicyFault::Form("quorum <name>"));
        };
        let name = (*name).to_owned();
        if name != NONE && !self.names.contains(&name) {
            return Err(PolicyFault::Undefined(name));
        }
        if self.quorum.replace(name).is_some() {
            return Err(PolicyFault::SecondQuorum);
        }
        Ok(())
    }

    /// Takes a name for a witness or a group.
    fn define(&mut self, name: &str) -> Result<String, PolicyFault> {
        if name == NONE || !self.names.insert(name.to_owned()) {
            return Err(PolicyFault::NameTaken(name.to_owned()));
        }
        Ok(name.to_owned())
    }
}

fn push<T>(lines: &mut Vec<T>, line: T) -> Result<(), PolicyFault> {
    if lines.len() >= MAX_OF_A_KIND {
        return Err(PolicyFault::TooMany);
    }
    lines.push(line);
    Ok(())
}

/// How many of so many members.
fn threshold_of(text: &str, members: usize) -> Option<usize> {
    match text {
        "all" => Some(members),
        "any" => Some(1),
        // `parse` alone would take `+1` and `01`.
        _ if text.starts_with('0') || !text.bytes().all(|byte| byte.is_ascii_digit()) => None,
        _ => text.parse().ok().filter(|k| (1..=members).contains(k)),
    }
}
