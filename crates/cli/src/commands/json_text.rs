//! JSON as people type it, and as rows have it: with comments, on one line, or indented.

use jsonc_parser::{
    CollectOptions, ParseOptions, Scanner, ScannerOptions,
    ast::{ObjectProp, Value},
    common::{Range, Ranged as _},
    cst::{CstObject, CstRootNode},
    errors::ParseError,
    parse_to_ast,
    tokens::Token,
};

/// JSON without comments, trailing commas and spaces between its tokens, everything else unchanged.
///
/// # Errors
/// The first place where the text is not JSON.
pub(super) fn compact(text: &str) -> Result<String, ParseError> {
    CstRootNode::parse(text, &strict())?;
    let mut compact = String::with_capacity(text.len());
    let mut is_comma_due = false;
    for (token, raw) in tokens(text)? {
        match token {
            Token::CommentLine(_) | Token::CommentBlock(_) => continue,
            Token::Comma => {
                is_comma_due = true;
                continue;
            }
            Token::CloseBrace | Token::CloseBracket => is_comma_due = false,
            _ => (),
        }
        if std::mem::take(&mut is_comma_due) {
            compact.push(',');
        }
        compact.push_str(raw);
    }
    Ok(compact)
}

/// JSON with one field or item on each line; lists of plain values stay on theirs.
pub(super) fn indented(text: &str) -> String {
    let Ok(tokens) = tokens(text) else { return text.to_owned() };
    let mut shown = String::with_capacity(text.len() * 2);
    // Whether each open object or list has its parts on lines of their own.
    let mut open: Vec<bool> = Vec::new();
    let line = |shown: &mut String, depth: usize| {
        shown.push('\n');
        shown.push_str(&"  ".repeat(depth));
    };
    for (index, (token, raw)) in tokens.iter().enumerate() {
        match token {
            Token::OpenBrace | Token::OpenBracket => {
                let inner = tokens.iter().skip(index + 1).map(|(token, _)| token);
                open.push(!is_plain(inner));
                shown.push_str(raw);
                if open.last() == Some(&true) {
                    line(&mut shown, open.len());
                }
            }
            Token::CloseBrace | Token::CloseBracket => {
                if open.pop() == Some(true) {
                    line(&mut shown, open.len());
                }
                shown.push_str(raw);
            }
            Token::Comma => {
                shown.push(',');
                match open.last() {
                    Some(true) => line(&mut shown, open.len()),
                    _ => shown.push(' '),
                }
            }
            Token::Colon => shown.push_str(": "),
            _ => shown.push_str(raw),
        }
    }
    shown
}

/// Whether a list is short and of plain values, or an object or a list is empty.
fn is_plain<'t>(inner: impl Iterator<Item = &'t Token<'t>>) -> bool {
    const MOST_TOKENS: usize = 24;
    for (index, token) in inner.take(MOST_TOKENS).enumerate() {
        match token {
            Token::CloseBrace => return index == 0,
            Token::CloseBracket => return true,
            Token::OpenBrace | Token::OpenBracket | Token::Colon => return false,
            _ => (),
        }
    }
    false
}

/// A step on the path to a part of a JSON text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Field(String),
    Item(usize),
}

/// The part of a JSON text at the end of a path.
pub(super) fn part<'t>(text: &'t str, path: &[Step]) -> Option<&'t str> {
    let range = range_of(text, path)?;
    text.get(range.start..range.end)
}

/// The text with another part at the end of a path.
pub(super) fn with_part(text: &str, path: &[Step], part: &str) -> Option<String> {
    let range = range_of(text, path)?;
    Some([text.get(..range.start)?, part, text.get(range.end..)?].concat())
}

fn range_of(text: &str, path: &[Step]) -> Option<Range> {
    let parsed = parse_to_ast(text, &CollectOptions::default(), &strict()).ok()?;
    let root = parsed.value?;
    let mut value = &root;
    for step in path {
        value = match (step, value) {
            // The last of equal fields counts, as when the row is loaded.
            (Step::Field(name), Value::Object(object)) => {
                let is_named = |property: &&ObjectProp<'_>| property.name.as_str() == name;
                &object.properties.iter().rev().find(is_named)?.value
            }
            (Step::Item(at), Value::Array(array)) => array.elements.get(*at)?,
            _ => return None,
        };
    }
    Some(value.range())
}

/// A JSON object with changed fields; the others stay in their order. `None` if the text is not one.
pub(super) fn edited(text: &str, edit: impl FnOnce(&CstObject)) -> Option<String> {
    let root = CstRootNode::parse(text, &strict()).ok()?;
    edit(&root.object_value()?);
    Some(root.to_string())
}

/// Each token with its text.
fn tokens(text: &str) -> Result<Vec<(Token<'_>, &str)>, ParseError> {
    let options = ScannerOptions {
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    let mut scanner = Scanner::new(text, &options);
    let mut tokens = Vec::new();
    while let Some(token) = scanner.scan()? {
        let raw = text.get(scanner.token_start()..scanner.token_end()).unwrap_or_default();
        tokens.push((token, raw));
    }
    Ok(tokens)
}

/// JSON with comments and trailing commas, and nothing else of JSON5.
pub(super) fn strict() -> ParseOptions {
    ParseOptions {
        allow_comments: true,
        allow_trailing_commas: true,
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_spaces_are_removed_and_the_order_stays() {
        let text = "// a config\n{\n  \"b\": 1.50, /* two */ \"a\": [\"x // y\", \"\\u00e4\",],\n}\n";
        assert_eq!(compact(text).unwrap(), r#"{"b":1.50,"a":["x // y","\u00e4"]}"#);
        for (text, line) in
            [("{\n\"a\" 1}", 2), ("{'a': 1}", 1), ("{\"a\": 1\n\"b\": 2}", 1), ("{\"a\": +1}", 1)]
        {
            assert_eq!(compact(text).unwrap_err().line_display(), line, "{text}");
        }
        assert!(compact(&"[".repeat(100_000)).is_err());
    }

    #[test]
    fn parts_are_changed_in_place() {
        let text = r#"{"b": [1, {"x": 1}], "a": {"z": 1, "y": 2}}"#;
        let field = |name: &str| Step::Field(name.to_owned());
        let path = [field("b"), Step::Item(1)];
        assert_eq!(part(text, &path), Some(r#"{"x": 1}"#));
        let changed = with_part(text, &path, "2").unwrap();
        assert_eq!(changed, r#"{"b": [1, 2], "a": {"z": 1, "y": 2}}"#);
        assert_eq!(part(text, &[field("c")]), None);
        let changed = edited(part(text, &[field("a")]).unwrap(), |object| {
            object.append("x", 3.into());
            object.get("y").unwrap().set_value("two".into());
        });
        assert_eq!(compact(&changed.unwrap()).unwrap(), r#"{"z":1,"y":"two","x":3}"#);
        assert_eq!(edited("[1]", |_| ()), None);
    }

    #[test]
    fn indented_json_is_the_same_json() {
        let text = r#"{"b":{},"a":[1,"x"],"c":[{"d":null}],"e":"{[,:"}"#;
        let shown = indented(text);
        assert_eq!(compact(&shown).unwrap(), text);
        assert_eq!(
            shown,
            "{\n  \"b\": {},\n  \"a\": [1, \"x\"],\n  \"c\": [\n    {\n      \"d\": null\n    }\n  ],\n  \"e\": \"{[,:\"\n}"
        );
    }
}
