//! Signals that ask the process to stop.

use std::{
    io,
    time::{Duration, Instant},
};

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Supervisors may signal a process and its group: two signals within this time are one request to stop.
const DISTINCT: Duration = Duration::from_millis(100);

pub(super) struct Signals {
    #[cfg(unix)]
    interrupt: Signal,
    #[cfg(unix)]
    terminate: Signal,
}

impl Signals {
    #[cfg(unix)]
    pub(super) fn new() -> io::Result<Self> {
        let (interrupt, terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        Ok(Self { interrupt, terminate })
    }

    #[cfg(not(unix))]
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {})
    }

    /// Waits for a signal.
    #[cfg(unix)]
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => (),
            _ = self.terminate.recv() => (),
        }
    }

    #[cfg(not(unix))]
    pub(super) async fn next(&mut self) {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::warn!("cannot handle Ctrl-C: {error}");
            std::future::pending::<()>().await;
        }
    }

    /// Waits for a signal that does not belong to the previous one.
    pub(super) async fn next_distinct(&mut self) {
        let previous = Instant::now();
        loop {
            self.next().await;
            if previous.elapsed() >= DISTINCT {
                return;
            }
        }
    }
}
