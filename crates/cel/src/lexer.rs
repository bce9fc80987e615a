//! Splits the source into tokens.

use crate::{error::CompileError, span::Span};

/// A token.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    /// An integer without its sign. The parser joins it with a `-` before it.
    Int(u64),
    UInt(u64),
    Float(f64),
    String(String),
    Name(String),
    /// An operator or punctuation.
    Symbol(&'static str),
    End,
}

/// Longer symbols first, since `<=` starts with `<`.
const SYMBOLS: [&str; 25] = [
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "!", "+", "-", "*", "/", "%", "?", ":", ".", ",", "(", ")",
    "[", "]", "{", "}", "=",
];

/// The tokens of a source, each with its span. The last one is [`Token::End`].
pub(crate) fn tokens(source: &str) -> Result<Vec<(Token, Span)>, CompileError> {
    let mut lexer = Lexer { source, at: 0 };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_whitespace();
        let start = lexer.at;
        let token = lexer.next()?;
        let is_end = token == Token::End;
        tokens.push((token, Span::new(start, lexer.at)));
        if is_end {
            return Ok(tokens);
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

    fn fail<T>(&self, at: usize, message: impl Into<String>) -> Result<T, CompileError> {
        Err(CompileError::new(Span::new(at, self.at.max(at)), message))
    }

    /// Skips the characters that match, and returns them.
    fn take_while(&mut self, matches: impl Fn(char) -> bool) -> &'s str {
        let rest = self.rest();
        let end = rest.find(|c| !matches(c)).unwrap_or(rest.len());
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

    /// Skips whitespace, and comments from `//` to the end of the line.
    fn skip_whitespace(&mut self) {
        loop {
            self.take_while(|c| matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{c}'));
            if !self.rest().starts_with("//") {
                return;
            }
            self.take_while(|c| c != '\n');
        }
    }

    fn next(&mut self) -> Result<Token, CompileError> {
        let Some(first) = self.peek() else { return Ok(Token::End) };
        let second = self.rest().chars().nth(1);
        if first.is_ascii_digit() || first == '.' && second.is_some_and(|c| c.is_ascii_digit()) {
            return self.number();
        }
        if matches!(first, '"' | '\'') {
            return self.string(false);
        }
        if matches!(first, 'r' | 'R') && matches!(second, Some('"' | '\'')) {
            self.at += 1;
            return self.string(true);
        }
        if matches!(first, 'b' | 'B') && matches!(second, Some('"' | '\'')) {
            return self.fail(self.at, "bytes are not supported");
        }
        if first.is_ascii_alphabetic() || first == '_' {
            return Ok(Token::Name(self.take_while(|c| c.is_ascii_alphanumeric() || c == '_').to_owned()));
        }
        let symbol = SYMBOLS.iter().find(|symbol| self.rest().starts_with(**symbol)).copied();
        match symbol {
            // `=` is no operator of CEL, but a frequent mistake.
            Some("=") => self.fail(self.at, "unknown operator `=`; did you mean `==`?"),
            Some(symbol) => {
                self.at += symbol.len();
                Ok(Token::Symbol(symbol))
            }
            None => self.fail(self.at, format!("expected an expression, found {first:?}")),
        }
    }

    fn number(&mut self) -> Result<Token, CompileError> {
        let start = self.at;
        if self.take("0x") || self.take("0X") {
            let digits = self.take_while(|c| c.is_ascii_hexdigit());
            return self.integer(start, u64::from_str_radix(digits, 16).ok());
        }
        self.take_while(|c| c.is_ascii_digit());
        let mut is_integer = true;
        let mut after = self.rest().chars();
        if after.next() == Some('.') && after.next().is_some_and(|c| c.is_ascii_digit()) {
            is_integer = false;
            self.at += 1;
            self.take_while(|c| c.is_ascii_digit());
        }
        let exponent = self.rest().trim_start_matches(['e', 'E']);
        let signed = exponent.trim_start_matches(['+', '-']);
        let signs = (self.rest().len() - exponent.len(), exponent.len() - signed.len());
        if signs.0 == 1 && signs.1 <= 1 && signed.starts_with(|c: char| c.is_ascii_digit()) {
            is_integer = false;
            self.at += signs.0 + signs.1;
            self.take_while(|c| c.is_ascii_digit());
        }
        let text = self.source.get(start..self.at).unwrap_or_default();
        if is_integer {
            return self.integer(start, text.parse().ok());
        }
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Token::Float(number)),
            _ => self.fail(start, format!("expected a number of 64 bits, found {text}")),
        }
    }

    fn integer(&mut self, start: usize, number: Option<u64>) -> Result<Token, CompileError> {
        let is_unsigned = self.take("u") || self.take("U");
        match number {
            Some(number) if is_unsigned => Ok(Token::UInt(number)),
            Some(number) => Ok(Token::Int(number)),
            None => {
                let text = self.source.get(start..self.at).unwrap_or_default();
                self.fail(start, format!("expected a number of 64 bits, found {text}"))
            }
        }
    }

    /// A string in single quotes, double quotes, or three of either.
    fn string(&mut self, raw: bool) -> Result<Token, CompileError> {
        let start = self.at;
        let quote = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|quote| self.take(quote)).unwrap_or("\"");
        let mut text = String::new();
        loop {
            if self.take(quote) {
                return Ok(Token::String(text));
            }
            match self.peek() {
                None => return self.fail(start, format!("missing {quote} at the end of the string")),
                Some('\n' | '\r') if quote.len() == 1 => {
                    return self.fail(start, format!("missing {quote} before the end of the line"));
                }
                Some('\\') if !raw => text.push(self.escape()?),
                Some(c) => {
                    self.at += c.len_utf8();
                    text.push(c);
                    // In a raw string a quote after a \ does not end it, and both are kept.
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

    /// An escape sequence.
    fn escape(&mut self) -> Result<char, CompileError> {
        let start = self.at;
        self.at += 1;
        let Some(c) = self.peek() else { return self.fail(start, "expected an escape sequence after `\\`") };
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
            other => {
                return self.fail(
                    start,
                    format!("unknown escape sequence `\\{other}`; write `\\\\` for a backslash"),
                );
            }
        })
    }

    /// A character by its code of `digits` digits.
    fn code(&mut self, start: usize, digits: usize, radix: u32) -> Result<char, CompileError> {
        let text = self.rest().get(..digits).filter(|text| text.chars().all(|c| c.is_digit(radix)));
        let character = text.and_then(|text| u32::from_str_radix(text, radix).ok()).and_then(char::from_u32);
        self.at += text.map_or(0, str::len);
        match character {
            Some(character) => Ok(character),
            None => self.fail(start, format!("expected the code of a character, with {digits} digits")),
        }
    }
}
