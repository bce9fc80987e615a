//! The layout of the sources: no file imports the crate root, nothing imports what is above it, and no
//! circles.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use crate::imports::{Import, Sources, Target, entry, rust_files};

/// The layout of one crate.
struct House {
    /// The folder of the sources.
    sources: &'static str,
    /// Files and folders of the sources, from the ground. Those on one floor may import one another, in one
    /// direction.
    floors: &'static [&'static [&'static str]],
    /// Entries that do not import each other, though one is above the other.
    apart: &'static [(&'static str, &'static str)],
    /// Imports that break the rules, each with its reason: from, to, reason. A name that ends in `/` means all files
    /// of a folder. An import of the crate root is a name instead of a file.
    allowed: &'static [(&'static str, &'static str, &'static str)],
}

/// The reason of files in `snapshot/`.
const SNAPSHOT: &str = "methods of `Snapshot` are in several files";

const LIBRARY: House = House {
    sources: "src",
    floors: &[
        &["rows", "context"],
        &["error"],
        &["activation"],
        &["store"],
        &["config"],
        &["builtin"],
        &["snapshot"],
        &["runtime"],
        &["flags"],
        &["testing"],
        &["lib"],
    ],
    apart: &[("snapshot", "builtin")],
    allowed: &[
        ("snapshot/compile/", "snapshot/mod.rs", SNAPSHOT),
        ("snapshot/decision.rs", "snapshot/mod.rs", SNAPSHOT),
        ("snapshot/explain.rs", "snapshot/mod.rs", SNAPSHOT),
        ("snapshot/guard.rs", "snapshot/mod.rs", SNAPSHOT),
        ("snapshot/patch/", "snapshot/mod.rs", SNAPSHOT),
    ],
};

const SERVER: House = House {
    sources: "crates/server/src",
    floors: &[
        &["http"],
        &["tokens"],
        &["options"],
        &["app"],
        &["auth"],
        &["toggles"],
        &["manage", "endpoints", "ofrep"],
        &["router"],
        &["serve"],
        &["lib"],
    ],
    apart: &[("manage", "endpoints"), ("manage", "ofrep"), ("endpoints", "ofrep")],
    allowed: &[],
};

const COMMAND_LINE: House = House {
    sources: "crates/cli/src",
    floors: &[
        &["output", "telemetry", "logging"],
        &["session"],
        &["commands", "environment"],
        &["args"],
        &["run"],
        &["lib", "main"],
    ],
    apart: &[("commands", "environment")],
    allowed: &[],
};

const FILES: House = House {
    sources: "crates/files/src",
    floors: &[
        &["tree", "parse_error"],
        &["document"],
        &["export", "format"],
        &["references"],
        &["rename"],
        &["target"],
        &["edit", "pull"],
        &["lib"],
    ],
    apart: &[("tree", "parse_error"), ("export", "format"), ("edit", "pull")],
    allowed: &[],
};

const ADMIN: House = House {
    sources: "crates/admin/src",
    floors: &[
        &["api", "assets", "body", "headers", "kept_files", "session", "words"],
        &["forms"],
        &["visit"],
        &["evaluations"],
        &["charts"],
        &["pages"],
        &["lib"],
    ],
    apart: &[("api", "session"), ("assets", "headers"), ("words", "api")],
    allowed: &[],
};

const STATISTICS: House = House {
    sources: "crates/stats/src",
    floors: &[
        &["distribution", "problem"],
        &["summary"],
        &["metric"],
        &["analysis", "bandit"],
        &["power"],
        &["lib"],
    ],
    apart: &[("distribution", "problem"), ("analysis", "bandit")],
    allowed: &[],
};

impl House {
    fn floor(&self, file: &str) -> usize {
        let entry = entry(file);
        let floor = self.floors.iter().position(|entries| entries.contains(&entry));
        floor.unwrap_or_else(|| panic!("{}/{entry} is on no floor: add it to this test", self.sources))
    }

    /// Every break of a rule.
    fn violations(&self) -> Vec<String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(self.sources);
        let sources = Sources::read(&root);
        let entries = sources.entries();
        let mut violations = Vec::new();
        for name in self.floors.iter().copied().flatten().filter(|name| !entries.contains(**name)) {
            violations.push(format!("{}/{name} does not exist, but has a floor", self.sources));
        }
        let mut imports = sources.imports();
        assert!(imports.len() > 20, "only {} imports were found", imports.len());
        for (from, to, reason) in self.allowed {
            let before = imports.len();
            imports.retain(|import| !is_named(from, &import.from) || !is_named(to, import.target()));
            if imports.len() == before {
                violations
                    .push(format!("{from} no longer imports {to} ({reason}): delete it from this test"));
            }
        }
        for Import { from, to } in &imports {
            match to {
                Target::Root(name) => {
                    violations.push(format!("{from} imports crate::{name} through the crate root"));
                }
                Target::File(to) => {
                    if self.floor(to) > self.floor(from) {
                        violations.push(format!("{from} imports {to}, which is above it"));
                    }
                    let pair = (entry(from), entry(to));
                    if self.apart.iter().any(|(a, b)| pair == (*a, *b) || pair == (*b, *a)) {
                        violations.push(format!("{from} imports {to}, which is no part of it"));
                    }
                }
            }
        }
        violations.extend(circles(&imports));
        violations
    }
}

