//! Logs that contradict what they said before, and files that do not fit.

use super::*;

/// The same key, and another ledger.
fn fork(of: &Watched) -> Watched {
    Watched {
        place: Place::with_key_of(&of.place),
        web: tempfile::tempdir().unwrap(),
        state: tempfile::tempdir().unwrap(),
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let path = file.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

/// Puts what one publishes in the place of what the other does.
fn show(shown: &Watched, at: &Watched) {
    fs::remove_dir_all(at.folder()).unwrap();
    copy(&shown.folder(), &at.folder());
}

#[tokio::test]
async fn a_fork_is_an_alarm_again_and_again_with_both_notes_as_evidence() {
    let watched = Watched::new();
    watched.grow(1..=300).await;
    watched.look().await.unwrap();
    let (kept, honest) = (watched.checkpoint(), fork(&watched));
    copy(&watched.folder(), &honest.folder());
    let other = fork(&watched);
    let mut next = 1;
    // A smaller tree, one of the same size, and a larger one.
    for size in [200, 300, 500] {
        other.grow(1000 + next..=1000 + size).await;
        next = size + 1;
        show(&other, &watched);
        for _ in 0..2 {
            let error = watched.look().await.unwrap_err();
            if size == 200 {
                // Its tiles lie where those of the kept tree were: put back or forked, no file tells.
                assert!(matches!(error, FollowError::RolledBack { .. }), "{error}");
                continue;
            }
            assert!(error.is_fork() && error.is_alarm(), "{size}: {error}");
            let FollowError::Fork { evidence, .. } = error else {
                panic!("a fork");
            };
            let note = |name: &str| fs::read_to_string(evidence.join(name)).unwrap();
            let expected = (kept.clone(), other.checkpoint());
            assert_eq!((note("kept"), note("seen")), expected);
        }
        assert_eq!(watched.kept(), 300);
    }
    show(&honest, &watched);
    assert_eq!(watched.look().await.unwrap(), Followed::Unchanged);
}

#[tokio::test]
async fn a_smaller_tree_that_the_kept_one_does_not_continue_is_a_fork() {
    let watched = Watched::new();
    watched.grow(1..=300).await;
    watched.look().await.unwrap();
    let other = fork(&watched);
    other.grow(1001..=1200).await;
    fs::write(watched.folder().join("checkpoint"), other.checkpoint()).unwrap();
    assert!(watched.look().await.unwrap_err().is_fork());
}

#[tokio::test]
async fn a_log_that_was_put_back_is_an_alarm_and_no_fork() {
    let watched = Watched::new();
    watched.grow(1..=300).await;
    let before = watched.checkpoint();
    watched.grow(301..=700).await;
    watched.look().await.unwrap();
    fs::write(watched.folder().join("checkpoint"), &before).unwrap();
    let error = watched.look().await.unwrap_err();
    let put_back = matches!(
        error,
        FollowError::RolledBack {
            kept: 700,
            seen: 300,
            ..
        }
    );
    assert!(put_back && error.is_alarm(), "{error}");
    fs::remove_dir_all(watched.folder().join("tile")).unwrap();
    let error = watched.look().await.unwrap_err();
    assert!(matches!(error, FollowError::RolledBack { .. }), "{error}");
    fs::remove_file(watched.folder().join("checkpoint")).unwrap();
    assert!(matches!(watched.look().await, Err(FollowError::Gone(700))));
}

#[tokio::test]
async fn files_that_do_not_fit_are_told_from_a_fork_and_their_checkpoint_is_not_kept() {
    let watched = Watched::new();
    watched.grow(1..=300).await;
    watched.look().await.unwrap();
    watched.grow(301..=700).await;
    // The first full tile was read before, and counts by its root alone, in the level above.
    for name in [
        "tile/0/001",
        "tile/0/002.p/188",
        "tile/1/000.p/2",
        "tile/entries/001",
        "tile/entries/002.p/188",
    ] {
        let file = watched.folder().join(name);
        let whole = fs::read(&file).unwrap();
        let mut turned = whole.clone();
        turned[whole.len() - 1] ^= 1;
        for changed in [&turned[..], &whole[1..], &[]] {
            fs::write(&file, changed).unwrap();
            let error = watched.look().await.unwrap_err();
            assert!(matches!(error, FollowError::Damaged(_)), "{name}: {error}");
            assert!(error.is_alarm() && !error.is_fork());
            assert_eq!(watched.kept(), 300);
        }
        fs::remove_file(&file).unwrap();
        let error = watched.look().await.unwrap_err();
        let missing = matches!(error, FollowError::Damaged(Unfit::Missing(_)));
        assert!(missing, "{name}: {error}");
        fs::write(&file, whole).unwrap();
    }
    let grown = Followed::Grown { from: 300, to: 700 };
    assert_eq!(watched.look().await.unwrap(), grown);
}

#[tokio::test]
async fn the_checkpoint_of_a_stranger_or_of_another_zone_is_refused() {
    let watched = Watched::new();
    watched.grow(1..=3).await;
    watched.look().await.unwrap();
    let signer = watched.place.signer();
    let kept = watched.follower().kept().unwrap().checkpoint.clone();
    let elsewhere = signer.sign(&Checkpoint {
        origin: signer.origin("b"),
        ..kept
    });
    let stranger = Watched::new();
    stranger.grow(1..=9).await;
    for note in [elsewhere, stranger.checkpoint(), "nothing".to_owned()] {
        fs::write(watched.folder().join("checkpoint"), note).unwrap();
        let error = watched.look().await.unwrap_err();
        assert!(matches!(error, FollowError::Untrusted(_)), "{error}");
        assert!(error.is_alarm());
    }
}
