//! Which files of a crate import which others, read from the sources.
//!
//! A name is traced through re-exports to the file that defines it. Comments, texts and tests are skipped.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// One file uses a name of another one. Files are relative to the folder of the sources.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Import {
    pub(crate) from: String,
    pub(crate) to: Target,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Target {
    File(String),
    /// A name of the crate root that is not a module.
    Root(String),
}

/// The path of a module, from the crate root: empty for the root itself.
type Module = Vec<String>;

/// A file, before its paths are resolved.
struct Source {
    file: String,
    tokens: Vec<String>,
    /// What `use` declarations bring into the module, by name.
    names: BTreeMap<String, Module>,
}

/// The sources of one crate.
pub(crate) struct Sources(BTreeMap<Module, Source>);

/// All files below a folder whose names end in `.rs`.
pub(crate) fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

impl Sources {
    /// Reads all files of a folder such as `src`.
    pub(crate) fn read(folder: &Path) -> Self {
        let mut paths = Vec::new();
        rust_files(folder, &mut paths);
        Self::new(paths.iter().map(|path| {
            let file = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
            (file, fs::read_to_string(path).unwrap())
        }))
    }

    fn new(files: impl Iterator<Item = (String, String)>) -> Self {
        let mut sources = BTreeMap::new();
        let mut tests = BTreeSet::new();
        for (file, text) in files {
            let module = module_of(&file);
            let (tokens, test_modules) = without_tests(&tokens(&text));
            tests.extend(test_modules.into_iter().map(|name| joined(&module, name)));
            sources.insert(module, Source { file, tokens, names: BTreeMap::new() });
        }
        sources.retain(|module, _| !tests.iter().any(|test| module.starts_with(test)));
        let mut sources = Self(sources);
        for module in sources.0.keys().cloned().collect::<Vec<_>>() {
            let uses = sources.paths(&module).into_iter().filter(|path| path.declared);
            let names = uses.map(|path| (path.name, path.target)).collect();
            sources.0.get_mut(&module).unwrap().names = names;
        }
        sources
    }

    /// The files and folders directly below the folder of the sources.
    pub(crate) fn entries(&self) -> BTreeSet<String> {
        self.0.values().map(|source| entry(&source.file).to_owned()).collect()
    }

    pub(crate) fn imports(&self) -> BTreeSet<Import> {
        let mut found = BTreeSet::new();
        for (module, source) in self.0.iter().filter(|(module, _)| !module.is_empty()) {
            for path in self.paths(module) {
                // A module that re-exports what is below it does not depend on that; nor does one that only
                // brings a module into scope, whose uses are paths of their own.
                let is_facade = path.public && path.target.starts_with(module);
                let is_module = path.declared && !path.glob && self.0.contains_key(&path.target);
                if is_facade || is_module {
                    continue;
                }
                let to = self.home(&path.target, 0);
                if to != Target::File(source.file.clone()) {
                    found.insert(Import { from: source.file.clone(), to });
                }
            }
        }
        found
    }

    /// The file that defines what an absolute path names.
    fn home(&self, path: &[String], depth: u8) -> Target {
        assert!(depth < 20, "{path:?} is re-exported in a circle");
        let length = (0..=path.len()).rev().find(|length| self.0.contains_key(&path[..*length])).unwrap_or(0);
        let Some(name) = path.get(length) else { return Target::File(self.0[path].file.clone()) };
        if length == 0 {
            return Target::Root(name.clone());
        }
        let source = &self.0[&path[..length]];
        match source.names.get(name) {
            Some(target) if target != path => {
                let path: Module = target.iter().chain(&path[length + 1..]).cloned().collect();
                self.home(&path, depth + 1)
            }
            _ => Target::File(source.file.clone()),
        }
    }

    /// All paths of a file that lead to a place in the crate.
    fn paths(&self, module: &Module) -> Vec<FoundPath> {
        let Source { tokens, names, .. } = &self.0[module];
        let mut found = Vec::new();
        // Inline modules that are open, with the depth of braces at which each ends.
        let (mut inline, mut depth) = (Vec::<(String, usize)>::new(), 0_usize);
        let mut at = 0;
        while at < tokens.len() {
            let (before, token) = (at.checked_sub(1).map_or("", |at| &*tokens[at]), &*tokens[at]);
            let next = tokens.get(at + 1).map_or("", |token| token);
            let mut here = module.clone();
            here.extend(inline.iter().map(|(name, _)| name.clone()));
            match token {
                "{" => depth += 1,
                "}" => {
                    depth = depth.saturating_sub(1);
                    if inline.last().is_some_and(|(_, ends)| *ends == depth) {
                        inline.pop();
                    }
                }
                "mod" if tokens.get(at + 2).is_some_and(|token| token == "{") => {
                    inline.push((next.to_owned(), depth));
                }
                "use" if next != "<" => {
                    let public = before == "pub" || before == ")";
                    let mut leaves = Vec::new();
                    at = tree(tokens, at + 1, &[], &mut leaves);
                    for (segments, name) in leaves {
                        let glob = segments.last().is_some_and(|segment| segment == "*");
                        let segments = &segments[..segments.len() - usize::from(glob)];
                        if let Some(target) = self.absolute(segments, &here, None) {
                            found.push(FoundPath { name, target, declared: true, public, glob });
                        }
                    }
                    continue;
                }
                _ if next == "::" && before != "::" && before != "$" && !is_visibility(tokens, at) => {
                    let segments = straight(tokens, &mut at);
                    if let Some(target) = self.absolute(&segments, &here, Some(names)) {
                        let name = String::new();
                        found.push(FoundPath { name, target, declared: false, public: false, glob: false });
                    }
                    continue;
                }
                _ => {}
            }
            at += 1;
        }
        found
    }

