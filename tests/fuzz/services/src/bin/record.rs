//! Leaves of the log: one spelling, the one that is written.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _accepted: bool = caracal_audit::fuzzing::record(data);
});
