//! Frames of the authority feed: no trust beyond the lease of an answered ping, no version that goes back.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _accepted: bool = caracal_filter::fuzzing::feed(data);
});