    /// The path from the crate root, if it stays in the crate. `names` are those that `use` has brought into
    /// scope.
    fn absolute(
        &self,
        path: &[String],
        here: &Module,
        names: Option<&BTreeMap<String, Module>>,
    ) -> Option<Module> {
        let (first, rest) = path.split_first()?;
        let mut target = match &**first {
            "crate" => Vec::new(),
            "self" => here.clone(),
            "super" => here[..here.len().checked_sub(1)?].to_vec(),
            child if self.0.contains_key(&joined(here, child.to_owned())) => joined(here, child.to_owned()),
            // A module that is in scope. Types are imports by their `use`.
            name => names?.get(name).filter(|target| self.0.contains_key(*target))?.clone(),
        };
        for segment in rest {
            if segment == "super" {
                target.pop();
            } else if segment != "self" {
                target.push(segment.clone());
            }
        }
        Some(target)
    }
}

struct FoundPath {
    /// The name in the module, of a `use`.
    name: String,
    target: Module,
    /// By `use`, not in an expression or a type.
    declared: bool,
    public: bool,
    glob: bool,
}

/// `store/sql/mod.rs` is `store::sql`.
fn module_of(file: &str) -> Module {
    let path = file.trim_end_matches(".rs");
    let path = path.strip_suffix("/mod").unwrap_or(path);
    if matches!(path, "lib" | "mod") { Vec::new() } else { path.split('/').map(str::to_owned).collect() }
}

/// `store` of `store/sql/mod.rs`, `lib` of `lib.rs`.
pub(crate) fn entry(file: &str) -> &str {
    file.split('/').next().unwrap().trim_end_matches(".rs")
}

fn joined(module: &[String], name: String) -> Module {
    [module, &[name]].concat()
}

/// Whether a path belongs to `pub(in crate::...)`.
fn is_visibility(tokens: &[String], at: usize) -> bool {
    at >= 3 && tokens[at - 3..at].iter().map(String::as_str).eq(["pub", "(", "in"])
}

/// The segments of a path without groups; `at` moves behind it.
fn straight(tokens: &[String], at: &mut usize) -> Module {
    let mut segments = vec![tokens[*at].clone()];
    *at += 1;
    while tokens.get(*at).is_some_and(|token| token == "::")
        && tokens.get(*at + 1).is_some_and(|token| is_word(token))
    {
        segments.push(tokens[*at + 1].clone());
        *at += 2;
    }
    segments
}

/// The leaves of the tree of a `use`, each with the name that it has in the module; returns what comes behind
/// it.
fn tree(tokens: &[String], mut at: usize, prefix: &[String], leaves: &mut Vec<(Module, String)>) -> usize {
    let mut segments = prefix.to_vec();
    loop {
        match tokens.get(at).map(String::as_str) {
            Some("::") => at += 1,
            Some("{") => {
                at += 1;
                while tokens.get(at).is_some_and(|token| token != "}") {
                    at = tree(tokens, at, &segments, leaves);
                    at += usize::from(tokens.get(at).is_some_and(|token| token == ","));
                }
                return at + 1;
            }
            Some("as") => {
                leaves.push((segments, tokens[at + 1].clone()));
                return at + 2;
            }
            Some(token) if token == "*" || is_word(token) => {
                if token != "self" || segments.is_empty() {
                    segments.push(token.to_owned());
                }
                at += 1;
            }
            _ => {
                let name = segments.last().cloned().unwrap_or_default();
                leaves.push((segments, name));
                return at;
            }
        }
    }
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// The words and signs of a source, without comments, texts, characters and lifetimes.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |at| at + 2)
        } else if let Some(length) = text_length(rest) {
            length
        } else if c.is_alphabetic() || c == '_' {
            let word = rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap();
            tokens.push(word.to_owned());
            word.len()
        } else if rest.starts_with("::") {
            tokens.push("::".to_owned());
            2
        } else {
            if !c.is_whitespace() {
                tokens.push(c.to_string());
            }
            c.len_utf8()
        };
        rest = &rest[length..];
    }
    tokens
}

