//! Whatever the owner of a ledger's database does to it with SQL, an auditor finds, and can say where.
//!
//! The auditor has the verifier key and, where nothing else could tell, a checkpoint that was kept
//! elsewhere. `CARACAL_TAMPER_COUNT` is how many manipulations there are (1000 on `SQLite`, 240 on
//! `PostgreSQL`), `CARACAL_TAMPER_SEED` (1) makes other ones.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "a step that fails here fails its test"
)]

#[path = "../support/events.rs"]
mod events;
mod image;
mod kinds;
mod original;
mod owner;
#[path = "../support/random.rs"]
mod random;
mod tally;

use caracal_audit::Severity;

use kinds::Kind;
use original::Original;
use owner::Owner;
use random::Random;
use tally::{Named, Tally, named};

/// Manipulations, unless `CARACAL_TAMPER_COUNT` says otherwise.
const ON_SQLITE: usize = 1_000;
const ON_POSTGRES: usize = 240;

#[tokio::test]
async fn every_manipulation_of_a_file_is_found_and_named() {
    let mut random = Random::new(seed());
    let original = Original::in_a_file(&mut random).await;
    tamper(&original, ON_SQLITE, &mut random).await;
}

#[tokio::test]
async fn every_manipulation_on_a_server_is_found_and_named() {
    let mut random = Random::new(seed());
    let original = Original::on_a_server(&mut random).await;
    tamper(&original, ON_POSTGRES, &mut random).await;
}

#[tokio::test]
async fn a_ledger_that_nobody_touched_has_no_findings() {
    let mut random = Random::new(seed());
    for original in [
        Original::in_a_file(&mut random).await,
        Original::on_a_server(&mut random).await,
    ] {
        let notes = original
            .image()
            .logs
            .values()
            .flat_map(|log| &log.checkpoints);
        let kept = notes.map(|checkpoint| Some(checkpoint.note.as_str()));
        for kept in kept.chain([None]) {
            let report = original.verify(kept).await;
            let texts: Vec<_> = report.all().map(ToString::to_string).collect();
            assert!(texts.is_empty(), "{kept:?}: {texts:#?}");
        }
    }
}

/// What no signature tells: that there once was another checkpoint between two. Everything that it vouched
/// for, the next one vouches for as well.
#[tokio::test]
async fn a_checkpoint_that_is_removed_with_its_link_is_not_missed_and_takes_no_proof_away() {
    let original = Original::in_a_file(&mut Random::new(seed())).await;
    for (zone, log) in &original.image().logs {
        for (place, pair) in log.checkpoints.windows(2).enumerate() {
            original.restore().await;
            let mut owner = Owner::of(&original.place, original.image()).await;
            let before = place
                .checked_sub(1)
                .map_or(0, |before| log.checkpoints[before].size);
            let (gone, behind) = (pair[0].size, pair[1].size);
            let sql = "DELETE FROM checkpoints WHERE zone = $1 AND size = $2";
            owner.change(sql, [zone.as_str().into(), gone.into()]).await;
            let sql = "UPDATE checkpoints SET previous_size = $1 WHERE zone = $2 AND size = $3";
            let values = [before.into(), zone.as_str().into(), behind.into()];
            owner.change(sql, values).await;
            owner.close().await;
            for kept in [None, Some(pair[0].note.as_str())] {
                let report = original.verify(kept).await;
                assert_eq!(report.worst(), None, "{zone} {gone}");
                assert!(report.zones.iter().all(|zone| zone.signed == zone.entries));
            }
        }
    }
}

fn seed() -> u64 {
    number("CARACAL_TAMPER_SEED").unwrap_or(1)
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is no number")),
    )
}

async fn tamper(original: &Original, usual: usize, random: &mut Random) {
    let count = number("CARACAL_TAMPER_COUNT").map_or(usual, |count| count.try_into().unwrap());
    let mut tally = Tally::new();
    let mut missed = Vec::new();
    for (number, kind) in Kind::ALL.iter().copied().cycle().take(count).enumerate() {
        original.restore().await;
        let done = kind.perform(original, random).await;
        if done.kept.is_some() {
            let found = original.verify(None).await.worst() > Some(Severity::Notice);
            tally.count_without_kept(kind, found);
            // Of all that was written later, nothing is left to tell.
            assert!(!(found && kind == Kind::RollBack));
        }
        let report = original.verify(done.kept.as_deref()).await;
        let found = if kind == Kind::Append {
            report.worst().is_some()
        } else {
            !report.is_intact()
        };
        let named = named(kind, &done, &report, original.image());
        tally.count(kind, found, named);
        if !found || named == Named::No {
            let texts: Vec<_> = report.all().map(ToString::to_string).collect();
            missed.push(format!(
                "manipulation {number}, {}: {:?}\n{texts:#?}",
                kind.name(),
                done
            ));
        }
    }
    println!("seed {} (CARACAL_TAMPER_SEED)\n{tally}", seed());
    assert!(
        missed.is_empty(),
        "{} missed:\n{}",
        missed.len(),
        missed.join("\n")
    );
}
