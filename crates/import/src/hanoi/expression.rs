//! Regular expressions of Python as those of novi.

/// The expression as novi has it, and what is different, if anything.
///
/// # Errors
/// What novi's expressions do not have, or have with another meaning.
pub(super) fn translated(pattern: &str) -> Result<(String, Option<String>), String> {
    let mut difference = None;
    let mut characters = pattern.chars().peekable();
    let (mut regex, mut is_in_class) = (String::new(), false);
    while let Some(character) = characters.next() {
        let next = characters.peek().copied();
        match (character, next) {
            ('\\', None) => return Err("it ends in a backslash".to_owned()),
            ('\\', Some(escaped)) => {
                characters.next();
                difference = difference.or(escape(escaped, &mut regex)?);
                continue;
            }
            ('(', Some('?')) if !is_in_class => {
                return Err(
                    "of the groups that begin with `(?`, novi's expressions have only some".to_owned()
                );
            }
            ('{', Some(',')) if !is_in_class => return Err("novi's expressions have no `{,n}`".to_owned()),
            // Within a class, Rust's expressions have nested classes and operations of sets.
            ('[', _) if is_in_class => regex.push('\\'),
            ('&' | '-' | '~', Some(same)) if is_in_class && same == character => {
                return Err(format!(
                    "`{character}{character}` in a class has another meaning in novi's expressions"
                ));
            }
            ('[', _) => is_in_class = true,
            (']', _) if !regex.ends_with('[') && !regex.ends_with("[^") => is_in_class = false,
            _ => (),
        }
        regex.push(character);
    }
    Ok((regex, difference))
}

/// Adds what is behind a backslash. Returns what is different.
fn escape(escaped: char, regex: &mut String) -> Result<Option<String>, String> {
    match escaped {
        '0'..='9' => return Err("novi's expressions have no back-references and no octal numbers".to_owned()),
        // Python's end of the text. Its `$` is also before a line break at the end, which no id of a user has.
        'Z' => regex.push_str("\\z"),
        // These are the borders of words in Rust's expressions.
        '<' | '>' => regex.push(escaped),
        _ => {
            regex.push('\\');
            regex.push(escaped);
        }
    }
    let is_wider = matches!(escaped, 'w' | 'W' | 's' | 'S' | 'b' | 'B');
    Ok(is_wider.then(|| format!("in the expression, `\\{escaped}` may differ for characters beyond ASCII")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_translated_or_rejected() {
        for (pattern, expected) in [
            ("01$", Ok(("01$".to_owned(), None))),
            (r"^user-\d+\.\Z", Ok((r"^user-\d+\.\z".to_owned(), None))),
            (r"[]a[]\<", Ok((r"[]a\[]<".to_owned(), None))),
            (r"(a)\1", Err("novi's expressions have no back-references and no octal numbers".to_owned())),
            ("a\\", Err("it ends in a backslash".to_owned())),
        ] {
            assert_eq!(translated(pattern), expected, "{pattern}");
        }
        for pattern in ["(?=a)", "a{,2}", "[a&&b]", "[a--b]"] {
            assert!(translated(pattern).is_err(), "{pattern}");
        }
        assert!(translated(r"\w+").unwrap().1.is_some());
    }
}