/// The length of a text, a character or a lifetime at the start.
fn text_length(code: &str) -> Option<usize> {
    let quoted = |start: usize| {
        let mut escaped = false;
        let end = code[start..].find(|c: char| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        });
        Some(end.map_or(code.len(), |end| start + end + 1))
    };
    let raw = code.strip_prefix('b').unwrap_or(code).strip_prefix('r');
    if let Some(raw) = raw {
        let marks = raw.len() - raw.trim_start_matches('#').len();
        if raw[marks..].starts_with('"') {
            let end = format!("\"{}", "#".repeat(marks));
            let start = code.len() - raw.len() + marks + 1;
            return Some(code[start..].find(&end).map_or(code.len(), |at| start + at + end.len()));
        }
    }
    if code.starts_with("b\"") {
        return quoted(2);
    }
    if code.starts_with('"') {
        return quoted(1);
    }
    let character = code.strip_prefix('\'')?;
    if let Some(escaped) = character.strip_prefix('\\') {
        return Some(escaped[1..].find('\'').map_or(code.len(), |at| at + 4));
    }
    let length = character.chars().next()?.len_utf8();
    // A lifetime has no quote behind it.
    Some(if character[length..].starts_with('\'') { length + 2 } else { 1 })
}

/// Takes out items under `#[cfg(test)]`; returns the names of modules among them, too.
fn without_tests(tokens: &[String]) -> (Vec<String>, Vec<String>) {
    let (mut kept, mut modules) = (Vec::new(), Vec::new());
    let mut at = 0;
    while at < tokens.len() {
        let is_test =
            |mark: &[&str]| tokens[at..].iter().map(String::as_str).take(mark.len()).eq(mark.iter().copied());
        if !is_test(&["#", "[", "cfg", "(", "test"]) && !is_test(&["#", "[", "cfg", "(", "all", "(", "test"])
        {
            kept.push(tokens[at].clone());
            at += 1;
            continue;
        }
        let mut depth = 0_usize;
        let start = at;
        loop {
            let token = tokens.get(at).map_or(";", |token| token);
            at += 1;
            match token {
                "{" | "(" | "[" => depth += 1,
                "}" | ")" | "]" => depth -= 1,
                _ => {}
            }
            if depth == 0 && matches!(token, "}" | ";") {
                break;
            }
        }
        let item = &tokens[start..at.min(tokens.len())];
        let name = item.iter().position(|token| token == "mod").and_then(|at| item.get(at + 1));
        modules.extend(name.cloned());
    }
    (kept, modules)
}

#[cfg(test)]
fn found(files: &[(&str, &str)]) -> Vec<String> {
    let sources = Sources::new(files.iter().map(|(file, text)| ((*file).to_owned(), (*text).to_owned())));
    let line = |import: Import| match import.to {
        Target::File(to) => format!("{} -> {to}", import.from),
        Target::Root(name) => format!("{} -> crate::{name}", import.from),
    };
    sources.imports().into_iter().map(line).collect()
}

#[test]
fn imports_are_traced_to_the_file_that_defines_a_name() {
    let files = [
        ("lib.rs", "mod a; mod b; mod c; pub use a::Thing;"),
        ("a/mod.rs", "mod inner;\npub use inner::{Thing, other as Other};\nfn f() { inner::other() }"),
        ("a/inner.rs", "pub struct Thing;"),
        ("b.rs", "use crate::{Thing, a::{self, Other}};\nlet x = a::Thing;"),
        ("c.rs", "use super::b as bees;\nfn g() { bees::f() }"),
    ];
    let expected = ["a/mod.rs -> a/inner.rs", "b.rs -> a/inner.rs", "b.rs -> crate::Thing", "c.rs -> b.rs"];
    assert_eq!(found(&files), expected);
}

#[test]
fn imports_in_comments_texts_and_tests_are_skipped() {
    let code = r##"
        // crate::b::x
        /* crate::b::x */
        const A: &str = "crate::b::x \" crate::b::x";
        const B: &str = r#"crate::b::x " "#;
        fn f<'a>(c: char) -> bool { c == '"' || c == '\'' || c == 'b' }
        pub(in crate::b) fn g() {}
        macro_rules! m { () => { $crate::b::x } }
        #[cfg(test)]
        mod tests { use crate::b::x; }
        #[cfg(test)]
        mod more_tests;
    "##;
    let files = [("lib.rs", ""), ("a/mod.rs", code), ("a/more_tests.rs", "use crate::b::x;"), ("b.rs", "")];
    assert_eq!(found(&files), [""; 0]);
}
