//! Limits on the work and the memory of large responses, shared fairly among callers.
//!
//! An evaluation of all flags can take a core for a second, and its response can take megabytes until the
//! client has read it. Such evaluations run outside the async workers, a few at a time, so that all other
//! requests are answered meanwhile.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::body::{Body, Bytes};
use tokio::{
    runtime::{Handle, RuntimeFlavor},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::block_in_place,
};

use crate::app::limits::rate_limit::RateKey;

/// Memory is counted in units of this many bytes.
const UNIT: usize = 1024;

/// One caller may use this part of the memory, so that one slow reader does not use it up.
const CALLERS_PART: usize = 4;

/// When there are this many callers, those without a request are dropped.
const MOST_CALLERS: usize = 4_096;

/// The limits.
pub(crate) struct Bulkhead {
    all: Share,
    /// A caller enters its own share first, and then the share of all callers. So each caller has at most
    /// `concurrency` requests in the queue of all, and callers take turns.
    callers: Mutex<HashMap<RateKey, Share>>,
}

#[derive(Clone)]
struct Share {
    work: Arc<Semaphore>,
    memory: Arc<Semaphore>,
    concurrency: usize,
    units: u32,
}

impl Share {
    fn new(concurrency: usize, bytes: usize) -> Self {
        let units = u32::try_from(bytes / UNIT).unwrap_or(u32::MAX).max(1);
        let concurrency = concurrency.clamp(1, Semaphore::MAX_PERMITS);
        let (work, memory) = (Semaphore::new(concurrency), Semaphore::new(units as usize));
        Self { work: Arc::new(work), memory: Arc::new(memory), concurrency, units }
    }

    /// Waits for memory, as much as this share ever has at most.
    async fn memory(&self, units: u32) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.memory).acquire_many_owned(units.min(self.units)).await.ok()
    }

    async fn work(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.work).acquire_owned().await.ok()
    }

    fn is_unused(&self) -> bool {
        Arc::strong_count(&self.work) == 1 && Arc::strong_count(&self.memory) == 1
    }
}

impl Bulkhead {
    /// Limits of this many requests at a time and this many bytes of responses.
    pub(crate) fn new(concurrency: usize, bytes: usize) -> Self {
        Self { all: Share::new(concurrency, bytes), callers: Mutex::default() }
    }

    /// Waits until the caller may work on a response of about this size. The semaphores are never closed, so
    /// no permit is ever missing.
    pub(crate) async fn enter(&self, caller: RateKey, bytes: usize) -> Admission {
        // Memory before work: who waits for a slow reader must not keep others from working.
        let memory = self.memory(caller, bytes).await;
        let own = self.share_of(caller);
        let work = [own.work().await, self.all.work().await];
        Admission { memory, work }
    }

    /// Waits for the memory of a response that needs no further work.
    pub(crate) async fn memory(&self, caller: RateKey, bytes: usize) -> Memory {
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX);
        let own = self.share_of(caller);
        Memory { _permits: [own.memory(units).await, self.all.memory(units).await] }
    }

    fn share_of(&self, caller: RateKey) -> Share {
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        if callers.len() >= MOST_CALLERS && !callers.contains_key(&caller) {
            callers.retain(|_, share| !share.is_unused());
        }
        let all = &self.all;
        let new = || Share::new(all.concurrency, all.units as usize / CALLERS_PART * UNIT);
        callers.entry(caller).or_insert_with(new).clone()
    }
}

/// The right to work on one response.
pub(crate) struct Admission {
    memory: Memory,
    work: [Option<OwnedSemaphorePermit>; 2],
}

impl Admission {
    /// Does the work outside the async workers. Returns the memory, for [`Memory::hold`].
    pub(crate) fn run<T>(self, work: impl FnOnce() -> T) -> (T, Memory) {
        let Self { memory, work: permits } = self;
        let done = off_worker(work);
        drop(permits);
        (done, memory)
    }

