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
}

pub(crate) async fn status(visit: Visit) -> Page {
    let status = visit.api().get("/api/status").await.map_err(|failure| visit.fail(&failure))?;
    let problems = status["schema_problems"].as_array().into_iter().flatten();
    let counts = status["counts"].as_object().into_iter().flatten();
    Ok(visit.page(&StatusPage {
        layout: visit.layout("Status", Section::Status),
        version: text_of(&status, "version"),
        origin: text_of(&status, "origin"),
        age: status["age_seconds"].as_f64().map(|age| format!("{age:.1} s")),
        failure: status["failure"].as_str().map(str::to_owned),
        schema_problems: problems.filter_map(Value::as_str).map(str::to_owned).collect(),
        has_database: status["has_database"].as_bool().unwrap_or_default(),
        counts: counts.map(|(name, count)| (name.clone(), plain(count))).collect(),
    }))
}
