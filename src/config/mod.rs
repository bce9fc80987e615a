//! Settings: defaults, overridden by `novi.toml`, overridden by environment variables.
//!
//! Every key of the file can be set as `NOVI_SECTION__KEY`: `NOVI_DATABASE__URL`, `NOVI_SERVER__LISTEN`,
//! `NOVI_CONTEXT__ENVIRONMENT`. A value that is valid TOML (`true`, `5`, `"text"`) is parsed, anything else
//! is a string. Keys that cannot be part of a variable name are set as a table:
//! `NOVI_OVERRIDES='{"Combo AND" = true}'`.

mod interval;
mod overlay;
mod problem;
mod secret;
mod sections;

use std::{
    fs,
    path::{Path, PathBuf},
};

pub use interval::Interval;
use overlay::{Setting, apply};
pub use secret::Secret;
pub(crate) use sections::REFRESH_INTERVAL;
pub use sections::{Audience, Experiments, Flags, OnHarm, Snapshot, Usage};
#[cfg(feature = "sql")]
pub(crate) use sections::{MAX_UNITS, SNAPSHOT_INTERVAL, USAGE_INTERVAL, USAGE_RETENTION};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    activation::{
        MissingFlags,
        registry::Registry,
        script_folder::{Folder, Types},
        unknown_fields::UnknownFields,
    },
    context::{Context, overrides::Overrides, value::Value},
    error::{Error, Result},
    rows::metadata::ClientMetadata,
    store::{history::Retention, table_prefix},
};

/// The settings of `novi.toml` and the environment, with a default for each key.
///
/// ```
/// let config: novi::config::Config = novi::config::Config::from_toml(r#"
///     [database]
///     url = "postgres://localhost/shop"
///     [context]
///     environment = "production"
/// "#)?;
/// assert_eq!(config.database.url, "postgres://localhost/shop");
/// # Ok::<(), novi::Error>(())
/// ```
///
/// `S` is the type of the section `[server]`, which this crate does not read.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields, bound(deserialize = "S: Deserialize<'de> + Default"))]
#[non_exhaustive]
pub struct Config<S = toml::Table> {
    /// The database with the rows.
    pub database: Database,
    /// How changes are detected.
    pub refresh: Refresh,
    /// How long the history is kept.
    pub history: History,
    /// The section `[server]`: `novi_server::ServerSection` in programs with a server, any table in others.
    pub server: S,
    /// The attributes that identify a caller.
    pub identity: Identity,
    /// The static context, for attributes that a caller's context does not have.
    pub context: toml::Table,
    /// What clients get with the decisions of all flags.
    pub metadata: ClientMetadata,
    /// Decisions that take precedence over the rows.
    pub overrides: Overrides,
    /// Activation types in files.
    pub activations: Activations,
    /// The snapshot file.
    pub snapshot: Snapshot,
    /// Whether evaluations are recorded in the database.
    pub usage: Usage,
    /// What experiments keep.
    pub experiments: Experiments,
    /// What happens if flags have expired.
    pub flags: Flags,
    /// The users of a database, to see who has a flag.
    pub audience: Audience,
    /// The folder of the configuration file, if there is one.
    #[serde(skip)]
    directory: PathBuf,
}

/// Section `[activations]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Activations {
    /// The folder of files that are activation types, relative to the configuration file. The default folder
    /// may be missing, any other must exist.
    pub folder: PathBuf,
    /// What happens if a config has fields that its type does not have.
    pub unknown_fields: UnknownFields,
    /// What happens if an activation refers to a flag that does not exist.
    pub missing_flags: MissingFlags,
}

impl Default for Activations {
    fn default() -> Self {
        Self {
            folder: "novi_activations".into(),
            unknown_fields: UnknownFields::default(),
            missing_flags: MissingFlags::default(),
        }
    }
}

/// Section `[database]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Database {
    /// `sqlite://FILE`, `postgres://...` or `mysql://...`.
    pub url: String,
    /// The schema of novi's tables on PostgreSQL; empty for the first one of the user's `search_path`.
    pub schema: String,
    /// What the names of novi's tables begin with, such as `acme_`; usually nothing.
    pub table_prefix: String,
}

