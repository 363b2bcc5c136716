//! Requests to a witness: a tree that was cosigned is left only by a proof that holds.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _accepted: bool = caracal_audit::fuzzing::witness_request(data);
});
