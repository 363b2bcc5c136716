//! Exports under the eyes of others: Python's standard library with `openssl`, and `DuckDB`. See
//! tests/clients/README.md.

use std::process::{Command, Output};

use super::*;
use crate::testing::tools::tool;

fn check(exports: &Exports, folder: &Path) -> Output {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/clients/export/check.py");
    let key = exports.place.signer().verifier().for_zone("bank").to_text();
    let mut command = Command::new("python3");
    command
        .args(["-s"])
        .arg(program)
        .arg(folder.join("bank"))
        .arg(key);
    command.output().unwrap()
}

fn duckdb(folder: &Path) -> Output {
    let program = tool("CARACAL_CLIENTS", "clients").join("export/run");
    Command::new(program)
        .arg(folder.join("bank"))
        .output()
        .unwrap()
}

fn accepted(output: Output) -> String {
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout).unwrap()
}

fn refused(output: Output, why: &str) {
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(why), "{said}");
}

#[tokio::test]
async fn a_script_without_any_of_our_code_verifies_an_export_and_refuses_a_changed_one() {
    let exports = Exports::new().await;
    for (first, entries) in [(0, 700), (257, 443)] {
        let scope = part("bank", first, None);
        let folder = exports
            .export(&format!("from-{first}"), &scope, Format::Jsonl)
            .await;
        let said = accepted(check(&exports, &folder));
        assert_eq!(
            said,
            format!("ok entries {entries}\nok root 700\nok signature\n")
        );
        let file = folder.join("bank/entries.jsonl");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, text.replacen("payout", "payin", 1)).unwrap();
        refused(check(&exports, &folder), "root");
        std::fs::write(&file, &text).unwrap();
        let note = folder.join("bank/checkpoint");
        let signed = std::fs::read_to_string(&note).unwrap();
        std::fs::write(
            &note,
            signed.replacen("audit.example/bank\n", "audit.example/bunk\n", 1),
        )
        .unwrap();
        refused(check(&exports, &folder), "signature");
    }
}

#[tokio::test]
async fn duckdb_reads_every_column_and_recomputes_the_root() {
    let exports = Exports::new().await;
    for (first, entries) in [(0, 700), (257, 443)] {
        let scope = part("bank", first, None);
        let folder = exports
            .export(&format!("from-{first}"), &scope, Format::Parquet)
            .await;
        let said = accepted(duckdb(&folder));
        let types = "index BIGINT, recorded TIMESTAMP WITH TIME ZONE, time TIMESTAMP WITH TIME ZONE, \
            zone VARCHAR, component VARCHAR, action VARCHAR, outcome VARCHAR, shadow BOOLEAN, \
            reason VARCHAR, application VARCHAR, session VARCHAR, resource VARCHAR, operation VARCHAR, \
            method VARCHAR, host VARCHAR, path VARCHAR, scope VARCHAR, request_id VARCHAR, \
            mandate VARCHAR, grant VARCHAR, policy VARCHAR, epoch BIGINT, holder VARCHAR, detail VARCHAR, \
            status BIGINT, duration_us BIGINT, ended_by VARCHAR, decision BIGINT, \
            peer VARCHAR, emitter VARCHAR, boot VARCHAR, seq BIGINT, event_version BIGINT, leaf VARCHAR, \
            leaf_hash BLOB";
        let denied = (first + 1..=700).filter(|seq| seq % 2 == 0).count();
        let expected = format!(
            "types {types}\nok columns {entries}\nok root 700\n\
             payout invalid_mandate.expired {denied}\n"
        );
        assert_eq!(said, expected);
    }
}
