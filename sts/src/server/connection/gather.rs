//! Writing once for many: a connection that has something to write lets everything that is ready to run
//! have its turn first.
//!
//! A change goes to all points in one moment. Of the streams of one connection, the first that has a frame
//! wakes the connection, which would write that frame at once, and then the next: for each a TLS record,
//! a system call here and a wake-up there.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// Where a connection is between two flushes.
#[derive(Debug, Default)]
pub(super) enum Gather {
    /// Nothing was written since.
    #[default]
    Idle,
    /// Others have their turn.
    Waiting(Arc<Turn>),
    /// They had it: what there is may be written.
    Over,
}

/// A task's place behind all that are ready.
#[derive(Debug, Default)]
pub(super) struct Turn {
    over: AtomicBool,
    task: Mutex<Option<Waker>>,
}

impl Gather {
    /// Ready when the others had their turn.
    pub(super) fn poll(&mut self, context: &Context<'_>) -> Poll<()> {
        if let Self::Idle = self {
            let turn = Arc::new(Turn::default());
            turn.wakes(context.waker());
            let waker = Waker::from(Arc::clone(&turn));
            // The runtime wakes it when it has nothing else to run, or after some dozen tasks.
            let asked = pin!(tokio::task::yield_now()).poll(&mut Context::from_waker(&waker));
            *self = match asked {
                Poll::Pending => Self::Waiting(turn),
                Poll::Ready(()) => Self::Over,
            };
        }
        if let Self::Waiting(turn) = self {
            turn.wakes(context.waker());
            if !turn.over.load(Ordering::Acquire) {
                return Poll::Pending;
            }
            *self = Self::Over;
        }
        Poll::Ready(())
    }

    /// Everything is written.
    pub(super) fn flushed(&mut self) {
        if let Self::Over = self {
            *self = Self::Idle;
        }
    }
}

impl Turn {
    fn wakes(&self, waker: &Waker) {
        let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *task {
            Some(task) => task.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
    }
}

impl Wake for Turn {
    fn wake(self: Arc<Self>) {
        self.over.store(true, Ordering::Release);
        let task = self
            .task
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(task) = task {
            task.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    #[tokio::test]
    async fn a_writer_waits_for_those_that_are_ready_and_no_longer() {
        let (done, ready) = std::sync::mpsc::channel();
        for number in 0..5 {
            let done = done.clone();
            tokio::spawn(async move { done.send(number).unwrap() });
        }
        let mut gather = Gather::default();
        poll_fn(|context| gather.poll(context)).await;
        assert_eq!(ready.try_iter().count(), 5);
        // Until the flush everything goes straight through, and then it waits again.
        let mut polls = 0;
        for _ in 0..2 {
            poll_fn(|context| {
                polls += 1;
                gather.poll(context)
            })
            .await;
        }
        assert_eq!(polls, 2);
        gather.flushed();
        poll_fn(|context| {
            polls += 1;
            gather.poll(context)
        })
        .await;
        assert_eq!(polls, 4);
    }
}
