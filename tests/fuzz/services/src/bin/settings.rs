//! Arguments and configuration file: every mistake is said, and no value is repeated.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _accepted: bool = caracal_control::fuzzing::settings(data);
});
