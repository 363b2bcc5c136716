//! Assertions and ID tokens: only what the key signed verifies, and only in its time.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _accepted: bool = caracal_sts::fuzzing::jwt(data);
});
