//! Whoever asks all the time, whatever happens to the database.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use novi::{Context, Flags};

/// Threads that ask whether the flag `on` is, which it always should be.
pub(crate) struct Askers {
    stop: Arc<AtomicBool>,
    threads: Vec<thread::JoinHandle<u64>>,
    wrong: Arc<AtomicU64>,
}

impl Askers {
    pub(crate) fn start(flags: &Flags) -> Self {
        let (stop, wrong) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let ask = |_| {
            let (flags, stop, wrong) = (flags.clone(), Arc::clone(&stop), Arc::clone(&wrong));
            thread::spawn(move || {
                let mut asked = 0;
                while !stop.load(Ordering::Relaxed) {
                    let decision = flags.evaluate("on", &Context::new());
                    let is_right = decision.is_ok_and(|decision| decision.enabled())
                        && flags.is_enabled("on", &Context::new());
                    wrong.fetch_add(u64::from(!is_right), Ordering::Relaxed);
                    asked += 1;
                    if asked % 64 == 0 {
                        // The database shares the processor.
                        thread::sleep(Duration::from_millis(1));
                    }
                }
                asked
            })
        };
        let threads = (0..4).map(ask).collect();
        Self { stop, threads, wrong }
    }

    pub(crate) fn finish(self) {
        self.stop.store(true, Ordering::Relaxed);
        let asked: u64 = self.threads.into_iter().map(|thread| thread.join().unwrap()).sum();
        assert!(asked > 1000, "{asked} answers");
        assert_eq!(self.wrong.load(Ordering::Relaxed), 0, "wrong or failed answers of {asked}");
    }
}
