//! Regular expressions.

use std::fmt;

use regex::{Regex, RegexBuilder};
use regex_automata::{
    Input,
    dfa::{Automaton, StartKind, dense},
    nfa::thompson::{self, WhichCaptures},
    util::syntax,
};

/// Up to so many bytes a compiled expression may have. A million repetitions fit into a row, but not into memory.
const LARGEST: usize = 1 << 20;

/// Up to so many bytes the table of all states may have, and the work space to make it. Few expressions in use need
/// more, and trying takes well below a millisecond.
const LARGEST_TABLE: usize = 1 << 16;

/// A regular expression, which answers in time linear in the text.
pub(in crate::builtin) struct Pattern {
    source: Box<str>,
    search: Search,
}

enum Search {
    /// A step a byte. Nothing is kept between steps but a number, so that nothing is allocated or shared.
    Table(Box<dense::DFA<Vec<u32>>>),
    /// What is too large for that works in a cache, which the crate allocates when a thread first searches.
    Cached(Regex),
}

impl Pattern {
    /// Compiles the expression; the error says what was expected and what is wrong.
    pub(in crate::builtin) fn new(source: &str, ignore_case: bool) -> Result<Self, String> {
        let regex = RegexBuilder::new(source)
            .case_insensitive(ignore_case)
            .size_limit(LARGEST)
            .build()
            .map_err(|error| explain(&error))?;
        let search =
            table(source, ignore_case).map_or(Search::Cached(regex), |table| Search::Table(Box::new(table)));
        Ok(Self { source: source.into(), search })
    }

    /// Whether the expression matches somewhere in the text.
    pub(in crate::builtin) fn matches(&self, text: &str) -> bool {
        match &self.search {
            // A search fails at bytes that its table was told to stop at, and there are none.
            Search::Table(table) => {
                table.try_search_fwd(&Input::new(text).earliest(true)).is_ok_and(|end| end.is_some())
            }
            Search::Cached(regex) => regex.is_match(text),
        }
    }
}

/// The table of all states; nothing if it is too large, or if none can be made (for `\b` and letters beyond ASCII).
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

fn explain(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(limit) => {
            format!(
                "expected a regular expression of at most {limit} bytes when compiled: repeat less, or repeat [0-9A-Za-z_] and not \\w, which is \
                 every letter there is"
            )
        }
        // The crate draws the place over several lines; the last one says what is wrong.
        other => {
            let text = other.to_string();
            let line = text.lines().last().unwrap_or_default();
            format!("expected a regular expression: {}", line.strip_prefix("error: ").unwrap_or(line))
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
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn usual_expressions_get_a_table_and_all_answer() {
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
    fn what_is_too_large_or_wrong_is_refused() {
        let error = |source| Pattern::new(source, false).unwrap_err();
        assert_eq!(
            error("(a{1000}){1000}"),
            "expected a regular expression of at most 1048576 bytes when compiled: repeat less, or repeat [0-9A-Za-z_] and not \\w, which is every letter there is"
        );
        assert_eq!(error("("), "expected a regular expression: unclosed group");
        assert_eq!(
            error("(?=a)"),
            "expected a regular expression: look-around, including look-ahead and look-behind, is not supported"
        );
    }

    #[test]
    fn no_expression_takes_more_than_linear_time() {
        let text = "a".repeat(100_000);
        assert!(!Pattern::new("^(a+)+$", false).unwrap().matches(&format!("{text}b")));
        assert!(!Pattern::new("(a|aa)+c", false).unwrap().matches(&text));
    }

    proptest! {
        #[test]
        fn tables_answer_as_the_crate_does(source in "[a-c.*+?|^$()ß]{0,8}", ignore_case: bool, text in "[a-cA-CßẞK\n]{0,8}") {
            if let Ok(pattern) = Pattern::new(&source, ignore_case) {
                let regex = RegexBuilder::new(&source).case_insensitive(ignore_case).build().unwrap();
                prop_assert_eq!(pattern.matches(&text), regex.is_match(&text));
            }
        }
    }
}
