//! On a real `SoftHSM`. Its configuration is read from the environment, which is not changed while a
//! process runs: each test runs once more in a process of its own, with a token of its own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use caracal_mandate::key::{SignatureVerifier as _, Signer as _};
use caracal_mandate::reason::Reason;
use caracal_store::model::KEY_SETTLING_MS;
use cryptoki::context::Pkcs11;
use cryptoki::object::{Attribute, AttributeType, ObjectClass};
use zeroize::Zeroizing;

use super::*;
use crate::clock::Clock as _;
use crate::keys::{Es256, KeyEncryptionKey, KeyError, KeyStorage, KeyWrapper, PrivateKey as _};
use crate::testing::{PAYOUT, World, asked};

const LABEL: &str = "caracal";
const PIN: &str = "2468";
const INSIDE: &str = "CARACAL_TEST_TOKEN";

fn module() -> PathBuf {
    let given = std::env::var_os("CARACAL_SOFTHSM");
    given.map_or_else(|| "/usr/lib/softhsm/libsofthsm2.so".into(), PathBuf::from)
}

fn softhsm_util(configuration: &Path, arguments: &[&str]) {
    let output = Command::new("softhsm2-util")
        .args(arguments)
        .env("SOFTHSM2_CONF", configuration)
        .output()
        .expect("SoftHSM is installed: scripts/install-softhsm.sh");
    assert!(output.status.success(), "{arguments:?}: {output:?}");
}

/// Runs `body` in a process that has a token. `test` is the name of the calling test.
fn with_token<F: Future<Output = ()>>(test: &str, body: impl FnOnce() -> F) {
    if let Some(directory) = std::env::var_os(INSIDE) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(body());
        std::fs::write(Path::new(&directory).join("done"), "").unwrap();
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let tokens = directory.path().join("tokens");
    std::fs::create_dir(&tokens).unwrap();
    let configuration = directory.path().join("softhsm2.conf");
    let lines = format!("directories.tokendir = {}\n", tokens.display());
    std::fs::write(&configuration, lines).unwrap();
    let init = [
        "--init-token",
        "--free",
        "--label",
        LABEL,
        "--pin",
        PIN,
        "--so-pin",
        "13579",
    ];
    softhsm_util(&configuration, &init);
    let name = format!("keys::pkcs11::tests::{test}");
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &name, "--nocapture"])
        .env("SOFTHSM2_CONF", &configuration)
        .env(INSIDE, directory.path())
        .status()
        .unwrap();
    assert!(status.success(), "{test} failed in its own process");
    // A name that matches no test would be a success as well.
    assert!(directory.path().join("done").exists(), "{test} did not run");
}

fn pin(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.to_owned())
}

fn token() -> Arc<Token> {
    Token::open(&module(), LABEL, &pin(PIN)).unwrap()
}

/// The same module in the eyes of somebody else in this process.
fn somebody_else() -> (Pkcs11, cryptoki::slot::Slot) {
    let context = Pkcs11::new(module()).unwrap();
    let slots = context.get_slots_with_token().unwrap();
    let ours = |slot: &cryptoki::slot::Slot| {
        context
            .get_token_info(*slot)
            .is_ok_and(|info| info.label() == LABEL)
    };
    let slot = slots.into_iter().find(ours).unwrap();
    (context, slot)
}

async fn key() -> TokenKey {
    TokenKey::generate(&token(), "bank").await.unwrap().0
}

#[test]
fn what_the_token_signs_verifies_and_its_key_cannot_be_taken_out() {
    with_token(
        "what_the_token_signs_verifies_and_its_key_cannot_be_taken_out",
        || async {
            let (key, handle) = TokenKey::generate(&token(), "bank").await.unwrap();
            let signature = key.sign(b"message").unwrap();
            assert!(Es256.verify(key.public(), b"message", &signature));
            assert!(!Es256.verify(key.public(), b"another", &signature));
            let again = TokenKey::open(&token(), &handle, key.kid()).await.unwrap();
            let signature = again.sign(b"later").unwrap();
            assert!(Es256.verify(key.public(), b"later", &signature));

            let (context, slot) = somebody_else();
            let session = context.open_ro_session(slot).unwrap();
            let private = session
                .find_objects(&[Attribute::Class(ObjectClass::PRIVATE_KEY)])
                .unwrap();
            assert_eq!(private.len(), 1);
            let asked = [AttributeType::Extractable, AttributeType::Sensitive];
            let told = session.get_attributes(private[0], &asked).unwrap();
            assert!(told.contains(&Attribute::Extractable(false)), "{told:?}");
            assert!(told.contains(&Attribute::Sensitive(true)), "{told:?}");
            let value = session.get_attributes(private[0], &[AttributeType::Value]);
            assert!(!format!("{value:?}").contains("Value("), "{value:?}");
        },
    );
}