impl Database {
    /// Replaces the URL; the schema and the prefix of the tables still count.
    ///
    /// # Errors
    /// [`Error::Config`] if one of them is invalid or cannot be used with this URL.
    pub fn set_url(&mut self, url: String) -> Result<()> {
        self.url = self.with_prefix(self.in_schema(url)?)?;
        Ok(())
    }

    /// A URL that leads to tables with the prefix. A snapshot file has no tables.
    fn with_prefix(&self, url: String) -> Result<String> {
        let prefix = if url.starts_with("file:") { "" } else { self.table_prefix.as_str() };
        table_prefix::add(url, prefix)
            .map_err(|message| Error::Config { origin: "database.table_prefix".to_owned(), message })
    }

    /// A URL whose connections find tables in the schema only.
    fn in_schema(&self, mut url: String) -> Result<String> {
        let invalid = |message: &str| {
            Err(Error::Config { origin: "database.schema".to_owned(), message: message.to_owned() })
        };
        let name = &self.schema;
        if name.is_empty() {
            return Ok(url);
        }
        if !name.chars().all(|letter| matches!(letter, 'a'..='z' | '0'..='9' | '_'))
            || name.starts_with(|c: char| c.is_ascii_digit())
        {
            return invalid(
                "expected a name of lower-case letters, digits and underscores, such as \"novi\"",
            );
        }
        if !url.starts_with("postgres:") && !url.starts_with("postgresql:") {
            return invalid("only PostgreSQL has schemas: use a database of its own for novi, or a file");
        }
        let options = format!("options=-csearch_path%3D{name}");
        let query = url.split_once('?').map_or("", |(_, query)| query);
        if query.split('&').any(|part| part == options) {
            return Ok(url);
        }
        if query.split('&').any(|part| part.starts_with("options")) {
            return invalid(
                "the URL has `options`, which would be replaced: set the schema there or here, not in both",
            );
        }
        url.push(if query.is_empty() && !url.ends_with('?') { '?' } else { '&' });
        url.push_str(&options);
        Ok(url)
    }
}

impl Default for Database {
    fn default() -> Self {
        Self { url: "sqlite://novi.db".to_owned(), schema: String::new(), table_prefix: String::new() }
    }
}

/// Section `[refresh]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Refresh {
    /// How often the database is asked for its revision.
    pub interval: Interval,
}

impl Default for Refresh {
    fn default() -> Self {
        Self { interval: REFRESH_INTERVAL.into() }
    }
}

/// Section `[history]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct History {
    /// How long records of changes are kept. `novi serve` deletes those that are older; so does
    /// `novi history --prune`.
    pub keep: Retention,
}

/// Section `[identity]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Identity {
    /// Aliases of the attribute `targetingKey`. The first one that a context has is used.
    pub aliases: Vec<String>,
}

impl Config {
    /// The default file.
    pub const FILE: &str = "novi.toml";

    /// Reads a file and the environment. Default for `file`: [`Config::FILE`] in the current directory, if it
    /// exists.
    ///
    /// # Errors
    /// [`Error::File`] if the file cannot be read, and [`Error::Config`], with the file or the variable, if a
    /// key is unknown or a value has the wrong type.
    pub fn load(file: Option<&Path>) -> Result<Self> {
        Self::load_as(file, &[])
    }

    /// Parses a text in the format of `novi.toml`.
    ///
    /// # Errors
    /// [`Error::Config`], with the line, if a key is unknown or a value has the wrong type.
    pub fn from_toml(text: &str) -> Result<Self> {
        Self::read(Self::FILE, text, Vec::new())
    }
}

impl<S: DeserializeOwned + Default> Config<S> {
    /// Like [`load`](Config::load), with a type of the section `[server]`, and with settings that override
    /// the environment, each as `section.key=value`. Values are parsed like those of variables.
    ///
    /// # Errors
    /// Those of [`load`](Config::load). Errors in a setting name the option `--set` of the command line.
    pub fn load_as(file: Option<&Path>, settings: &[String]) -> Result<Self> {
        let default = Path::new(Config::FILE);
        let path = file.or_else(|| default.exists().then_some(default));
        let text = match path {
            Some(path) => fs::read_to_string(path)
                .map_err(|source| Error::File { path: PathBuf::from(path), source })?,
            None => String::new(),
        };
        let origin = path.unwrap_or(default).display().to_string();
        let mut above = Setting::from_environment(std::env::vars_os())?;
        for setting in settings {
            above.push(Setting::from_argument(setting)?);
        }
        let mut config = Self::read(&origin, &text, above)?;
        config.directory = path.and_then(Path::parent).map(PathBuf::from).unwrap_or_default();
        Ok(config)
    }

