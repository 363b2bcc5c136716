//! Three replicas under load while one part after the other is taken away.
//!
//! What is counted: answers that were wrong (an oracle knows what had to be refused, and from when on),
//! refusals that no fault explains (each fault says what it may refuse, where and how long), and
//! decisions that were answered and are not in the ledger exactly once. `docs/chaos.md` has the why.

mod admin;
mod books;
mod caller;
mod cast;
mod disk;
mod fault;
mod judge;
mod ledger;
mod load;
mod oracle;
mod plan;
mod report;
mod site;

use std::sync::PoisonError;
use std::time::Duration;

use anyhow::Result;
use tokio::time::Instant;

use crate::Boxed;
use crate::story::narrator::Narrator;
use books::Books;
use cast::MORTAL;
use fault::{Fault, VICTIM};
use judge::{Attempt, Tally, Window, back_after};
use ledger::Audit;
use load::Load;
pub use plan::Plan;
pub use report::{Report, Row};
use site::Site;

/// Longest wait until every replica is well again. What is refused after the fault's own bound counts
/// as refused outside of it, so this only ends a run that would never end.
const WELL: Duration = Duration::from_mins(1);

/// Plays every fault. Failures are in the report; an error is what kept the run from its end.
pub fn play(plan: Plan, narrator: &mut Narrator) -> Boxed<'_, Result<Report>> {
    Box::pin(faults(plan, narrator))
}

async fn faults(plan: Plan, narrator: &mut Narrator) -> Result<Report> {
    narrator.chapter("Starting: three replicas, PostgreSQL, Redis, a small disk for the ledger")?;
    let site = Site::start().await?;
    let load = Load::start(&site, plan).await?;
    narrator.note("everybody was allowed once; the load runs from here to the end")?;
    let mut run = Run {
        site,
        load,
        plan,
        windows: Vec::new(),
        killed: Vec::new(),
        rows: Vec::new(),
    };
    narrator.chapter("Faults")?;
    for (fault, mortal) in Fault::ALL.into_iter().zip(MORTAL) {
        let row = run.fault(fault, mortal).await?;
        row.tell(narrator)?;
        run.rows.push(row);
    }
    narrator.chapter("Every decision of the run, and every checkpoint that was kept")?;
    let report = run.end(narrator).await?;
    report.tell(narrator)?;
    Ok(report)
}

struct Run {
    site: Site,
    load: Load,
    plan: Plan,
    windows: Vec<Window>,
    /// Runs of the replica that was killed: what it had numbered and not recorded, it took along.
    killed: Vec<String>,
    rows: Vec<Row>,
}

impl Run {
    async fn fault(&mut self, fault: Fault, mortal: &'static str) -> Result<Row> {
        let from = self.load.journal.len();
        tokio::time::sleep(self.plan.before).await;
        fault.prepare(&self.site, self.plan).await?;
        // Acknowledged right before, so that who has not heard of it hears of it in the fault; and by
        // the replica that is killed, so that nobody but the database could tell.
        self.site.admin.revoke_application(VICTIM, mortal).await?;
        let (mut window, healed) = fault.happen(&mut self.site, self.plan).await?;
        self.site.well(WELL).await?;
        // A replica that says that it is ready refuses nothing from then on.
        let well = Instant::now();
        window.until = window.until.map(|until| until.min(well));
        self.windows.push(window);
        tokio::time::sleep(self.plan.quiet).await;
        self.load.check()?;
        // Taken before the copy, which is of a later moment then.
        let attempts = self.load.journal.since(from);
        let changes = self.site.admin.acknowledged();
        let audit = self.site.auditor.audit().await?;
        if fault == Fault::KillReplica {
            self.killed
                .extend(boot_before(&attempts, &audit.books, window.from));
        }
        let oracle = self.site.admin.oracle.lock();
        let oracle = oracle.unwrap_or_else(PoisonError::into_inner);
        let tally = Tally::of(&attempts, &oracle, &self.windows);
        let back = back_after(&attempts, &oracle, &window, healed);
        drop(oracle);
        let mut row = Row::new(fault, tally, back);
        row.add_account(audit.books.compare(&attempts, &changes));
        row.problems.extend(unexplained(&self.killed, audit));
        if fault.is_felt() && row.refused_in_window == 0 {
            row.problems
                .push("nobody noticed it, so it shows nothing".to_owned());
        }
        Ok(row)
    }

    /// The whole run once more, when nobody asks any longer.
    async fn end(mut self, narrator: &mut Narrator) -> Result<Report> {
        let journal = self.load.journal.clone();
        drop(self.load);
        let attempts = journal.since(0);
        let changes = self.site.admin.acknowledged();
        let audit = self.site.auditor.audit().await?;
        let account = audit.books.compare(&attempts, &changes);
        narrator.step(
            "every answer, and every acknowledged change, stands in the ledger exactly once",
            account.is_clean(),
            &format!(
                "{} answers, {} changes, {} lost, {} repeated, {} different",
                attempts.len(),
                changes.len(),
                account.lost,
                account.repeated,
                account.different
            ),
        )?;
        let again = self.site.auditor.verify_all().await?;
        let entries = audit.books.entries();
        let kept = self.site.auditor.kept.len();
        let mut problems: Vec<_> = account.examples.clone();
        for audit in [audit, again] {
            problems.extend(unexplained(&self.killed, audit));
        }
        narrator.step(
            "the log verifies, and continues every checkpoint that was kept on the way",
            problems.is_empty(),
            &format!("{entries} entries, {kept} checkpoints"),
        )?;
        for problem in &problems {
            narrator.note(problem)?;
        }
        Ok(Report {
            rows: self.rows,
            requests: attempts.len(),
            changes: changes.len(),
            entries,
            checkpoints: kept,
            lost: account.lost,
            repeated: account.repeated,
            different: account.different,
            problems,
        })
    }
}

/// What an audit found that no fault explains.
fn unexplained(killed: &[String], audit: Audit) -> Vec<String> {
    let Audit {
        books: _,
        holes,
        damage,
    } = audit;
    let holes = holes.into_iter().filter(|boot| !killed.contains(boot));
    let holes = holes.map(|boot| format!("numbers of the run {boot} are missing"));
    holes.chain(damage).collect()
}

/// The run of the replica that was killed, as its last decisions name it.
fn boot_before(attempts: &[Attempt], books: &Books, killed: Instant) -> Option<String> {
    let mut of_victim = attempts
        .iter()
        .filter(|attempt| attempt.replica == VICTIM && attempt.span.answered < killed);
    of_victim.find_map(|attempt| books.boot(&attempt.request_id).map(str::to_owned))
}
