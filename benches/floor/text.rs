//! The floor's JSON text: `{"shared": [rules], "flags": [{"name": "sale", "rules": [rules]}]}`, read in one
//! pass. Names must not contain escapes.

use std::{collections::HashMap, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{Error, SeqAccess, Visitor},
};

use super::{
    Rule, Span, State, Text,
    murmur3::{BUCKETS, Salt},
    version,
};

/// A rule as it is written. Percentages are of a hundred.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Written<'a> {
    Rollout(u32),
    OneOf(&'a str, #[serde(borrow)] Vec<&'a str>),
    Equals(&'a str, &'a str),
    VersionFrom(&'a str, &'a str),
    Window(u64, u64),
    Any(Vec<u32>),
    All(Vec<u32>),
    Split(#[serde(borrow)] Vec<(&'a str, u32)>),
}

#[derive(Deserialize)]
struct WrittenFlag<'a> {
    name: &'a str,
    #[serde(borrow)]
    rules: Vec<Written<'a>>,
}

/// A state in the making, and where its texts are.
#[derive(Default)]
struct Loader<'a> {
    state: State,
    known: HashMap<&'a str, Text, foldhash::fast::RandomState>,
}

const PERCENT: u32 = BUCKETS / 100;

impl<'a> Loader<'a> {
    fn text(&mut self, text: &'a str) -> Text {
        *self.known.entry(text).or_insert_with(|| {
            self.state.texts.push(text.into());
            place(self.state.texts.len() - 1)
        })
    }

    fn numbers(&mut self, numbers: impl IntoIterator<Item = u32>) -> Span {
        let start = place(self.state.numbers.len());
        self.state.numbers.extend(numbers);
        Span { start, end: place(self.state.numbers.len()) }
    }

    /// Compiles the rule of a flag, whose name is the salt.
    fn rule(&mut self, flag: &str, rule: Written<'a>) -> Rule {
        match rule {
            Written::Rollout(percentage) => Rule::Rollout(Salt::new(flag), percentage * PERCENT),
            Written::OneOf(name, list) => {
                let list: Vec<_> = list.into_iter().map(|text| self.text(text)).collect();
                Rule::OneOf(self.text(name), self.numbers(list))
            }
            Written::Equals(name, value) => Rule::Equals(self.text(name), self.text(value)),
            Written::VersionFrom(name, least) => {
                Rule::VersionFrom(self.text(name), version(least).unwrap_or(u64::MAX))
            }
            Written::Window(start, end) => Rule::Window(start, end),
            Written::Any(rules) => Rule::Any(self.numbers(rules)),
            Written::All(rules) => Rule::All(self.numbers(rules)),
            Written::Split(shares) => {
                let start = place(self.state.shares.len());
                let mut bucket = 0;
                for (name, share) in shares {
                    bucket += share * PERCENT;
                    let name = self.text(name);
                    self.state.shares.push((bucket, name));
                }
                Rule::Split(Salt::new(flag), Span { start, end: place(self.state.shares.len()) })
            }
        }
    }

    fn flag(&mut self, WrittenFlag { name, rules }: WrittenFlag<'a>) {
        let start = place(self.state.rules.len());
        for rule in rules {
            let rule = self.rule(name, rule);
            self.state.rules.push(rule);
        }
        self.state.names.insert(name.into(), place(self.state.flags.len()));
        self.state.flags.push(Span { start, end: place(self.state.rules.len()) });
    }
}

/// A place in a list. Beyond 2^32 of them there is none, and what is asked for is missing.
fn place(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

impl<'de: 'a, 'a> Deserialize<'de> for Loader<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Flags<'a>(PhantomData<&'a str>);

        impl<'de: 'a, 'a> Visitor<'de> for Flags<'a> {
            type Value = Loader<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of flags")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Loader<'a>, A::Error> {
                let mut loader = Loader::default();
                while let Some(flag) = seq.next_element()? {
                    loader.flag(flag);
                }
                Ok(loader)
            }
        }

        deserializer.deserialize_seq(Flags(PhantomData))
    }
}

impl<'de> Deserialize<'de> for State {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Whole<'a> {
            #[serde(borrow)]
            shared: Vec<Written<'a>>,
            #[serde(borrow)]
            flags: Loader<'a>,
        }

        let Whole { shared, flags: mut loader } = Whole::deserialize(deserializer)?;
        for rule in shared {
            if matches!(rule, Written::Rollout(_) | Written::Split(_)) {
                return Err(D::Error::custom("a shared rule has no flag whose name could be the salt"));
            }
            let rule = loader.rule("", rule);
            loader.state.shared.push(rule);
        }
        Ok(loader.state)
    }
}
