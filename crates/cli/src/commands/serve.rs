//! `serve`.

use std::{io, net::SocketAddr, process::ExitCode, sync::Arc, time::Duration};

use novi::{Flags, Origin, Status, config::Config, store::SchemaStore};
use novi_server::Database;
use serde_json::json;
#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::{net::TcpListener, sync::oneshot};

use super::{Session, door::Door, history, server_options};
use crate::{
    args::Serve,
    failure::Failure,
    output::{print, print_json},
};

/// Where the demo's rows are, unless the command line names a database.
const DEMO_DATABASE: &str = "sqlite://novi-demo.db";

pub(crate) async fn serve(mut session: Session, arguments: Serve, named: bool) -> Result<ExitCode, Failure> {
    if arguments.demo && !named {
        DEMO_DATABASE.clone_into(&mut session.config.database.url);
    }
    let config = &session.config;
    let store = if arguments.demo { Some(demo(config).await?) } else { None };
    let mut options = server_options::of(config, &arguments)?;
    if session.file().is_none() {
        // Opened when it is needed: it need not be there when the server starts.
        options.database = Some(Database::at(&config.database.url));
    }
    let address = arguments.listen.unwrap_or(config.server.listen);
    // The port is taken first: whoever cannot have it need not wait for the rows.
    let listener = TcpListener::bind(address).await.map_err(|error| {
        Failure::network(format!(
            "could not listen on {address}: {error}; choose another address with --listen"
        ))
    })?;
    let address = listener.local_addr().unwrap_or(address);
    let builder = Flags::builder().config(config).keep_rows().start_without_database();
    let flags = match (store, session.file()) {
        (Some(store), _) => builder.from_store(store).await?,
        (None, Some(file)) => builder.from_file(file)?,
        (None, None) => builder.connect(&config.database.url).await?,
    };
    let insecure = arguments.insecure || config.server.insecure;
    let snapshot = config.file(&config.snapshot.path);
    let door = Door::open(&mut options, &flags, address, insecure, snapshot.as_deref()).await?;
    let name = flags.store_name().unwrap_or_else(|| config.database.url.clone());
    if session.file().is_none() {
        history::keep_short(config.database.url.clone(), config.history.keep);
    }
    // Before anybody is told that the server is there, so that nobody can stop it without its notice.
    let mut signals = Signals::new().map_err(|error| Failure::runtime(&error))?;
    if session.json {
        print_json(&json!({"listening": address, "database": name, "source": flags.status().origin}))?;
    } else if arguments.demo {
        print(what_to_try(address, &name, &config.database.url))?;
    } else {
        let note = note(&flags.status());
        let scheme = if options.tls.is_some() { "https" } else { "http" };
        print(format_args!("novi answers on {scheme}://{address} from {name}{note}; stop it with Ctrl-C"))?;
    }
    if let Some(warning) = door.warning() {
        tracing::warn!("{warning}");
    }
    let (stop, stopped) = oneshot::channel::<()>();
    let kept = flags.clone();
    let served = novi_server::serve(listener, flags, options, async {
        // The other end is dropped only with this one.
        let (Ok(()) | Err(_)) = stopped.await;
    });
    let hurried = async {
        signals.next().await;
        drop(stop);
        signals.next().await;
    };
    tokio::select! {
        served = served => served.map_err(|error| Failure::network(format!("the server failed: {error}")))?,
        () = hurried => return Err(Failure::network("stopped by a second signal; open requests were cut off")),
    }
    // What has changed since the file was last written.
    if let Err(error) = kept.save_snapshot().await {
        tracing::warn!("{error}");
    }
    Ok(ExitCode::SUCCESS)
}

/// What there is to know of a database that does not answer.
fn note(status: &Status) -> String {
    match (status.origin, status.age) {
        (Origin::File, Some(age)) => {
            let age = humantime::format_duration(Duration::from_secs(age.as_secs()));
            format!(" (which does not answer: flags are those of the snapshot file, written {age} ago)")
        }
        (Origin::Nowhere, _) => " (which does not answer: there are no flags until it does)".to_owned(),
        _ => String::new(),
    }
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

fn what_to_try(address: SocketAddr, store: &str, url: &str) -> String {
    // As this process was started, since `novi` need not be in the PATH.
    let program = std::env::args().next().unwrap_or_else(|| "novi".to_owned());
    // The address of a server may hold a password, which nobody should see.
    let database = if url.starts_with("sqlite:") { quoted(url) } else { "URL".to_owned() };
    format!(
        "\
novi answers on http://{address} from {store}. In another terminal, try:

  curl -s http://{address}/flags
  curl -s http://{address}/evaluatedFlags/Combo%20AND -d '{{\"currentDateTime\": \"11/26/2023 12:00 AM\", \"seed\": 90, \"variant\": \"A\"}}'

Turn a flag off, and ask again a second later:

  {program} --database {database} disable \"Combo AND\"

Stop with Ctrl-C.",
        program = quoted(&program),
    )
}

/// One word of a shell.
fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "/.:_-=,+@%".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// The signals that ask the process to stop.
struct Signals {
    #[cfg(unix)]
    interrupt: Signal,
    #[cfg(unix)]
    terminate: Signal,
}

impl Signals {
    #[cfg(unix)]
    fn new() -> io::Result<Self> {
        let (interrupt, terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        Ok(Self { interrupt, terminate })
    }

    #[cfg(not(unix))]
    fn new() -> io::Result<Self> {
        Ok(Self {})
    }

    /// Ends when there is one.
    #[cfg(unix)]
    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => (),
            _ = self.terminate.recv() => (),
        }
    }

    #[cfg(not(unix))]
    async fn next(&mut self) {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::warn!("Ctrl-C can not be caught: {error}");
            std::future::pending::<()>().await;
        }
    }
}
