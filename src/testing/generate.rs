//! Generates odd configs and contexts, the same ones in every run.

use std::borrow::Cow;

use chacha20::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};
use serde_json::{Map, Value as Json};

use crate::context::{Context, TARGETING_KEY, value::Value};

/// Strings for configs and contexts, in addition to those of the examples.
const WORDS: [&str; 22] = [
    TARGETING_KEY,
    "currentDateTime",
    "variant",
    "seed",
    "class_name",
    "config",
    "activations",
    "A",
    "",
    " ",
    "2026-03-29T02:30:00Z",
    "2026-02-30",
    "%Y-%m-%d",
    "Europe/Berlin",
    "1.2.3-rc.1+x",
    "10.0.0.0/8",
    "::1",
    "(a+)+$",
    "[",
    "user-7",
    "Straße İı\u{0}\u{202e}🦀",
    "-1",
];

/// The maximum nesting depth of generated JSON.
const MAX_DEPTH: u32 = 4;

pub(super) struct Generator {
    random: ChaCha8Rng,
    words: Vec<String>,
}

impl Generator {
    pub(super) fn new(seed: u64, examples: &[Json]) -> Self {
        let mut words: Vec<String> = WORDS.iter().copied().map(str::to_owned).collect();
        for example in examples {
            collect_words(example, &mut words);
        }
        words.sort();
        words.dedup();
        Self { random: ChaCha8Rng::seed_from_u64(seed), words }
    }

    /// Adds a string, such as the name of an attribute that the type reads.
    pub(super) fn learn(&mut self, word: &str) {
        if !self.words.iter().any(|known| known == word) {
            self.words.push(word.to_owned());
        }
    }

    /// A number below `count`, which is not 0.
    pub(super) fn below(&mut self, count: usize) -> usize {
        // The modulo bias is far too small to matter in a test.
        usize::try_from(self.random.next_u64() % (count.max(1) as u64)).unwrap_or_default()
    }

    fn word(&mut self) -> String {
        let at = self.below(self.words.len());
        self.words.get(at).cloned().unwrap_or_default()
    }

    /// A number from 0 to 1.
    pub(super) fn fraction(&mut self) -> f64 {
        f64::from(self.random.next_u32()) / f64::from(u32::MAX)
    }

    fn leaf(&mut self) -> Json {
        match self.below(12) {
            0 => Json::Null,
            1 => Json::Bool(self.below(2) == 0),
            2 | 3 => Json::from(self.below(12)),
            4 => Json::from([i64::MIN, -1, 0, i64::MAX][self.below(4) % 4]),
            5 => Json::from(u64::MAX),
            6 => Json::from([1e308, -0.0, 0.1, 5e-324, 99.9995][self.below(5) % 5]),
            7 => Json::from(self.fraction() * 1000.0),
            8 => Json::from("long ".repeat(self.below(200))),
            _ => Json::from(self.word()),
        }
    }

    /// Generates any JSON value.
    pub(super) fn json(&mut self, depth: u32) -> Json {
        let kind = if depth == 0 { 9 } else { self.below(10) };
        match kind {
            0 | 1 => (0..self.below(5)).map(|_| self.json(depth - 1)).collect(),
            2..=4 => {
                let fields = (0..self.below(5)).map(|_| (self.word(), self.json(depth - 1)));
                Json::Object(fields.collect::<Map<_, _>>())
            }
            _ => self.leaf(),
        }
    }

    /// Generates the text of a config: an example with changes, any JSON, or invalid JSON.
    pub(super) fn config(&mut self, examples: &[Json]) -> String {
        let at = self.below(examples.len());
        let mut json = match examples.get(at) {
            Some(example) if self.below(8) > 0 => example.clone(),
            _ => return self.json(MAX_DEPTH).to_string(),
        };
        for _ in 0..=self.below(3) {
            self.change(&mut json);
        }
        let mut text = json.to_string();
        if self.below(16) == 0 {
            let end = self.below(text.len() + 1);
            text.truncate((0..=end).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default());
        }
        text
    }

    /// Changes one value at a random place.
    fn change(&mut self, json: &mut Json) {
        match json {
            Json::Array(list) if !list.is_empty() && self.below(4) > 0 => {
                let at = self.below(list.len());
                match self.below(6) {
                    0 => drop(list.remove(at)),
                    1 => list.insert(at, self.json(2)),
                    2 => list.reverse(),
                    _ => list.iter_mut().skip(at).take(1).for_each(|inside| self.change(inside)),
                }
            }
            Json::Object(fields) if !fields.is_empty() && self.below(4) > 0 => {
                let at = self.below(fields.len());
                let Some(key) = fields.keys().nth(at).cloned() else { return };
                match self.below(8) {
                    0 => drop(fields.remove(&key)),
                    1 => drop(fields.insert(self.word(), self.json(2))),
                    2 => {
                        let value = fields.remove(&key).unwrap_or_default();
                        fields.insert(self.word(), value);
                    }
                    _ => fields.get_mut(&key).into_iter().for_each(|inside| self.change(inside)),
                }
            }
            Json::Number(number) if self.below(2) == 0 => {
                let value = number.as_f64().unwrap_or_default();
                let changed = [-value, value + 1.0, value * 1e9, value / 3.0, value - 1.0];
                *json = Json::from(changed.get(self.below(5)).copied().unwrap_or_default());
            }
            _ => *json = if self.below(6) == 0 { Json::Array(vec![json.take()]) } else { self.json(2) },
        }
    }

    /// Generates a caller with some of these attributes and a few others.
    pub(super) fn context(&mut self, attributes: &[String]) -> Context<'static> {
        let mut context = Context::new();
        for name in attributes {
            if self.below(5) > 0 {
                context.insert(name.clone(), self.value());
            }
        }
        for _ in 0..self.below(3) {
            context.insert(self.word(), self.value());
        }
        context
    }

    fn value(&mut self) -> Value<'static> {
        match self.below(8) {
            // Distinct callers.
            0 | 1 => Value::from(format!("user-{}", self.random.next_u32())),
            2 => Value::from(self.random.next_u32()),
            3 => Value::BigInt(Cow::Borrowed("-340282366920938463463374607431768211456")),
            4 => Value::from(self.json(2)),
            _ => Value::from(self.leaf()),
        }
    }
}

/// Collects the strings and keys of a JSON value.
fn collect_words(json: &Json, words: &mut Vec<String>) {
    match json {
        Json::String(text) => words.push(text.clone()),
        Json::Array(list) => list.iter().for_each(|inside| collect_words(inside, words)),
        Json::Object(fields) => fields.iter().for_each(|(key, inside)| {
            words.push(key.clone());
            collect_words(inside, words);
        }),
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}
