//! Finds statements of an SQL script that [`run_script`](crate::store::SchemaStore::run_script) rejects.

/// How a database writes comments and strings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "a build for one database has one of them")]
pub(super) enum Syntax {
    /// As the SQL standard has it, and PostgreSQL's `$$`.
    Standard,
    /// With `\'` in strings and `#` comments.
    MySql,
}

/// A script that may run in a transaction of novi's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Script<'a> {
    /// Without what follows the last statement: MySQL makes an error of a query without a statement. Empty if there
    /// are only comments.
    pub(super) text: &'a str,
    /// Whether a rollback takes back all of it, so that it can run again.
    pub(super) is_repeatable: bool,
}

/// Checks a script.
///
/// # Errors
/// A sentence about a statement that begins or ends a transaction. The script runs in one of novi's own: its
/// end would keep half of a script whose other half fails. Strings, comments and the bodies of triggers and
/// functions are skipped.
pub(super) fn checked(sql: &str, syntax: Syntax) -> Result<Script<'_>, String> {
    let mut words = Words { rest: sql.as_bytes(), line: 1, syntax, after: sql.len() };
    // The words of the current statement so far.
    let mut statement: Vec<(usize, String)> = Vec::new();
    let mut in_body = false;
    // MySQL runs what is in such comments.
    let mut is_repeatable = syntax == Syntax::Standard || !(sql.contains("/*!") || sql.contains("/*M!"));
    loop {
        let token = words.next_token();
        match token {
            Token::Word(line, word) => {
                let first = statement.first().map(|(_, word)| word.as_str());
                in_body |= first == Some("create") && word == "begin";
                statement.push((line, word));
            }
            Token::Command(line, command) if statement.is_empty() => {
                return Err(format!(
                    "line {line}: `\\{command}` is a command of psql, not SQL; remove it, or run the script with psql"
                ));
            }
            Token::Command(..) => (),
            Token::Semicolon | Token::End => {
                if let Some(found) = judge(&statement, &mut in_body) {
                    return Err(found);
                }
                is_repeatable &= syntax == Syntax::Standard || !may_commit(&statement);
                statement.clear();
                if matches!(token, Token::End) {
                    // Every token ends at a character boundary.
                    let text = sql.get(..sql.len() - words.after).unwrap_or(sql);
                    return Ok(Script { text, is_repeatable });
                }
            }
        }
    }
}

/// Whether MySQL may commit what precedes a statement, as it does with those that create or change tables.
fn may_commit(statement: &[(usize, String)]) -> bool {
    match statement.first().map(|(_, word)| word.as_str()) {
        None | Some("delete" | "insert" | "replace" | "select" | "update" | "with") => false,
        Some("set") => statement.iter().any(|(_, word)| word == "autocommit" || word == "password"),
        Some(_) => true,
    }
}

/// The statements of a script, each with the comments in front of it and its semicolon.
#[cfg(feature = "mysql")]
pub(super) fn split(sql: &str, syntax: Syntax) -> Vec<&str> {
    let mut words = Words { rest: sql.as_bytes(), line: 1, syntax, after: sql.len() };
    let mut statement: Vec<(usize, String)> = Vec::new();
    let (mut in_body, mut has_words) = (false, false);
    let (mut start, mut found) = (0, Vec::new());
    loop {
        let token = words.next_token();
        match token {
            Token::Word(line, word) => {
                in_body |= statement.first().is_some_and(|(_, word)| word == "create") && word == "begin";
                statement.push((line, word));
                has_words = true;
            }
            Token::Command(..) => has_words = true,
            Token::Semicolon | Token::End => {
                // Migrations contain no transactions.
                drop(judge(&statement, &mut in_body));
                statement.clear();
                let end = sql.len() - words.rest.len();
                if has_words && (!in_body || matches!(token, Token::End)) {
                    // Every token ends at a character boundary.
                    found.extend(sql.get(start..end));
                    (start, has_words) = (end, false);
                }
                if matches!(token, Token::End) {
                    return found;
                }
            }
        }
    }
}

/// A script as the database's own client takes it: that of MySQL splits at each semicolon, unless told otherwise.
pub(super) fn for_client(sql: &str, syntax: Syntax) -> String {
    #[cfg(feature = "mysql")]
    if syntax == Syntax::MySql {
        let statements = split(sql, syntax).into_iter().map(|statement| {
            if is_about(statement, "trigger", syntax) && !statement.contains("drop trigger if exists ") {
                format!("\ndelimiter $$\n{}$$\ndelimiter ;", statement.trim().trim_end_matches(';'))
            } else {
                statement.to_owned()
            }
        });
        return statements.collect();
    }
    let _ = syntax;
    sql.to_owned()
}

