//! The data directory: what it holds, and how it comes to be.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use caracal_audit::{CheckpointSigner, CheckpointVerifier};
use caracal_mandate::name::Name;
use caracal_sts::{KeyEncryptionKey, Random};

use crate::api::AdminToken;

/// The directory with its secrets in place.
pub(super) struct DataDirectory {
    path: PathBuf,
}

impl DataDirectory {
    /// Opens the directory, and makes it if it is not there. Secrets are made where they are needed:
    /// [`Self::with_kek`], [`Self::with_admin_token`].
    pub(super) fn open(path: PathBuf) -> anyhow::Result<Self> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&path);
        made.with_context(|| format!("{} cannot be made", path.display()))?;
        // `dev-ca` may have made it first, with the mode of any directory.
        if is_open_to_others(fs::metadata(&path)?.mode()) {
            fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
        }
        Ok(Self { path })
    }

    /// Makes the administrator's token, unless it is there.
    pub(super) fn with_admin_token(self, random: &dyn Random) -> anyhow::Result<Self> {
        write_new(&self.admin_token_file(), || {
            Ok(format!("{}\n", URL_SAFE_NO_PAD.encode(secret(random)?)).into_bytes())
        })?;
        Ok(self)
    }

    /// Makes the key-encryption key, unless it is there. Before the database is made.
    pub(super) fn with_kek(self, random: &dyn Random) -> anyhow::Result<Self> {
        // A new key beside an old database would make every zone's key unreadable.
        let kek = self.file("kek");
        ensure!(
            kek.exists() || !self.authority_db().exists(),
            "{} is missing but authority.db exists: restore the file that belongs to it, or name \
            another key-encryption key with --kek",
            kek.display()
        );
        write_new(&kek, || secret(random).map(|bytes| bytes.to_vec()))?;
        Ok(self)
    }

    pub(super) fn authority_db(&self) -> PathBuf {
        self.file("authority.db")
    }

    pub(super) fn ledger_db(&self) -> PathBuf {
        self.file("ledger.db")
    }

    pub(super) fn admin_token_file(&self) -> PathBuf {
        self.file("admin.token")
    }

    pub(super) fn verifier_key_file(&self) -> PathBuf {
        self.file("ledger.vkey")
    }

    /// How far the ledger was exported.
    pub(super) fn ledger_export_file(&self) -> PathBuf {
        self.file("ledger-export.json")
    }

    /// The ledger's key, as its checkpoints are verified with.
    pub(super) fn verifier_key(&self) -> anyhow::Result<String> {
        let file = self.verifier_key_file();
        let text = fs::read_to_string(&file);
        let text = text.with_context(|| format!("{} cannot be read", file.display()))?;
        Ok(text.trim().to_owned())
    }

    /// Name of this replica, which belongs to the directory.
    pub(super) fn replica(&self, random: &dyn Random) -> anyhow::Result<Name> {
        let file = self.file("replica");
        write_new(&file, || {
            let mut bytes = [0_u8; 16];
            random.fill(&mut bytes)?;
            Ok(format!("r-{:032x}\n", u128::from_be_bytes(bytes)).into_bytes())
        })?;
        let text = fs::read_to_string(&file)?;
        let name = text.trim().parse();
        name.with_context(|| format!("{} is not usable", file.display()))
    }

    pub(super) fn key_encryption_key(&self) -> anyhow::Result<KeyEncryptionKey> {
        let bytes = read_secret(&self.file("kek"))?;
        let bytes: [u8; 32] = match bytes.try_into() {
            Ok(bytes) => bytes,
            Err(_) => bail!("{} has not 32 bytes", self.file("kek").display()),
        };
        Ok(KeyEncryptionKey::from_bytes(bytes))
    }

    pub(super) fn admin_token(&self) -> anyhow::Result<AdminToken> {
        let file = self.admin_token_file();
        let text = String::from_utf8(read_secret(&file)?)
            .ok()
            .filter(|text| text.trim().len() >= 32);
        let text = text.with_context(|| {
            format!(
                "{} has no token of 32 characters or more; remove it for a new one",
                file.display()
            )
        })?;
        Ok(AdminToken::new(&text))
    }

    /// The key that signs checkpoints. Its name is fixed on the first start: checkpoints under
    /// another name would not be found to be this ledger's.
    pub(super) fn checkpoint_signer(&self, new_name: &str) -> anyhow::Result<CheckpointSigner> {
        let (key, public) = (self.file("ledger.key"), self.verifier_key_file());
        if !key.exists() {
            ensure!(
                !self.ledger_db().exists(),
                "{} is missing but ledger.db exists: restore the file that belongs to it",
                key.display()
            );
            let signer = CheckpointSigner::generate(new_name).context("--ledger-name")?;
            // The name first: a key without a name is what a start that was cut short must not leave.
            write_public(&public, &signer.verifier().to_text())?;
            let document = signer.to_pkcs8()?;
            write_new(&key, || Ok(document.as_ref().to_vec()))?;
            return Ok(signer);
        }
        let text = fs::read_to_string(&public)
            .with_context(|| format!("{} cannot be read", public.display()))?;
        let verifier = CheckpointVerifier::from_text(text.trim())
            .with_context(|| format!("{} is not usable", public.display()))?;
        let signer = CheckpointSigner::from_pkcs8(verifier.name(), &read_secret(&key)?)
            .with_context(|| format!("{} is not usable", key.display()))?;
        ensure!(
            signer.verifier() == verifier,
            "{} and {} do not belong together: restore both from one backup",
            key.display(),
            public.display()
        );
        Ok(signer)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

fn secret(random: &dyn Random) -> anyhow::Result<[u8; 32]> {
    let mut bytes = [0_u8; 32];
    random.fill(&mut bytes)?;
    Ok(bytes)
}

/// Writes a file that only its owner can read, unless it exists.
fn write_new(path: &Path, content: impl FnOnce() -> anyhow::Result<Vec<u8>>) -> anyhow::Result<()> {
    if path.exists() {
        return Ok(());
    }
    // Under another name until it is whole: half a key would be taken for a key.
    let temporary = path.with_extension("new");
    if let Err(error) = fs::remove_file(&temporary)
        && error.kind() != ErrorKind::NotFound
    {
        return Err(error).with_context(|| format!("{}", temporary.display()));
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary)
        .with_context(|| format!("{} cannot be made", temporary.display()))?;
    file.write_all(&content()?)?;
    file.sync_all()?;
    Ok(fs::rename(&temporary, path)?)
}

fn write_public(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, format!("{text}\n")).with_context(|| format!("{}", path.display()))
}

