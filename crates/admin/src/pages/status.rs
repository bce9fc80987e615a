//! The status of the server.

use askama::Template;
use serde_json::Value;

use crate::{
    pages::flags::text_of,
    visit::{Layout, Page, Section, Visit},
    words::plain,
};

#[derive(Template)]
#[template(path = "status.html")]
struct StatusPage {
    layout: Layout,
    version: String,
    origin: String,
    age: Option<String>,
    failure: Option<String>,
    schema_problems: Vec<String>,
    has_database: bool,
    counts: Vec<(String, String)>,
    followers: Option<u64>,
    /// Open event streams, the limit, and those behind.
    streams: (u64, u64, u64),
    /// How long the oldest has been open.
    oldest: Option<String>,
}

/// A time in the largest unit that it has one of.
fn duration(seconds: f64) -> String {
    for (name, unit) in [("d", 86400.0), ("h", 3600.0), ("min", 60.0)] {
        if seconds >= unit {
            return format!("{:.0} {name}", (seconds / unit).floor());
        }
    }
    format!("{seconds:.1} s")
}

pub(crate) async fn status(visit: Visit) -> Page {
    let status = visit.api().get("/api/status").await.map_err(|failure| visit.fail(&failure))?;
    let problems = status["schema_problems"].as_array().into_iter().flatten();
    let counts = status["counts"].as_object().into_iter().flatten();
    let streams = &status["event_streams"];
    let number = |name: &str| streams[name].as_u64().unwrap_or_default();
    Ok(visit.page(&StatusPage {
        layout: visit.layout("Status", Section::Status),
        version: text_of(&status, "version"),
        origin: text_of(&status, "origin"),
        age: status["age_seconds"].as_f64().map(duration),
        failure: status["failure"].as_str().map(str::to_owned),
        schema_problems: problems.filter_map(Value::as_str).map(str::to_owned).collect(),
        has_database: status["has_database"].as_bool().unwrap_or_default(),
        counts: counts.map(|(name, count)| (name.clone(), plain(count))).collect(),
        followers: status["followers"].as_u64(),
        streams: (number("open"), number("limit"), number("behind")),
        oldest: streams["oldest_seconds"].as_f64().map(duration),
    }))
}
