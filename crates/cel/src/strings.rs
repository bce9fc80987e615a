//! Functions of strings from CEL's extension `strings`, and digests.

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::{
    error::ErrorKind,
    evaluate::{Evaluation, Result, fail},
    ir::Node,
    span::Span,
    value::{List, Value},
    variables::Variables,
};

/// A function of a string. Places in a string are numbers of code points, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StringFunction {
    CharAt,
    IndexOf,
    LastIndexOf,
    Join,
    LowerAscii,
    UpperAscii,
    Replace,
    Reverse,
    Split,
    Substring,
    Trim,
    Md5,
    Sha1,
    Sha256,
}

/// The steps for a digest of a short string.
const DIGEST: usize = 32;

impl<'v, V: Variables + ?Sized> Evaluation<'v, V> {
    #[inline(never)]
    pub(crate) fn string_function(
        &mut self,
        function: StringFunction,
        arguments: &'v [Node],
        span: Span,
    ) -> Result<Value<'v>> {
        let mut values = [const { None }; 4];
        for (value, node) in values.iter_mut().zip(arguments) {
            let found = self.value(node)?;
            if let Value::String(text) = &found {
                self.spend_on(text, span)?;
            }
            *value = Some(found);
        }
        match (function, values) {
            (StringFunction::Join, [Some(Value::List(list)), None, ..]) => self.join(&list, "", span),
            (StringFunction::Join, [Some(Value::List(list)), Some(Value::String(between)), ..]) => {
                self.join(&list, &between, span)
            }
            (_, [Some(Value::String(text)), rest @ ..]) => self.of_text(function, &text, rest, span),
            _ => fail(span, ErrorKind::Type),
        }
    }

    fn of_text(
        &mut self,
        function: StringFunction,
        text: &str,
        arguments: [Option<Value<'v>>; 3],
        span: Span,
    ) -> Result<Value<'v>> {
        use StringFunction as F;
        let string = |text: String| Ok(Value::String(text.into()));
        match (function, arguments) {
            (F::LowerAscii, _) => string(text.to_ascii_lowercase()),
            (F::UpperAscii, _) => string(text.to_ascii_uppercase()),
            (F::Trim, _) => string(text.trim().to_owned()),
            (F::Reverse, _) => string(text.chars().rev().collect()),
            (F::Md5, _) => self.digest::<Md5>(text, span),
            (F::Sha1, _) => self.digest::<Sha1>(text, span),
            (F::Sha256, _) => self.digest::<Sha256>(text, span),
            (F::CharAt, [Some(Value::Int(place)), ..]) => {
                let rest = text.get(at(text, place, span)?..).unwrap_or_default();
                string(rest.chars().take(1).collect())
            }
            (F::Substring, [Some(Value::Int(from)), to, _]) => {
                let end = match to {
                    None => text.len(),
                    Some(Value::Int(to)) => at(text, to, span)?,
                    Some(_) => return fail(span, ErrorKind::Type),
                };
                let part = text.get(at(text, from, span)?..end);
                part.map_or_else(|| fail(span, ErrorKind::Index), |part| string(part.to_owned()))
            }
            (F::IndexOf, [Some(Value::String(wanted)), from, _]) => {
                let start = match from {
                    None => 0,
                    Some(Value::Int(from)) => at(text, from, span)?,
                    Some(_) => return fail(span, ErrorKind::Type),
                };
                let found = text.get(start..).and_then(|rest| rest.find(&*wanted));
                Ok(place(text, found.map(|found| start + found)))
            }
            (F::LastIndexOf, [Some(Value::String(wanted)), to, _]) => {
                let bound = match to {
                    None => text.len(),
                    Some(Value::Int(to)) => at(text, to, span)?,
                    Some(_) => return fail(span, ErrorKind::Type),
                };
                // A match that begins at the bound ends here, if at all.
                let end = text.floor_char_boundary(bound.saturating_add(wanted.len()));
                Ok(place(text, text.get(..end).and_then(|text| text.rfind(&*wanted))))
            }
            (F::Replace, [Some(Value::String(from)), Some(Value::String(to)), limit]) => {
                let count = text.matches(&*from).take(most(limit.as_ref(), span)?).count();
                let length = text.len().saturating_add(count.saturating_mul(to.len()));
                self.spend((length / 16).saturating_add(count), span)?;
                string(text.replacen(&*from, &to, count))
            }
            (F::Split, [Some(Value::String(between)), limit, _]) => {
                let most = most(limit.as_ref(), span)?;
                // Without a separator, the code points.
                let mut ends = text.char_indices().map(|(end, _)| (end, end)).skip(1);
                let mut matches = text.match_indices(&*between).map(|(at, found)| (at, at + found.len()));
                let cuts: &mut dyn Iterator<Item = (usize, usize)> =
                    if between.is_empty() { &mut ends } else { &mut matches };
                let mut start = 0;
                let mut items = Vec::new();
                let cuts = cuts.take(most.saturating_sub(1));
                for (end, next) in cuts {
                    self.spend(1, span)?;
                    items.push(Value::String(text.get(start..end).unwrap_or_default().to_owned().into()));
                    start = next;
                }
                if most > 0 && !(between.is_empty() && text.is_empty()) {
                    items.push(Value::String(text.get(start..).unwrap_or_default().to_owned().into()));
                }
                Ok(Value::list(items))
            }
            _ => fail(span, ErrorKind::Type),
        }
    }

    fn join(&mut self, list: &List<'v>, between: &str, span: Span) -> Result<Value<'v>> {
        let mut joined = String::new();
        for (index, item) in list.iter().enumerate() {
            let Value::String(item) = item else { return fail(span, ErrorKind::Type) };
            let between = if index == 0 { "" } else { between };
            self.spend((between.len() + item.len()) / 16 + 1, span)?;
            joined.push_str(between);
            joined.push_str(&item);
        }
        Ok(Value::String(joined.into()))
    }

    /// The digest in lowercase hexadecimal digits.
    fn digest<D: Digest>(&mut self, text: &str, span: Span) -> Result<Value<'v>> {
        self.spend(DIGEST + text.len() / 4, span)?;
        let digits = |byte: &u8| [byte >> 4, byte & 0xf];
        let digits = D::digest(text)
            .iter()
            .flat_map(digits)
            .filter_map(|digit| char::from_digit(digit.into(), 16))
            .collect::<String>();
        Ok(Value::String(digits.into()))
    }
}

