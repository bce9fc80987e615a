//! The floor: the speed of safe Rust with names, rules as data, and a hot swap, and nothing else.
//!
//! It has no reasons, no explanations, no custom types, and no invalid rows to survive. The difference between an
//! engine and the floor is what these features cost. Programs include this file by `#[path]`; it needs foldhash,
//! serde and serde_json.

mod murmur3;
mod swap;
mod text;

use std::{collections::HashMap, time::SystemTime};

use murmur3::Salt;
pub use swap::Floor;

/// What an attribute of the caller is. The text is borrowed in a context that lives on, and owned in one that
/// is built for a call.
pub enum Value<T> {
    /// Text.
    Text(T),
    /// A whole number.
    Number(#[allow(dead_code, reason = "callers have one, but no rule asks it")] i64),
}

/// Names and values of the caller's attributes.
pub type Context<'a, T> = &'a [(&'static str, Value<T>)];

/// A place in [`State::texts`].
type Text = u32;

/// A place in one of the lists of the state.
#[derive(Clone, Copy)]
struct Span {
    start: u32,
    end: u32,
}

impl Span {
    #[inline]
    fn of<T>(self, list: &[T]) -> &[T] {
        list.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

/// A condition, compiled. It is small and has no memory of its own, so that all flags are asked by walking
/// one list.
enum Rule {
    /// A share of the callers: those whose bucket is below.
    Rollout(Salt, u32),
    /// The attribute is one of these texts: a span of [`State::numbers`].
    OneOf(Text, Span),
    /// The attribute is this text.
    Equals(Text, Text),
    /// The attribute is this version or a later one.
    VersionFrom(Text, u64),
    /// From a second of the clock, inclusive, to another, exclusive.
    Window(u64, u64),
    /// One of the shared rules is on: a span of [`State::numbers`].
    Any(Span),
    /// All of the shared rules are on.
    All(Span),
    /// One variant of several: a span of [`State::shares`].
    Split(Salt, Span),
}

/// What a flag answers.
#[derive(Clone, Copy)]
pub struct Answer {
    /// Whether it is on.
    pub on: bool,
    /// The variant that a split assigns, or [`NONE`].
    variant: Text,
}

const NONE: Text = Text::MAX;

impl Answer {
    const fn of(on: bool) -> Self {
        Self { on, variant: NONE }
    }
}

/// The answers of shared rules during one question, a bit each.
#[derive(Default)]
struct Asked {
    known: u64,
    on: u64,
}

/// All flags of one revision.
#[derive(Default)]
pub struct State {
    names: HashMap<Box<str>, u32, foldhash::fast::RandomState>,
    /// The rules of each flag: all must be on.
    flags: Vec<Span>,
    rules: Vec<Rule>,
    /// Of the rules, those that others name.
    shared: Vec<Rule>,
    /// Each text once.
    texts: Vec<Box<str>>,
    numbers: Vec<u32>,
    /// The bucket that each variant ends before, and its name.
    shares: Vec<(u32, Text)>,
}

impl State {
    /// Evaluates a flag; `None` if it does not exist.
    #[inline]
    pub fn ask<T: AsRef<str>>(&self, name: &str, ctx: Context<'_, T>) -> Option<Answer> {
        let rules = self.flags.get(*self.names.get(name)? as usize)?;
        Some(self.flag(*rules, ctx))
    }

    /// What all flags answer, in their order.
    pub fn ask_all<T: AsRef<str>>(&self, ctx: Context<'_, T>) -> Vec<Answer> {
        self.flags.iter().map(|rules| self.flag(*rules, ctx)).collect()
    }

    /// The name of the variant of an answer.
    #[inline]
    pub fn variant(&self, answer: Answer) -> Option<&str> {
        self.texts.get(answer.variant as usize).map(|name| &**name)
    }

    #[inline]
    fn flag<T: AsRef<str>>(&self, rules: Span, ctx: Context<'_, T>) -> Answer {
        let (mut answer, mut asked) = (Answer::of(true), Asked::default());
        for rule in rules.of(&self.rules) {
            let Answer { on, variant } = self.rule(rule, ctx, &mut asked);
            if !on {
                return Answer::of(false);
            }
            answer.variant = answer.variant.min(variant);
        }
        answer
    }

    #[inline]
    fn rule<T: AsRef<str>>(&self, rule: &Rule, ctx: Context<'_, T>, asked: &mut Asked) -> Answer {
        match rule {
            Rule::Any(rules) => {
                Answer::of(rules.of(&self.numbers).iter().any(|index| self.shared(*index, ctx, asked)))
            }
            Rule::All(rules) => {
                Answer::of(rules.of(&self.numbers).iter().all(|index| self.shared(*index, ctx, asked)))
            }
            Rule::Split(salt, shares) => {
                let bucket = text_of(ctx, "targetingKey").map(|key| salt.variant_bucket(key));
                let shares = shares.of(&self.shares);
                let found = bucket.and_then(|bucket| shares.iter().find(|(end, _)| bucket < *end));
                found.map_or(Answer::of(false), |(_, variant)| Answer { on: true, variant: *variant })
            }
            leaf => Answer::of(self.leaf(leaf, ctx)),
        }
    }

    #[inline]
    fn leaf<T: AsRef<str>>(&self, rule: &Rule, ctx: Context<'_, T>) -> bool {
        match rule {
            Rule::Rollout(salt, below) => {
                text_of(ctx, "targetingKey").is_some_and(|key| salt.bucket(key) < *below)
            }
            Rule::OneOf(name, list) => text_of(ctx, self.text(*name)).is_some_and(|text| {
                // All are compared, since the processor can't foretell which one it is.
                list.of(&self.numbers).iter().fold(false, |found, one| found | same(self.text(*one), text))
            }),
            Rule::Equals(name, value) => {
                text_of(ctx, self.text(*name)).is_some_and(|text| same(self.text(*value), text))
            }
            Rule::VersionFrom(name, least) => {
                text_of(ctx, self.text(*name)).and_then(version).is_some_and(|it| it >= *least)
            }
            Rule::Window(start, end) => {
                let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
                now.is_ok_and(|now| (*start..*end).contains(&now.as_secs()))
            }
            Rule::Any(_) | Rule::All(_) | Rule::Split(..) => false,
        }
    }

    fn shared<T: AsRef<str>>(&self, index: u32, ctx: Context<'_, T>, asked: &mut Asked) -> bool {
        // Only the first 64 are remembered.
        let bit = 1_u64.checked_shl(index).unwrap_or_default();
        if asked.known & bit == 0 {
            // Noted first, so that a rule which asks itself finds that it is off.
            asked.known |= bit;
            let on = self.shared.get(index as usize).is_some_and(|rule| self.rule(rule, ctx, asked).on);
            asked.on |= if on { bit } else { 0 };
            return on;
        }
        asked.on & bit != 0
    }

    #[inline]
    fn text(&self, text: Text) -> &str {
        self.texts.get(text as usize).map_or("", |text| text)
    }
}

#[inline]
fn text_of<'a, T: AsRef<str>>(ctx: Context<'a, T>, name: &str) -> Option<&'a str> {
    match ctx.iter().find(|(key, _)| same(key, name))? {
        (_, Value::Text(text)) => Some(text.as_ref()),
        (_, Value::Number(_)) => None,
    }
}

/// Whether two texts are equal. Short ones are compared here by their first and last bytes, which overlap,
/// since a call into the C library costs more than the comparison.
#[inline]
fn same(a: &str, b: &str) -> bool {
    #[inline]
    fn ends<const N: usize>(a: &[u8], b: &[u8]) -> bool {
        (a.first_chunk::<N>() == b.first_chunk()) & (a.last_chunk::<N>() == b.last_chunk())
    }

    let (a, b) = (a.as_bytes(), b.as_bytes());
    a.len() == b.len()
        && match a.len() {
            8..=16 => ends::<8>(a, b),
            4..=7 => ends::<4>(a, b),
            2..=3 => ends::<2>(a, b),
            _ => a == b,
        }
}

/// A version `1.2.3` as a number that compares as it does. What a byte is decides nothing but which of two
/// values is taken, since the processor can't foretell it.
#[inline]
#[allow(clippy::needless_bitwise_bool, reason = "a lazy operator is a branch")]
fn version(text: &str) -> Option<u64> {
    let (mut all, mut part, mut dots, mut sound) = (0_u64, 0_u64, 0, true);
    for byte in text.bytes() {
        let digit = byte.wrapping_sub(b'0');
        let dot = byte == b'.';
        sound &= dot | (digit < 10);
        all = if dot { all << 21 | part.min(0x1f_ffff) } else { all };
        part = if dot { 0 } else { part.wrapping_mul(10).wrapping_add(u64::from(digit)) };
        dots += u32::from(dot);
    }
    (sound && dots == 2).then_some(all << 21 | part.min(0x1f_ffff))
}
