//! Definitions of triggers and functions in a form in which equal ones compare equal: a database keeps their text
//! with other spaces, comments and quotes, or prints it from its catalog.

use std::collections::BTreeSet;

use crate::store::sql::script::Syntax;

/// The words and signs of a definition, each followed by a space.
pub(super) fn normalized(sql: &str, syntax: Syntax) -> String {
    let mut text = String::with_capacity(sql.len());
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let (token, after) = rest.split_at(token_length(rest, first, syntax));
        rest = after;
        match first {
            _ if first.is_whitespace() || is_comment(token, syntax) => continue,
            // A quoted name.
            '`' => text.push_str(token.trim_matches('`')),
            '"' if syntax == Syntax::Standard => text.push_str(token.trim_matches('"')),
            '\'' | '"' => text.push_str(token),
            // Around the bodies of PostgreSQL's functions.
            '$' => continue,
            _ => text.extend(token.chars().map(|letter| letter.to_ascii_lowercase())),
        }
        text.push(' ');
    }
    // Statements of a migration end with one, those of a catalog do not.
    text.truncate(text.trim_end_matches([';', ' ']).len());
    text
}

/// The different words of a definition, sorted: PostgreSQL prints triggers from its catalog, with other
/// parentheses, its own order of events, the schema of tables and functions, and rows compared column by column.
pub(super) fn words(normalized: &str) -> String {
    const DROPPED: [&str; 6] = ["(", ")", ",", ".", "row", "or"];
    let tokens: Vec<&str> = normalized.split(' ').collect();
    let is_schema = |index: usize| {
        let before = index.checked_sub(1).and_then(|before| tokens.get(before));
        matches!(before, Some(&("on" | "function"))) && tokens.get(index + 1) == Some(&".")
    };
    let kept =
        tokens.iter().enumerate().filter(|(index, token)| !DROPPED.contains(token) && !is_schema(*index));
    let words: BTreeSet<&str> = kept.map(|(_, token)| *token).collect();
    words.into_iter().collect::<Vec<_>>().join(" ")
}

fn is_comment(token: &str, syntax: Syntax) -> bool {
    token.starts_with("--") || token.starts_with("/*") || syntax == Syntax::MySql && token.starts_with('#')
}

/// The length of what a text begins with: a space, a comment, a string, a quoted name, a word or a sign.
fn token_length(text: &str, first: char, syntax: Syntax) -> usize {
    let past = |from: usize, end: &str| {
        let found = text.get(from..).and_then(|rest| rest.find(end));
        found.map_or(text.len(), |at| from + at + end.len())
    };
    match first {
        '-' if text.starts_with("--") => past(0, "\n"),
        '#' if syntax == Syntax::MySql => past(0, "\n"),
        '/' if text.starts_with("/*") => past(2, "*/"),
        '\'' | '"' if syntax == Syntax::MySql => escaped_length(text, first),
        '\'' => past(1, "'"),
        '"' => past(1, "\""),
        '`' => past(1, "`"),
        _ if is_part_of_word(first) => text.find(|letter| !is_part_of_word(letter)).unwrap_or(text.len()),
        _ => first.len_utf8(),
    }
}

/// The length of a string in which a backslash escapes.
fn escaped_length(text: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (index, letter) in text.char_indices().skip(1) {
        match letter {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            _ if letter == quote => return index + letter.len_utf8(),
            _ => (),
        }
    }
    text.len()
}

fn is_part_of_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_mean_the_same_are_equal() {
        for (one, other, syntax) in [
            ("create  trigger t\n after", "CREATE TRIGGER t AFTER;", Syntax::Standard),
            ("a -- it's\n/* b */ c", "a c", Syntax::Standard),
            ("a # it's\nc", "a c", Syntax::MySql),
            (r#"update "flags" set a=1"#, "update flags set a = 1", Syntax::Standard),
            ("insert into t (`before`)", "insert into t ( before )", Syntax::MySql),
            ("as $$ begin end $$;", "as begin end", Syntax::Standard),
        ] {
            assert_eq!(normalized(one, syntax), normalized(other, syntax), "{one}");
        }
    }

    #[test]
    fn texts_that_mean_something_else_differ() {
        for (one, other, syntax) in [
            ("select 'A'", "select 'a'", Syntax::Standard),
            ("select ' -- '", "select ''", Syntax::Standard),
            (r"select 'it\'s a'", r"select 'it\'s b'", Syntax::MySql),
            ("a b", "ab", Syntax::Standard),
            ("é", "e", Syntax::Standard),
        ] {
            assert_ne!(normalized(one, syntax), normalized(other, syntax), "{one}");
        }
    }

    #[test]
    fn any_text_has_a_form() {
        for text in ["", "'", "\"é", "/*", "--", "`", "$", r"'\", "é'é\\"] {
            for syntax in [Syntax::Standard, Syntax::MySql] {
                normalized(text, syntax);
            }
        }
    }

    #[test]
    fn printed_triggers_equal_written_ones() {
        let words = |sql: &str| words(&normalized(sql, Syntax::Standard));
        let written = "create trigger t after insert or update on f for each row \
            when ((old.a, old.b) is distinct from (new.a, new.b)) execute function g('id');";
        let printed = "CREATE TRIGGER t AFTER UPDATE OR INSERT ON s.f FOR EACH ROW WHEN (((old.a IS DISTINCT FROM new.a) \
            OR (old.b IS DISTINCT FROM new.b))) EXECUTE FUNCTION s.g('id')";
        assert_eq!(words(written), words(printed));
        for changed in [
            printed.replace("UPDATE OR ", ""),
            printed.replace("new.b", "new.a").replace("old.b", "old.a"),
            printed.replace("'id'", "'name'"),
            printed.replace("EACH ROW", "EACH STATEMENT"),
            printed.replace("s.g", "s.h"),
        ] {
            assert_ne!(words(written), words(&changed), "{changed}");
        }
    }
}
