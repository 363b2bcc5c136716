//! Signed checkpoints: only what the key signed is opened, for its own log alone.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _accepted: bool = caracal_audit::fuzzing::checkpoint(data);
});
