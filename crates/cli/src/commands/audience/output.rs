//! The decision for each caller, on standard output or in a table.

use std::{borrow::Cow, fmt::Write as _, str::FromStr};

use novi::{
    Context, Decision,
    context::{TARGETING_KEY, Value},
    snapshot::Snapshot,
};
use novi_audience::{DecisionTable, TableRow};
use serde_json::json;

use crate::{
    commands::callers::failure,
    output::{Failure, write},
};

/// How much text is written at once.
const BUFFER_BYTES: usize = 64 * 1024;

/// Where the decisions go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Destination {
    Csv,
    Json,
    Table(String),
}

impl FromStr for Destination {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "csv" | "-" => Ok(Self::Csv),
            "json" => Ok(Self::Json),
            _ => match text.strip_prefix("table:") {
                Some(name) if !name.is_empty() => Ok(Self::Table(name.to_owned())),
                _ => Err("expected csv, json, - or table:NAME"),
            },
        }
    }
}

/// Decisions on their way.
pub(super) enum Output {
    None,
    Csv(String),
    Json(String),
    Table(Box<DecisionTable>),
}

impl Output {
    pub(super) async fn new(destination: Option<&Destination>, url: &str) -> Result<Self, Failure> {
        Ok(match destination {
            None => Self::None,
            Some(Destination::Csv) => Self::Csv(format!("{TARGETING_KEY},enabled,variant,value,reason\r\n")),
            Some(Destination::Json) => Self::Json(String::new()),
            Some(Destination::Table(name)) => {
                let table = DecisionTable::create(url, name).await.map_err(|error| failure(&error))?;
                Self::Table(Box::new(table))
            }
        })
    }

    /// Adds the decision for a caller.
    pub(super) async fn push(
        &mut self,
        context: &Context<'_>,
        decision: &Decision<&Snapshot>,
    ) -> Result<(), Failure> {
        let key = context.get(TARGETING_KEY).map(|key| match key {
            Value::Str(text) => text.to_string(),
            other => other.to_string(),
        });
        let value = decision.value().filter(|_| decision.has_values()).map(ToString::to_string);
        match self {
            Self::None => return Ok(()),
            Self::Csv(text) => {
                let cells = [
                    key.as_deref(),
                    Some(if decision.enabled() { "true" } else { "false" }),
                    decision.variant(),
                ];
                let cells = cells.into_iter().chain([value.as_deref(), Some(decision.reason().as_str())]);
                for (number, cell) in cells.enumerate() {
                    if number > 0 {
                        text.push(',');
                    }
                    text.push_str(&quoted(cell.unwrap_or_default()));
                }
                text.push_str("\r\n");
            }
            Self::Json(text) => {
                let line = json!({
                    TARGETING_KEY: context.get(TARGETING_KEY),
                    "enabled": decision.enabled(),
                    "variant": decision.variant(),
                    "value": decision.value().filter(|_| decision.has_values()),
                    "reason": decision.reason().as_str(),
                });
                // A string takes all.
                writeln!(text, "{line}").ok();
            }
            Self::Table(table) => {
                let row = TableRow {
                    targeting_key: key,
                    enabled: decision.enabled(),
                    variant: decision.variant().map(str::to_owned),
                    value,
                    reason: decision.reason().as_str(),
                };
                return table.push(row).await.map_err(|error| failure(&error));
            }
        }
        self.write_if(BUFFER_BYTES)
    }

    /// Writes what is left.
    pub(super) async fn finish(mut self) -> Result<(), Failure> {
        self.write_if(0)?;
        match self {
            Self::Table(table) => table.commit().await.map_err(|error| failure(&error)),
            _ => Ok(()),
        }
    }

    /// Leaves no table behind.
    pub(super) async fn discard(self) {
        if let Self::Table(table) = self {
            table.discard().await;
        }
    }

    /// Writes what has more bytes than that.
    fn write_if(&mut self, bytes: usize) -> Result<(), Failure> {
        match self {
            Self::Csv(text) | Self::Json(text) if text.len() > bytes => {
                write(text)?;
                text.clear();
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// A cell as RFC 4180 has it.
fn quoted(cell: &str) -> Cow<'_, str> {
    if cell.contains([',', '"', '\r', '\n']) {
        Cow::Owned(format!("\"{}\"", cell.replace('"', "\"\"")))
    } else {
        Cow::Borrowed(cell)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_with_separators_are_quoted() {
        assert_eq!(quoted("a"), "a");
        assert_eq!(quoted("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(quoted("a\nb"), "\"a\nb\"");
    }

    #[test]
    fn destinations_are_named() {
        assert_eq!("-".parse(), Ok(Destination::Csv));
        assert_eq!("table:x".parse(), Ok(Destination::Table("x".to_owned())));
        assert!("table:".parse::<Destination>().is_err() && "xml".parse::<Destination>().is_err());
    }
}
