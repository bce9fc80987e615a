//! Flags for programs without tokio.

use std::{sync::mpsc, thread};

use tokio::{runtime, sync::watch};

use crate::{
    error::{Error, Result},
    flags::{Flags, FlagsBuilder},
};

impl FlagsBuilder {
    /// As [`connect`](Self::connect), for programs without tokio: waits for the rows, and follows them from a thread of its own,
    /// which ends when nobody holds the flags any more. In a runtime it works as well, but a thread of the runtime waits for it.
    ///
    /// ```no_run
    /// let flags = novi::Flags::builder().connect_blocking("sqlite://novi.db")?;
    /// assert!(!flags.is_enabled("Winter sale", &novi::Context::new()));
    /// # Ok::<(), novi::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`connect`](Self::connect), and [`Error::Store`] when the system gives no thread.
    pub fn connect_blocking(self, url: &str) -> Result<Flags> {
        let failed = |error: std::io::Error| Error::store("novi", "could not start a thread", error);
        let runtime = runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let (give, given) = mpsc::sync_channel(1);
        let url = url.to_owned();
        let follow = async move {
            let connected = self.connect(&url).await;
            let life = connected.as_ref().ok().map(|flags| flags.inner().life.subscribe());
            // Who asked waits for it, and can not go before.
            if give.send(connected).is_ok()
                && let Some(mut life) = life
            {
                // Nothing is ever sent: it ends with an error, when the other end is dropped.
                while life.changed().await.is_ok() {}
            }
        };
        let named = thread::Builder::new().name("novi".to_owned());
        named.spawn(move || runtime.block_on(follow)).map_err(failed)?;
        given.recv().unwrap_or_else(|gone| Err(Error::store("novi", "a thread of novi ended", gone)))
    }
}

impl Flags {
    /// Flags from the database at a url, for programs without tokio; see [`FlagsBuilder::connect_blocking`].
    ///
    /// # Errors
    /// As [`FlagsBuilder::connect_blocking`].
    pub fn connect_blocking(url: &str) -> Result<Self> {
        Self::builder().connect_blocking(url)
    }
}

/// Whoever waits for the end of the flags hears of it when this is dropped with them.
pub(crate) type Life = watch::Sender<()>;

pub(crate) fn life() -> Life {
    watch::channel(()).0
}
