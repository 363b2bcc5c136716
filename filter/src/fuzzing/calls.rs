//! What stands in the host's shared data, which every plugin with the same `vm_id` writes.

use crate::calls::memory::SharedMemory;
use crate::calls::{Call, Calls, Trace};
use crate::config::CallsConfig;
use crate::time::Moment;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const TOKEN: &str = "header.payload.signature";

/// Whatever somebody puts into every slot, nobody has called by it; and a call that is put up over it is
/// found, as long as there is room for one.
///
/// # Panics
/// When the input breaks the law.
#[must_use]
pub fn calls(data: &[u8]) -> bool {
    let shared = SharedMemory::default();
    let config = CallsConfig {
        secret: "a secret that nobody else has".to_owned(),
        linger_s: 0,
    };
    let calls = Calls::new(&config, "acme", Box::new(shared.clone()));
    calls.prepare();
    shared.overwrite(data);
    let now = Moment {
        monotonic_ms: 1,
        unix_ms: 1000,
    };
    let trace = Trace {
        id: Some(TRACE),
        ..Trace::default()
    };
    assert_eq!(
        calls.find(trace, now),
        Ok(None),
        "a caller that nobody put up"
    );
    let call = Call {
        trace: TRACE,
        token: TOKEN,
        session: "ses_1",
        expires: 300,
    };
    let Some(open) = calls.begin(call, now) else {
        return false;
    };
    let marked = Trace {
        mark: Some(open.mark()),
        ..trace
    };
    let found = calls.find(marked, now);
    assert!(found.is_ok_and(|found| found.is_some_and(|caller| caller.token == TOKEN)));
    true
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;
    use crate::calls::memory::slot;

    #[test]
    fn seeds_are_read_as_their_names_say() {
        let room = slot(7, 300).encode_to_vec();
        let full = slot(8, 300).encode_to_vec();
        let over = slot(8, 1).encode_to_vec();
        let seeds = [
            ("good-empty", Vec::new()),
            ("good-bytes", vec![0xff; 9]),
            ("good-room", room),
            ("good-over", over),
            ("bad-full", full),
        ];
        caracal_seeds::hold("calls", &seeds, calls).unwrap();
    }
}
