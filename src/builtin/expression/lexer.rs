//! The words of an expression.

use crate::builtin::expression::syntax::{Span, Wrong};

/// A word.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// A whole number without its sign, which a `-` before it may need.
    Int(u64),
    UInt(u64),
    Float(f64),
    Text(String),
    Name(String),
    /// An operator, a bracket, a comma and so on.
    Sign(&'static str),
    End,
}

/// Longer signs first: `<=` starts with `<`.
const SIGNS: [&str; 25] = [
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "!", "+", "-", "*", "/", "%", "?", ":", ".", ",", "(", ")",
    "[", "]", "{", "}", "=",
];

/// All words of a text, each with its place; the last one is [`Token::End`].
pub(super) fn words(source: &str) -> Result<Vec<(Token, Span)>, Wrong> {
    let mut lexer = Lexer { source, at: 0 };
    let mut words = Vec::new();
    loop {
        lexer.skip_blanks();
        let start = lexer.at;
        let token = lexer.next()?;
        let is_end = token == Token::End;
        words.push((token, Span::new(start, lexer.at)));
        if is_end {
            return Ok(words);
        }
    }
}

struct Lexer<'s> {
    source: &'s str,
    at: usize,
}

impl<'s> Lexer<'s> {
    fn rest(&self) -> &'s str {
        self.source.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn wrong<T>(&self, at: usize, message: impl Into<String>) -> Result<T, Wrong> {
        Err(Wrong::new(Span::new(at, self.at.max(at)), message))
    }

    /// Passes what is like this, and gives it.
    fn take_while(&mut self, is_like: impl Fn(char) -> bool) -> &'s str {
        let rest = self.rest();
        let end = rest.find(|c| !is_like(c)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    fn take(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }

    /// Blanks, and comments from `//` to the end of the line.
    fn skip_blanks(&mut self) {
        loop {
            self.take_while(|c| matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{c}'));
            if !self.rest().starts_with("//") {
                return;
            }
            self.take_while(|c| c != '\n');
        }
    }

    fn next(&mut self) -> Result<Token, Wrong> {
        let Some(first) = self.peek() else { return Ok(Token::End) };
        let second = self.rest().chars().nth(1);
        if first.is_ascii_digit() || first == '.' && second.is_some_and(|c| c.is_ascii_digit()) {
            return self.number();
        }
        if matches!(first, '"' | '\'') {
            return self.text(false);
        }
        if matches!(first, 'r' | 'R') && matches!(second, Some('"' | '\'')) {
            self.at += 1;
            return self.text(true);
        }
        if matches!(first, 'b' | 'B') && matches!(second, Some('"' | '\'')) {
            return self.wrong(self.at, "bytes are not supported, since no attribute has any");
        }
        if first.is_ascii_alphabetic() || first == '_' {
            return Ok(Token::Name(self.take_while(|c| c.is_ascii_alphanumeric() || c == '_').to_owned()));
        }
        let sign = SIGNS.iter().find(|sign| self.rest().starts_with(**sign)).copied();
        match sign {
            // There is no `=` in CEL, but in people's fingers.
            Some("=") => self.wrong(self.at, "expected an operator, found `=`; `==` compares"),
            Some(sign) => {
                self.at += sign.len();
                Ok(Token::Sign(sign))
            }
            None => self.wrong(self.at, format!("expected an expression, found {first:?}")),
        }
    }

    fn number(&mut self) -> Result<Token, Wrong> {
        let start = self.at;
        if self.take("0x") || self.take("0X") {
            let digits = self.take_while(|c| c.is_ascii_hexdigit());
            return self.whole(start, u64::from_str_radix(digits, 16).ok());
        }
        self.take_while(|c| c.is_ascii_digit());
        let mut is_whole = true;
        let mut behind = self.rest().chars();
        if behind.next() == Some('.') && behind.next().is_some_and(|c| c.is_ascii_digit()) {
            is_whole = false;
            self.at += 1;
            self.take_while(|c| c.is_ascii_digit());
        }
        let exponent = self.rest().trim_start_matches(['e', 'E']);
        let signed = exponent.trim_start_matches(['+', '-']);
        let signs = (self.rest().len() - exponent.len(), exponent.len() - signed.len());
        if signs.0 == 1 && signs.1 <= 1 && signed.starts_with(|c: char| c.is_ascii_digit()) {
            is_whole = false;
            self.at += signs.0 + signs.1;
            self.take_while(|c| c.is_ascii_digit());
        }
        let text = self.source.get(start..self.at).unwrap_or_default();
        if is_whole {
            return self.whole(start, text.parse().ok());
        }
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Token::Float(number)),
            _ => self.wrong(start, format!("expected a number of 64 bits, found {text}")),
        }
    }

    fn whole(&mut self, start: usize, number: Option<u64>) -> Result<Token, Wrong> {
        let is_unsigned = self.take("u") || self.take("U");
        match number {
            Some(number) if is_unsigned => Ok(Token::UInt(number)),
            Some(number) => Ok(Token::Int(number)),
            None => {
                let text = self.source.get(start..self.at).unwrap_or_default();
                self.wrong(start, format!("expected a number of 64 bits, found {text}"))
            }
        }
    }

    /// A text in single, double, or three such quotes.
    fn text(&mut self, raw: bool) -> Result<Token, Wrong> {
        let start = self.at;
        let quote = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|quote| self.take(quote)).unwrap_or("\"");
        let mut text = String::new();
        loop {
            if self.take(quote) {
                return Ok(Token::Text(text));
            }
            match self.peek() {
                None => return self.wrong(start, format!("expected a {quote} at the end of the text")),
                Some('\n' | '\r') if quote.len() == 1 => {
                    return self.wrong(start, format!("expected a {quote} at the end of the line"));
                }
                Some('\\') if !raw => text.push(self.escape()?),
                Some(c) => {
                    self.at += c.len_utf8();
                    text.push(c);
                    // Of a raw text a quote behind a \ is no end, and both are kept.
                    if raw
                        && c == '\\'
                        && let Some(next @ ('"' | '\'' | '\\')) = self.peek()
                    {
                        self.at += 1;
                        text.push(next);
                    }
                }
            }
        }
    }

    /// What stands behind a `\`.
    fn escape(&mut self) -> Result<char, Wrong> {
        let start = self.at;
        self.at += 1;
        let Some(c) = self.peek() else { return self.wrong(start, "expected a letter behind \\") };
        if let '0'..='3' = c {
            return self.code(start, 3, 8);
        }
        self.at += c.len_utf8();
        Ok(match c {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'a' => '\u{7}',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'v' => '\u{b}',
            '\\' | '"' | '\'' | '`' | '?' => c,
            'x' | 'X' => return self.code(start, 2, 16),
            'u' => return self.code(start, 4, 16),
            'U' => return self.code(start, 8, 16),
            other => return self.wrong(start, format!("\\{other} stands for nothing; a \\ itself is \\\\")),
        })
    }

    /// A letter by its number, which has so many digits.
    fn code(&mut self, start: usize, digits: usize, radix: u32) -> Result<char, Wrong> {
        let text = self.rest().get(..digits).filter(|text| text.chars().all(|c| c.is_digit(radix)));
        let letter = text.and_then(|text| u32::from_str_radix(text, radix).ok()).and_then(char::from_u32);
        self.at += text.map_or(0, str::len);
        match letter {
            Some(letter) => Ok(letter),
            None => self.wrong(start, format!("expected the number of a letter, with {digits} digits")),
        }
    }
}