#[test]
fn a_key_is_opened_as_what_it_is_or_not_at_all() {
    with_token("a_key_is_opened_as_what_it_is_or_not_at_all", || async {
        let token = token();
        let (key, handle) = TokenKey::generate(&token, "bank").await.unwrap();
        let (other, _) = TokenKey::generate(&token, "bank").await.unwrap();
        let opened = TokenKey::open(&token, &handle, other.kid()).await;
        assert!(matches!(opened, Err(KeyError::Mismatch)), "{opened:?}");
        let nowhere = Handle::new(LABEL, [0; 16]);
        let opened = TokenKey::open(&token, &nowhere, key.kid()).await;
        let missing = KeyError::Token(TokenError::NoKey(LABEL.to_owned())).to_string();
        assert_eq!(opened.unwrap_err().to_string(), missing);
        TokenKey::destroy(&token, &handle).await.unwrap();
        TokenKey::destroy(&token, &handle).await.unwrap();
        assert!(TokenKey::open(&token, &handle, key.kid()).await.is_err());
        assert!(key.sign(b"message").is_err());
        other.sign(b"message").unwrap();
    });
}

#[test]
fn sessions_that_were_lost_are_replaced() {
    with_token("sessions_that_were_lost_are_replaced", || async {
        let key = key().await;
        let (context, slot) = somebody_else();
        for _ in 0..3 {
            key.sign(b"message").unwrap();
            // As a module does that has lost its HSM: every session is gone, for everybody.
            context.clone().finalize().unwrap();
            key.sign(b"message").unwrap();
            let session = context.open_rw_session(slot).unwrap();
            session.logout().unwrap();
            drop(session);
            key.sign(b"message").unwrap();
        }
    });
}

#[test]
fn a_wrong_pin_or_place_says_what_is_wrong() {
    with_token("a_wrong_pin_or_place_says_what_is_wrong", || async {
        let said = |result: Result<Arc<Token>, TokenError>| result.unwrap_err().to_string();
        let text = said(Token::open(&module(), LABEL, &pin("9999")));
        assert!(text.contains("PIN") && text.contains("wrong"), "{text}");
        let text = said(Token::open(&module(), "nobody", &pin(PIN)));
        assert!(text.contains("shows no token \"nobody\""), "{text}");
        let text = said(Token::open(Path::new("/nowhere.so"), LABEL, &pin(PIN)));
        assert!(text.contains("/nowhere.so is no PKCS#11 module"), "{text}");
        token();
        assert!(!format!("{:?}", token()).contains(PIN));
    });
}

#[test]
fn a_data_key_comes_out_of_the_token_only_where_it_belongs() {
    with_token(
        "a_data_key_comes_out_of_the_token_only_where_it_belongs",
        || async {
            let token = token();
            assert!(TokenKek::open(&token, "kek").await.is_err());
            let kek = TokenKek::generate(&token, "kek").await.unwrap();
            assert!(TokenKek::generate(&token, "kek").await.is_err());
            let wrapped = kek.wrap(b"here", &[7; 32]).await.unwrap();
            assert_eq!(
                kek.unwrap(b"here", &wrapped).await.unwrap().as_slice(),
                [7; 32]
            );
            assert!(kek.unwrap(b"there", &wrapped).await.is_err());
            let mut changed = wrapped.to_vec();
            changed[20] ^= 1;
            assert!(kek.unwrap(b"here", &changed).await.is_err());
            assert!(kek.unwrap(b"here", b"short").await.is_err());
            // From a file to the HSM: the new one seals, the old one still opens.
            let old = || Arc::new(KeyEncryptionKey::from_bytes([1; 32]));
            let made = KeyStorage::sealed(old()).make("z").await.unwrap();
            let both = KeyStorage::sealed(Arc::new(kek)).or_opened_by(old());
            let kid = made.key.kid();
            let anew = both.reseal("z", kid, &made.row).await.unwrap().unwrap();
            let kek = Arc::new(TokenKek::open(&token, "kek").await.unwrap());
            let alone = KeyStorage::sealed(kek);
            assert_eq!(alone.open("z", kid, &anew).await.unwrap().kid(), kid);
            assert!(alone.open("y", kid, &anew).await.is_err());
        },
    );
}

