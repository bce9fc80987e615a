//! Keeps phrases out of code and docs that readers have to translate.
//!
//! Files that still have some are listed in `english.txt`. A file that is not listed must be clean, and a
//! listed file that is clean must leave the list, so that the list only gets shorter. `UPDATE_ENGLISH=1 cargo
//! test --test project english` deletes the lines of clean files.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// What people read: files, and folders with all that is in them.
const ROOTS: [&str; 17] = [
    ".ci",
    ".github",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "README.md",
    "SECURITY.md",
    "benches",
    "crates",
    "deploy",
    "docs",
    "examples",
    "migrations",
    "novi.toml",
    "scripts",
    "src",
    "tests",
];

/// Not written here, or not by hand; and this test, which has the phrases.
const SKIPPED: [&str; 6] = [
    "target",
    "node_modules",
    "tests/fixtures",
    "tests/project/english.rs",
    "tests/project/english.txt",
    "Cargo.lock",
];

/// Phrases, each with what to write in its place.
const PHRASES: [(&str, &str); 42] = [
    ("any more", "no longer"),
    ("anew", "again"),
    ("are sound", "are valid"),
    ("are told", "are returned, logged, reported"),
    ("as ever", "as before, unaffected"),
    ("at hand", "current, cached, available"),
    ("be told", "be returned, logged, reported"),
    ("can not", "cannot"),
    ("for ever", "forever"),
    ("for nothing", "for `None`, in vain"),
    ("gives whether", "returns `true` if"),
    ("hear of", "notice, receive"),
    ("heard of", "noticed, received"),
    ("hears of", "notices, receives"),
    ("in nobody's way", "in the background"),
    ("is away", "is unavailable"),
    ("is sound", "is valid"),
    ("is told", "is returned, logged, reported"),
    ("it is so", "say what is true"),
    ("make no sense", "are invalid"),
    ("makes no sense", "is invalid"),
    ("nothing if", "`None` if"),
    ("say of itself", "say what it reports"),
    ("says of itself", "say what it reports"),
    ("should be gone", "is stale"),
    ("stand above", "override"),
    ("stands above", "overrides"),
    ("tell of", "report, list"),
    ("telling of", "reporting, listing"),
    ("tells of", "reports, lists"),
    ("that of all", "shared by every"),
    ("those for whom", "callers that"),
    ("those of whom", "callers that"),
    ("those whom", "callers that"),
    ("told apart", "distinguished"),
    ("told of", "reported, logged"),
    ("up to so many", "up to this number"),
    ("way back", "rollback"),
    ("which is none", "which is invalid"),
    ("who asks", "the caller"),
    ("whoever", "the caller, the user"),
    ("with an end to patience", "with a timeout"),
];

/// All files below a path that hold text.
fn texts(root: &Path, path: &str, found: &mut BTreeMap<String, String>) {
    let full = root.join(path);
    if SKIPPED.iter().any(|skipped| path == *skipped || path.ends_with(&format!("/{skipped}"))) {
        return;
    }
    if full.is_dir() {
        for entry in fs::read_dir(&full).unwrap() {
            let name = entry.unwrap().file_name();
            texts(root, &format!("{path}/{}", name.to_string_lossy()), found);
        }
    } else if let Ok(text) = fs::read_to_string(&full) {
        found.insert(path.to_owned(), text);
    }
}

/// The words of a text in one line, without the signs that start comments, so that phrases are found across
/// lines.
fn one_line(text: &str) -> String {
    let signs = |c: char| matches!(c, '/' | '!' | '#' | '*' | '-' | '|') || c.is_whitespace();
    let words = text.lines().flat_map(|line| line.trim_start_matches(signs).split_whitespace());
    words.collect::<Vec<_>>().join(" ").to_lowercase()
}

/// The phrases of a text, each with what is around it.
fn phrases(text: &str) -> Vec<String> {
    let line = one_line(text);
    let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let mut found = Vec::new();
    for (phrase, better) in PHRASES {
        for (at, _) in line.match_indices(phrase) {
            let (before, after) = (&line[..at], &line[at + phrase.len()..]);
            if !is_word(before.chars().next_back()) && !is_word(after.chars().next()) {
                let before: String = before.chars().rev().take(30).collect();
                let before: String = before.chars().rev().collect();
                let after: String = after.chars().take(30).collect();
                found.push(format!("`{phrase}` (write: {better}): ...{before}{phrase}{after}..."));
            }
        }
    }
    found
}

#[test]
fn phrases_are_found_across_the_lines_of_a_comment() {
    let text = "/// A file can\n/// not be read.\nlet scan = \"cannot, canoe, can note\";";
    assert_eq!(phrases(text).len(), 1);
}

#[test]
fn files_have_no_phrases_that_readers_must_translate() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let list = root.join("tests/project/english.txt");
    let listed = fs::read_to_string(&list).unwrap();
    let listed: BTreeSet<&str> = listed.lines().filter(|line| !line.is_empty()).collect();
    let mut files = BTreeMap::new();
    for path in ROOTS {
        texts(root, path, &mut files);
    }
    assert!(files.len() > 300, "only {} files were found", files.len());
    let found: BTreeMap<&str, Vec<String>> = files
        .iter()
        .map(|(path, text)| (&**path, phrases(text)))
        .filter(|(_, found)| !found.is_empty())
        .collect();
    if std::env::var_os("UPDATE_ENGLISH").is_some() {
        let left: Vec<_> = listed.iter().copied().filter(|path| found.contains_key(*path)).collect();
        fs::write(&list, left.join("\n") + "\n").unwrap();
        return;
    }
    let mut wrong = Vec::new();
    for (path, phrases) in found.iter().filter(|(path, _)| !listed.contains(**path)) {
        wrong.push(format!("{path}:\n  {}", phrases.join("\n  ")));
    }
    for path in listed.iter().filter(|path| !found.contains_key(**path)) {
        wrong.push(format!("{path} has none of the phrases: delete it from tests/project/english.txt"));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
