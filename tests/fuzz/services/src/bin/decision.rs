//! Decisions that enforcement points hand in: an event of a filter that fits into the log, and a yes only without a reason for a no.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _accepted: bool = caracal_sts::fuzzing::decision(data);
});
