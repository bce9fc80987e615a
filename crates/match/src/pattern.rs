//! Regular expressions.

use std::fmt;

use regex::{Regex, RegexBuilder};
use regex_automata::{
    Input,
    dfa::{Automaton, StartKind, dense},
    nfa::thompson::{self, WhichCaptures},
    util::syntax,
};
use regex_syntax::hir::{Class, ClassUnicode, Hir, HirKind};

/// The largest compiled expression, in bytes. A short source with nested repetitions can take gigabytes.
const LARGEST: usize = 1 << 20;

/// The largest table of states, in bytes, and the largest work space to build it. Few expressions need more,
/// and the attempt takes well below a millisecond.
const LARGEST_TABLE: usize = 1 << 16;

/// A regular expression. Matching takes time linear in the text.
pub struct Pattern {
    source: Box<str>,
    search: Search,
}

enum Search {
    /// One step per byte. The only state is a number, so that matching allocates nothing and shares nothing.
    Table(Box<dense::DFA<Vec<u32>>>),
    /// Expressions that are too large for a table use a cache, which `regex` allocates once per thread.
    Cached(Regex),
}

impl Pattern {
    /// Compiles an expression.
    ///
    /// # Errors
    ///
    /// A message for people if the expression is invalid, or larger than 1 MiB when compiled.
    pub fn new(source: &str, ignore_case: bool) -> Result<Self, String> {
        if is_too_large(source, ignore_case) {
            return Err(explain(&regex::Error::CompiledTooBig(LARGEST)));
        }
        #[cfg(test)]
        tests::COMPILED.with(|compiled| compiled.set(compiled.get() + 1));
        let regex = RegexBuilder::new(source)
            .case_insensitive(ignore_case)
            .size_limit(LARGEST)
            .build()
            .map_err(|error| explain(&error))?;
        let search =
            table(source, ignore_case).map_or(Search::Cached(regex), |table| Search::Table(Box::new(table)));
        Ok(Self { source: source.into(), search })
    }

    /// Returns `true` if the expression matches anywhere in the text.
    #[must_use]
    #[inline]
    pub fn matches(&self, text: &str) -> bool {
        match &self.search {
            // A search fails only at quit bytes, and the table has none.
            Search::Table(table) => {
                table.try_search_fwd(&Input::new(text).earliest(true)).is_ok_and(|end| end.is_some())
            }
            Search::Cached(regex) => regex.is_match(text),
        }
    }
}

/// The table of all states, or `None` if it is too large or the expression has none (`\b` with non-ASCII
/// letters).
fn table(source: &str, ignore_case: bool) -> Option<dense::DFA<Vec<u32>>> {
    let limits = dense::Config::new()
        .start_kind(StartKind::Unanchored)
        .dfa_size_limit(Some(LARGEST_TABLE))
        .determinize_size_limit(Some(LARGEST_TABLE));
    let nfa = thompson::Config::new().nfa_size_limit(Some(LARGEST_TABLE)).which_captures(WhichCaptures::None);
    dense::Builder::new()
        .configure(limits)
        .syntax(syntax::Config::new().case_insensitive(ignore_case))
        .thompson(nfa)
        .build(source)
        .ok()
}

/// Whether an expression certainly takes more than [`LARGEST`]. To compile that much takes ten milliseconds and
/// more, which thousands of rows would take at each load.
fn is_too_large(source: &str, ignore_case: bool) -> bool {
    /// Without a repetition, a shorter source is never too large.
    const SHORT: usize = 64;
    if source.len() <= SHORT && !source.contains('{') {
        return false;
    }
    let parsed = syntax::parse_with(source, &syntax::Config::new().case_insensitive(ignore_case));
    parsed.is_ok_and(|parsed| least_size(&parsed, &mut Vec::new()) > LARGEST)
}

/// A lower bound of the size of a compiled expression, from its repetitions and its classes of Unicode letters.
/// Each class is compiled once. Nesting is limited by the parser.
fn least_size<'a>(part: &'a Hir, classes: &mut Vec<(&'a ClassUnicode, usize)>) -> usize {
    /// The least that the state of a byte takes.
    const STATE: usize = 16;
    match part.kind() {
        HirKind::Class(Class::Unicode(class)) => {
            if let Some((_, size)) = classes.iter().find(|(known, _)| *known == class) {
                return *size;
            }
            let size = class_size(class);
            classes.push((class, size));
            size
        }
        HirKind::Repetition(repetition) => {
            let copies = repetition.max.unwrap_or_else(|| repetition.min.max(1)) as usize;
            let size = least_size(&repetition.sub, classes);
            if copies <= 1 {
                // A literal that is not repeated may be found without states.
                return size;
            }
            let bytes = repetition.sub.properties().minimum_len().unwrap_or_default();
            size.max(bytes.saturating_mul(STATE)).saturating_mul(copies)
        }
        HirKind::Capture(capture) => least_size(&capture.sub, classes),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().fold(0, |size, part| size.saturating_add(least_size(part, classes)))
        }
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => 0,
    }
}

/// The least that a class takes in a compiled expression. The reverse expression, which finds the start of a
/// match, is the larger one.
fn class_size(class: &ClassUnicode) -> usize {
    let config = thompson::Config::new().reverse(true).which_captures(WhichCaptures::None);
    let size = |part: &Hir| {
        let compiled = thompson::Compiler::new().configure(config.clone()).build_from_hir(part);
        compiled.map_or(0, |states| states.memory_usage())
    };
    size(&Hir::class(Class::Unicode(class.clone()))).saturating_sub(size(&Hir::empty()))
}

