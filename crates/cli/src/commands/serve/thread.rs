//! Tasks that run next to the server.

use tokio::runtime::Builder;

/// Runs a task on a thread of its own, until the process ends, which does not wait for it. Its queries can take long, and
/// cannot move between threads.
pub(super) fn on_a_thread<F: Future<Output = ()>>(
    name: &'static str,
    task: impl FnOnce() -> F + Send + 'static,
) {
    let run = move || match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(task()),
        Err(error) => tracing::warn!("could not start {name}: {error}"),
    };
    if let Err(error) = std::thread::Builder::new().name(format!("novi-{name}")).spawn(run) {
        tracing::warn!("could not start {name}: {error}");
    }
}
