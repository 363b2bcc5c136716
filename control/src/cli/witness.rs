//! `caracal witness`: a witness for the logs of others.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use caracal_audit::{CheckpointVerifier, CosignatureSigner, CosignatureVerifier, Witness};
use caracal_sts::SystemClock;
use clap::{Args, Subcommand};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::error::{CliError, with_causes};
use super::output::Output;
use crate::clock::LedgerClock;
use crate::serve::read_secret;
use crate::witness::router;

#[derive(Debug, Subcommand)]
pub(crate) enum WitnessCommand {
    /// Makes a witness: its key, and the folder in which it remembers what it cosigned. Prints the line that
    /// policies need.
    #[command(after_help = "\
Example:
  caracal witness init --state /var/lib/witness --key witness.key --name north.example/w
  caracal witness serve --state /var/lib/witness --key witness.key --log bank.vkey --listen 127.0.0.1:9095

Never put the folder back from a backup: a witness that has forgotten what it cosigned can be led to another
history. Make a new one, with a new key.")]
    Init(InitArgs),
    /// Cosigns checkpoints of the logs that it is given, as long as each continues the one before
    /// (C2SP tlog-witness). Plain HTTP: for loopback, or behind something that speaks TLS.
    Serve(ServeArgs),
    /// Prints the key of one zone's log, for a witness that is to follow that zone alone.
    Log {
        /// The ledger's key: its text, or a file that holds it.
        #[arg(long, value_name = "FILE|TEXT")]
        key: String,
        /// Zone.
        #[arg(long = "of", value_name = "NAME")]
        zone: caracal_mandate::name::Name,
    },
}

#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// Folder; it is made.
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
    /// File for the private key; it is made, with mode 0600.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Name of the witness, in policies and in its cosignatures.
    #[arg(long, value_name = "NAME")]
    name: String,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Its folder.
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
    /// Its private key.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Key of a log, once for each: its text, or a file that holds it (`caracal witness log`).
    #[arg(long = "log", required = true, value_name = "FILE|TEXT")]
    logs: Vec<String>,
    /// Where it answers.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9095")]
    listen: SocketAddr,
}

impl WitnessCommand {
    pub(crate) async fn run(self, output: &Output) -> Result<(), CliError> {
        match self {
            Self::Init(args) => args.run(output),
            Self::Serve(args) => args.run(output).await,
            Self::Log { key, zone } => {
                let key = log_key(&key)?;
                output.line(&key.for_zone(zone.as_str()).to_text())
            }
        }
    }
}

impl InitArgs {
    fn run(self, output: &Output) -> Result<(), CliError> {
        let Self { state, key, name } = self;
        let signer = CosignatureSigner::generate(&name)
            .map_err(|error| CliError::Usage(format!("--name: {error}")))?;
        let document = signer.to_pkcs8().map_err(failed("the key"))?;
        // The key first: a folder without its key would be in the way of the next attempt.
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&key)
            .map_err(|error| CliError::Usage(format!("{}: {error}", key.display())))?;
        file.write_all(document.as_ref())
            .and_then(|()| file.sync_all())
            .map_err(failed("the key"))?;
        Witness::create(&state, &signer).map_err(|error| {
            // What was made a moment ago is good for nothing without the folder.
            let _gone = std::fs::remove_file(&key);
            CliError::Usage(with_causes(&error))
        })?;
        output.line(&signer.verifier().to_text())
    }
}

impl ServeArgs {
    async fn run(self, output: &Output) -> Result<(), CliError> {
        let Self {
            state,
            key,
            logs,
            listen,
        } = self;
        let signer = own_key(&state, &key)?;
        let logs: Vec<_> = logs
            .iter()
            .map(|log| log_key(log))
            .collect::<Result<_, _>>()?;
        let clock = Arc::new(LedgerClock(Arc::new(SystemClock::new())));
        let name = signer.verifier().name().to_owned();
        let witness = Witness::open(&state, signer, logs, clock)
            .map_err(|error| CliError::Failure(with_causes(&error)))?;
        let listener = TcpListener::bind(listen).await;
        let listener = listener
            .map_err(|error| CliError::Failure(format!("cannot listen on {listen}: {error}")))?;
        let address = listener.local_addr().map_err(failed("the listener"))?;
        output.line(&format!("witness {name}    http://{address}"))?;
        let mut terminate = signal(SignalKind::terminate()).map_err(failed("signals"))?;
        let stop = async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
        };
        axum::serve(listener, router(Arc::new(witness)))
            .with_graceful_shutdown(stop)
            .await
            .map_err(failed("the witness"))
    }
}