fn explain(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(limit) => {
            format!(
                "the regular expression takes more than {limit} bytes when compiled: use fewer repetitions, or repeat \
                 [0-9A-Za-z_] instead of \\w, which has all letters of Unicode"
            )
        }
        // `regex` marks the position over several lines; the last line is the message.
        other => {
            let text = other.to_string();
            let line = text.lines().last().unwrap_or_default();
            format!("invalid regular expression: {}", line.strip_prefix("error: ").unwrap_or(line))
        }
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pattern").field(&self.source).finish()
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.source)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use proptest::prelude::*;

    use super::*;

    thread_local! {
        /// How many expressions this thread has compiled.
        pub(super) static COMPILED: Cell<usize> = const { Cell::new(0) };
    }

    #[test]
    fn too_large_expressions_are_rejected_without_compiling_them() {
        let before = COMPILED.get();
        for source in [
            "\\w{100}",
            "^(\\w{10} ?){20}$",
            "(?i:\\pL){1,200}",
            "(a{1000}){1000}",
            "((ab|cd){100}){600}",
            &"\\w".repeat(500),
        ] {
            let error = Pattern::new(source, false).unwrap_err();
            assert!(error.starts_with("the regular expression takes more than 1048576 bytes"), "{error}");
        }
        assert_eq!(COMPILED.get(), before);
        Pattern::new("^\\w{9}$", false).unwrap();
        assert_eq!(COMPILED.get(), before + 1);
    }

    #[test]
    fn largest_accepted_expressions_are_compiled() {
        let accepted = |source: &str| RegexBuilder::new(source).size_limit(LARGEST).build().is_ok();
        for part in ["\\w", "[^a]", ".", "abc", "\\p{Greek}", "\\PL"] {
            let repeated = |count: u32| format!("(?:{part}){{{count}}}");
            // The largest accepted count is in between.
            let (mut most, mut rejected) = (1_u32, 100_000_u32);
            while rejected - most > 1 {
                let middle = most.midpoint(rejected);
                if accepted(&repeated(middle)) { most = middle } else { rejected = middle }
            }
            assert!(Pattern::new(&repeated(most), false).is_ok(), "{part}");
            assert!(is_too_large(&repeated(most * 3), false), "{part}");
        }
        let words: Vec<_> = (0..20_000).map(|number| format!("word{number}")).collect();
        for source in [words.join("|"), "x".repeat(200_000)] {
            assert_eq!(Pattern::new(&source, false).is_ok(), accepted(&source));
        }
    }

    #[test]
    fn usual_expressions_compile_to_a_table() {
        for (source, yes, no, is_table) in [
            ("@example\\.com$", "a@example.com", "a@example.com.org", true),
            ("^[a-z]+-[0-9]{1,4}$", "ab-12", "ab-12345", true),
            ("", "", "", true),
            ("\\bpro\\b", "a pro plan", "a prö plan", false),
            ("^\\w{3,9}$", "größe", "a-b-c", false),
            ("^\\p{Greek}+$", "σίγμα", "sigma", true),
        ] {
            let pattern = Pattern::new(source, false).unwrap();
            assert!(pattern.matches(yes), "{source}");
            assert!(source.is_empty() || !pattern.matches(no), "{source}");
            assert_eq!(matches!(pattern.search, Search::Table(_)), is_table, "{source}");
        }
        assert!(Pattern::new("^straẞe$", true).unwrap().matches("STRAßE"));
    }

    #[test]
    fn invalid_and_too_large_expressions_are_rejected() {
        let error = |source| Pattern::new(source, false).unwrap_err();
        assert_eq!(
            error("(a{1000}){1000}"),
            "the regular expression takes more than 1048576 bytes when compiled: use fewer repetitions, or repeat [0-9A-Za-z_] instead of \\w, which has all letters of Unicode"
        );
        assert_eq!(error("("), "invalid regular expression: unclosed group");
        assert_eq!(
            error("(?=a)"),
            "invalid regular expression: look-around, including look-ahead and look-behind, is not supported"
        );
    }

    #[test]
    fn matching_takes_linear_time() {
        let text = "a".repeat(100_000);
        assert!(!Pattern::new("^(a+)+$", false).unwrap().matches(&format!("{text}b")));
        assert!(!Pattern::new("(a|aa)+c", false).unwrap().matches(&text));
    }

    proptest! {
        #[test]
        fn no_accepted_expression_is_taken_for_too_large(source in "([ab]|\\\\w|\\\\pL|.|[^a]|\\(|\\)|\\||\\{[1-9]{1,2}\\}){1,9}", ignore_case: bool) {
            if is_too_large(&source, ignore_case) {
                let regex = RegexBuilder::new(&source).case_insensitive(ignore_case).size_limit(LARGEST).build();
                prop_assert!(regex.is_err());
            }
        }

        #[test]
        fn tables_agree_with_the_regex_crate(source in "[a-c.*+?|^$()ß]{0,8}", ignore_case: bool, text in "[a-cA-CßẞK\n]{0,8}") {
            if let Ok(pattern) = Pattern::new(&source, ignore_case) {
                let regex = RegexBuilder::new(&source).case_insensitive(ignore_case).build().unwrap();
                prop_assert_eq!(pattern.matches(&text), regex.is_match(&text));
            }
        }
    }
}
