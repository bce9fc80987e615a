//! django-waffle: flags, switches and samples, in its tables.
//!
//! Callers have the attributes of the request's user, `is_authenticated`, `is_staff`, `is_superuser` and `groups`, and
//! `language`.

use std::collections::BTreeMap;

use novi_files::{Flag, Tree};

use crate::{
    collector::{Collector, Draft, Imported},
    config::{always, attribute, fields, inline, number, or, text, texts},
    members::Members,
    options::Options,
    table::{Row, TableSpec, Tables},
};

/// The tables of django-waffle, and those of Django's groups.
pub const TABLES: [TableSpec; 6] = [
    TableSpec::required(
        "waffle_flag",
        &[
            "id",
            "name",
            "everyone",
            "percent",
            "testing",
            "superusers",
            "staff",
            "authenticated",
            "languages",
            "note",
        ],
    ),
    TableSpec::optional("waffle_flag_users", &["id", "flag_id", "user_id"]),
    TableSpec::optional("waffle_flag_groups", &["id", "flag_id", "group_id"]),
    TableSpec::optional("waffle_switch", &["id", "name", "active", "note"]),
    TableSpec::optional("waffle_sample", &["id", "name", "percent", "note"]),
    TableSpec::optional("auth_group", &["id", "name"]),
];

/// Reads the rows of [`TABLES`].
#[must_use]
pub fn read_tables(tables: &Tables, options: &Options) -> Imported {
    let mut collector = Collector::default();
    let users = by_flag(tables.rows("waffle_flag_users"), "user_id");
    let groups = by_flag(tables.rows("waffle_flag_groups"), "group_id");
    let names: BTreeMap<&str, &str> =
        tables.rows("auth_group").iter().map(|row| (row.text("id"), row.text("name"))).collect();
    for row in tables.rows("waffle_flag") {
        let id = row.text("id");
        let users = users.get(id).cloned().unwrap_or_default();
        let (groups, unknown): (Vec<&String>, Vec<&String>) =
            groups.get(id).into_iter().flatten().partition(|id| names.contains_key(id.as_str()));
        let groups =
            groups.into_iter().filter_map(|id| names.get(id.as_str()).map(|name| (*name).to_owned()));
        let mut draft = flag(row, users, groups.collect(), options, &mut collector);
        if row.get("everyone").is_none() {
            draft.differences.extend(
                unknown
                    .into_iter()
                    .map(|id| format!("the group {id} has no row in auth_group, and is left out")),
            );
        }
        collector.add(format!("waffle_flag#{id}"), row.text("name"), Ok(draft));
    }
    for row in tables.rows("waffle_switch") {
        let flag = described(row, row.is_true("active"));
        let draft = Draft { flag, differences: Vec::new() };
        collector.add(format!("waffle_switch#{}", row.text("id")), row.text("name"), Ok(draft));
    }
    for row in tables.rows("waffle_sample") {
        let share: f64 = row.text("percent").parse().unwrap_or_default();
        let draft = if share <= 0.0 || share >= 100.0 {
            Ok(Draft { flag: described(row, share > 0.0), differences: Vec::new() })
        } else {
            Err(format!("a sample of {share} % of all evaluations, at random, has no equivalent"))
        };
        collector.add(format!("waffle_sample#{}", row.text("id")), row.text("name"), draft);
    }
    collector.finish()
}

fn by_flag<'a>(rows: &'a [Row], column: &str) -> BTreeMap<&'a str, Vec<String>> {
    let mut found: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for row in rows {
        found.entry(row.text("flag_id")).or_default().push(row.text(column).to_owned());
    }
    found
}

fn described(row: &Row, is_on: bool) -> Flag {
    let description = row.get("note").filter(|note| !note.trim().is_empty()).map(str::to_owned);
    Flag { status: Some(is_on), description, ..Flag::default() }
}

fn flag(
    row: &Row,
    users: Vec<String>,
    groups: Vec<String>,
    options: &Options,
    collector: &mut Collector,
) -> Draft {
    let mut differences = Vec::new();
    let mut flag = described(row, true);
    if row.get("everyone").is_some() {
        flag.status = Some(row.is_true("everyone"));
        return Draft { flag, differences };
    }
    if row.is_true("testing") {
        differences.push(
            "the query parameter, header and cookie of testing are not read: override the flag".to_owned(),
        );
    }
    let mut any = Vec::new();
    let languages = row.text("languages").split(',').map(str::trim).filter(|language| !language.is_empty());
    let languages: Vec<&str> = languages.collect();
    if !languages.is_empty() {
        any.push(attribute("language", "in", texts(languages)));
    }
    for (column, name) in
        [("authenticated", "is_authenticated"), ("staff", "is_staff"), ("superusers", "is_superuser")]
    {
        if row.is_true(column) {
            any.push(attribute(name, "equals", Tree::Bool(true)));
        }
    }
    if !groups.is_empty() {
        any.push(attribute("groups", "in", texts(groups)));
    }
    let share: f64 = row.text("percent").parse().unwrap_or_default();
    if share >= 100.0 {
        any.push(always(true));
    } else if share > 0.0 {
        differences.push(format!(
            "{share} % of the callers are chosen by a hash of `{}`; waffle draws each visitor at random, and remembers it in \
             a cookie",
            options.by
        ));
        let mut config = vec![("percentage", number(share))];
        if options.by != Options::default().by {
            config.push(("by", text(&options.by)));
        }
        any.push(inline("novi.percentage", fields(config)));
    }
    let list = Members { what: "users", callers: users, by: &options.by };
    list.or(or(any), "conditions", row.text("name"), collector, &mut flag);
    Draft { flag, differences }
}
