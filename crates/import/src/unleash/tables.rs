//! The tables of Unleash, as an export of all environments.

use std::collections::BTreeMap;

use novi_files::Tree;

use crate::{
    config::{fields, text},
    table::{Row, TableSpec, Tables},
};

/// The tables of Unleash on PostgreSQL.
pub const TABLES: [TableSpec; 7] = [
    TableSpec::required("features", &["name", "description", "archived_at"]),
    TableSpec::required("feature_environments", &["feature_name", "environment", "enabled", "variants"]),
    TableSpec::required(
        "feature_strategies",
        &[
            "created_at",
            "id",
            "feature_name",
            "environment",
            "strategy_name",
            "parameters",
            "constraints",
            "variants",
            "sort_order",
            "disabled",
        ],
    ),
    TableSpec::optional("segments", &["id", "name", "constraints"]),
    TableSpec::optional("feature_strategy_segment", &["feature_strategy_id", "segment_id"]),
    TableSpec::optional("dependent_features", &["child", "parent", "enabled", "variants"]),
    TableSpec::optional("feature_tag", &["feature_name", "tag_type", "tag_value"]),
];

/// The rows in the form of an export.
pub(super) fn as_export(tables: &Tables) -> Tree {
    let list = |rows: &mut dyn Iterator<Item = Tree>| Tree::List(rows.collect());
    let is_kept = |row: &&Row| row.get("archived_at").is_none();
    let features = tables.rows("features").iter().filter(is_kept);
    let environments = tables.rows("feature_environments").iter();
    let segments = tables.rows("segments").iter();
    let tags = tables.rows("feature_tag").iter();
    fields([
        (
            "features",
            list(&mut features.map(|row| fields([string(row, "name"), string(row, "description")]))),
        ),
        ("featureEnvironments", list(&mut environments.map(environment))),
        ("featureStrategies", strategies(tables)),
        ("segments", list(&mut segments.map(segment))),
        ("dependencies", dependencies(tables)),
        (
            "featureTags",
            list(&mut tags.map(|row| {
                fields([
                    ("featureName", text(row.text("feature_name"))),
                    ("tagType", text(row.text("tag_type"))),
                    ("tagValue", text(row.text("tag_value"))),
                ])
            })),
        ),
    ])
}

fn string<'a>(row: &Row, column: &'a str) -> (&'a str, Tree) {
    (column, row.get(column).map_or(Tree::Null, text))
}

/// The value of a column with JSON.
fn json(row: &Row, column: &str) -> Tree {
    row.get(column).and_then(|value| serde_json::from_str(value).ok()).unwrap_or(Tree::Null)
}

fn environment(row: &Row) -> Tree {
    fields([
        ("featureName", text(row.text("feature_name"))),
        ("environment", text(row.text("environment"))),
        ("enabled", Tree::Bool(row.is_true("enabled"))),
        ("variants", json(row, "variants")),
    ])
}

fn strategies(tables: &Tables) -> Tree {
    let mut segments: BTreeMap<&str, Vec<Tree>> = BTreeMap::new();
    for row in tables.rows("feature_strategy_segment") {
        segments.entry(row.text("feature_strategy_id")).or_default().push(json(row, "segment_id"));
    }
    for segments in segments.values_mut() {
        segments.sort_by_key(Tree::to_json);
    }
    let strategy = |row: &Row| {
        fields([
            ("featureName", text(row.text("feature_name"))),
            ("environment", text(row.text("environment"))),
            ("name", text(row.text("strategy_name"))),
            ("parameters", json(row, "parameters")),
            ("constraints", json(row, "constraints")),
            ("variants", json(row, "variants")),
            ("segments", Tree::List(segments.get(row.text("id")).cloned().unwrap_or_default())),
            ("sortOrder", json(row, "sort_order")),
            ("disabled", Tree::Bool(row.is_true("disabled"))),
        ])
    };
    Tree::List(tables.rows("feature_strategies").iter().map(strategy).collect())
}

fn segment(row: &Row) -> Tree {
    fields([
        ("id", json(row, "id")),
        ("name", text(row.text("name"))),
        ("constraints", json(row, "constraints")),
    ])
}

fn dependencies(tables: &Tables) -> Tree {
    let mut parents: BTreeMap<&str, Vec<Tree>> = BTreeMap::new();
    for row in tables.rows("dependent_features") {
        let parent = fields([
            ("feature", text(row.text("parent"))),
            ("enabled", Tree::Bool(row.is_true("enabled"))),
            ("variants", json(row, "variants")),
        ]);
        parents.entry(row.text("child")).or_default().push(parent);
    }
    let child = |(name, parents): (&str, Vec<Tree>)| {
        fields([("feature", text(name)), ("dependencies", Tree::List(parents))])
    };
    Tree::List(parents.into_iter().map(child).collect())
}
