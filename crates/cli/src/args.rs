//! What can be typed.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  `check` found rows that do not compile
  2  the command or the configuration is wrong
  3  no flag has that name
  4  the database, the network or a file failed
  5  the change was refused";

/// Feature flags in your own SQL database
#[derive(Debug, Parser)]
#[command(name = "novi", version, after_help = EXIT_CODES, arg_required_else_help = true)]
pub(crate) struct Arguments {
    /// The configuration file [default: novi.toml, if there is one]
    #[arg(long, global = true, value_name = "FILE", env = "NOVI_CONFIG")]
    pub(crate) config: Option<PathBuf>,

    /// The database, above the configuration: sqlite://FILE, postgres://... or mysql://...
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) database: Option<String>,

    /// Print JSON, for programs
    #[arg(long, global = true)]
    pub(crate) json: bool,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Answer over HTTP
    Serve(Serve),
    /// Make the tables, or bring them up to date; adopts those of Python novi
    Migrate,
    /// Run a SQL script in one transaction
    Seed {
        /// The script; - reads standard input
        file: PathBuf,
    },
    /// Tell of every row that does not compile; exit code 1 if there are any
    Check,
    /// List the flags
    List,
    /// Show a flag with its activations and metadata
    Show {
        /// The flag's name
        flag: String,
    },
    /// Turn a flag's status on
    Enable {
        /// The flag's name
        flag: String,
    },
    /// Turn a flag's status off
    Disable {
        /// The flag's name
        flag: String,
    },
    /// Say what a flag answers
    Eval(Eval),
    /// List the activation types, with their configs
    Types,
    /// Print a script that completes commands in a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// The address and port to listen on, above the configuration
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<SocketAddr>,

    /// Make a SQLite database with demo flags, if it is not there yet, and serve it
    #[arg(long)]
    pub(crate) demo: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Eval {
    /// The flag's name
    pub(crate) flag: String,

    /// What is known of the caller: a JSON object, or @FILE that holds one
    #[arg(long, value_name = "JSON|@FILE", default_value = "{}")]
    pub(crate) context: String,

    /// Tell how the answer came about
    #[arg(long)]
    pub(crate) explain: bool,
}
