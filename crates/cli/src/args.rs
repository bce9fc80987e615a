//! What can be typed.

use std::{net::SocketAddr, path::PathBuf, str::FromStr, time::Duration};

use chrono::{DateTime, NaiveDate, Utc};
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use novi::{
    store::history::{AsOf, Keep},
    token::Role,
};

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  `check` found rows that do not compile, or that a program does not know; `stale` found stale flags
  2  the command or the configuration is wrong
  3  no flag has that name, or no activation, or no such moment is in the history
  4  the database, the network or a file failed
  5  the change was refused, or somebody else has changed the row meanwhile

NOVI_LOG=debug logs what happens on standard error; NOVI_LOG_FORMAT=json writes a JSON object a line.";

const GLOBAL: &str = "Global options";

const SERVE_EXAMPLES: &str = "\
Examples:
  novi serve --demo
  novi serve --listen 0.0.0.0:8080
  NOVI_LOG=debug novi serve";

const SEED_RULES: &str = "\
When a statement fails nothing of the script is kept, except on MySQL and MariaDB what comes before a statement \
that makes or changes a table. The script may not have `begin` or `commit` of its own.";

const EVAL_EXAMPLES: &str = "\
Examples:
  novi eval \"Combo AND\" --context '{\"targetingKey\": \"user-7\"}'
  novi eval \"Combo AND\" --context @caller.json --explain
  novi eval \"Combo AND\" --at 41

With --at the rows are those of the past; the clock is that of today, unless the context has currentDateTime.";

const HISTORY_EXAMPLES: &str = "\
Examples:
  novi history \"Combo AND\" --limit 10
  novi history --prune 90d";

const ROLLBACK_RULES: &str = "\
It is a change like any other, in one transaction: the history has it, and it can be rolled back, too. It is refused, \
with every reason, where there is no way back: when another flag has the name by now, or uses an activation that \
was not there.

Examples:
  novi rollback --to 41 --dry-run
  novi rollback \"Combo AND\" --to 41 --reason \"the sale is over\"";

const HEALTH_EXAMPLES: &str = "\
Examples:
  novi health
  novi health --live http://10.0.0.7:6684";

const EXPORT_EXAMPLES: &str = "\
Examples:
  novi export --snapshot flags.novi
  novi --database file:flags.novi eval \"Combo AND\"

A service reads the file by `[snapshot] path` when its database can not be reached, or by Flags::from_file.";

const SIGN_EXAMPLES: &str = "\
Examples:
  curl -H \"X-Novi-Feature-Toggles: $(novi sign new-foo:2=on --expires 2h)\" ...

The key is [server] signing_key, or NOVI_SERVER__SIGNING_KEY: that of the server, or of the application that has the layer.";

const STALE_RULES: &str = "\
Exit codes:
  0  no flag is stale
  1  some are

A flag is stale when it is past its expires_at; or when it is at least so many days old and was not evaluated for so many days, \
or always was on, or always was off, for so many days. Programs that follow the database write down what they evaluate \
([usage] interval). What they did before the table novi_usage was made is not known, and not taken for nothing.";

const TOKEN_RULES: &str = "\
Roles, each of which may do what those before it may:
  client  evaluate the flags whose flag_metadata.exposed is true: for browsers and phones, whose tokens anybody can read
  server  evaluate any flag for anybody, and read the flags
  admin   change flags

Examples:
  TOKEN=$(novi token create --role server --name checkout)
  novi token create --role client --subject user-7 --expires 30d";

const REWEIGHT_EXAMPLES: &str = "\
Examples:
  novi reweight Layouts grid=60 list=40 --dry-run
  novi reweight 8 grid=60 list=30 map=10

Weights have any scale. A variant that is not named has none any more.";

const VERSIONS: &str = "\
`novi show FLAG` tells the version of a flag. With --if-version a change that somebody else has made since then is not \
overwritten: the command tells of it, with exit code 5.";