    fn read(origin: &str, text: &str, above: Vec<Setting>) -> Result<Self> {
        let invalid = |error: toml::de::Error| Error::Config {
            origin: origin.to_owned(),
            message: problem::in_file(text, &error),
        };
        // First as a whole, since only then errors have a line.
        let mut config: Self =
            problem::parse(text).map_err(|message| Error::Config { origin: origin.to_owned(), message })?;
        if !above.is_empty() {
            let mut table: toml::Table = toml::from_str(text).map_err(invalid)?;
            apply::<Self>(&mut table, above)?;
            config = table.try_into().map_err(|error| Error::Config {
                origin: "the environment".to_owned(),
                message: problem::message(&error),
            })?;
        }
        config.database.set_url(config.database.url.clone())?;
        Ok(config)
    }
}

impl<S> Config<S> {
    /// The activation types that rows can name: those that are registered, and those of the folder.
    ///
    /// # Errors
    /// [`Error::DuplicateClass`] if two types have the same name, and [`Error::File`] if the folder cannot be
    /// read.
    pub fn registry(&self) -> Result<Registry> {
        Ok(Types::new(Registry::global()?, Some(self.folder()))?.take().as_ref().clone())
    }

    /// Resolves a path relative to the configuration file; `None` for an empty path.
    #[must_use]
    pub fn file(&self, path: &Path) -> Option<PathBuf> {
        (!path.as_os_str().is_empty()).then(|| self.directory.join(path))
    }

    /// The folder of files that are activation types.
    pub(crate) fn folder(&self) -> Folder {
        let folder = &self.activations.folder;
        Folder { path: self.directory.join(folder), required: *folder != Activations::default().folder }
    }

    /// The static context of section `[context]`.
    #[must_use]
    pub fn static_context(&self) -> Context<'static> {
        self.context.iter().map(|(name, value)| (name.clone(), value_of(value))).collect()
    }
}

