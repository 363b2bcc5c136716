//! A policy: an error with its place, or a policy whose yes is its `allow` and its empty `deny`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _accepted: bool = caracal_sts::fuzzing::policy(data);
});
