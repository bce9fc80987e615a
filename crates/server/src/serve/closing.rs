//! The signal for connections to close.

use tokio::sync::watch;

/// Sends the signal.
pub(crate) struct Closer(watch::Sender<bool>);

/// Whether idle connections close, and others after their responses.
#[derive(Clone)]
pub(crate) struct Closing(watch::Receiver<bool>);

impl Closer {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    pub(crate) fn close(&self) {
        self.0.send_replace(true);
    }

    pub(crate) fn signal(&self) -> Closing {
        Closing(self.0.subscribe())
    }
}

impl Closing {
    /// Waits for the signal.
    pub(crate) async fn begun(&mut self) {
        // An error means that the accept loop was dropped.
        let (Ok(_) | Err(_)) = self.0.wait_for(|closing| *closing).await;
    }
}
