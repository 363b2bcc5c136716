//! The filter's configuration: an object of known members, each in its range, that does not print its secret.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _accepted: bool = caracal_filter::fuzzing::config(data);
});
