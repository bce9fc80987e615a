//! The functions of SQL.

use std::sync::Arc;

use novi::{
    Decision,
    snapshot::{Snapshot, SnapshotGuard},
};
use rusqlite::{
    Connection, Result,
    functions::{Context as Arguments, FunctionFlags},
    types::Value,
};

use crate::{arguments, problem::Problem, state::Shared};

/// Any number of arguments.
const ANY: i32 = -1;

/// The result depends on the rows, the clock, and draws: no function is deterministic. Attributes can be JSON, whose
/// subtype is read.
const EVALUATES: FunctionFlags = FunctionFlags::SQLITE_UTF8.union(FunctionFlags::SQLITE_SUBTYPE);

const READS: FunctionFlags = FunctionFlags::SQLITE_UTF8;

/// A view or trigger of a file from elsewhere must not change settings, or read files.
const SETS: FunctionFlags = FunctionFlags::SQLITE_UTF8.union(FunctionFlags::SQLITE_DIRECTONLY);

/// Registers all functions on a connection.
pub(crate) fn register(connection: &Connection) -> Result<()> {
    let shared = Arc::new(Shared::default());
    evaluation(connection, &shared, "novi_enabled", |decision| Value::Integer(decision.enabled().into()))?;
    evaluation(connection, &shared, "novi_variant", |decision| {
        decision.variant().map_or(Value::Null, |variant| Value::Text(variant.to_owned()))
    })?;
    evaluation(connection, &shared, "novi_value", |decision| {
        decision.value().map_or(Value::Null, sql_value)
    })?;
    evaluation(connection, &shared, "novi_reason", |decision| {
        Value::Text(decision.reason().as_str().to_owned())
    })?;
    explanations(connection, &shared)?;
    for (name, read) in READERS {
        let shared = Arc::clone(&shared);
        connection.create_scalar_function(name, 0, READS, move |arguments| {
            snapshot(&shared, arguments)
                .and_then(|snapshot| read(&snapshot))
                .map_err(|problem| problem.of(name))
        })?;
    }
    for (name, what, set) in SETTERS {
        let shared = Arc::clone(&shared);
        connection.create_scalar_function(name, 1, SETS, move |arguments| {
            let text = arguments::required(arguments, 0, what).and_then(|text| {
                set(&shared, text)?;
                Ok(text.to_owned())
            });
            text.map_err(|problem| problem.of(name))
        })?;
    }
    Ok(())
}

type Read = fn(&Snapshot) -> Result<Value, Problem>;
type Set = fn(&Shared, &str) -> Result<(), Problem>;

/// Functions without arguments.
const READERS: [(&str, Read); 2] = [
    ("novi_revision", |snapshot| Ok(Value::Integer(snapshot.revision().number()))),
    ("novi_issues", |snapshot| {
        let issues: Vec<String> = snapshot.issues().iter().map(ToString::to_string).collect();
        serde_json::to_string(&issues).map(Value::Text).map_err(Problem::new)
    }),
];

/// Functions that change settings, and what their argument is.
const SETTERS: [(&str, &str, Set); 2] = [
    ("novi_table_prefix", "the prefix of novi's tables, such as 'acme_'", Shared::set_prefix),
    ("novi_configure", "the path of a configuration file, such as 'novi.toml'", Shared::configure),
];

/// A function that evaluates a flag.
fn evaluation(
    connection: &Connection,
    shared: &Arc<Shared>,
    name: &'static str,
    read: fn(&Decision<&Snapshot>) -> Value,
) -> Result<()> {
    function(connection, shared, name, move |snapshot, flag, arguments| {
        let context = arguments::context(arguments)?;
        Ok(read(&snapshot.evaluate(flag, &context)?))
    })
}

/// The functions that explain an evaluation, as text and as JSON.
fn explanations(connection: &Connection, shared: &Arc<Shared>) -> Result<()> {
    function(connection, shared, "novi_explain", |snapshot, flag, arguments| {
        let trace = snapshot.explain(flag, &arguments::context(arguments)?)?;
        Ok(Value::Text(trace.to_string().trim_end().to_owned()))
    })?;
    function(connection, shared, "novi_explain_json", |snapshot, flag, arguments| {
        let trace = snapshot.explain(flag, &arguments::context(arguments)?)?;
        serde_json::to_string(&trace).map(Value::Text).map_err(Problem::new)
    })
}

/// A function of a flag, which is null if the flag's name is.
fn function(
    connection: &Connection,
    shared: &Arc<Shared>,
    name: &'static str,
    run: impl Fn(&Snapshot, &str, &Arguments<'_>) -> Result<Value, Problem> + Send + 'static,
) -> Result<()> {
    let shared = Arc::clone(shared);
    connection.create_scalar_function(name, ANY, EVALUATES, move |arguments| {
        if arguments.is_empty() {
            let problem = "expected the name of a flag, then a JSON object or pairs of names and values";
            return Err(Problem::new(problem).of(name));
        }
        let result = || {
            let Some(flag) = arguments::flag(arguments)? else { return Ok(Value::Null) };
            run(&*pinned(&shared, arguments)?, flag, arguments)
        };
        result().map_err(|problem: Problem| problem.of(name))
    })
}

/// The snapshot that a statement uses for all its rows. SQLite keeps it with the first argument, the name of the flag,
/// until the statement ends, if the argument is the same for all rows.
fn pinned(shared: &Shared, arguments: &Arguments<'_>) -> Result<Arc<SnapshotGuard>, Problem> {
    if let Ok(Some(pinned)) = arguments.get_aux::<SnapshotGuard>(0) {
        return Ok(pinned);
    }
    let snapshot = snapshot(shared, arguments)?;
    arguments.set_aux(0, snapshot).map_err(Problem::new)
}

#[allow(unsafe_code, reason = "the connection is used on this thread only, and not after the call")]
fn snapshot(shared: &Shared, arguments: &Arguments<'_>) -> Result<SnapshotGuard, Problem> {
    let connection = unsafe { arguments.get_connection() }.map_err(Problem::new)?;
    shared.snapshot(&connection)
}

/// A flag's value as a value of SQL: objects and lists are JSON text, and Booleans are 1 and 0.
fn sql_value(value: &serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::Integer((*value).into()),
        serde_json::Value::String(text) => Value::Text(text.clone()),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(number), _) => Value::Integer(number),
            (None, Some(number)) => Value::Real(number),
            (None, None) => Value::Text(number.to_string()),
        },
        json => Value::Text(json.to_string()),
    }
}
