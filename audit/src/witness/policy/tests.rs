use proptest::prelude::*;

use super::*;
use crate::note::{CheckpointSigner, CosignatureSigner, KeyError};

fn witness_key() -> String {
    let signer = CosignatureSigner::generate("w.example").unwrap();
    signer.verifier().to_text()
}

fn log_key() -> String {
    let signer = CheckpointSigner::generate("log.example").unwrap();
    signer.verifier().to_text()
}

/// The example of the specification.
fn example() -> String {
    let witness = |name: &str| format!("witness {name} {}\n", witness_key());
    let x: String = ["X1", "X2", "X3"].map(witness).concat();
    let y: String = ["Y1", "Y2", "Y3"].map(witness).concat();
    format!(
        "log {}\n\n{x}group X-witnesses 2 X1 X2 X3\n\n{y}group Y-witnesses any Y1 Y2 Y3\n\n\
         group X-and-Y all X-witnesses Y-witnesses\nquorum X-and-Y\n",
        log_key()
    )
}

fn parse(text: &str) -> Result<TrustPolicy, PolicyError> {
    TrustPolicy::parse(text.as_bytes())
}

#[test]
fn the_published_example_asks_for_two_of_one_group_and_one_of_the_other() {
    let policy = parse(&example()).unwrap();
    assert_eq!((policy.logs().len(), policy.witnesses().len()), (1, 6));
    for (cosigned, enough) in [
        (&["X1", "X3", "Y2"][..], true),
        (&["X1", "X2", "X3", "Y1", "Y2", "Y3"], true),
        (&["X1", "X2", "X3"], false),
        (&["X1", "Y1", "Y2", "Y3"], false),
        (&["X1", "X1", "Y1"], false),
        // The name of a group is no witness's.
        (&[], false),
    ] {
        assert_eq!(
            policy.is_quorum(cosigned.iter().copied()),
            enough,
            "{cosigned:?}"
        );
    }
}

#[test]
fn comments_tabs_and_addresses_are_read() {
    let (log, w) = (log_key(), witness_key());
    let text = format!(
        "# a comment\n\t # another, with\ttabs\n\n \t\nquorum none\n\tlog \t{log} https://log.example/ \n\
         witness \u{e9}t\u{e9} {w}\thttps://w.example/prefix\n"
    );
    let policy = TrustPolicy::parse(&[b"# latin \xe9\n", text.as_bytes()].concat()).unwrap();
    assert_eq!(
        policy.logs()[0].url.as_deref(),
        Some("https://log.example/")
    );
    assert_eq!(policy.witnesses()[0].name, "\u{e9}t\u{e9}");
    assert_eq!(
        policy.witnesses()[0].url.as_deref(),
        Some("https://w.example/prefix")
    );
    assert!(policy.is_quorum([]));
}

/// Where a text is wrong, from 1, and how.
type Mistake = (String, usize, PolicyFault);

fn assert_mistakes(cases: Vec<Mistake>) {
    for (text, line, fault) in cases {
        assert_eq!(parse(&text), Err(PolicyError { line, fault }), "{text}");
    }
}

/// A log and two witnesses, on three lines.
fn start() -> String {
    let (log, a, b) = (log_key(), witness_key(), witness_key());
    format!("log {log}\nwitness a {a}\nwitness b {b}\n")
}

#[test]
fn mistakes_of_form_are_told_with_their_line() {
    let (start, log) = (start(), log_key());
    let logs: Vec<_> = (0..257).map(|_| format!("log {}\n", log_key())).collect();
    let form = PolicyFault::Form;
    assert_mistakes(vec![
        (String::new(), 1, PolicyFault::NoQuorum),
        (start.clone(), 3, PolicyFault::NoQuorum),
        (format!("{start}quorum a"), 4, PolicyFault::NoEnd),
        (format!("{start}quorum a\r\n"), 4, PolicyFault::Control),
        (format!("{start}Quorum a\n"), 4, PolicyFault::Keyword),
        (format!("{start}quorum\n"), 4, form("quorum <name>")),
        (
            format!("{start}quorum a\nquorum b\n"),
            5,
            PolicyFault::SecondQuorum,
        ),
        (
            format!("log {log} url more\n"),
            1,
            form("log <vkey> [<url>]"),
        ),
        (
            "witness a\n".to_owned(),
            1,
            form("witness <name> <vkey> [<url>]"),
        ),
        (
            format!("{start}group g any\n"),
            4,
            form("group <name> <all|any|k> <name>..."),
        ),
        (logs.concat(), 257, PolicyFault::TooMany),
        ("#".repeat(65 * 1024), 1, PolicyFault::TooLong),
    ]);
    let latin = TrustPolicy::parse(b"quorum \xe9\n");
    assert_eq!(latin.unwrap_err().fault, PolicyFault::NotUtf8);
}

