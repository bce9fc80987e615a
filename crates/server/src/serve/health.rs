//! Health checks at an address of their own.

use std::{io, net::TcpListener, thread};

use tokio::{runtime, sync::oneshot};

use crate::{
    app::AppState,
    options::Options,
    serve::{acceptor::Acceptor, app::App, slots::Slots},
};

/// A thread that serves health checks until this is dropped; none without such an address.
pub(crate) struct HealthThread {
    app: Option<App>,
    _stop: oneshot::Sender<()>,
}

impl HealthThread {
    /// # Errors
    /// The address is in use, or the thread cannot be started.
    pub(crate) fn start(options: &Options, slots: Slots) -> io::Result<Self> {
        let (stop, stopped) = oneshot::channel::<()>();
        let Some(address) = options.health_listen else { return Ok(Self { app: None, _stop: stop }) };
        let listener = TcpListener::bind(address).map_err(|error| {
            io::Error::new(error.kind(), format!("could not listen on {address} for health checks: {error}"))
        })?;
        listener.set_nonblocking(true)?;
        tracing::info!(address = %listener.local_addr()?, "listening for health checks");
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let (app, options) = (App::starting(), options.clone().tls(None));
        let served = app.clone();
        let serve = async move {
            let listener = match tokio::net::TcpListener::from_std(listener) {
                Ok(listener) => listener,
                Err(error) => return tracing::error!("health checks are not served: {error}"),
            };
            let mut acceptor = Acceptor::new(listener, served, options, slots);
            // An error means that `stop` was dropped, which is the signal.
            let (Ok(()) | Err(_)) = acceptor.accept_until(stopped).await;
        };
        thread::Builder::new().name("novi-health".to_owned()).spawn(move || runtime.block_on(serve))?;
        Ok(Self { app: Some(app), _stop: stop })
    }

    /// Answers readiness from now on.
    pub(crate) fn ready(&self, state: &AppState) {
        if let Some(app) = &self.app {
            app.start_health(state);
        }
    }
}