/// Whether a statement creates or drops an object of this kind.
#[cfg(feature = "mysql")]
pub(super) fn is_about(statement: &str, kind: &str, syntax: Syntax) -> bool {
    let mut words = Words { rest: statement.as_bytes(), line: 1, syntax, after: 0 };
    let mut next = || match words.next_token() {
        Token::Word(_, word) => word,
        Token::Command(..) | Token::Semicolon | Token::End => String::new(),
    };
    let first = next();
    let is_kind = match next().as_str() {
        "sql" => next() == "security" && next() == "invoker" && next() == kind,
        word => word == kind,
    };
    matches!(first.as_str(), "create" | "drop") && is_kind
}

fn judge(statement: &[(usize, String)], in_body: &mut bool) -> Option<String> {
    let (line, first) = statement.first()?;
    let second = statement.get(1).map(|(_, word)| word.as_str());
    if *in_body {
        // `end if` and the like end a part of the body; `end`, and `end name`, the body.
        *in_body =
            first != "end" || matches!(second, Some("if" | "loop" | "while" | "case" | "repeat" | "for"));
        return None;
    }
    if first == "copy" && statement.iter().any(|(_, word)| word == "stdin") {
        return Some(format!(
            "line {line}: `COPY ... FROM stdin` works in psql only; dump the rows with `pg_dump --inserts`, or run the \
             script with psql"
        ));
    }
    let controls = match first.as_str() {
        "begin" | "commit" | "abort" | "end" => true,
        "rollback" => !statement.iter().any(|(_, word)| word == "to"),
        "start" => second == Some("transaction"),
        _ => false,
    };
    controls.then(|| {
        format!(
            "line {line}: `{}` is not allowed, because the whole script runs in one transaction; remove this statement",
            first.to_uppercase()
        )
    })
}

enum Token {
    Word(usize, String),
    /// A backslash and a word.
    Command(usize, String),
    Semicolon,
    End,
}

struct Words<'a> {
    rest: &'a [u8],
    line: usize,
    syntax: Syntax,
    /// How many bytes follow the last token.
    after: usize,
}

