//! Messages between replicas: only what a replica signed is read, in one spelling.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _accepted: bool = caracal_sts::fuzzing::peer_message(data);
});