/// The key of the witness whose folder this is: its name stands there.
fn own_key(state: &Path, key: &Path) -> Result<CosignatureSigner, CliError> {
    let file = state.join("witness.vkey");
    let text = std::fs::read_to_string(&file).map_err(|error| {
        CliError::Usage(format!(
            "{}: {error}; make the folder with `caracal witness init`, and mount it if it is on a volume",
            file.display()
        ))
    })?;
    let verifier = CosignatureVerifier::from_text(text.trim_end())
        .map_err(|error| CliError::Failure(format!("{}: {error}", file.display())))?;
    let pkcs8 = read_secret(key).map_err(|error| CliError::Usage(format!("--key: {error:#}")))?;
    CosignatureSigner::from_pkcs8(verifier.name(), &pkcs8)
        .map_err(|error| CliError::Usage(format!("--key {}: {error}", key.display())))
}

/// A log's key, as its text or in a file.
fn log_key(key: &str) -> Result<CheckpointVerifier, CliError> {
    let text = super::verify::key_text(key.to_owned())?;
    CheckpointVerifier::from_text(text.trim())
        .map_err(|error| CliError::Usage(format!("the key of a log: {error}")))
}

fn failed<E: std::fmt::Display>(what: &'static str) -> impl FnOnce(E) -> CliError {
    move |error| CliError::Failure(format!("{what}: {error}"))
}

#[cfg(test)]
mod tests {
    use caracal_audit::CheckpointSigner;

    use super::*;

    fn init(folder: &Path, name: &str) -> Result<(), CliError> {
        let args = InitArgs {
            state: folder.join("state"),
            key: folder.join(format!("{}.key", name.replace('/', "-"))),
            name: name.to_owned(),
        };
        args.run(&Output::new(crate::cli::output::Format::Table))
    }

    #[test]
    fn a_witness_is_made_once_and_found_again_by_its_key_alone() {
        let folder = tempfile::tempdir().unwrap();
        init(folder.path(), "north.example/w").unwrap();
        let again = init(folder.path(), "south.example/w").unwrap_err();
        assert!(again.to_string().contains("already"), "{again}");
        assert!(!folder.path().join("south.example-w.key").exists());
        let (state, key) = (
            folder.path().join("state"),
            folder.path().join("north.example-w.key"),
        );
        let signer = own_key(&state, &key).unwrap();
        assert_eq!(signer.verifier().name(), "north.example/w");
        let other = folder.path().join("other.key");
        let signer = CosignatureSigner::generate("north.example/w").unwrap();
        std::fs::write(&other, signer.to_pkcs8().unwrap().as_ref()).unwrap();
        let open = own_key(&state, &other).unwrap_err();
        assert!(open.to_string().contains("chmod 600"), "{open}");
        let missing = own_key(folder.path(), &key).unwrap_err();
        assert!(missing.to_string().contains("witness init"), "{missing}");
    }

    #[test]
    fn the_key_of_a_log_is_given_as_text_or_in_a_file() {
        let signer = CheckpointSigner::generate("bank.example/ledger").unwrap();
        let text = signer.verifier().to_text();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ledger.vkey");
        std::fs::write(&file, format!("{text}\n")).unwrap();
        for given in [text.as_str(), file.to_str().unwrap()] {
            assert_eq!(log_key(given).unwrap().to_text(), text);
        }
        let refused = log_key("a+b+c").unwrap_err();
        assert!(
            refused.to_string().contains("the key of a log"),
            "{refused}"
        );
    }
}