/// A world whose next key is in the token, and the service that has it there.
async fn in_token() -> (World, crate::Sts) {
    let world = World::open().await;
    let sealed: KeyStorage = KeyEncryptionKey::from_bytes(world.kek).into();
    let storage = sealed.with_token(token()).making_keys_in_token();
    let sts = world.replica(storage).await;
    sts.keep_keys().await;
    world.clock.skip_unix(KEY_SETTLING_MS);
    (world, sts)
}

async fn token_of(sts: &crate::Sts) -> Result<String, Reason> {
    let asked = asked();
    let issued = sts.service().exchange(Some(PAYOUT), &asked).await;
    issued
        .map(|issued| issued.token().to_owned())
        .map_err(|refused| refused.reason)
}

#[test]
fn a_zone_moves_into_the_token_by_a_rotation() {
    with_token("a_zone_moves_into_the_token_by_a_rotation", || async {
        let (world, sts) = in_token().await;
        token_of(&sts).await.unwrap();
        sts.rotate_key(&world.zone, None).await.unwrap();
        let started_ms = world.clock.monotonic_ms();
        let asking = (0..64).map(|_| {
            let sts = sts.clone();
            tokio::spawn(async move { token_of(&sts).await })
        });
        for asking in asking.collect::<Vec<_>>() {
            asking.await.unwrap().expect("more at a time than sessions");
        }
        let took_ms = world.clock.monotonic_ms() - started_ms;
        println!("64 exchanges signed by the token: {took_ms} ms");
        let keys = sts.zone_keys(&world.zone).await.unwrap();
        let kept: Vec<_> = keys
            .iter()
            .map(|key| key.kept_in.as_deref().unwrap())
            .collect();
        assert_eq!(kept[..2], ["token caracal", "token caracal"]);
        assert!(kept[2].starts_with("database"), "{kept:?}");
        // The service without the token has the state, and cannot sign.
        world.applied(world.store.head().await.unwrap()).await;
        assert_eq!(token_of(&world.sts).await, Err(Reason::IssuerUnavailable));
        // A revoked key is destroyed in the token as well.
        let (context, slot) = somebody_else();
        let private = || {
            let session = context.open_ro_session(slot).unwrap();
            let class = [Attribute::Class(ObjectClass::PRIVATE_KEY)];
            session.find_objects(&class).unwrap().len()
        };
        let before = private();
        let active = &keys[1].record.kid;
        sts.revoke_key(&world.zone, active, None).await.unwrap();
        assert_eq!(private(), before, "one was destroyed, the next one made");
        world.clock.skip_unix(1000);
        token_of(&sts).await.unwrap();
    });
}

#[test]
fn a_token_that_goes_away_is_a_clear_refusal() {
    with_token("a_token_that_goes_away_is_a_clear_refusal", || async {
        let (world, sts) = in_token().await;
        sts.rotate_key(&world.zone, None).await.unwrap();
        token_of(&sts).await.unwrap();
        let configuration = PathBuf::from(std::env::var_os("SOFTHSM2_CONF").unwrap());
        softhsm_util(&configuration, &["--delete-token", "--token", LABEL]);
        assert_eq!(token_of(&sts).await, Err(Reason::IssuerUnavailable));
        let events = world.events("acme").await;
        assert_eq!(events[0].reason, Some(Reason::IssuerUnavailable));
    });
}