/// Whether a file's mode lets its group or anyone do anything.
const fn is_open_to_others(mode: u32) -> bool {
    const GROUP_AND_OTHERS: u32 = 0o077;
    mode & GROUP_AND_OTHERS != 0
}

/// Reads a secret, and refuses one that others can read as well.
pub(crate) fn read_secret(path: &Path) -> anyhow::Result<Vec<u8>> {
    let place = || format!("{} cannot be read", path.display());
    let mode = fs::metadata(path).with_context(place)?.mode() & 0o777;
    ensure!(
        !is_open_to_others(mode),
        "{} has mode {mode:o} and is open to others: run chmod 600 on it, and consider it known",
        path.display()
    );
    fs::read(path).with_context(place)
}

#[cfg(test)]
mod tests {
    use caracal_sts::SystemRandom;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn open(path: &Path) -> anyhow::Result<DataDirectory> {
        let random = SystemRandom::new();
        DataDirectory::open(path.join("data"))?
            .with_kek(&random)?
            .with_admin_token(&random)
    }

    #[test]
    fn a_second_start_finds_the_secrets_of_the_first() {
        let directory = tempfile::tempdir().unwrap();
        let first = open(directory.path()).unwrap();
        let verifier = first.checkpoint_signer("ledger.test").unwrap().verifier();
        let token = fs::read(first.admin_token_file()).unwrap();
        let second = open(directory.path()).unwrap();
        assert_eq!(
            second.checkpoint_signer("another.name").unwrap().verifier(),
            verifier
        );
        assert_eq!(fs::read(second.admin_token_file()).unwrap(), token);
        second.key_encryption_key().unwrap();
        second.admin_token().unwrap();
        let random = SystemRandom::new();
        let replica = first.replica(&random).unwrap();
        assert_eq!(second.replica(&random).unwrap(), replica);
    }

    #[test]
    fn where_keys_are_sealed_by_another_key_none_is_made() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("data");
        let data = DataDirectory::open(path).unwrap();
        assert!(!data.file("kek").exists());
        let data = data.with_admin_token(&SystemRandom::new()).unwrap();
        assert!(!data.file("kek").exists());
        data.admin_token().unwrap();
    }

    #[test]
    fn a_token_service_alone_has_no_token_of_the_administrator() {
        let directory = tempfile::tempdir().unwrap();
        let data = DataDirectory::open(directory.path().join("data")).unwrap();
        let data = data.with_kek(&SystemRandom::new()).unwrap();
        assert!(!data.admin_token_file().exists());
        assert!(data.admin_token().is_err());
    }

    #[test]
    fn secrets_are_for_their_owner_only() {
        let directory = tempfile::tempdir().unwrap();
        let data = open(directory.path()).unwrap();
        data.checkpoint_signer("ledger.test").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!(mode(&directory.path().join("data")), 0o700);
        for name in ["kek", "ledger.key", "admin.token"] {
            assert_eq!(mode(&data.file(name)), 0o600, "{name}");
        }
        fs::set_permissions(data.file("kek"), fs::Permissions::from_mode(0o640)).unwrap();
        assert!(
            data.key_encryption_key()
                .unwrap_err()
                .to_string()
                .contains("chmod 600")
        );
    }

    #[test]
    fn a_lost_key_is_not_replaced_beside_its_database() {
        let directory = tempfile::tempdir().unwrap();
        let data = open(directory.path()).unwrap();
        data.checkpoint_signer("ledger.test").unwrap();
        fs::write(data.authority_db(), "").unwrap();
        fs::write(data.ledger_db(), "").unwrap();
        fs::remove_file(data.file("ledger.key")).unwrap();
        assert!(data.checkpoint_signer("ledger.test").is_err());
        fs::remove_file(data.file("kek")).unwrap();
        assert!(open(directory.path()).is_err());
    }
}