/// The byte at a place, which may be the end.
fn at(text: &str, place: i64, span: Span) -> Result<usize> {
    let place = usize::try_from(place).ok();
    let mut bytes = text.char_indices().map(|(byte, _)| byte).chain([text.len()]);
    place.and_then(|place| bytes.nth(place)).map_or_else(|| fail(span, ErrorKind::Index), Ok)
}

/// The place of a byte; -1 if there is none.
fn place(text: &str, byte: Option<usize>) -> Value<'static> {
    let before = byte.and_then(|byte| text.get(..byte));
    Value::Int(before.map_or(-1, |before| i64::try_from(before.chars().count()).unwrap_or(i64::MAX)))
}

/// A limit; none if it is missing or negative.
fn most(limit: Option<&Value<'_>>, span: Span) -> Result<usize> {
    match limit {
        None => Ok(usize::MAX),
        Some(Value::Int(limit)) => Ok(usize::try_from(*limit).unwrap_or(usize::MAX)),
        Some(_) => fail(span, ErrorKind::Type),
    }
}

#[cfg(test)]
mod tests {
    use crate::{Options, Program, Value};

    /// The examples of <https://github.com/google/cel-go/tree/master/ext>, and their limits.
    const TRUE: &[&str] = &[
        "s.charAt(4) == 'o' && s.charAt(10) == 'd' && s.charAt(11) == ''",
        "'hello mellow'.indexOf(context.e) == 0 && s.indexOf('o') == 4 && s.indexOf('x') == -1",
        "s.indexOf('o', 5) == 7 && s.indexOf('o', 11) == -1 && 'hello mellow'.indexOf('ello', 2) == 7",
        "s.lastIndexOf('o') == 7 && s.lastIndexOf('o', 6) == 4 && s.lastIndexOf(context.e) == 11",
        "'hello mellow'.lastIndexOf('ello', 6) == 1 && s.lastIndexOf('hello', 0) == 0",
        "aa.lastIndexOf('aa', 0) == 0 && aa.lastIndexOf('aa') == 1",
        "['hello', s].join() == 'hellohello world' && [s, '!', '!'].join('-') == 'hello world-!-!'",
        "[].join(s) == context.e",
        "'TacoCat'.lowerAscii() == 'tacocat' && 'TacoCÆt Xii'.lowerAscii() == 'tacocÆt xii'",
        "'TacoCat'.upperAscii() == 'TACOCAT' && s.upperAscii() == 'HELLO WORLD'",
        "'hello hello'.replace('he', 'we') == 'wello wello'",
        "'hello hello'.replace('he', 'we', -1) == 'wello wello'",
        "'hello hello'.replace('he', 'we', 1) == 'wello hello' && s.replace('l', 'L', 0) == s",
        "aa.replace('', '_') == '_a_a_a_' && aa.replace('', '_', 2) == '_a_aa'",
        "'hello hello hello'.split(' ') == ['hello', 'hello', 'hello']",
        "s.split(' ', 0) == [] && s.split(' ', 1) == [s] && 'a b c'.split(' ', 2) == ['a', 'b c']",
        "s.split(' ', -1) == ['hello', 'world'] && aa.split('') == ['a', 'a', 'a']",
        "aa.split('', 2) == ['a', 'aa'] && context.e.split('') == [] && context.e.split(',') == ['']",
        "'tacocat'.substring(4) == 'cat' && 'tacocat'.substring(0, 4) == 'taco' && s.substring(11) == ''",
        "'  \\ttrim\\n    '.trim() == 'trim' && 'gums'.reverse() == 'smug'",
        "u.charAt(1) == '日' && u.indexOf('本') == 2 && u.substring(1, 3) == '日本' && u.lastIndexOf('ü') == 0",
        "u.split('') == ['ü', '日', '本', '🚀'] && u.reverse() == '🚀本日ü' && u.lastIndexOf('🚀', 3) == 3",
        "context.e.md5() == 'd41d8cd98f00b204e9800998ecf8427e' && md5('abc') == '900150983cd24fb0d6963f7d28e17f72'",
        "sha1('abc') == 'a9993e364706816aba3e25717850c26c9cd0d89d'",
        "'abc'.sha256() == 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'",
        "double(n.replace(',', '.')) == 0.2",
    ];

