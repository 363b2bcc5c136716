//! Buffers of decisions that were handed over, for those to come: a request allocates none.

/// Most of them: what a busy worker has under way at once.
const MAX_SPARES: usize = 256;

/// Most bytes of one that is kept. The usual decision has a quarter of that.
const MAX_KEPT_BYTES: usize = 2048;

/// Empty or not, they are written anew.
#[derive(Debug, Default)]
pub(super) struct Spares(Vec<Vec<u8>>);

impl Spares {
    pub(super) fn take(&mut self) -> Vec<u8> {
        self.0.pop().unwrap_or_default()
    }

    pub(super) fn keep(&mut self, buffer: Vec<u8>) {
        if self.0.len() < MAX_SPARES && buffer.capacity() <= MAX_KEPT_BYTES {
            self.0.push(buffer);
        }
    }
}
