//! `novi serve`.

mod changes;
mod demo;
mod exposure;
mod guard;
mod options;
mod orders;
mod retention;
mod reweigh;
mod shop;
mod signals;
mod thread;
mod traffic;

use std::{net::SocketAddr, path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use clap::Args;
use novi::{
    Flags,
    flags::{Origin, Status},
    store::SchemaStore,
};
use novi_server::{Database, Options, ServeError};
use serde_json::json;
use tokio::{net::TcpListener, sync::oneshot, task::spawn_blocking};

use self::exposure::Exposure;
pub(super) use self::signals::Signals;
use crate::{
    output::{Failure, print, print_json},
    session::Session,
};

const EXAMPLES: &str = "\
Examples:
  novi serve --demo
  novi serve --listen 0.0.0.0:8080
  NOVI_LOG=debug novi serve";

/// Serve flags over HTTP
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Serve {
    /// Address and port to listen on [default: [server] listen]
    #[arg(long, value_name = "ADDRESS", value_parser = novi_server::listen_address)]
    listen: Option<SocketAddr>,

    /// Listen on a public address without tokens: until the first token is created, anyone has full access
    #[arg(long)]
    insecure: bool,

    /// PEM certificate chain for HTTPS; reloaded when the file changes
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,

    /// PEM private key of the certificate
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,

    /// Serve sample flags from novi-demo.db or --database; creates the tables and flags if they are missing
    #[arg(long)]
    demo: bool,
}

impl Serve {
    pub(crate) async fn run(self, mut session: Session) -> Result<ExitCode, Failure> {
        if self.demo && !session.database_given {
            demo::DATABASE.clone_into(&mut session.config.database.url);
        }
        let config = &session.config;
        let store = if self.demo { Some(demo::create(config).await?) } else { None };
        let mut options = options::from_config(config, self.tls_cert.clone(), self.tls_key.clone())?;
        if config.server.admin_page {
            options.extend = Some(novi_admin::extend(options.tls.is_some()));
        }
        if self.demo {
            // No load balancer needs time to notice the shutdown, so Ctrl-C returns at once.
            options.notice = Duration::ZERO;
            if options.sample_contexts == 0 {
                options = options.sample_contexts(traffic::SAMPLE as usize).sample_start(traffic::contexts());
            }
        }
        if session.snapshot_file().is_none() {
            // Connects on first use: the database may be unavailable at the start.
            options.database = Some(Database::at(&config.database.url));
        }
        let address = self.listen.unwrap_or(config.server.listen);
        // Before the rows are loaded, so that a port in use is reported at once.
        let listener = TcpListener::bind(address).await.map_err(|error| {
            Failure::system(format!(
                "could not listen on {address}: {error}; choose another address with --listen"
            ))
        })?;
        let address = listener.local_addr().unwrap_or(address);
        let mut signals = Signals::new().map_err(|error| Failure::runtime(&error))?;
        let start = self.start(&session, store, options.clone(), address);
        Box::pin(serve(listener, options, start, &mut signals)).await
    }

    /// Loads the flags and prints the address.
    async fn start(
        &self,
        session: &Session,
        store: Option<Arc<dyn SchemaStore>>,
        mut options: Options,
        address: SocketAddr,
    ) -> Result<(Flags, Options), Failure> {
        let config = &session.config;
        let builder = Flags::builder().config(config).keep_rows().start_without_database();
        let flags = match (store, session.snapshot_file()) {
            (Some(store), _) => builder.from_store(store).await?,
            (None, Some(file)) => {
                // Compiles all rows, meanwhile this task answers health checks.
                let file = file.to_owned();
                let compiled = spawn_blocking(move || builder.from_file(file)).await;
                compiled.map_err(|error| Failure::runtime(&error.into()))??
            }
            (None, None) => builder.connect(&config.database.url).await?,
        };
        let insecure = self.insecure || config.server.insecure;
        let snapshot = config.file(&config.snapshot.path);
        let exposure =
            Exposure::of_server(&mut options, &flags, address, insecure, snapshot.as_deref()).await?;
        let name = flags.store_name().unwrap_or_else(|| config.database.url.clone());
        if session.snapshot_file().is_none() {
            retention::prune_in_background(config.database.url.clone(), config.history.keep);
        }
        if session.snapshot_file().is_none() {
            changes::log_changes(&flags, &name, &config.database.url);
            guard::guard_in_background(&flags, config);
            reweigh::reweigh_in_background(&flags, config);
        }
        let scheme = if options.tls.is_some() { "https" } else { "http" };
        if session.json {
            print_json(&json!({"listening": address, "database": name, "source": flags.status().origin}))?;
        } else if self.demo {
            print(demo::greeting(&format!("{scheme}://{address}"), &name, config))?;
        } else {
            let note = note(&flags.status());
            let page = if config.server.admin_page {
                format!(" Admin page: {scheme}://{address}/admin.")
            } else {
                String::new()
            };
            print(format_args!(
                "Listening on {scheme}://{address} with the flags of {name}{note}.{page} Stop with Ctrl-C."
            ))?;
        }
        let uses_default = !self.demo && !session.database_given;
        if let Some(warning) = exposure.warning(&demo::command(config, uses_default)) {
            tracing::warn!("{warning}");
        }
        Ok((flags, options))
    }
}

/// Serves until the first signal, and then until all requests have ended, or a second signal arrives.
async fn serve(
    listener: TcpListener,
    options: Options,
    start: impl Future<Output = Result<(Flags, Options), Failure>>,
    signals: &mut Signals,
) -> Result<ExitCode, Failure> {
    let (stop, stopped) = oneshot::channel::<()>();
    let mut kept = None;
    let start = async {
        let (flags, options) = start.await?;
        kept = Some(flags.clone());
        Ok((flags, options))
    };
    let served = novi_server::serve_from(listener, options, start, async {
        // An error means that `stop` was dropped, which is the signal.
        let (Ok(()) | Err(_)) = stopped.await;
    });
    let aborted = async {
        signals.next().await;
        drop(stop);
        signals.next_distinct().await;
    };
    tokio::select! {
        served = served => served.map_err(|error| match error {
            ServeError::Start(failure) => failure,
            ServeError::Io(error) => Failure::system(format!("the server failed: {error}")),
        })?,
        () = aborted => return Err(Failure::system("stopped by a second signal; open requests were aborted")),
    }
    // Exposures, and the changes since the snapshot file was last written.
    if let Some(flags) = kept
        && let Err(error) = flags.close().await
    {
        tracing::warn!("{error}");
    }
    Ok(ExitCode::SUCCESS)
}

/// What to add to the name of a database that is unavailable.
fn note(status: &Status) -> String {
    match (status.origin, status.age) {
        (Origin::File, Some(age)) => {
            let age = humantime::format_duration(Duration::from_secs(age.as_secs()));
            format!(" (unavailable; using the snapshot file, written {age} ago)")
        }
        (Origin::Nowhere, _) => " (unavailable; there are no flags until it responds)".to_owned(),
        _ => String::new(),
    }
}
