//! A peer's certificate: it names nobody, or the one SPIFFE ID that stands in it.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _accepted: bool = caracal_sts::fuzzing::certificate(data);
});
