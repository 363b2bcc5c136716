//! The header block of a request: what is accepted is in normal form, whatever the order of the headers.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _accepted: bool = caracal_mandate::fuzzing::head(data);
});
