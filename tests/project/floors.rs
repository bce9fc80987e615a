//! The floor plan of ARCHITECTURE.md: what stands on a lower floor does not import what stands on an upper one, and the
//! engine does not know its activation types.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The modules of the library, by floor. A folder's files are on the floor of the folder.
const FLOORS: [&[&str]; 5] = [
    &[
        "backoff",
        "bucket",
        "conflict",
        "context",
        "counters",
        "error",
        "expired",
        "from_serialize",
        "issue",
        "ranges",
        "rows",
        "similar",
        "snapshot_file",
        "text",
        "texts",
        "timestamp",
        "token",
        "to_context",
        "value",
        "within",
    ],
    &["activation", "check", "layers", "overrides", "store"],
    &["feature", "registry"],
    &["activations", "decision", "snapshot"],
    &[
        "attributes",
        "blocking",
        "choose",
        "config",
        "current",
        "expiry",
        "flags",
        "folder",
        "guard",
        "handle",
        "present",
        "snapshot_writer",
        "status",
        "testing",
        "typed",
        "upkeep",
        "usage_recorder",
        "watch",
        "writer",
    ],
];

/// Imports that go up, each with its reason.
const STAIRS: [(&str, &str); 2] = [
    // A decision holds a guard of its snapshot; the type is the handle's.
    ("decision", "present"),
    // What an activation is and what it may ask are one concept in two files.
    ("activation", "check"),
];

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|modules| modules.contains(&module))
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The module that a public name of the crate comes from, by the `pub use` lines of lib.rs.
fn home_of(name: &str, library: &str) -> Option<String> {
    library.split("pub use ").skip(1).find_map(|line| {
        let (module, names) = line.split_once("::")?;
        let names = names.split(';').next()?;
        let found = names.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name);
        found.then(|| module.to_owned())
    })
}

/// The first words of what comes from `crate::`: modules, and names that lib.rs re-exports.
fn imports(code: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for rest in code.split("crate::").skip(1) {
        match rest.strip_prefix('{') {
            Some(group) => {
                found.extend(items(group).into_iter().map(first_word).filter(|word| !word.is_empty()));
            }
            None => found.push(first_word(rest)),
        }
    }
    found
}

/// What stands between the commas of a group, up to its closing brace; inner groups are passed over.
fn items(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut found) = (0, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                found.push(&group[start..at]);
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    found
}

fn first_word(text: &str) -> &str {
    text.trim().split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default()
}

#[test]
fn imports_are_found() {
    let code =
        "use crate::{\n    Error, rows::{FlagRow, Rows},\n    store,\n};\nlet x = crate::similar::most(1);";
    assert_eq!(imports(code), ["Error", "rows", "store", "similar"]);
}

#[test]
fn lower_floors_do_not_import_upper_ones() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let library = fs::read_to_string(root.join("lib.rs")).unwrap();
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut wrong = Vec::new();
    let mut checked = 0;
    for file in files {
        let relative = file.strip_prefix(&root).unwrap();
        let module = relative.components().next().unwrap().as_os_str().to_string_lossy().replace(".rs", "");
        if module == "lib" {
            continue;
        }
        let own = floor(&module).unwrap_or_else(|| panic!("{module} is on no floor"));
        let text = fs::read_to_string(&file).unwrap();
        let code: String =
            text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
        for name in imports(&code) {
            let Some(target) = floor(name).map(|_| name.to_owned()).or_else(|| home_of(name, &library))
            else {
                continue;
            };
            checked += 1;
            let Some(above) = floor(&target) else { continue };
            if above > own && !STAIRS.contains(&(&*module, &*target)) {
                wrong.push(format!("{} (floor {own}) imports {target} (floor {above})", relative.display()));
            }
            if module == "snapshot" && target == "activations" {
                wrong.push(format!("{} names an activation type", relative.display()));
            }
        }
    }
    assert!(checked > 50, "only {checked} imports were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_activation_type_is_named_in_its_own_file_only() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let registry = novi::Registry::global().unwrap();
    assert!(registry.iter().count() >= 9);
    for kind in registry.iter() {
        let kind = format!("\"{}\"", kind.class());
        let code = |path: &PathBuf| {
            let text = fs::read_to_string(path).unwrap();
            text.lines().any(|line| !line.trim_start().starts_with("//") && line.contains(&kind))
        };
        let found: Vec<_> = files.iter().filter(|path| code(path)).collect();
        assert_eq!(found.len(), 1, "{kind} is in {found:?}");
    }
}
