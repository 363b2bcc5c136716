//! The token endpoint's form: known, printable, bounded parameters, none twice that may not be.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _accepted: bool = caracal_sts::fuzzing::form(data);
});
