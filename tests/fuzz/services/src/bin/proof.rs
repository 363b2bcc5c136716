//! Inclusion and consistency proofs: at a position one proof holds: the one that is made.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _accepted: bool = caracal_audit::fuzzing::proof(data);
});
