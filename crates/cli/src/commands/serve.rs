//! `serve`.

use std::{process::ExitCode, sync::Arc};

use novi::{Flags, config::Config, store::SchemaStore};
use novi_server::Options;
use tokio::net::TcpListener;

use super::Session;
use crate::{args::Serve, failure::Failure, output::print};

/// Where the demo's rows are, unless the command line names a database.
const DEMO_DATABASE: &str = "sqlite://novi-demo.db";

pub(crate) async fn serve(mut session: Session, arguments: Serve, named: bool) -> Result<ExitCode, Failure> {
    if arguments.demo && !named {
        DEMO_DATABASE.clone_into(&mut session.config.database.url);
    }
    let config = &session.config;
    let store = if arguments.demo { demo(config).await? } else { session.store().await? };
    let address = arguments.listen.unwrap_or(config.server.listen);
    // The port is taken first: whoever cannot have it need not wait for the rows.
    let listener = TcpListener::bind(address).await.map_err(|error| {
        Failure::network(format!(
            "could not listen on {address}: {error}; choose another address with --listen"
        ))
    })?;
    let address = listener.local_addr().unwrap_or(address);
    let name = store.name();
    let flags = Flags::builder().config(config).from_store(store).await?;
    if arguments.demo {
        print(what_to_try(address, &config.database.url))?;
    } else {
        print(format_args!("novi answers on http://{address} from {name}; stop it with Ctrl-C"))?;
    }
    let options = options(config);
    let served = novi_server::serve(listener, flags, options, signal()).await;
    served.map_err(|error| Failure::network(format!("the server failed: {error}")))?;
    Ok(ExitCode::SUCCESS)
}

/// The demo's database, with the demo's rows if it has none.
async fn demo(config: &Config) -> Result<Arc<dyn SchemaStore>, Failure> {
    let store = novi::store::create(&config.database.url).await?;
    store.migrate().await?;
    if store.load().await?.flags.is_empty() {
        store.run_script(novi::store::DEMO_ROWS).await?;
    }
    Ok(store)
}

fn what_to_try(address: std::net::SocketAddr, database: &str) -> String {
    format!(
        "\
novi answers on http://{address} from {database}. In another terminal, try:

  curl -s http://{address}/flags
  curl -s http://{address}/evaluatedFlags/Combo%20AND -d '{{\"currentDateTime\": \"11/26/2023 12:00 AM\", \"seed\": 90, \"variant\": \"A\"}}'

Turn a flag off, and ask again a second later:

  cargo run -q -- --database {database} disable \"Combo AND\"

Stop with Ctrl-C."
    )
}

fn options(config: &Config) -> Options {
    let server = &config.server;
    let mut options = Options::default();
    options.body_limit = server.body_limit;
    options.request_timeout = server.request_timeout.into();
    options.header_read_timeout = server.header_timeout.into();
    options.drain = server.drain_timeout.into();
    options.stale_after = server.stale_after.into();
    options
}

/// Ends when the process is asked to stop.
async fn signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => tokio::select! {
                _ = terminate.recv() => (),
                _ = tokio::signal::ctrl_c() => (),
            },
            Err(error) => {
                tracing::warn!("SIGTERM can not be caught: {error}");
                ctrl_c().await;
            }
        }
    }
    #[cfg(not(unix))]
    ctrl_c().await;
}

async fn ctrl_c() {
    if let Err(error) = tokio::signal::ctrl_c().await {
        tracing::warn!("Ctrl-C can not be caught: {error}");
        std::future::pending::<()>().await;
    }
}
