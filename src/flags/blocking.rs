//! Flags for programs without tokio.

use std::{sync::mpsc, thread};

use tokio::runtime;

use crate::{
    error::{Error, Result},
    flags::{Flags, FlagsBuilder},
};

impl FlagsBuilder {
    /// Like [`connect`](Self::connect), for programs without tokio: blocks until the rows are read, and
    /// follows the database in a thread of its own, which ends when the flags are dropped. Within a runtime
    /// it blocks one of its threads.
    ///
    /// ```no_run
    /// let flags = novi::Flags::builder().connect_blocking("sqlite://novi.db")?;
    /// assert!(!flags.is_enabled("Winter sale", &novi::Context::new()));
    /// # Ok::<(), novi::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`connect`](Self::connect), and [`Error::Store`] if the thread cannot be started.
    pub fn connect_blocking(self, url: &str) -> Result<Flags> {
        let failed = |error: std::io::Error| Error::store("novi", "could not start a thread", error);
        let runtime = runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let (give, given) = mpsc::sync_channel(1);
        let url = url.to_owned();
        let follow = async move {
            let connected = self.connect(&url).await;
            let changes = connected.as_ref().ok().map(Flags::subscribe);
            // The caller waits for the result, so the channel is open.
            if give.send(connected).is_ok()
                && let Some(mut changes) = changes
            {
                // Keeps the tasks of this runtime running until the flags are dropped, which ends the
                // subscription.
                while changes.next().await.is_some() {}
            }
        };
        let named = thread::Builder::new().name("novi".to_owned());
        named.spawn(move || runtime.block_on(follow)).map_err(failed)?;
        given.recv().unwrap_or_else(|gone| Err(Error::store("novi", "a thread of novi ended", gone)))
    }
}

impl Flags {
    /// Flags from the database at `url`, for programs without tokio; see [`FlagsBuilder::connect_blocking`].
    ///
    /// # Errors
    /// Those of [`FlagsBuilder::connect_blocking`].
    pub fn connect_blocking(url: &str) -> Result<Self> {
        Self::builder().connect_blocking(url)
    }
}
