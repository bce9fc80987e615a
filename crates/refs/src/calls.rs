//! Calls that evaluate a flag by a name in quotes.

use std::{ops::Range, sync::OnceLock};

use regex::bytes::Regex;

/// Functions of novi, of its macros, and of OpenFeature's SDKs. Those with common names only on something that is called
/// flags.
const CALLS: &str = r#"(?x)
    (?: \b (?: is_enabled | isEnabled
           | get (?:Boolean|String|Number|Integer|Double|Float|Object) (?:Value|Details)
           | (?:get_)? (?:boolean|string|integer|float|object) _ (?:value|details) (?:_async)?
           ) \s* \( \s*
      | \b (?i:flags?) \s* \. \s* (?: evaluate | handle | bool | string | int | float | json ) \s* \( \s*
      | \# \[ \s* (?:novi\s*::\s*)? (?: enabled | flag ) \s* \( \s*
    )
    (?: "([^"\\\n]{1,255})" | '([^'\\\n]{1,255})' )
"#;

/// A type that derives `Feature`, up to its name.
const DERIVES: &str = r"(?x)
    \# \[ \s* derive \s* \( [^)]* \b Feature \b [^)]* \) \s* \]
    ( (?: \s* \# \[ [^\]]* \] | \s* //[^\n]* )* ) \s*
    (?: pub (?: \s* \( [^)]* \) )? \s+ )? (?: enum | struct ) \s+ ( [A-Za-z_][A-Za-z0-9_]* )
";

fn regex(cell: &'static OnceLock<Option<Regex>>, pattern: &str) -> Option<&'static Regex> {
    cell.get_or_init(|| Regex::new(pattern).ok()).as_ref()
}

/// The names in quotes that calls evaluate, with their places.
pub(crate) fn called(source: &[u8]) -> Vec<(Range<usize>, String)> {
    static CELL: OnceLock<Option<Regex>> = OnceLock::new();
    let found = regex(&CELL, CALLS).into_iter().flat_map(|regex| regex.captures_iter(source));
    let name = found.filter_map(|found| found.get(1).or_else(|| found.get(2)));
    name.filter_map(|name| Some((name.range(), String::from_utf8(name.as_bytes().to_vec()).ok()?))).collect()
}

/// The types that derive `Feature` and have the name of their flag, with the places of their names.
pub(crate) fn derived(source: &[u8]) -> Vec<(Range<usize>, String)> {
    static CELL: OnceLock<Option<Regex>> = OnceLock::new();
    let found = regex(&CELL, DERIVES).into_iter().flat_map(|regex| regex.captures_iter(source));
    let own = found.filter(|found| {
        // `#[flag("...")]` gives another name.
        !found.get(1).is_some_and(|attributes| contains(attributes.as_bytes(), b"flag"))
    });
    let name = own.filter_map(|found| found.get(2));
    name.filter_map(|name| Some((name.range(), String::from_utf8(name.as_bytes().to_vec()).ok()?))).collect()
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_valid() {
        assert!(Regex::new(CALLS).is_ok() && Regex::new(DERIVES).is_ok());
    }

    #[test]
    fn calls_of_every_language_are_found() {
        let names =
            |source: &str| called(source.as_bytes()).into_iter().map(|(_, name)| name).collect::<Vec<_>>();
        for source in [
            r#"if flags.is_enabled("a-b", &ctx) {"#,
            r#"self.flags.evaluate( "a-b", &ctx)"#,
            r#"#[novi::enabled("a-b", otherwise = 1)]"#,
            r#"#[flag("a-b", rename_all = "kebab-case")]"#,
            "await client.getBooleanValue('a-b', false)",
            r#"client.get_string_details("a-b", "x")"#,
            "client.boolean_value_async(\n    \"a-b\", True)",
        ] {
            assert_eq!(names(source), ["a-b"], "{source}");
        }
        for source in ["command.flag(\"--verbose\")", "x.string(\"a\")", "is_enabled(name)", "json(\"a\")"] {
            assert_eq!(names(source), Vec::<String>::new(), "{source}");
        }
    }

    #[test]
    fn derives_have_the_name_of_their_type() {
        let names =
            |source: &str| derived(source.as_bytes()).into_iter().map(|(_, name)| name).collect::<Vec<_>>();
        assert_eq!(
            names("#[derive(Debug, novi::Feature)]\n/// Doc\n#[serde(x)]\npub(crate) enum Pay { A }"),
            ["Pay"]
        );
        assert_eq!(names("#[derive(Feature)] struct Limits { a: u8 }"), ["Limits"]);
        assert_eq!(names("#[derive(Feature)]\n#[flag(\"pay\")]\nenum Pay { A }"), Vec::<String>::new());
        assert_eq!(names("#[derive(Features)] enum Pay { A }"), Vec::<String>::new());
    }
}
