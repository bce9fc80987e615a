//! Togglz: the table of its JDBC repository, since version 2.
//!
//! Callers have the name of the user as the attribute that identifies them, `roles`, and `ip`.

use std::collections::BTreeMap;

use chrono::NaiveDateTime;
use novi_files::{Flag, Tree};

use crate::{
    collector::{Collector, Draft, Imported},
    config::{always, attribute, fields, inline, number, text, texts},
    members::Members,
    options::Options,
    table::{Row, TableSpec, Tables},
};

/// The table of Togglz.
pub const TABLES: [TableSpec; 1] =
    [TableSpec::required("TOGGLZ", &["feature_name", "feature_enabled", "strategy_id", "strategy_params"])];

/// Reads the rows of [`TABLES`].
#[must_use]
pub fn read_tables(tables: &Tables, options: &Options) -> Imported {
    let mut collector = Collector::default();
    for row in tables.rows("TOGGLZ") {
        let name = row.text("feature_name");
        let draft = draft(name, row, options, &mut collector);
        collector.add(format!("TOGGLZ.{name}"), name, draft);
    }
    collector.finish()
}

fn draft(name: &str, row: &Row, options: &Options, collector: &mut Collector) -> Result<Draft, String> {
    let is_on = row.text("feature_enabled").parse::<i64>().is_ok_and(|value| value > 0);
    let mut draft = Draft { flag: Flag { status: Some(is_on), ..Flag::default() }, ..Draft::default() };
    let parameters = properties(row.text("strategy_params"));
    let parameter = |key: &str| parameters.get(key).map(String::as_str).unwrap_or_default();
    let words = |key: &str, separator: fn(char) -> bool| -> Vec<String> {
        let words = parameter(key).split(separator).map(|word| word.trim().to_owned());
        words.filter(|word| !word.is_empty()).collect()
    };
    let is_comma = |letter: char| letter == ',';
    let condition = match row.text("strategy_id").trim().to_lowercase().as_str() {
        "" => return Ok(draft),
        "username" => {
            let list = Members { what: "users", callers: words("users", is_comma), by: &options.by };
            let status = draft.flag.status;
            list.or(always(false), "strategy", name, collector, &mut draft.flag);
            draft.flag.status = draft.flag.status.min(status);
            return Ok(draft);
        }
        "gradual" => gradual(parameter("percentage"), options),
        "user-role" => match words("roles", is_comma) {
            roles if roles.is_empty() => always(false),
            roles => attribute("roles", "in", texts(roles)),
        },
        "client-ip" => match words("ips", |letter| letter == ',' || letter.is_whitespace()) {
            networks if networks.is_empty() => always(false),
            networks => inline("novi.ip", fields([("networks", texts(networks))])),
        },
        "release-date" => {
            draft
                .differences
                .push("the date is in UTC; in Togglz, in the time zone of the server".to_owned());
            release_date(parameter("date"), parameter("time"))?
        }
        id @ ("server-ip" | "script" | "property" | "system-property") => {
            return Err(format!(
                "the strategy {id:?} depends on the server or is code: it has no equivalent"
            ));
        }
        id => return Err(format!("the strategy {id:?} is code of the program")),
    };
    let status = draft.flag.status;
    let list = Members { what: "users", callers: Vec::new(), by: &options.by };
    list.or(condition, "strategy", name, collector, &mut draft.flag);
    draft.flag.status = draft.flag.status.min(status);
    Ok(draft)
}

fn gradual(percentage: &str, options: &Options) -> Tree {
    match percentage.parse::<i32>() {
        Ok(share) if share > 0 => {
            let mut config =
                vec![("percentage", number(f64::from(share.min(100)))), ("hash", text("togglz"))];
            if options.by != Options::default().by {
                config.push(("by", text(&options.by)));
            }
            inline("novi.percentage", fields(config))
        }
        _ => always(false),
    }
}

fn release_date(date: &str, time: &str) -> Result<Tree, String> {
    let time = if time.trim().is_empty() { "00:00:00" } else { time.trim() };
    let start = format!("{}T{time}", date.trim());
    let expected =
        |_| format!("release-date: expected a date and a time such as 2026-12-31T14:45:00, found {start:?}");
    let start = NaiveDateTime::parse_from_str(&start, "%Y-%m-%dT%H:%M:%S").map_err(expected)?;
    let start = text(format!("{}Z", start.format("%Y-%m-%dT%H:%M:%S")));
    Ok(inline("novi.date_time", fields([("startDateTime", start)])))
}

/// Properties as Java writes them: one on a line, or separated by `&`.
fn properties(source: &str) -> BTreeMap<String, String> {
    let mut lines: Vec<String> = Vec::new();
    for line in source.split(['\n', '\r', '&']) {
        match lines.last_mut() {
            // A backslash at its end continues a line.
            Some(last) if last.ends_with('\\') && !last.ends_with("\\\\") => {
                last.pop();
                last.push_str(line.trim_start());
            }
            _ => lines.push(line.trim_start().to_owned()),
        }
    }
    let is_entry = |line: &&String| !line.is_empty() && !line.starts_with(['#', '!']);
    lines.iter().filter(is_entry).map(|line| entry(line)).collect()
}

/// The key and the value of a line.
fn entry(line: &str) -> (String, String) {
    let mut is_escaped = false;
    let separator = line.find(|letter: char| {
        let found = !is_escaped && (letter == '=' || letter == ':' || letter.is_whitespace());
        is_escaped = letter == '\\' && !is_escaped;
        found
    });
    let (key, value) = line.split_at(separator.unwrap_or(line.len()));
    let value = value.trim_start();
    let value = value.strip_prefix(['=', ':']).unwrap_or(value).trim_start();
    (unescaped(key), unescaped(value))
}

fn unescaped(text: &str) -> String {
    let mut letters = text.chars();
    let mut found = String::with_capacity(text.len());
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            found.push(letter);
            continue;
        }
        match letters.next() {
            Some('t') => found.push('\t'),
            Some('n') => found.push('\n'),
            Some('r') => found.push('\r'),
            Some('f') => found.push('\u{c}'),
            Some('u') => {
                let digits: String = letters.by_ref().take(4).collect();
                let code = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
                found.push(code.unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            Some(other) => found.push(other),
            None => (),
        }
    }
    found
}
