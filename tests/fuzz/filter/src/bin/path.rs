//! Request target, host and templates: what is accepted has one reading, and is the operation that a router would find.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _accepted: bool = caracal_mandate::fuzzing::path(data);
});