/// Feature flags in your own SQL database
#[derive(Debug, Parser)]
#[command(name = "novi", version, after_help = EXIT_CODES, arg_required_else_help = true)]
pub(crate) struct Arguments {
    /// The configuration file, above NOVI_CONFIG; without either it is novi.toml, if there is one
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// The database: sqlite://FILE, postgres://... or mysql://..., or file:FILE for what `export` wrote; stands above
    /// NOVI_DATABASE__URL, and that above the configuration file
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "URL")]
    pub(crate) database: Option<String>,

    /// Any key of the configuration, above the environment and the file, as in refresh.interval=250ms; may be repeated
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "SECTION.KEY=VALUE")]
    pub(crate) set: Vec<String>,

    /// Print JSON, for programs
    #[arg(long, global = true, help_heading = GLOBAL)]
    pub(crate) json: bool,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Answer over HTTP
    #[command(after_help = SERVE_EXAMPLES)]
    Serve(Serve),
    /// Make the tables, or bring them up to date; adopts those of Python novi
    Migrate,
    /// Run a SQL script in one transaction
    #[command(after_help = SEED_RULES)]
    Seed {
        /// The script; - reads standard input
        file: PathBuf,
    },
    /// Tell of every row that does not compile; exit code 1 if there are any
    Check {
        /// Tell also of what a program does not know: FILE is what the program prints of `novi::manifest()` (- is
        /// standard input)
        #[arg(long, value_name = "FILE")]
        against: Option<PathBuf>,
    },
    /// List the flags
    List,
    /// Show a flag with its activations and metadata
    Show {
        /// The flag's name
        flag: String,
    },
    /// Turn a flag's status on
    #[command(after_help = VERSIONS)]
    Enable(Status),
    /// Turn a flag's status off
    #[command(after_help = VERSIONS)]
    Disable(Status),
    /// Give the variants of a split other weights, with as few callers moved as can be
    #[command(after_help = REWEIGHT_EXAMPLES)]
    Reweight(Reweight),
    /// Say what a flag answers
    #[command(after_help = EVAL_EXAMPLES)]
    Eval(Eval),
    /// Tell what has changed, when, by whom and why; the newest first
    #[command(after_help = HISTORY_EXAMPLES)]
    History(History),
    /// Tell what differs between the rows at two moments
    Diff {
        /// A revision, a time such as 2027-01-31T12:00:00Z, or a date
        #[arg(value_name = "REV|TIME")]
        from: AsOf,
        /// Another one
        #[arg(value_name = "REV|TIME")]
        to: AsOf,
    },
    /// Bring the rows, or those of one flag, back to what they were
    #[command(after_help = ROLLBACK_RULES)]
    Rollback(Rollback),
    /// Write the rows to a file that programs can start from without the database
    #[command(after_help = EXPORT_EXAMPLES)]
    Export {
        /// The file, which is replaced as a whole
        #[arg(long, value_name = "FILE")]
        snapshot: PathBuf,
    },
    /// Tell of flags that should be gone; exit code 1 if there are any
    #[command(after_help = STALE_RULES)]
    Stale {
        /// After how many days a flag that was not evaluated, or always gave the same answer, is stale
        #[arg(long, value_name = "DAYS", default_value_t = 30)]
        days: u32,
    },
    /// Make, list or revoke the tokens that callers of a server show
    #[command(subcommand)]
    Token(TokenCommand),
    /// Ask a server whether it is ready; exit code 4 if it is not, or does not answer
    #[command(after_help = HEALTH_EXAMPLES)]
    Health(Health),
    /// Sign a list of toggles, which whoever has it may send with requests
    #[command(after_help = SIGN_EXAMPLES)]
    Sign(Sign),
    /// List the activation types, with their configs
    Types,
    /// Print a script that completes commands in a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token, and print its secret, which is shown this once
    #[command(after_help = TOKEN_RULES)]
    Create(NewTokenOptions),
    /// List the tokens, those that were revoked, too
    List,
    /// Revoke a token for good
    Revoke {
        /// Its id or its name
        #[arg(value_name = "ID|NAME")]
        token: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct NewTokenOptions {
    /// What its holder may do: client, server or admin
    #[arg(long)]
    pub(crate) role: Role,

    /// What to call it in lists and in the history; by default its role and the beginning of its hash
    #[arg(long)]
    pub(crate) name: Option<String>,

    /// Whom it stands for: the targetingKey of whoever shows it
    #[arg(long, value_name = "USER")]
    pub(crate) subject: Option<String>,

    /// How long it is good, as in 30d, or until when: a time such as 2027-01-31T12:00:00Z, or a date
    #[arg(long, value_name = "DURATION|TIME")]
    pub(crate) expires: Option<Expires>,
}

/// When a token ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expires {
    In(Duration),
    At(DateTime<Utc>),
}

impl Expires {
    /// The time, for a token that is made now.
    pub(crate) fn from(self, now: DateTime<Utc>) -> Result<DateTime<Utc>, String> {
        /// What every database can hold.
        const LAST: &str = "9999-12-31T00:00:00Z";
        let end = match self {
            Self::In(duration) => {
                chrono::TimeDelta::from_std(duration).ok().and_then(|length| now.checked_add_signed(length))
            }
            Self::At(time) => Some(time),
        };
        match end {
            Some(end) if end <= now => Err(format!("--expires: {end} is past")),
            Some(end) if LAST.parse::<DateTime<Utc>>().is_ok_and(|last| end < last) => Ok(end),
            _ => Err("--expires: expected a time before the year 9999; without it a token does not expire"
                .to_owned()),
        }
    }
}

