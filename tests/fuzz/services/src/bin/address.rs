//! Addresses of databases, issuers and keys: no user, no fragment, no password that is shown.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _accepted: bool = caracal_store::fuzzing::address(data);
});