impl Words<'_> {
    fn next_token(&mut self) -> Token {
        loop {
            let Some(&byte) = self.rest.first() else { return Token::End };
            let is_comment = match byte {
                b'-' => self.rest.starts_with(b"--"),
                b'/' => self.rest.starts_with(b"/*"),
                b'#' => self.syntax == Syntax::MySql,
                _ => byte.is_ascii_whitespace(),
            };
            if is_comment {
                match byte {
                    b'/' => self.skip_past(2, b"*/"),
                    b'-' | b'#' => self.skip_past(1, b"\n"),
                    _ => self.skip(1),
                }
                continue;
            }
            let token = self.take(byte);
            self.after = self.rest.len();
            if let Some(token) = token {
                return token;
            }
        }
    }

    fn take(&mut self, byte: u8) -> Option<Token> {
        match byte {
            b';' => {
                self.skip(1);
                return Some(Token::Semicolon);
            }
            b'\'' | b'"' if self.syntax == Syntax::MySql => self.skip_escaped(byte),
            b'\'' | b'"' | b'`' => self.skip_past(1, &[byte]),
            b'$' => self.skip_dollars(),
            b'\\' => {
                let length = self.rest.iter().skip(1).take_while(|byte| byte.is_ascii_alphanumeric()).count();
                let word = String::from_utf8_lossy(&self.rest[1..=length]).into_owned();
                let line = self.line;
                self.skip(length + 1);
                return Some(Token::Command(line, word));
            }
            _ if byte.is_ascii_alphabetic() || byte == b'_' || !byte.is_ascii() => {
                let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || !byte.is_ascii();
                let length = self.rest.iter().take_while(|byte| is_part(byte)).count();
                let word = String::from_utf8_lossy(&self.rest[..length]).to_ascii_lowercase();
                self.skip(length);
                return Some(Token::Word(self.line, word));
            }
            _ => self.skip(1),
        }
        None
    }

    fn skip(&mut self, length: usize) {
        let (skipped, rest) = self.rest.split_at(length.min(self.rest.len()));
        self.line += skipped.split(|&byte| byte == b'\n').count() - 1;
        self.rest = rest;
    }

    /// Skips `open` bytes and everything up to and with `close`. A doubled quote is an end and a start.
    fn skip_past(&mut self, open: usize, close: &[u8]) {
        let body = self.rest.get(open..).unwrap_or_default();
        let length = body.windows(close.len()).position(|window| window == close);
        self.skip(length.map_or(self.rest.len(), |length| open + length + close.len()));
    }

    /// Skips a string in which a backslash escapes the next character.
    fn skip_escaped(&mut self, quote: u8) {
        let mut length = 1;
        while let Some(&byte) = self.rest.get(length) {
            length += if byte == b'\\' { 2 } else { 1 };
            if byte == quote {
                break;
            }
        }
        self.skip(length);
    }

    /// Skips `$$ ... $$` and `$tag$ ... $tag$` of PostgreSQL.
    fn skip_dollars(&mut self) {
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let tag = self.rest.iter().skip(1).take_while(|byte| is_part(byte)).count();
        if self.rest.get(tag + 1) == Some(&b'$') {
            let quote = self.rest[..tag + 2].to_vec();
            self.skip_past(quote.len(), &quote);
        } else {
            self.skip(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transactions_of_the_script_are_found() {
        for (sql, start) in [
            ("begin; insert into flags values (1, 'a', 1); commit;", "line 1: "),
            ("insert into flags values (1, 'a', 1);\n\nCOMMIT", "line 3: "),
            ("-- a comment\n/* and\nanother */ start transaction;", "line 3: "),
            ("rollback", "line 1: "),
            ("create trigger t after insert on f begin\nupdate f set a = 1;\nend;\nend;", "line 4: "),
        ] {
            let found = checked(sql, Syntax::Standard).unwrap_err();
            assert!(found.starts_with(start) && found.contains("is not allowed"), "{sql}: {found}");
        }
    }

    #[test]
    fn commands_of_psql_are_found() {
        for (sql, expected) in [
            ("-- a dump\n\\restrict abc\nselect 1;", "line 2: `\\restrict` is a command of psql, not SQL"),
            ("select 1;\n\\i other.sql\n", "line 2: `\\i` is a command of psql, not SQL"),
            ("\\", "line 1: `\\` is a command of psql, not SQL"),
            (
                "COPY public.flags (id) FROM stdin;\n1\ta\\N\n\\.\n",
                "line 1: `COPY ... FROM stdin` works in psql only",
            ),
        ] {
            let found = checked(sql, Syntax::Standard).unwrap_err();
            assert!(found.starts_with(expected), "{sql}: {found}");
        }
    }

    #[test]
    fn words_that_only_look_like_it_are_let_be() {
        for sql in [
            "",
            ";;",
            "insert into flags values (1, 'begin; commit;', 1);",
            "-- commit;\ninsert into flags values (1, 'it''s; begin', 1)",
            "create function f() returns trigger as $$ begin; commit; end $$ language plpgsql;",
            "create function f() returns int as $x$ begin; $$; commit; $x$ language plpgsql;",
            "create trigger t after insert on f for each row begin\n if 1 then update f set a = 1; end if;\n update f \
             set b = 2;\nend;\ninsert into f values (1)",
            "savepoint a; rollback to a; release a",
            "select case when 1 then 2 end",
            r"select 'a\b', E'\n', 1 \ 2",
            "'unterminated",
            "/* unterminated",
            "$1 $",
            "é",
        ] {
            assert!(checked(sql, Syntax::Standard).is_ok(), "{sql}");
        }
    }

    #[test]
    fn mysql_has_strings_and_comments_of_its_own() {
        let sql = r"insert into a values ('it\'s; commit;') # it's; commit";
        assert_eq!(checked(sql, Syntax::MySql).unwrap().text, r"insert into a values ('it\'s; commit;')");
        assert!(checked("insert into a values ('\\\\'); commit", Syntax::MySql).is_err());
        assert!(checked("'\\", Syntax::MySql).is_ok());
    }

    #[test]
    fn scripts_that_mysql_may_commit_are_not_repeated() {
        let is_repeatable = |sql, syntax| checked(sql, syntax).unwrap().is_repeatable;
        for (sql, expected) in [
            (
                "insert into a values (1);; update a set b = 2; set @x = 1; with c as (select 1) select 2",
                true,
            ),
            ("-- create table\ndelete from a", true),
            ("insert into a values (1); create table b (id int)", false),
            ("set autocommit = 1", false),
            ("call f()", false),
            ("insert into a values (1); /*!40000 alter table a enable keys */", false),
        ] {
            assert_eq!(is_repeatable(sql, Syntax::MySql), expected, "{sql}");
            assert!(is_repeatable(sql, Syntax::Standard), "{sql}");
        }
    }

    #[test]
    #[cfg(feature = "mysql")]
    fn scripts_are_split_and_triggers_found() {
        let sql = "-- it's; a comment\ndrop trigger if exists t;\ncreate trigger t after insert on f for each row\n\
            begin\n if 1 then update f set a = ';'; end if;\n update f set b = 2;\nend;\n\ninsert into f values (1)\n-- end";
        let statements = split(sql, Syntax::MySql);
        assert_eq!(statements.concat(), sql);
        let triggers: Vec<_> =
            statements.iter().map(|text| is_about(text, "trigger", Syntax::MySql)).collect();
        assert_eq!(triggers, [true, true, false], "{statements:#?}");
        assert_eq!(split("-- nothing", Syntax::MySql), [""; 0]);
    }

    #[test]
    fn what_follows_the_last_statement_is_cut_off() {
        for (sql, kept) in [
            ("select 1; -- the end", "select 1;"),
            ("select 'é' /* the end */\n\n", "select 'é'"),
            ("-- nothing\n/* at all */", ""),
            ("", ""),
            ("select 1", "select 1"),
        ] {
            assert_eq!(checked(sql, Syntax::Standard).unwrap().text, kept);
        }
    }
}
