//! Agents that know nothing of mandates act for whoever calls them, as far as that may and for as long as
//! the call lasts. On real Envoys, with programs in two languages and their usual instrumentation.

use std::time::Duration;

use anyhow::Result;
use caracal_tests::agents::{Step, get, post, task};
use caracal_tests::mesh::{Mesh, ROOTS, host};
use caracal_tests::stack::{ZONE, wait};
use caracal_tests::upstream::{BANK, COMPLIANCE, INVOICES};
use serde_json::{Value, json};
use tokio::time::Instant;

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long the runs go on.
const RUN: Duration = Duration::from_secs(12);

/// Who acts in a run, by the accounts that they look at.
const DESCENDANTS: [&str; 4] = ["payer", "auditor", "exchanger", "invoicer"];

const ONCE: Duration = Duration::ZERO;

/// A call of an agent that has it do this.
fn call(agent: &str, task: &Value) -> Value {
    post(&host(agent), "/work", task)
}

/// What everybody does for one orchestrator, each at a path of its own.
fn plan(run: &str, how_long: Duration) -> [Value; 3] {
    let account = |agent: &str| get(BANK, &format!("/accounts/{run}-{agent}"));
    let exchanger = call("exchanger", &task(ONCE, &[account("exchanger")]));
    let booker = call(
        "booker",
        &task(ONCE, &[post(COMPLIANCE, "/checks", &json!({}))]),
    );
    let payment = post(BANK, "/payments", &json!({"amount": "1250.00"}));
    let invoice = get(INVOICES, &format!("/invoices/{run}-invoicer"));
    [
        call("invoicer", &task(how_long, &[invoice])),
        call(
            "payer",
            &task(how_long, &[account("payer"), exchanger, booker, payment]),
        ),
        call("auditor", &task(how_long, &[account("auditor")])),
    ]
}

fn path(run: &str, agent: &str) -> String {
    let what = if agent == "invoicer" {
        "invoices"
    } else {
        "accounts"
    };
    format!("/{what}/{run}-{agent}")
}

async fn do_all(mesh: &Mesh, run: &str, steps: &[Value; 3]) -> Result<Vec<Step>> {
    let agent = mesh.agent(run)?;
    let [one, two, three] = steps
        .each_ref()
        .map(|step| task(ONCE, std::slice::from_ref(step)));
    let done = tokio::try_join!(agent.work(&one), agent.work(&two), agent.work(&three))?;
    Ok([done.0, done.1, done.2].concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_act_for_whoever_calls_them_and_for_nobody_else() {
    let mesh = Mesh::start().await.unwrap();
    let done = do_all(&mesh, "orchestrator", &plan("orchestrator", ONCE))
        .await
        .unwrap();
    assert!(done.iter().all(|step| step.status == 200), "{done:?}");
    for agent in DESCENDANTS {
        assert_eq!(mesh.reached(&path("orchestrator", agent)), 1, "{agent}");
    }
    assert_eq!(mesh.reached("/payments"), 1);
    assert_eq!(mesh.reached("/checks"), 1);
    let arrivals = mesh.upstream.arrivals.all();
    assert!(
        arrivals.iter().all(|one| !one.leaked),
        "no mandate and no mark of a call reaches a service"
    );

    let alone = |agent: &'static str, step: Value| {
        let mesh = &mesh;
        async move {
            let done = mesh
                .agent(agent)
                .unwrap()
                .work(&task(ONCE, &[step]))
                .await
                .unwrap();
            (done[0].status, done[0].reason.clone().unwrap_or_default())
        }
    };
    let before = arrivals.len();
    let refused = |reason: &str| (403, reason.to_owned());
    let account = get(BANK, "/accounts/alone");
    assert_eq!(
        alone("payer", account.clone()).await,
        refused("caller_missing"),
        "nobody called"
    );
    assert_eq!(
        alone("invoicer", account).await,
        refused("no_grant"),
        "nobody may call for that"
    );
    let other = call(
        "auditor",
        &task(ONCE, &[post(BANK, "/payments", &json!({}))]),
    );
    assert_eq!(
        alone("orchestrator", other).await.0,
        200,
        "the call itself is allowed"
    );
    assert_eq!(
        mesh.upstream.arrivals.count(),
        before,
        "what it was called for is not"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn ending_one_orchestrator_ends_all_below_it_and_nothing_beside_it() {
    let mesh = Mesh::start().await.unwrap();
    let [ended, sibling] = ROOTS;
    let plans = ROOTS.map(|run| plan(run, RUN));
    let watch = async {
        for run in ROOTS {
            for agent in DESCENDANTS {
                let path = path(run, agent);
                wait::until("everybody is at work", PATIENCE, async || {
                    (mesh.reached(&path) >= 3).then_some(())
                })
                .await?;
            }
        }
        let session = format!("session/{}", mesh.session(ended).await?);
        let sent = Instant::now();
        mesh.stack
            .caracal(&["revoke", &session, "--wait", "--zone", ZONE])
            .await?;
        let acknowledged = Instant::now();
        tokio::time::sleep(Duration::from_secs(2)).await;
        anyhow::Ok((sent, acknowledged, Instant::now()))
    };
    let (watched, of_ended, of_sibling) = tokio::join!(
        watch,
        do_all(&mesh, ended, &plans[0]),
        do_all(&mesh, sibling, &plans[1]),
    );
    let (sent, acknowledged, looked) = watched.unwrap();
    let arrivals = mesh.upstream.arrivals.all();
    for agent in DESCENDANTS {
        let (mine, beside) = (path(ended, agent), path(sibling, agent));
        let last = arrivals
            .iter()
            .filter(|one| one.path == mine)
            .map(|one| one.at)
            .max();
        let late = last.unwrap().saturating_duration_since(sent);
        println!(
            "{agent}: last arrival {} ms after the revocation was sent",
            late.as_millis()
        );
        assert!(
            last.unwrap() <= acknowledged,
            "{agent} acts after every point has acknowledged"
        );
        let after = |one: &&caracal_tests::upstream::Arrival| {
            one.path == beside && one.at > acknowledged && one.at < looked
        };
        assert!(
            arrivals.iter().filter(after).count() > 3,
            "{agent} for the other one"
        );
    }
    println!(
        "acknowledged after {} ms",
        acknowledged.saturating_duration_since(sent).as_millis()
    );
    let of_sibling = of_sibling.unwrap();
    assert!(
        of_sibling.iter().all(|step| step.status == 200),
        "{of_sibling:?}"
    );
    let of_ended = of_ended.unwrap();
    assert!(
        of_ended.iter().all(|step| step.status != 200),
        "calls under way are cut: {of_ended:?}"
    );
}
