//! The end of a session with ten thousand below it, beside the end of one that is alone: one entry of the
//! feed each, so that it must not matter.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use caracal_mandate::name::Name;
use caracal_store::model::{Change, Session};
use caracal_store::{DatabaseUrl, Store};
use serde_json::json;

use super::load::Wallet;
use super::number;
use super::points::Fleet;
use super::series::{Kind, Revocation, Series};
use super::site::{ENVOY_POINTS, Site};
use crate::Boxed;
use crate::bench::report::{machine, target_folder};
use crate::stack::ZONE;
use crate::stack::identity::spiffe_id;

/// Sessions directly below the root, and below each of those.
const CHILDREN: [usize; 2] = [10, 999];

/// Longest time between two revocations, so that they are not in step with the pings.
const PAUSE: Duration = Duration::from_millis(97);

const METHOD: &str = "Session trees are opened in the authority database by the store's own rules, in turn one \
    session alone and one with 10,000 below it (10, and 999 below each). When the token service has read all of \
    it, the root is revoked by one call of the management API that waits for every enforcement point: the \
    simulated ones (the filter's own feed over mutual TLS) and those of two real Envoys. `covered` is from just \
    before the COMMIT until the service has the last acknowledgement, `answered` the whole call. Ratio of the \
    medians.";

/// Runs it, prints the figures and writes them.
pub fn run(out: &mut (dyn Write + Send)) -> Boxed<'_, Result<()>> {
    Box::pin(measure(out))
}

async fn measure(out: &mut (dyn Write + Send)) -> Result<()> {
    let points = number("CARACAL_BENCH_POINTS", 100)?;
    let rounds = number("CARACAL_BENCH_ROUNDS", 9)?;
    let site = Site::build(0).await?;
    let database = site.stack.authority.data.join("authority.db");
    let forest = Forest::open(&database).await?;
    let fleet = Fleet::start(&site.stack, points, 10).await?;
    let points = points + ENVOY_POINTS;
    site.live(points).await?;
    let (wallet, mut numbers) = (Wallet::default(), 0);
    let mut series = Series::new(&site, &wallet, points, &mut numbers, 0..0).await?;
    let mut all = [Vec::new(), Vec::new()];
    for round in 0..rounds {
        for (of, below) in all.iter_mut().zip([[0, 0], CHILDREN]) {
            let root = forest
                .plant(&format!("{round}-{}", below[0]), below)
                .await?;
            // Answered when every point has applied something that was committed after the whole tree.
            let marker = format!("mandate/mdt_{root}");
            series.revoke(Kind::Mandate, &marker, None).await?;
            tokio::time::sleep(PAUSE * (round % 7 + 1) / 7).await;
            let target = format!("session/{root}");
            of.push(series.revoke(Kind::Session, &target, None).await?);
        }
        write!(out, ".")?;
        out.flush()?;
    }
    let _counts = fleet.stop().await?;
    report(points, &all, out).await
}

/// Where sessions are opened, as the token service opens them.
struct Forest {
    store: Store,
    zone: Name,
}

impl Forest {
    async fn open(database: &Path) -> Result<Self> {
        let store = Store::connect(&DatabaseUrl::Sqlite(database.to_owned())).await?;
        Ok(Self {
            store,
            zone: ZONE.parse()?,
        })
    }

    /// A tree; the id of its root.
    async fn plant(&self, name: &str, [children, grandchildren]: [usize; 2]) -> Result<String> {
        let root = format!("ses_{name}");
        self.grow(&root, None).await?;
        for child in 0..children {
            let id = format!("{root}-{child}");
            self.grow(&id, Some(&root)).await?;
            for grandchild in 0..grandchildren {
                self.grow(&format!("{id}-{grandchild}"), Some(&id)).await?;
            }
        }
        Ok(root)
    }

    async fn grow(&self, id: &str, parent: Option<&str>) -> Result<()> {
        let session = Session {
            id: id.to_owned(),
            application: "payout-agent".parse()?,
            holder: spiffe_id("payout")?.parse()?,
            opened_at: 0,
            parent: parent.map(str::to_owned),
            terms: None,
        };
        let change = Change::SessionOpened(session);
        let opened = self.store.commit(&self.zone, change, 0, None).await;
        opened.with_context(|| format!("opening {id}"))?;
        Ok(())
    }
}

async fn report(
    points: usize,
    all: &[Vec<Revocation>; 2],
    out: &mut (dyn Write + Send),
) -> Result<()> {
    let [alone, many] = all;
    let covered = |of: &[Revocation]| median(of.iter().map(|one| one.covered_ms));
    let answered = |of: &[Revocation]| median(of.iter().map(|one| one.answered_ms));
    let ratio = covered(many) / covered(alone);
    let figures = |of: &[Revocation]| {
        json!({
            "covered_ms": of.iter().map(|one| one.covered_ms).collect::<Vec<_>>(),
            "answered_ms": of.iter().map(|one| one.answered_ms).collect::<Vec<_>>(),
            "covered_ms_median": covered(of),
            "answered_ms_median": answered(of),
        })
    };
    writeln!(
        out,
        "\n{points} enforcement points, medians of {} rounds\n\
         {:>28} {:>12} {:>12}\n{:>28} {:>9.1} ms {:>9.1} ms\n{:>28} {:>9.1} ms {:>9.1} ms\nratio {ratio:.2}",
        alone.len(),
        "",
        "covered",
        "answered",
        "a session alone",
        covered(alone),
        answered(alone),
        "with 10,000 below it",
        covered(many),
        answered(many),
    )?;
    let report = json!({
        "method": METHOD,
        "machine": machine()?,
        "points": points,
        "alone": figures(alone),
        "with_10000_below": figures(many),
        "ratios": {
            "collapse_10000_over_1": ratio,
            "answered_10000_over_1": answered(many) / answered(alone),
        },
    });
    let folder = target_folder().join("bench");
    tokio::fs::create_dir_all(&folder).await?;
    let file = folder.join("delegation.json");
    tokio::fs::write(&file, serde_json::to_string_pretty(&report)? + "\n").await?;
    writeln!(out, "every figure: {}", file.display())?;
    Ok(())
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