impl FromStr for Expires {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(duration) = humantime::parse_duration(text) {
            return Ok(Self::In(duration));
        }
        if let Ok(time) = DateTime::parse_from_rfc3339(text) {
            return Ok(Self::At(time.to_utc()));
        }
        let date =
            NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().and_then(|date| date.and_hms_opt(0, 0, 0));
        date.map(|time| Self::At(time.and_utc()))
            .ok_or("expected a duration such as 30d, a time such as 2027-01-31T12:00:00Z, or a date")
    }
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// The address and port to listen on, above the configuration
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub(crate) listen: Option<SocketAddr>,

    /// Listen on an address that others can reach although there are no tokens: anybody may do everything until one is made
    #[arg(long)]
    pub(crate) insecure: bool,

    /// A certificate in PEM, with those that lead to a root, to answer HTTPS with; read anew when it changes
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,

    /// The certificate's key, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,

    /// Serve novi-demo.db, or what --database names; its tables and some flags to try are made if they are not there
    #[arg(long)]
    pub(crate) demo: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Status {
    /// The flag's name
    pub(crate) flag: String,

    /// Why, for the history
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,

    /// Only if the flag is at this version still
    #[arg(long, value_name = "N")]
    pub(crate) if_version: Option<i64>,

    /// Tell which flags change and how, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Eval {
    /// The flag's name
    pub(crate) flag: String,

    /// What is known of the caller: a JSON object, or @FILE that holds one (@- is standard input)
    #[arg(long, value_name = "JSON|@FILE", default_value = "{}")]
    pub(crate) context: String,

    /// Tell how the answer came about
    #[arg(long)]
    pub(crate) explain: bool,

    /// As the rows were at this moment: a revision, a time such as 2027-01-31T12:00:00Z, or a date
    #[arg(long, value_name = "REV|TIME")]
    pub(crate) at: Option<AsOf>,
}

#[derive(Debug, Args)]
pub(crate) struct History {
    /// Only what concerns this flag: its row, metadata and links, and the activations, with their members, that it is linked to or was
    pub(crate) flag: Option<String>,

    /// As many changes at most
    #[arg(long, default_value_t = 50)]
    pub(crate) limit: u32,

    /// Delete the records that are older, and list nothing: a time such as 90d, or what the configuration says
    #[expect(
        clippy::option_option,
        reason = "with a value, without one, and not at all, as clap tells them"
    )]
    #[arg(long, value_name = "TIME", num_args = 0..=1, conflicts_with_all = ["flag", "limit"])]
    pub(crate) prune: Option<Option<Keep>>,
}

#[derive(Debug, Args)]
pub(crate) struct Health {
    /// The server; that of the configuration on this machine if not given
    #[arg(value_name = "URL")]
    pub(crate) url: Option<hyper::Uri>,

    /// Ask only whether it answers requests, as it does without its database, too
    #[arg(long)]
    pub(crate) live: bool,

    /// For how long to wait for the answer
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = humantime::parse_duration)]
    pub(crate) timeout: std::time::Duration,
}

#[derive(Debug, Args)]
pub(crate) struct Sign {
    /// The list, as the header has it
    #[arg(value_name = "FLAG[:VERSION]=on|off,...")]
    pub(crate) toggles: String,

    /// For how long it is good
    #[arg(long, value_name = "TIME", default_value = "7d", value_parser = humantime::parse_duration)]
    pub(crate) expires: std::time::Duration,
}

#[derive(Debug, Args)]
pub(crate) struct Rollback {
    /// Only this flag: its row, metadata and links, and the activations, with their members, that it reaches or reached
    pub(crate) flag: Option<String>,

    /// Back to this moment: a revision, a time such as 2027-01-31T12:00:00Z, or a date
    #[arg(long, value_name = "REV|TIME")]
    pub(crate) to: AsOf,

    /// Why, for the history
    #[arg(long)]
    pub(crate) reason: Option<String>,

    /// Tell what would change, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Reweight {
    /// The id or the name of an activation of the type novi.split
    pub(crate) activation: String,

    /// The variants with their new weights
    #[arg(required = true, value_name = "VARIANT=WEIGHT", value_parser = weight)]
    pub(crate) weights: Vec<(String, f64)>,

    /// Tell how many callers would move, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

fn weight(text: &str) -> Result<(String, f64), &'static str> {
    let expected = "expected a variant and its weight, such as grid=60";
    let (name, weight) = text.rsplit_once('=').ok_or(expected)?;
    Ok((name.to_owned(), weight.parse().map_err(|_| expected)?))
}

fn address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse().map_err(|_| "expected an IP address and a port, such as 127.0.0.1:6684 or [::1]:6684")
}
