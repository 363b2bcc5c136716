//! Proofs for others: what was signed is proven at its place alone.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _accepted: bool = caracal_audit::fuzzing::tlog_proof(data);
});
