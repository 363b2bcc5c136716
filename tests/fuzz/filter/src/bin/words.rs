//! Names, scopes, identifiers: a word that is read is written as it was read.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _accepted: bool = caracal_mandate::fuzzing::words(data);
});
