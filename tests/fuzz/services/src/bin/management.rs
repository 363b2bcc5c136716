//! Bodies of the management API: a JSON object that is taken for the same when it is written again.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _accepted: bool = caracal_control::fuzzing::management(data);
});
