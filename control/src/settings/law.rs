//! The law of configurations.

use std::ffi::OsString;
use std::path::PathBuf;

use super::mistake::Mistakes;
use super::{Asked, Program, Settings, file};

/// What stands for a secret in an input.
const SECRET: &str = "hunter2hunter2";

/// The input is a word and lines behind it: `file` and the text of a file, or the name of a command
/// and its arguments.
///
/// Every mistake says what is wrong, and repeats no value: a secret that stands where it does not
/// belong is shown to nobody.
///
/// # Panics
/// When the input breaks the law.
#[must_use]
pub fn settings(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else {
        return false;
    };
    let (word, text) = text.split_once('\n').unwrap_or((text, ""));
    let program = match word {
        "file" => return read(text),
        "up" => Program::Up,
        "sts" => Program::Sts,
        "control" => Program::Control,
        _ => return false,
    };
    // Nothing of this machine is read.
    let own = |argument: &&str| !argument.contains("config");
    let arguments: Vec<OsString> = text.lines().filter(own).map(OsString::from).collect();
    match Settings::read(program, &arguments, &|_| None) {
        Ok(Asked::Help | Asked::Check | Asked::Serve(_)) => true,
        Err(mistakes) => {
            assert!(!mistakes.0.is_empty());
            shows_no_secret(&mistakes);
            // Files of an identity are not there, whatever the arguments say.
            mistakes.0.iter().all(|mistake| {
                mistake.text.contains("exist") || mistake.text.contains("no such file")
            })
        }
    }
}

fn read(text: &str) -> bool {
    let mut mistakes = Mistakes::default();
    let members = file::parse(text, PathBuf::from("caracal.toml"), &mut mistakes);
    let names: Vec<_> = members.iter().map(|member| member.setting.name).collect();
    let distinct: std::collections::BTreeSet<_> = names.iter().collect();
    assert!(distinct.len() == names.len(), "a member twice");
    shows_no_secret(&mistakes);
    mistakes.0.is_empty()
}

fn shows_no_secret(mistakes: &Mistakes) {
    for mistake in &mistakes.0 {
        assert!(!mistake.text.is_empty());
        // A path below a directory that was given is named; so is a parameter of a database's URL.
        let named =
            mistake.text.contains("does not exist") || mistake.text.contains("unknown parameter");
        assert!(named || !mistake.text.contains(SECRET), "{}", mistake.text);
    }
    let shown = mistakes.to_string();
    assert!(mistakes.0.is_empty() || shown.lines().count() > mistakes.0.len());
}

#[cfg(test)]
mod tests {
    #[test]
    fn seeds_are_read_as_their_names_say() {
        let seeds = [
            (
                "good-file",
                "file\ndata = \"/var/lib/caracal\"\nlease-ms = 2000\nlog = \"json\"\ncontrol-id = [\"spiffe://d/c\"]\n",
            ),
            (
                "good-arguments",
                "sts\n--grpc=127.0.0.1:9090\n--log-level\ninfo,caracal=debug\n--database\nsqlite:a.db",
            ),
            ("good-help", "up\n--help"),
            (
                "bad-file",
                "file\ndata = [1]\nlaese-ms = 2000\npassword = \"hunter2hunter2\"\n",
            ),
            ("bad-toml", "file\ndata = hunter2hunter2\n"),
            (
                "bad-value",
                "control\n--sts\nhttps://hunter2hunter2@sts:9090\n--admin=hunter2hunter2",
            ),
            (
                "bad-database",
                "up\n--database=postgres://u:hunter2hunter2@db.example/a\n--lease-ms=1",
            ),
            (
                "bad-flag",
                "sts\n--pasword\nhunter2hunter2\n--redis-url=redis://:hunter2hunter2@r",
            ),
            ("bad-word", "serve\n"),
        ];
        let seeds = seeds.map(|(name, text)| (name, text.as_bytes().to_vec()));
        caracal_seeds::hold("settings", &seeds, super::settings).unwrap();
    }
}
