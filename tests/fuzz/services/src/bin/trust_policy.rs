//! Policies that name witnesses: more cosignatures are never less.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _accepted: bool = caracal_audit::fuzzing::trust_policy(data);
});
