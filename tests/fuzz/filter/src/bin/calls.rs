//! What other plugins put where calls stand: nobody has called by it.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _accepted: bool = caracal_filter::fuzzing::calls(data);
});
