//! Envoy's question about a request: one credential that stands there once, and one reading of the rest.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _accepted: bool = caracal_sts::fuzzing::check_request(data);
});
