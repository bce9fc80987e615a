//! How much longer substitutions make a text of HOCON: `${a}${a}` doubles `a`, and thirty lines of it make gigabytes.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs,
    path::{Path, PathBuf},
};

/// How long a text with substitutions can become, in bytes. A text without repeated substitutions can be longer.
pub(super) const MAX_LENGTH: f64 = 67_108_864.0;

/// So many files are included at most.
const MAX_FILES: usize = 1_000;

/// Whether a text, with the files that it includes, stays below [`MAX_LENGTH`] for certain.
///
/// A bound that takes one pass: what is substituted once has no more than one copy of each text. A path that is
/// substituted n times multiplies what it has by at most n, or by 2^n if it may be defined more than once, since
/// each definition can then refer to the one before.
pub(super) fn is_bounded(text: &str, folder: Option<&Path>) -> bool {
    let Some(texts) = with_included(text, folder) else { return false };
    let mut substituted: BTreeMap<Vec<String>, u32> = BTreeMap::new();
    let mut words: HashMap<&str, u32> = HashMap::new();
    for text in &texts {
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once("${") {
            count_words(before, &mut words);
            let Some((path, after)) = after.split_once('}') else {
                rest = after;
                continue;
            };
            let path = path.trim_start_matches('?').replace(['"', ' ', '\t'], "");
            *substituted.entry(path.split('.').map(str::to_owned).collect()).or_default() += 1;
            rest = after;
        }
        count_words(rest, &mut words);
    }
    let length: usize = texts.iter().map(String::len).sum();
    let factor = factor(&substituted, &words);
    let length = f64::from(u32::try_from(length.max(1)).unwrap_or(u32::MAX));
    factor <= 0.0 || factor + length.log2() <= MAX_LENGTH.log2()
}

/// The binary logarithm of how many times as long the text can become.
fn factor(substituted: &BTreeMap<Vec<String>, u32>, words: &HashMap<&str, u32>) -> f64 {
    let mut factor = 0.0;
    let mut group: Option<(&[String], u32)> = None;
    let log = |(path, times): (&[String], u32)| {
        let last = path.last().map(String::as_str).unwrap_or_default();
        match words.get(last).copied().unwrap_or(if last.bytes().all(is_of_word) { 0 } else { 2 }) {
            // A variable of the environment, which is empty here.
            0 => 0.0,
            1 => f64::from(times).log2(),
            _ if times == 1 => 0.0,
            _ => f64::from(times),
        }
    };
    for (path, times) in substituted {
        match &mut group {
            // A part of what is substituted as well.
            Some((of, all)) if path.starts_with(of) => *all += times,
            _ => {
                factor += group.replace((path, *times)).map_or(0.0, log);
            }
        }
    }
    factor + group.map_or(0.0, log)
}

fn count_words<'a>(text: &'a str, words: &mut HashMap<&'a str, u32>) {
    for word in text.split(|letter: char| !u8::try_from(letter).is_ok_and(is_of_word)) {
        *words.entry(word).or_default() += 1;
    }
}

const fn is_of_word(letter: u8) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, b'_' | b'-')
}

/// The text, and those of the files that it includes. `None` if they are too many.
fn with_included(text: &str, folder: Option<&Path>) -> Option<Vec<String>> {
    let mut texts = vec![text.to_owned()];
    let mut known: HashSet<PathBuf> = HashSet::new();
    let mut left = vec![(text.to_owned(), folder.map(Path::to_owned))];
    while let Some((text, folder)) = left.pop() {
        for name in text.split("include").skip(1).filter_map(|rest| rest.split('"').nth(1)) {
            for ending in ["", ".conf", ".json", ".properties"] {
                let file = folder.as_deref().unwrap_or(Path::new("")).join(format!("{name}{ending}"));
                let Ok(included) = fs::read_to_string(&file) else { continue };
                let Ok(file) = fs::canonicalize(file) else { continue };
                let folder = file.parent().map(Path::to_owned);
                if known.insert(file) {
                    texts.push(included.clone());
                    left.push((included, folder));
                }
                if texts.len() > MAX_FILES {
                    return None;
                }
            }
        }
    }
    Some(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `a = x`, then definitions from a pattern with `#` as the number of a line, and `%` as the one before.
    fn chain(lines: usize, pattern: &str) -> String {
        let line = |number: usize| {
            pattern.replace('#', &format!("a{number}")).replace('%', &format!("a{}", number - 1)) + "\n"
        };
        "a0 = xxxxxxxxxx\n".to_owned() + &(1..=lines).map(line).collect::<String>()
    }

    #[test]
    fn texts_that_grow_without_bound_are_found() {
        for pattern in [
            "# = ${%}${%}",
            "# = [${%}, ${%}]",
            "# { p = ${%}, q = ${%} }",
            "# { p = ${%}, q = ${%.p} }",
            "# = ${?%}${%}",
        ] {
            assert!(!is_bounded(&chain(30, pattern), None), "{pattern}");
            assert!(is_bounded(&chain(10, pattern), None), "{pattern}");
        }
        assert!(!is_bounded(&("a = xxxxxxxxxx\n".to_owned() + &"a = ${a}${a}\n".repeat(30)), None));
        assert!(!is_bounded(&("a = [x]\n".to_owned() + &"a = ${a} ${a}\n".repeat(30)), None));
    }

    #[test]
    fn texts_of_programs_are_read() {
        let variable = |number| format!("key-{number} = 1\nkey-{number} = ${{?KEY_{number}}}\n");
        assert!(is_bounded(&(0..500).map(variable).collect::<Vec<_>>().concat(), None));
        assert!(is_bounded(&chain(500, "# = ${%}"), None), "one copy");
        let path = |number| format!("key-{number} = ${{app.host-name}}\n");
        let paths = (0..500).map(path).collect::<Vec<_>>().concat();
        assert!(is_bounded(&format!("app {{ host-name = localhost }}\n{paths}"), None), "one path");
        assert!(is_bounded("a = ${", None) && is_bounded("", None));
    }
}
