//! The token service's answer to the filter: a yes needs both signs of a yes.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _accepted: bool = caracal_filter::fuzzing::check_answer(data);
});
