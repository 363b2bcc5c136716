//! A presented mandate: only what the zone signed verifies, in one spelling, and what verifies can be revoked.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _accepted: bool = caracal_filter::fuzzing::token(data);
});
