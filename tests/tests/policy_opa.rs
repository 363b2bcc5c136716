//! Our evaluation of Rego, held against the real OPA on generated policies and inputs.

#![expect(
    clippy::arithmetic_side_effects,
    reason = "counts of a few thousand cases"
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Result;
use caracal_sts::policy::{Decision, EvalError, InputDocument, PolicyError, PolicyRunner};
use caracal_tests::opa::Opa;
use caracal_tests::rego::{self, GeneratedPolicy, Random};
use serde_json::Value;

const POLICIES: usize = 700;
const INPUTS: usize = 4;
const SEED: u64 = 20_260_101;

/// What both sides came to.
#[derive(Debug, Default)]
struct Tally {
    /// (policy, input) pairs that were evaluated on both sides.
    pairs: usize,
    /// Values of rules that were compared.
    values: usize,
    /// Of these: defined, undefined, errors on both sides.
    defined: usize,
    undefined: usize,
    errors: usize,
    /// Errors here, which are a no, where OPA comes to another end.
    stricter: usize,
    /// Policies that our check refused, and those that OPA refused.
    refused: usize,
    refused_by_opa: usize,
    codes: BTreeMap<&'static str, usize>,
    disagreements: Vec<String>,
}

#[tokio::test]
async fn our_evaluation_agrees_with_opa_on_generated_policies() -> Result<()> {
    let policies = std::env::var("CARACAL_POLICIES").ok();
    let policies = policies
        .and_then(|text| text.parse().ok())
        .unwrap_or(POLICIES);
    let seed = std::env::var("CARACAL_SEED").ok();
    let seed = seed.and_then(|text| text.parse().ok()).unwrap_or(SEED);
    let mut opa = Opa::start()?;
    let mut tally = Tally::default();
    for at in 0..policies {
        let mut random = Random::new(seed + at as u64);
        let policy = rego::policy(&mut random);
        compare(&mut opa, &policy, &mut random, &mut tally).await?;
    }
    println!(
        "{} pairs, {} values: {} defined, {} undefined, {} errors, {} errors here only; refused: {} by us, {} by OPA",
        tally.pairs,
        tally.values,
        tally.defined,
        tally.undefined,
        tally.errors,
        tally.stricter,
        tally.refused,
        tally.refused_by_opa
    );
    println!("refused by us for {:?}", tally.codes);
    for disagreement in tally.disagreements.iter().take(20) {
        println!("{disagreement}\n");
    }
    assert_eq!(tally.disagreements.len(), 0, "see the list above");
    if policies == POLICIES {
        assert!(
            tally.stricter * 100 <= tally.values,
            "{} errors here only",
            tally.stricter
        );
        assert!(tally.pairs >= 1000, "only {} pairs", tally.pairs);
        assert!(tally.defined >= 3000 && tally.undefined >= 300 && tally.errors >= 100);
    }
    Ok(())
}

async fn compare(
    opa: &mut Opa,
    policy: &GeneratedPolicy,
    random: &mut Random,
    tally: &mut Tally,
) -> Result<()> {
    let GeneratedPolicy { source, rules } = policy;
    let runner = PolicyRunner::default();
    let ours = match runner.compile(source.as_str().into()).await {
        Ok(ours) => Arc::new(ours),
        Err(PolicyError::Refused(found)) => {
            tally.refused += 1;
            for found in &found {
                *tally.codes.entry(found.code).or_default() += 1;
            }
            // Refusing is always safe; refusing what nobody said we would is worth a look.
            let known = ["result_shape", "misspelt_result", "recursion"];
            if !found.iter().all(|found| known.contains(&found.code))
                && opa.put_policy(source)?.is_ok()
            {
                let found: Vec<String> = found.iter().map(ToString::to_string).collect();
                tally
                    .disagreements
                    .push(format!("only we refuse: {}\n{source}", found.join("\n")));
            }
            return Ok(());
        }
        Err(error) => anyhow::bail!("{error}\n{source}"),
    };
    if let Err(said) = opa.put_policy(source)? {
        tally.refused_by_opa += 1;
        // OPA types expressions at compile time; a policy that can only fail there must not allow here.
        if !said.contains("rego_type_error") {
            tally
                .disagreements
                .push(format!("only OPA refuses: {said}\n{source}"));
        }
        return Ok(());
    }
    for _ in 0..INPUTS {
        let input = rego::input(random);
        let text = input.to_string();
        tally.pairs += 1;
        for rule in rules {
            let theirs = opa.value(&format!("caracal/policy/{rule}"), &input)?;
            let ours = ours.rule_json(rule, &text);
            tally.values += 1;
            match (&ours, &theirs) {
                (Ok(Some(ours)), Ok(Some(theirs)))
                    if same(&serde_json::from_str(ours)?, theirs) =>
                {
                    tally.defined += 1;
                }
                (Ok(None), Ok(None)) => tally.undefined += 1,
                (Err(EvalError::Failed), Err(_)) => tally.errors += 1,
                // OPA looks up every reference of a statement before it calls a function, so that it
                // may be undefined, and go on with another body, before it comes to an error. Here the
                // error ends the evaluation, which is a no.
                (Err(EvalError::Failed), Ok(_)) => tally.stricter += 1,
                _ => tally.disagreements.push(format!(
                    "{rule}: ours {ours:?}, OPA's {theirs:?}\ninput {text}\n{source}"
                )),
            }
        }
        decide(opa, &runner, &ours, &input, source, tally).await?;
    }
    Ok(())
}

/// The decision is what OPA's values mean by the contract.
async fn decide(
    opa: &mut Opa,
    runner: &PolicyRunner,
    ours: &Arc<caracal_sts::policy::CompiledPolicy>,
    input: &Value,
    source: &str,
    tally: &mut Tally,
) -> Result<()> {
    let mut rule = |name: &str| opa.value(&format!("caracal/policy/{name}"), input);
    let values = [
        rule("allow")?,
        rule("deny")?,
        rule("max_lifetime")?,
        rule("scopes")?,
    ];
    let allowed = match values {
        [Ok(allow), Ok(deny), Ok(lifetime), Ok(_)] => {
            let denied =
                deny.is_some_and(|deny| deny.as_array().is_some_and(|deny| !deny.is_empty()));
            let lifetime_fits =
                lifetime.is_none_or(|seconds| seconds.as_u64().is_some_and(|s| s > 0));
            allow == Some(Value::Bool(true)) && !denied && lifetime_fits
        }
        _ => false,
    };
    let document = InputDocument::from_json(&input.to_string())?;
    let decided = runner.evaluate(Arc::clone(ours), document).await;
    let agrees = match &decided {
        Ok(Decision::Allow(_)) => allowed,
        Ok(Decision::Deny(_)) => !allowed,
        // Never more than OPA's values allow; the values were counted above.
        Err(_) => true,
    };
    if !agrees {
        let text = format!(
            "decision: ours {decided:?}, by OPA's values {allowed}\ninput {input}\n{source}"
        );
        tally.disagreements.push(text);
    }
    Ok(())
}

/// Equal as JSON, numbers by their value.
fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            left == right || left.as_f64() == right.as_f64()
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .zip(right)
                    .all(|(left, right)| same(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .all(|(name, left)| right.get(name).is_some_and(|right| same(left, right)))
        }
        _ => left == right,
    }
}
