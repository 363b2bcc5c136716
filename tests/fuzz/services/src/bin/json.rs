//! Sets of keys, conditions of grants, entries of the log: what is read is written with the same meaning.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _accepted: bool = caracal_store::fuzzing::json(data);
});
