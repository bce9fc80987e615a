//! Reads the keys of a Redis server.

use std::time::Duration;

use redis::{AsyncConnectionConfig, Client, Cmd, FromRedisValue, Pipeline, aio::MultiplexedConnection};

use crate::{
    error::ImportError,
    redis::{Keys, RedisValue, StreamEntry},
};

/// How long a connection, and each answer, may take: sets may be large, and networks slow.
const PATIENCE: Duration = Duration::from_mins(1);

/// How many keys one step of a scan looks at, and how many values are asked for at once.
const BATCH: usize = 500;

impl Keys {
    /// Reads the keys of a server that match one of the patterns, such as `feature:*`. Keys that change meanwhile may be
    /// as before or as after.
    ///
    /// # Errors
    /// An address that is none, and a server that cannot be reached or refuses to answer.
    pub async fn fetch(url: &str, patterns: &[&str]) -> Result<Self, ImportError> {
        let failed =
            |error: redis::RedisError| ImportError::new(format!("could not read from Redis: {error}"));
        let client = Client::open(url).map_err(|error| {
            ImportError::new(format!("expected an address such as redis://127.0.0.1:6379/0: {error}"))
        })?;
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE));
        let connection = client.get_multiplexed_async_connection_with_config(&config).await;
        let mut connection = connection.map_err(failed)?;
        let mut names = Vec::new();
        for pattern in patterns {
            names.extend(scan(&mut connection, pattern).await.map_err(failed)?);
        }
        names.sort_unstable();
        names.dedup();
        let mut keys = Vec::new();
        for names in names.chunks(BATCH) {
            keys.extend(values(&mut connection, names).await.map_err(failed)?);
        }
        Ok(keys.into_iter().collect())
    }
}

/// The keys that match a pattern, without blocking the server as `KEYS` does. A key may be there twice.
async fn scan(connection: &mut MultiplexedConnection, pattern: &str) -> redis::RedisResult<Vec<Vec<u8>>> {
    let (mut names, mut cursor) = (Vec::new(), 0_u64);
    loop {
        let mut scan = redis::cmd("SCAN");
        scan.arg(cursor).arg("MATCH").arg(pattern).arg("COUNT").arg(BATCH);
        let (next, found): (u64, Vec<Vec<u8>>) = scan.query_async(connection).await?;
        names.extend(found);
        if next == 0 {
            return Ok(names);
        }
        cursor = next;
    }
}

/// The values of these keys. A key that is gone meanwhile is left out.
async fn values(
    connection: &mut MultiplexedConnection,
    names: &[Vec<u8>],
) -> redis::RedisResult<Vec<(String, RedisValue)>> {
    let commands = names.iter().map(|name| command("TYPE", name));
    let kinds: Vec<String> = pipeline(connection, commands).await?;
    let commands = kinds.iter().zip(names).filter_map(|(kind, name)| {
        Some(match kind.as_str() {
            "string" => command("GET", name),
            "set" => command("SMEMBERS", name),
            "stream" => {
                let mut range = command("XRANGE", name);
                range.arg("-").arg("+");
                range
            }
            _ => return None,
        })
    });
    let mut answers = pipeline::<redis::Value>(connection, commands).await?.into_iter();
    let mut keys = Vec::new();
    for (kind, name) in kinds.iter().zip(names) {
        let value = match kind.as_str() {
            "string" => answers.next().as_ref().and_then(text).map(RedisValue::Text),
            "set" => answers.next().as_ref().and_then(texts).map(RedisValue::Set),
            "stream" => answers.next().as_ref().and_then(entries).map(RedisValue::Stream),
            "none" => continue,
            _ => None,
        };
        // A name that is not text belongs to no system.
        if let Ok(name) = String::from_utf8(name.clone()) {
            keys.push((name, value.unwrap_or(RedisValue::Other)));
        }
    }
    Ok(keys)
}

fn command(command: &str, key: &[u8]) -> Cmd {
    let mut command = redis::cmd(command);
    command.arg(key);
    command
}

/// The answers to commands, in their order.
async fn pipeline<T: FromRedisValue>(
    connection: &mut MultiplexedConnection,
    commands: impl Iterator<Item = Cmd>,
) -> redis::RedisResult<Vec<T>> {
    let mut pipeline = Pipeline::new();
    for command in commands {
        pipeline.add_command(command);
    }
    if pipeline.is_empty() { Ok(Vec::new()) } else { pipeline.query_async(connection).await }
}

fn text(value: &redis::Value) -> Option<String> {
    match value {
        redis::Value::BulkString(bytes) => String::from_utf8(bytes.clone()).ok(),
        redis::Value::SimpleString(text) => Some(text.clone()),
        _ => None,
    }
}

fn items(value: &redis::Value) -> Option<&[redis::Value]> {
    match value {
        redis::Value::Array(items) | redis::Value::Set(items) => Some(items),
        _ => None,
    }
}

fn texts(value: &redis::Value) -> Option<Vec<String>> {
    items(value)?.iter().map(text).collect()
}

fn entries(value: &redis::Value) -> Option<Vec<StreamEntry>> {
    let entry = |value: &redis::Value| {
        let [id, fields] = items(value)? else { return None };
        let fields = texts(fields)?;
        let fields = fields.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone()));
        Some(StreamEntry { id: text(id)?, fields: fields.collect() })
    };
    items(value)?.iter().map(entry).collect()
}