/// Whether a name of `allowed` means this file.
fn is_named(name: &str, file: &str) -> bool {
    name == file || name.ends_with('/') && file.starts_with(name)
}

impl Import {
    fn target(&self) -> &str {
        match &self.to {
            Target::File(name) | Target::Root(name) => name,
        }
    }
}

/// Circles of imports between the files and folders of one folder, for every folder.
fn circles(imports: &BTreeSet<Import>) -> Vec<String> {
    let mut folders: BTreeMap<String, BTreeMap<(&str, &str), String>> = BTreeMap::new();
    for Import { from, to } in imports {
        let Target::File(to) = to else { continue };
        let (mut from_rest, mut to_rest, mut folder) = (&**from, &**to, String::new());
        while let (Some((a, inner_a)), Some((b, inner_b))) =
            (from_rest.split_once('/'), to_rest.split_once('/'))
            && a == b
        {
            folder.push_str(a);
            folder.push('/');
            (from_rest, to_rest) = (inner_a, inner_b);
        }
        let arrow = (first_part(from_rest), first_part(to_rest));
        folders.entry(folder).or_default().entry(arrow).or_insert_with(|| format!("{from} imports {to}"));
    }
    let mut found = Vec::new();
    for (folder, arrows) in folders {
        let names: BTreeSet<&str> = arrows.keys().flat_map(|(from, to)| [*from, *to]).collect();
        let reached: BTreeMap<_, _> = names.iter().map(|name| (*name, reachable(name, &arrows))).collect();
        let mut done = BTreeSet::new();
        for name in &names {
            let circle: BTreeSet<&str> =
                reached[name].iter().copied().filter(|other| reached[other].contains(name)).collect();
            if circle.len() > 1 && done.insert(circle.clone()) {
                let inside = arrows.iter().filter(|((a, b), _)| circle.contains(a) && circle.contains(b));
                let lines: Vec<_> = inside.map(|(_, line)| format!("\n    {line}")).collect();
                let circle: Vec<_> = circle.into_iter().collect();
                found.push(format!("{folder} has a circle: {}{}", circle.join(", "), lines.concat()));
            }
        }
    }
    found
}

fn first_part(path: &str) -> &str {
    path.split('/').next().unwrap()
}

/// Everything that arrows lead to from here, itself included if they come back.
fn reachable<'a>(start: &str, arrows: &BTreeMap<(&'a str, &'a str), String>) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut next = vec![start];
    while let Some(name) = next.pop() {
        for (_, to) in arrows.keys().filter(|(from, _)| *from == name) {
            if found.insert(*to) {
                next.push(to);
            }
        }
    }
    found
}

#[test]
fn circles_are_found_between_files_and_between_folders() {
    let import = |(from, to): (&str, &str)| Import { from: from.to_owned(), to: Target::File(to.to_owned()) };
    let found = |pairs: &[(&str, &str)]| circles(&pairs.iter().copied().map(import).collect());
    assert_eq!(found(&[("a.rs", "b.rs"), ("b.rs", "c.rs")]), [""; 0]);
    let expected = " has a circle: a, b\n    a/x.rs imports b/x.rs\n    b/y.rs imports a/y.rs";
    assert_eq!(found(&[("a/x.rs", "b/x.rs"), ("b/y.rs", "a/y.rs")]), [expected]);
    let pairs = [("a/x.rs", "a/y.rs"), ("a/y.rs", "a/z.rs"), ("a/z.rs", "a/x.rs"), ("a/w.rs", "a/x.rs")];
    assert!(found(&pairs)[0].starts_with("a/ has a circle: x.rs, y.rs, z.rs\n"));
}

#[test]
fn the_library_keeps_its_floors() {
    let violations = LIBRARY.violations();
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

#[test]
fn the_server_keeps_its_floors() {
    let violations = SERVER.violations();
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

#[test]
fn the_command_line_keeps_its_floors() {
    let violations = COMMAND_LINE.violations();
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

#[test]
fn files_of_flags_keep_their_floors() {
    let violations = FILES.violations();
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

#[test]
fn the_admin_pages_keep_their_floors() {
    let violations = ADMIN.violations();
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

#[test]
fn an_activation_type_is_named_in_its_own_file_only() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&root, &mut files);
    let registry = novi::activation::Registry::global().unwrap();
    assert!(registry.iter().count() >= 9);
    for kind in registry.iter() {
        let kind = format!("\"{}\"", kind.class());
        let code = |path: &std::path::PathBuf| {
            let text = std::fs::read_to_string(path).unwrap();
            text.lines().any(|line| !line.trim_start().starts_with("//") && line.contains(&kind))
        };
        let found: Vec<_> = files.iter().filter(|path| code(path)).collect();
        assert_eq!(found.len(), 1, "{kind} is in {found:?}");
    }
}

#[test]
fn the_statistics_keep_their_floors() {
    let violations = STATISTICS.violations();
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}
