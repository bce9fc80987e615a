//! The reference pages of the documentation: settings from `novi.toml`, endpoints from the OpenAPI document, the list
//! of activation types from the registry, and the table of contents.

use std::{
    collections::BTreeSet,
    env,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use novi::{Flags, activation::Registry, rows::Rows};
use serde_json::Value;

const NOTE: &str = "<!-- made by `UPDATE_DOCS=1 cargo test --test project reference` -->\n";

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")
}

/// Compares a page with what it should be, or writes it.
fn compare(name: &str, text: &str) {
    let (path, page) = (docs().join(name), format!("{NOTE}{text}"));
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(path, page).unwrap();
    } else {
        let found = fs::read_to_string(path).unwrap_or_default();
        assert_eq!(found, page, "{name}: run `UPDATE_DOCS=1 cargo test --test project reference`");
    }
}

/// `novi.toml` has every key with its default: the server's tests compare it with the types.
#[test]
fn settings_have_a_page() {
    let mut page = "# Settings\n\nThe keys of [novi.toml](../novi.toml), which has all of them with their defaults. \
        `novi --config FILE` reads another\nfile, and `--set server.listen=0.0.0.0:80` changes one key for one run. The \
        environment takes precedence over the file:\n`NOVI_`, the section, two underscores and the key, such as \
        `NOVI_DATABASE__URL`.\n"
        .to_owned();
    let (mut about, mut section) = (Vec::new(), "");
    for line in include_str!("../../novi.toml").lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            about.push(comment);
        } else if line.starts_with('[') {
            section = line.trim_matches(['[', ']']);
            let text = if about.is_empty() { String::new() } else { format!("{}\n\n", about.join("\n")) };
            write!(page, "\n## `[{section}]`\n\n{text}| key | default | description |\n|---|---|---|\n")
                .unwrap();
            about.clear();
        } else if let Some((key, default)) = line.split_once(" = ") {
            let text = about.join(" ").replace('|', "\\|");
            writeln!(page, "| `{key}` | `{default}` | {text} |").unwrap();
            about.clear();
        } else {
            about.clear();
        }
    }
    assert!(!section.is_empty());
    compare("settings.md", &page);
}

#[tokio::test]
async fn endpoints_have_a_page() {
    let flags = Flags::from_rows(Rows::default()).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/openapi.json", listener.local_addr().unwrap());
    let router = novi_server::router(flags, novi_server::Options::default());
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    let document: Value = reqwest::get(url).await.unwrap().json().await.unwrap();
    server.abort();

    let mut page = "# Endpoints\n\n`GET /openapi.json` describes requests and responses as OpenAPI 3.1. The role is the \
        lowest that a token needs, once\nthere are tokens: `client`, `server` or `admin`.\n"
        .to_owned();
    for tag in document["tags"].as_array().unwrap() {
        let mut rows = String::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                if operation["tags"][0] == tag["name"] {
                    let (summary, role) = (operation["summary"].as_str().unwrap(), &operation["x-novi-role"]);
                    let method = method.to_uppercase();
                    writeln!(rows, "| `{method} {path}` | {summary} | {} |", role.as_str().unwrap()).unwrap();
                }
            }
        }
        assert!(!rows.is_empty(), "{tag}");
        let title = tag["description"].as_str().unwrap();
        write!(page, "\n## {title}\n\n| endpoint | | role |\n|---|---|---|\n{rows}").unwrap();
    }
    compare("api.md", &page);
}

#[test]
fn every_page_is_in_the_table_of_contents() {
    let mut pages = BTreeSet::new();
    let mut folders = vec![docs()];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                pages.insert(path.strip_prefix(docs()).unwrap().to_string_lossy().into_owned());
            }
        }
    }
    pages.remove("SUMMARY.md");
    let contents = include_str!("../../docs/SUMMARY.md");
    let linked: BTreeSet<String> =
        contents.split("](").skip(1).map(|rest| rest.split(')').next().unwrap().to_owned()).collect();
    let (outside, linked): (BTreeSet<_>, _) = linked.into_iter().partition(|link| link.starts_with("../"));
    assert_eq!(pages, linked);
    assert!(outside.iter().all(|link| docs().join(link).exists()), "{outside:?}");
}

#[test]
fn types_are_in_the_table_of_contents() {
    const BEFORE: &str = "- [Activation types](types.md)\n";
    let registry = Registry::global().unwrap();
    let link = |class: &str| format!("  - [{class}](types/{}.md)\n", class.trim_start_matches("novi."));
    let links: String = registry.iter().map(|kind| link(kind.class())).collect();
    let path = docs().join("SUMMARY.md");
    let contents = fs::read_to_string(&path).unwrap();
    let (start, rest) = contents.split_once(BEFORE).unwrap();
    let end = rest.find("\n- ").map_or(0, |at| at + 1);
    let end = if rest.starts_with("- ") { 0 } else { end };
    let updated = format!("{start}{BEFORE}{links}{}", &rest[end..]);
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(path, updated).unwrap();
    } else {
        assert_eq!(contents, updated, "run `UPDATE_DOCS=1 cargo test --test project reference`");
    }
}

#[test]
fn types_have_an_overview() {
    let registry = Registry::global().unwrap();
    let row = |class: &str, about: &str| {
        format!("| [`{class}`](types/{}.md) | {about} |\n", class.trim_start_matches("novi."))
    };
    let rows: String = registry.iter().map(|kind| row(kind.class(), kind.description())).collect();
    let text = "The built-in types. Each page has an example row, how the type decides, and the fields of its config. \
        `novi types`\nlists them as well, with types of your own.\n";
    compare(
        "types.md",
        &format!("# Activation types\n\n{text}\n| class name | description |\n|---|---|\n{rows}"),
    );
}
