//! Looks through a script of SQL for what [`run_script`](super::SchemaStore::run_script) can not allow.

/// Finds a statement that begins or ends a transaction. The script runs in one of novi's own: its end would keep half
/// of a script whose other half fails.
///
/// Strings, comments and the bodies of triggers and functions are skipped.
pub(super) fn transaction_control(sql: &str) -> Option<String> {
    let mut words = Words { rest: sql.as_bytes(), line: 1 };
    // The words of the present statement so far, the first two being what matters.
    let mut statement: Vec<(usize, String)> = Vec::new();
    let mut in_body = false;
    loop {
        let token = words.next_token();
        match token {
            Token::Word(line, word) => {
                let first = statement.first().map(|(_, word)| word.as_str());
                in_body |= first == Some("create") && word == "begin";
                statement.push((line, word));
            }
            Token::Semicolon | Token::End => {
                if let Some(found) = judge(&statement, &mut in_body) {
                    return Some(found);
                }
                statement.clear();
                if matches!(token, Token::End) {
                    return None;
                }
            }
        }
    }
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
    let controls = match first.as_str() {
        "begin" | "commit" | "abort" | "end" => true,
        "rollback" => !statement.iter().any(|(_, word)| word == "to"),
        "start" => second == Some("transaction"),
        _ => false,
    };
    controls.then(|| {
        format!(
            "line {line}: the whole script runs in one transaction, which `{}` would end or begin; take that \
             statement out",
            first.to_uppercase()
        )
    })
}

enum Token {
    Word(usize, String),
    Semicolon,
    End,
}

struct Words<'a> {
    rest: &'a [u8],
    line: usize,
}

impl Words<'_> {
    fn next_token(&mut self) -> Token {
        loop {
            let Some(&byte) = self.rest.first() else { return Token::End };
            match byte {
                b';' => {
                    self.skip(1);
                    return Token::Semicolon;
                }
                b'\'' | b'"' | b'`' => self.skip_past(1, &[byte]),
                b'-' if self.rest.starts_with(b"--") => self.skip_past(2, b"\n"),
                b'/' if self.rest.starts_with(b"/*") => self.skip_past(2, b"*/"),
                b'$' => self.skip_dollars(),
                _ if byte.is_ascii_alphabetic() || byte == b'_' || !byte.is_ascii() => {
                    let is_part =
                        |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || !byte.is_ascii();
                    let length = self.rest.iter().take_while(|byte| is_part(byte)).count();
                    let word = String::from_utf8_lossy(&self.rest[..length]).to_ascii_lowercase();
                    self.skip(length);
                    return Token::Word(self.line, word);
                }
                _ => self.skip(1),
            }
        }
    }

    fn skip(&mut self, length: usize) {
        let (skipped, rest) = self.rest.split_at(length.min(self.rest.len()));
        self.line += skipped.iter().filter(|&&byte| byte == b'\n').count();
        self.rest = rest;
    }

    /// Skips `open` bytes and everything up to and with `close`. A doubled quote is an end and a start.
    fn skip_past(&mut self, open: usize, close: &[u8]) {
        let body = self.rest.get(open..).unwrap_or_default();
        let length = body.windows(close.len()).position(|window| window == close);
        self.skip(length.map_or(self.rest.len(), |length| open + length + close.len()));
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
            let found = transaction_control(sql);
            assert!(found.as_ref().is_some_and(|found| found.starts_with(start)), "{sql}: {found:?}");
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
            "'unterminated",
            "/* unterminated",
            "$1 $",
            "é",
        ] {
            assert_eq!(transaction_control(sql), None, "{sql}");
        }
    }
}