    /// Like [`run`](Self::run), for work that waits as well.
    pub(crate) async fn run_future<T>(self, work: impl Future<Output = T>) -> (T, Memory) {
        let Self { memory, work: permits } = self;
        let done = off_worker_future(work).await;
        drop(permits);
        (done, memory)
    }
}

/// The memory of a response, until it is sent.
pub(crate) struct Memory {
    _permits: [Option<OwnedSemaphorePermit>; 2],
}

impl Memory {
    /// A body that keeps the memory until it is written to the connection.
    pub(crate) fn hold(self, bytes: Bytes) -> Body {
        Body::from(Bytes::from_owner(Held { bytes, _memory: self }))
    }
}

struct Held {
    bytes: Bytes,
    _memory: Memory,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Does work that takes long, while another thread takes over this worker's other tasks. A runtime with one
/// thread has no other.
fn off_worker<T>(work: impl FnOnce() -> T) -> T {
    if has_other_workers() { block_in_place(work) } else { work() }
}

/// Like [`off_worker`], for work that waits as well.
pub(crate) async fn off_worker_future<T>(work: impl Future<Output = T>) -> T {
    if has_other_workers() { block_in_place(|| Handle::current().block_on(work)) } else { work.await }
}

fn has_other_workers() -> bool {
    let flavor = Handle::try_current().map(|handle| handle.runtime_flavor());
    matches!(flavor, Ok(RuntimeFlavor::MultiThread))
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt as _;
    use http_body_util::BodyExt as _;

    use super::*;

    const A: RateKey = RateKey::Token(1);
    const B: RateKey = RateKey::Token(2);

    #[tokio::test]
    async fn callers_take_turns() {
        let bulkhead = Bulkhead::new(1, 1_000_000);
        let first = bulkhead.enter(A, 1).await;
        let (mut second, mut third) = (pin!(bulkhead.enter(A, 1)), pin!(bulkhead.enter(A, 1)));
        assert!(second.as_mut().now_or_never().is_none() && third.as_mut().now_or_never().is_none());
        let mut other = pin!(bulkhead.enter(B, 1));
        assert!(other.as_mut().now_or_never().is_none(), "one at a time");
        first.run(|| ());
        // The second enters the queue of all callers only now, behind the other caller.
        assert!(second.as_mut().now_or_never().is_none() && third.as_mut().now_or_never().is_none());
        let other = other.now_or_never().unwrap();
        other.run(|| ());
        second.now_or_never().unwrap().run(|| ());
        third.now_or_never().unwrap().run(|| ());
    }

    #[tokio::test]
    async fn memory_is_in_use_until_the_body_is_dropped() {
        let bulkhead = Bulkhead::new(8, 400 * UNIT);
        let hold = async |admission: Admission| admission.run(|| ()).1.hold(Bytes::from_static(b"x"));
        let body = hold(bulkhead.enter(A, 60 * UNIT).await).await;
        // A quarter for one caller.
        assert!(bulkhead.enter(A, 60 * UNIT).now_or_never().is_none());
        assert!(bulkhead.enter(B, 60 * UNIT).now_or_never().is_some(), "another caller");
        let bytes = body.collect().await.unwrap().to_bytes();
        assert_eq!(&*bytes, b"x");
        assert!(bulkhead.enter(A, 60 * UNIT).now_or_never().is_none(), "not yet written");
        drop(bytes);
        assert!(bulkhead.enter(A, 60 * UNIT).now_or_never().is_some());
        // What is larger than the share waits until the caller has nothing else.
        assert!(bulkhead.enter(A, 1_000_000 * UNIT).now_or_never().is_some());
    }

    #[tokio::test]
    async fn callers_without_requests_are_dropped() {
        let bulkhead = Bulkhead::new(1, 1_000_000);
        let held = bulkhead.enter(A, 1).await;
        for id in 2..10_000 {
            assert!(bulkhead.enter(RateKey::Token(id), 1).now_or_never().is_none());
        }
        assert!(bulkhead.callers.lock().unwrap().len() <= MOST_CALLERS);
        assert!(bulkhead.callers.lock().unwrap().contains_key(&A));
        held.run(|| ());
    }
}
