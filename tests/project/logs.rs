//! `docs/logs.md` lists every event that the sources log.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use crate::imports::rust_files;

const PAGE: &str = "docs/logs.md";

/// The crates that log, and the folders of their sources.
const CRATES: [(&str, &str); 5] = [
    ("novi", "src"),
    ("novi_admin", "crates/admin/src"),
    ("novi_server", "crates/server/src"),
    ("novi_cli", "crates/cli/src"),
    ("novi_openfeature", "crates/openfeature/src"),
];

const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

/// The level, and the cells of the table but the last: target, message and fields.
type Event = (usize, [String; 3]);

/// The arguments of a macro that begin the text, up to its closing parenthesis.
fn arguments(text: &str) -> Vec<&str> {
    let (mut depth, mut start, mut in_string, mut is_escaped) = (0_usize, 0, false, false);
    let mut found = Vec::new();
    for (at, letter) in text.char_indices() {
        match letter {
            _ if is_escaped => is_escaped = false,
            '\\' if in_string => is_escaped = true,
            '"' => in_string = !in_string,
            _ if in_string => {}
            ')' if depth == 0 => {
                found.push(&text[start..at]);
                break;
            }
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                found.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    found.into_iter().map(str::trim).filter(|argument| !argument.is_empty()).collect()
}

/// The text of a string literal.
fn literal(source: &str) -> String {
    let text = source.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap();
    let lines: Vec<_> = text.split("\\\n").map(str::trim_start).collect();
    lines.concat().replace("\\\"", "\"")
}

fn code(text: &str) -> String {
    let text = text.replace('|', "\\|");
    if text.contains('`') { format!("`` {text} ``") } else { format!("`{text}`") }
}

/// The events of one file.
fn events_of(target: &str, source: &str, found: &mut BTreeSet<Event>) {
    let source = source.split("\n#[cfg(test)]\nmod tests").next().unwrap();
    for (level, name) in LEVELS.iter().enumerate() {
        for (start, call) in source.match_indices(&format!("{name}!(")) {
            let line = source[..start].rsplit('\n').next().unwrap();
            if line.contains("//") || line.ends_with(|letter: char| letter.is_alphanumeric() || letter == '_')
            {
                continue;
            }
            let arguments = arguments(&source[start + call.len()..]);
            let message = arguments.iter().position(|argument| argument.starts_with('"'));
            let fields = &arguments[..message.unwrap_or(arguments.len())];
            let name =
                |field: &&str| code(field.split('=').next().unwrap().trim().trim_start_matches(['%', '?']));
            let fields: Vec<_> = fields.iter().map(name).collect();
            let message = message.map_or_else(String::new, |at| code(&literal(arguments[at])));
            found.insert((level, [code(target), message, fields.join(", ")]));
        }
    }
}

fn events() -> BTreeSet<Event> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = BTreeSet::new();
    for (name, folder) in CRATES {
        let folder = root.join(folder);
        let mut files = Vec::new();
        rust_files(&folder, &mut files);
        for file in files {
            let module = file.strip_prefix(&folder).unwrap().with_extension("");
            let parts = module.iter().map(|part| part.to_str().unwrap());
            let target: Vec<_> = [name]
                .into_iter()
                .chain(parts.filter(|part| !["mod", "lib", "main"].contains(part)))
                .collect();
            events_of(&target.join("::"), &fs::read_to_string(&file).unwrap(), &mut found);
        }
    }
    found
}

/// When each event of the page is logged, which only people can tell.
fn described(page: &str) -> BTreeMap<Event, String> {
    let mut level = 0;
    let mut found = BTreeMap::new();
    for line in page.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            level = LEVELS.iter().position(|name| heading == *name).unwrap_or(level);
        }
        let cells: Vec<_> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        if let ([target, message, fields, when], true) = (&*cells, line.starts_with("| `")) {
            found.insert((level, [*target, *message, *fields].map(str::to_owned)), (*when).to_owned());
        }
    }
    found
}

#[test]
fn log_page_lists_every_event() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let page = fs::read_to_string(&path).unwrap();
    let (described, events) = (described(&page), events());
    assert!(events.len() > 70, "only {} events were found", events.len());
    let mut text = page.split("\n## error\n").next().unwrap().to_owned();
    for (level, name) in LEVELS.iter().enumerate() {
        let mut of_level = events.iter().filter(|(other, _)| *other == level).peekable();
        if of_level.peek().is_some() {
            text.extend(["\n## ", name, "\n\n| target | message | fields | when |\n|---|---|---|---|\n"]);
        }
        for event in of_level {
            let when = described.get(event).map_or("", |when| when);
            text.extend(["| ", &event.1.join(" | "), " | ", when, " |\n"]);
        }
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, text).unwrap();
        return;
    }
    assert!(
        page == text,
        "{PAGE}: run `UPDATE_DOCS=1 cargo test --test project logs`, and say when new events are logged"
    );
    for (event, when) in described {
        assert!(!when.is_empty(), "{PAGE}: say when this is logged: {event:?}");
    }
}
