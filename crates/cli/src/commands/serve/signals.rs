//! Signals that ask the process to stop.

use std::{
    io,
    time::{Duration, Instant},
};

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Supervisors may signal a process and its group: two signals within this time are one request to stop.
const DISTINCT: Duration = Duration::from_millis(100);

pub(in crate::commands) struct Signals {
    #[cfg(unix)]
    interrupt: Signal,
    #[cfg(unix)]
    terminate: Signal,
    /// `None` if SIGHUP is ignored, as `nohup` has it.
    #[cfg(unix)]
    hangup: Option<Signal>,
}

impl Signals {
    #[cfg(unix)]
    pub(in crate::commands) fn new() -> io::Result<Self> {
        let (interrupt, terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let hangup = if ignores_hangup() { None } else { Some(signal(SignalKind::hangup())?) };
        Ok(Self { interrupt, terminate, hangup })
    }

    #[cfg(not(unix))]
    pub(in crate::commands) fn new() -> io::Result<Self> {
        Ok(Self {})
    }

    /// Waits for a signal.
    #[cfg(unix)]
    pub(in crate::commands) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => (),
            _ = self.terminate.recv() => (),
            _ = async {
                match &mut self.hangup {
                    Some(hangup) => hangup.recv().await,
                    None => std::future::pending().await,
                }
            } => (),
        }
    }

    #[cfg(not(unix))]
    pub(in crate::commands) async fn next(&mut self) {
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

/// Whether SIGHUP is ignored. Systems without `/proc` keep their default, because it cannot be read there.
#[cfg(unix)]
fn ignores_hangup() -> bool {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return true };
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_none_or(|mask| mask & 1 == 1)
}