#[test]
fn mistakes_of_names_and_thresholds_are_told_with_their_line() {
    let start = start();
    let taken = |name: &str| PolicyFault::NameTaken(name.to_owned());
    let undefined = |name: &str| PolicyFault::Undefined(name.to_owned());
    let twice = |name: &str| PolicyFault::CountedTwice(name.to_owned());
    let (a, b) = (witness_key(), witness_key());
    assert_mistakes(vec![
        (format!("{start}quorum c\n"), 4, undefined("c")),
        (format!("quorum a\n{start}"), 1, undefined("a")),
        (format!("witness a {a}\nwitness a {b}\n"), 2, taken("a")),
        (format!("witness none {a}\n"), 1, taken("none")),
        (format!("{start}group a any b\n"), 4, taken("a")),
        (format!("{start}group g any g\n"), 4, undefined("g")),
        (format!("{start}group g any none\n"), 4, undefined("none")),
        (format!("{start}group g all a a\n"), 4, twice("a")),
        (
            format!("{start}group g any a\ngroup h any a b\n"),
            5,
            twice("a"),
        ),
        (format!("{start}group g 0 a\n"), 4, PolicyFault::Threshold),
        (format!("{start}group g 3 a b\n"), 4, PolicyFault::Threshold),
        (
            format!("{start}group g 01 a b\n"),
            4,
            PolicyFault::Threshold,
        ),
        (
            format!("{start}group g +1 a b\n"),
            4,
            PolicyFault::Threshold,
        ),
        (
            format!("{start}group g most a b\n"),
            4,
            PolicyFault::Threshold,
        ),
    ]);
}

#[test]
fn mistakes_of_keys_are_told_with_their_line() {
    let (log, a) = (log_key(), witness_key());
    let other_name = a.replacen("w.example", "v.example", 1);
    let key = PolicyFault::Key;
    assert_mistakes(vec![
        (
            format!("log {log}\nlog {log}\n"),
            2,
            PolicyFault::DuplicateKey,
        ),
        (
            format!("witness a {a}\nwitness b {a}\n"),
            2,
            PolicyFault::DuplicateKey,
        ),
        (format!("witness a {log}\n"), 1, key(KeyError::VerifierText)),
        (format!("log {a}\n"), 1, key(KeyError::VerifierText)),
        (format!("witness a {other_name}\n"), 1, key(KeyError::KeyId)),
    ]);
}

#[test]
fn a_witness_under_another_name_with_the_same_key_is_a_duplicate() {
    let signer = CosignatureSigner::generate("w.example").unwrap();
    let pkcs8 = signer.to_pkcs8().unwrap();
    let again = CosignatureSigner::from_pkcs8("v.example", pkcs8.as_ref()).unwrap();
    let (one, other) = (signer.verifier().to_text(), again.verifier().to_text());
    let text = format!("witness a {one}\nwitness b {other}\nquorum a\n");
    assert_eq!(parse(&text).unwrap_err().fault, PolicyFault::DuplicateKey);
}

#[test]
fn a_zone_is_trusted_by_its_own_key_by_that_of_its_ledger_or_without_a_list() {
    let ledger = CheckpointSigner::generate("log.example")
        .unwrap()
        .verifier();
    let policy =
        |log: &CheckpointVerifier| parse(&format!("log {}\nquorum none\n", log.to_text())).unwrap();
    let prod = policy(&ledger.for_zone("prod"));
    assert!(prod.allows_zone(&ledger, "prod") && !prod.allows_zone(&ledger, "test"));
    let all = policy(&ledger);
    assert!(all.allows_zone(&ledger, "prod") && all.allows_zone(&ledger, "test"));
    assert!(parse("quorum none\n").unwrap().allows_zone(&ledger, "prod"));
    let other = CheckpointVerifier::from_text(&log_key()).unwrap();
    assert!(!policy(&other).allows_zone(&ledger, "prod"));
}

proptest! {
    #[test]
    fn a_group_of_k_is_met_by_k_and_more_witnesses(n in 1_usize..=8, k in 1_usize..=8, mask: u8) {
        prop_assume!(k <= n);
        let names: Vec<_> = (0..n).map(|number| format!("w{number}")).collect();
        let lines: Vec<_> = names.iter().map(|name| format!("witness {name} {}\n", witness_key())).collect();
        let lines = lines.concat();
        let policy = parse(&format!("{lines}group g {k} {}\nquorum g\n", names.join(" "))).unwrap();
        let cosigned: Vec<_> = (0..n).filter(|bit| mask & (1 << bit) != 0).collect();
        let enough = policy.is_quorum(cosigned.iter().map(|number| names[*number].as_str()));
        prop_assert_eq!(enough, cosigned.len() >= k);
    }
}
