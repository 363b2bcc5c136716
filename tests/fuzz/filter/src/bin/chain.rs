//! A delegation chain: what verifies holds less at every hop, and nothing more is ever passed on.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _accepted: bool = caracal_mandate::fuzzing::chain(data);
});