    const ERRORS: &[(&str, &str)] = &[
        ("s.charAt(12) == ''", "index out of range"),
        ("s.charAt(-1) == ''", "index out of range"),
        ("s.indexOf('o', 12) == 0", "index out of range"),
        ("s.substring(5, 4) == ''", "index out of range"),
        ("s.substring(0, 12) == ''", "index out of range"),
        ("[s, 1].join() == ''", "not defined for values of these types"),
        ("s.replace('a', 1) == ''", "not defined for values of these types"),
        ("s.split('a', 'b') == ['']", "not defined for values of these types"),
        ("s.split(' ').map(x, x.trim()).join(s).md5() == 1", ""),
        (
            "s.replace('', s).replace('', s).replace('', s).replace('', s).replace('', s) == s",
            "exceeds 100,000 steps",
        ),
    ];

    #[test]
    fn string_functions_follow_the_extension() {
        let variables = [
            ("s", Value::borrowed_str("hello world")),
            ("e", Value::borrowed_str("")),
            ("aa", Value::borrowed_str("aaa")),
            ("u", Value::borrowed_str("ü日本🚀")),
            ("n", Value::borrowed_str("0,2")),
        ];
        for source in TRUE {
            let program = Program::compile(source, &Options::new()).unwrap();
            assert_eq!(program.test(&variables[..]), Ok(true), "{source}");
        }
        for (source, message) in ERRORS {
            let found = Program::compile(source, &Options::new()).unwrap().test(&variables[..]);
            assert_eq!(
                found.map_err(|error| error.message()),
                if message.is_empty() { Ok(false) } else { Err(*message) },
                "{source}"
            );
        }
    }
}