/// Converts a TOML value. Dates without an offset are not instants; they stay strings.
fn value_of(value: &toml::Value) -> Value<'static> {
    match value {
        toml::Value::String(text) => text.clone().into(),
        toml::Value::Integer(number) => (*number).into(),
        toml::Value::Float(number) => (*number).into(),
        toml::Value::Boolean(value) => (*value).into(),
        toml::Value::Datetime(date) => {
            let text = date.to_string();
            let instant = chrono::DateTime::parse_from_rfc3339(&text);
            instant.map_or_else(|_| text.into(), |instant| Value::Instant(instant.to_utc()))
        }
        toml::Value::Array(values) => Value::List(values.iter().map(value_of).collect()),
        toml::Value::Table(fields) => {
            Value::Object(fields.iter().map(|(name, value)| (name.clone().into(), value_of(value))).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, variables: &[(&str, &str)]) -> Result<Config> {
        let variables = variables.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        Config::read("novi.toml", text, Setting::from_environment(variables)?)
    }

    fn error(text: &str, variables: &[(&str, &str)]) -> String {
        read(text, variables).unwrap_err().to_string()
    }

    #[test]
    fn committed_novi_toml_has_every_key_with_its_default() {
        let text = include_str!("../../novi.toml");
        let mut config = Config::from_toml(text).unwrap();
        // Checked by the command line, which has a type for it.
        config.server.clear();
        assert_eq!(config, Config::default());
        let mut keys: toml::Table = toml::from_str(text).unwrap();
        keys.insert("server".to_owned(), toml::Table::new().into());
        let all = toml::Table::try_from(Config::<toml::Table>::default()).unwrap();
        assert_eq!(keys, all, "a key is missing in novi.toml");
    }

    #[test]
    fn schema_becomes_the_search_path_of_the_url() {
        let url = |text: &str| Config::from_toml(text).map(|config| config.database.url);
        let schema = "[database]\nschema = 'flags'\nurl = ";
        assert_eq!(
            url(&format!("{schema}'postgres://host/db'")).unwrap(),
            "postgres://host/db?options=-csearch_path%3Dflags"
        );
        assert_eq!(
            url(&format!("{schema}'postgres://host/db?sslmode=require'")).unwrap(),
            "postgres://host/db?sslmode=require&options=-csearch_path%3Dflags"
        );
        for (text, problem) in [
            (format!("{schema}'mysql://host/db'"), "only PostgreSQL has schemas"),
            (format!("{schema}'postgres://host/db?options=-cx%3D1'"), "the URL has `options`"),
            ("[database]\nschema = 'My schema'\nurl = 'postgres://host/db'".to_owned(), "lower-case letters"),
        ] {
            let error = url(&text).unwrap_err().to_string();
            assert!(error.contains(problem), "{error}");
        }
    }

    #[test]
    fn table_prefix_becomes_a_parameter_of_the_url() {
        let read = |variables: &[(&str, &str)]| {
            read("[database]\nurl = 'mysql://host/db?ssl-mode=disabled'\ntable_prefix = 'acme_'\n", variables)
        };
        let mut database = read(&[]).unwrap().database;
        assert_eq!(database.url, "mysql://host/db?ssl-mode=disabled&table_prefix=acme_");
        for (url, expected) in [
            ("sqlite://x.db", "sqlite://x.db?table_prefix=acme_"),
            ("sqlite://x.db?table_prefix=acme_", "sqlite://x.db?table_prefix=acme_"),
            ("file:flags.novi", "file:flags.novi"),
        ] {
            database.set_url(url.to_owned()).unwrap();
            assert_eq!(database.url, expected);
        }
        let error = database.set_url("sqlite://x.db?table_prefix=shop_".to_owned()).unwrap_err();
        insta::assert_snapshot!(error, @"database.table_prefix: the URL has table_prefix=shop_; set it there or here, not in both");
        let error = read(&[("NOVI_DATABASE__TABLE_PREFIX", "Acme")]).unwrap_err();
        insta::assert_snapshot!(error, @r#"database.table_prefix: expected at most 20 lower-case letters, digits and underscores that do not begin with a digit, such as "acme_", found "Acme"; some servers treat upper-case letters in names of tables as lower-case ones"#);
        assert_eq!(
            read(&[("NOVI_DATABASE__TABLE_PREFIX", "shop_")]).unwrap().database.url,
            "mysql://host/db?ssl-mode=disabled&table_prefix=shop_"
        );
    }

    #[test]
    fn unknown_key_is_reported_with_its_line() {
        insta::assert_snapshot!(error("[database]\nurll = 'sqlite://x.db'\n", &[]),
            @"novi.toml: line 2, column 1: unknown key `urll`; did you mean `url`?");
        insta::assert_snapshot!(error("[database]\nfile = 'x.db'\n", &[]),
            @"novi.toml: line 2, column 1: unknown key `file`, expected one of `url`, `schema`, `table_prefix`");
    }

    #[test]
    fn wrong_type_is_reported_with_its_line_and_the_expected_type() {
        insta::assert_snapshot!(error("[refresh]\ninterval = 5\n", &[]),
            @r#"novi.toml: line 2, column 12: interval: expected a duration with its unit, like "1s" or "500ms", found 5"#);
        insta::assert_snapshot!(error("[metadata]\nteams = ['a']\n", &[]),
            @"novi.toml: line 1, column 1: teams: expected a string, a number or a boolean, found a list");
        insta::assert_snapshot!(error("[overrides]\nx = 5\n", &[]),
            @"novi.toml: line 2, column 5: x: expected true, false, or the name of a variant, found 5");
    }

    #[test]
    fn all_invalid_keys_are_reported_at_once_in_the_order_of_the_file() {
        let text = "[databse]\nurl = 'x'\n[refresh]\ninterval = 5\nintervall = '1s'\n[database]\nurl = 7\nschema = 'a'";
        let error = error(text, &[]);
        let lines: Vec<_> = error.lines().collect();
        assert!(lines[0].ends_with("4 problems"), "{error}");
        for (line, start) in lines[1..].iter().zip([
            "line 1, column 2: unknown key `databse`; did you mean `database`?",
            "line 4, column 12: interval: expected a duration",
            "line 5, column 1: unknown key `intervall`; did you mean `interval`?",
            "line 7, column 7: url: expected a string, found 7",
        ]) {
            assert!(line.starts_with(start), "{error}");
        }
    }

    #[test]
    fn environment_overrides_the_file() {
        let config = read(
            "[database]\nurl = 'sqlite://a.db'\n[context]\nregion = 'eu'\n",
            &[
                ("NOVI_DATABASE__URL", "sqlite://b.db"),
                ("NOVI_REFRESH__INTERVAL", "250ms"),
                ("NOVI_CONTEXT__ENVIRONMENT", "test"),
                ("NOVI_OVERRIDES", r#"{"Combo AND" = true}"#),
                ("NOVI_TEST_SOMETHING", "is not ours"),
            ],
        )
        .unwrap();
        assert_eq!(config.database.url, "sqlite://b.db");
        assert_eq!(config.refresh.interval, std::time::Duration::from_millis(250).into());
        // In which order the attributes are depends on the features of the crate `toml`.
        let context = config.static_context();
        assert_eq!(context.iter().count(), 2);
        assert_eq!(context.get("environment"), Some(&"test".into()));
        assert_eq!(context.get("region"), Some(&"eu".into()));
        assert_eq!(config.overrides.get("Combo AND"), Some(&crate::context::overrides::Override::On));
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct ServerSection {
        port: u16,
        body_limit: usize,
    }

    #[test]
    fn arguments_override_the_environment() {
        let read = |arguments: &[&str]| {
            let settings: Result<Vec<_>> =
                arguments.iter().map(|argument| Setting::from_argument(argument)).collect();
            Config::<ServerSection>::read("novi.toml", "[server]\nbody_limit = 5\n", settings?)
        };
        let config = read(&[
            "server.port=1",
            "refresh.interval = 2s",
            "overrides.\"Combo AND\"=false",
            "overrides={x = 'blue'}",
            "context.note=a=b",
        ])
        .unwrap();
        assert_eq!((config.server.body_limit, config.server.port), (5, 1));
        assert_eq!(config.refresh.interval, Interval::from_secs(2));
        assert_eq!(config.overrides.get("Combo AND"), Some(&crate::context::overrides::Override::Off));
        assert_eq!(
            config.overrides.get("x"),
            Some(&crate::context::overrides::Override::Variant("blue".to_owned()))
        );
        assert_eq!(config.context.get("note").and_then(toml::Value::as_str), Some("a=b"));
        let error = |argument| read(&[argument]).unwrap_err().to_string();
        insta::assert_snapshot!(error("server.port"), @"--set server.port: expected SECTION.KEY=VALUE, like refresh.interval=250ms");
        insta::assert_snapshot!(error("server.prt=1"), @"--set server.prt: unknown key `prt`; did you mean `port`?");
        insta::assert_snapshot!(error("=1"), @"--set =: expected SECTION.KEY=VALUE, like refresh.interval=250ms");
        insta::assert_snapshot!(error("server=5"), @r#"--set server: expected a table like {key = true}, found "5""#);
    }

    #[test]
    fn errors_in_the_environment_name_the_variable() {
        insta::assert_snapshot!(error("", &[("NOVI_REFRESH__INTERVAL", "no")]),
            @r#"environment variable NOVI_REFRESH__INTERVAL: expected a duration with its unit, like "1s" or "500ms", found "no""#);
        insta::assert_snapshot!(error("", &[("NOVI_DATABASE__URLL", "x")]),
            @"environment variable NOVI_DATABASE__URLL: unknown key `urll`; did you mean `url`?");
        insta::assert_snapshot!(error("", &[("NOVI_DATABSE__URL", "x")]),
            @"environment variable NOVI_DATABSE__URL: unknown key `databse`; did you mean `database`?");
    }
}
