//! Threads that evaluate a flag all the time, whatever happens to the database.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use novi::{Context, Flags};

/// Threads that evaluate the flag `on`, which should always be on.
pub(crate) struct Askers {
    stop: Arc<AtomicBool>,
    threads: Vec<thread::JoinHandle<()>>,
    evaluations: Arc<AtomicU64>,
    wrong: Arc<AtomicU64>,
}

impl Askers {
    pub(crate) fn start(flags: &Flags) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (evaluations, wrong) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let ask = |_| {
            let (flags, stop) = (flags.clone(), Arc::clone(&stop));
            let (evaluations, wrong) = (Arc::clone(&evaluations), Arc::clone(&wrong));
            thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let decision = flags.evaluate("on", &Context::new());
                    let is_right = decision.is_ok_and(|decision| decision.enabled())
                        && flags.is_enabled("on", &Context::new());
                    wrong.fetch_add(u64::from(!is_right), Ordering::Relaxed);
                    if evaluations.fetch_add(1, Ordering::Relaxed) % 64 == 0 {
                        // The database shares the processor.
                        thread::sleep(Duration::from_millis(1));
                    }
                }
            })
        };
        let threads = (0..4).map(ask).collect();
        Self { stop, threads, evaluations, wrong }
    }

    /// Stops the threads once they have evaluated often enough.
    pub(crate) fn finish(self) {
        while self.evaluations.load(Ordering::Relaxed) <= 1000 {
            thread::sleep(Duration::from_millis(1));
        }
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().unwrap();
        }
        let evaluations = self.evaluations.load(Ordering::Relaxed);
        assert_eq!(self.wrong.load(Ordering::Relaxed), 0, "wrong or failed of {evaluations} evaluations");
    }
}
