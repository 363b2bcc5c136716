//! Files of a published log, and their names: each has one spelling and one width.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _accepted: bool = caracal_audit::fuzzing::tile(data);
});
