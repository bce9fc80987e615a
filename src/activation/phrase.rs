//! Phrases: what a condition requires, in words.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use crate::{activation::compile::Child, rows::MemberRow};

/// The longest value or name that is shown as a whole, in characters.
const LONGEST_VALUE: usize = 40;

/// The most items of a list that are shown.
const MOST_ITEMS: usize = 8;

/// The longest phrase of one condition, in characters.
const LONGEST: usize = 2_000;

/// What a condition requires, in words: "country is DE or AT", "25 % of callers by `targetingKey`".
///
/// A phrase has no full stop. Combinations put it next to others, and the rule of a flag is a sentence of
/// the phrases of its activations: "on for 25 % of callers by `targetingKey`, if country is DE or AT".
#[derive(Clone, Debug, PartialEq)]
pub struct Phrase {
    text: String,
    lead: Lead,
    /// Whether the phrase has parts of its own, so that it needs parentheses next to others.
    group: bool,
    /// The conditions that must all hold; empty if the phrase is a single one.
    all: Vec<Phrase>,
    shares: Vec<Share>,
}

/// The share of the callers that get a variant, or that an activation is on for.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Share {
    /// The variant; `None` for callers that the activation is on for, whatever their variant.
    pub variant: Option<String>,
    /// From 0 to 100.
    pub percent: f64,
}

/// The word before a phrase in a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lead {
    If,
    For,
    With,
    None,
}

impl Lead {
    const fn word(self) -> &'static str {
        match self {
            Self::If => "if ",
            Self::For => "for ",
            Self::With => "with ",
            Self::None => "",
        }
    }
}

impl Phrase {
    fn new(lead: Lead, text: impl Into<String>) -> Self {
        Self {
            text: shortened(text.into(), LONGEST),
            lead,
            group: false,
            all: Vec::new(),
            shares: Vec::new(),
        }
    }

    /// A statement that is true or false: "country is DE". In a sentence: "on if country is DE".
    #[must_use]
    pub fn condition(text: impl Into<String>) -> Self {
        Self::new(Lead::If, text)
    }

    /// A group of callers: "25 % of callers". In a sentence: "on for 25 % of callers".
    #[must_use]
    pub fn callers(text: impl Into<String>) -> Self {
        Self::new(Lead::For, text)
    }

    /// A time: "from 1 to 14 December 2026 (UTC)". In a sentence: "on from 1 to 14 December 2026 (UTC)".
    #[must_use]
    pub fn period(text: impl Into<String>) -> Self {
        Self::new(Lead::None, text)
    }

    /// What callers get: "variant grid". In a sentence: "on with variant grid".
    #[must_use]
    pub fn variant(text: impl Into<String>) -> Self {
        Self::new(Lead::With, text)
    }

    /// The phrase without a word before it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Sets the shares of callers, for charts. Only the first twenty are kept.
    #[must_use]
    pub fn with_shares(mut self, shares: impl IntoIterator<Item = Share>) -> Self {
        const MOST: usize = 20;
        let short = |share: Share| Share { variant: share.variant.map(|name| shortened(name, 80)), ..share };
        self.shares = shares.into_iter().take(MOST).map(short).collect();
        self
    }

    pub(crate) fn into_shares(self) -> Vec<Share> {
        self.shares
    }

    /// Marks a phrase that has parts of its own, such as "any of: a; b".
    pub(crate) fn grouped(mut self) -> Self {
        self.group = true;
        self
    }

    /// The phrase as a part of another.
    pub(crate) fn nested(&self) -> String {
        if self.group { format!("({})", self.text) } else { self.text.clone() }
    }

    /// The phrase with the word before it: "if country is DE".
    pub(crate) fn clause(&self) -> String {
        format!("{}{}", self.lead.word(), self.text)
    }

    /// All of several conditions.
    pub(crate) fn all_of(phrases: Vec<Self>) -> Self {
        let mut all: Vec<Self> = Vec::with_capacity(phrases.len());
        for phrase in phrases {
            if phrase.all.is_empty() { all.push(phrase) } else { all.extend(phrase.all) }
        }
        match all.len() {
            0 => Self::period("always"),
            1 => all.remove(0),
            _ => {
                let list = Self::list("all of", &all);
                Self { all, ..list }
            }
        }
    }

    /// Any of several conditions.
    pub(crate) fn any_of(mut phrases: Vec<Self>) -> Self {
        match phrases.len() {
            0 => Self::period("never"),
            1 => phrases.remove(0),
            _ => Self::list("any of", &phrases),
        }
    }

    /// A list of conditions after a colon.
    pub(crate) fn list(before: &str, phrases: &[Self]) -> Self {
        let items: Vec<String> = phrases.iter().map(Self::nested).collect();
        Self::condition(format!("{before}: {}", shown(&items, "; "))).grouped()
    }

    /// A sentence that starts with "on": "on for 25 % of callers, if country is DE".
    pub(crate) fn sentence(&self) -> String {
        let parts = if self.all.is_empty() { std::slice::from_ref(self) } else { &self.all };
        let (mut sentence, mut before) = ("on".to_owned(), None);
        for part in parts.iter().take(MOST_ITEMS) {
            sentence.push_str(match before {
                None => " ",
                Some(lead) if lead == part.lead => ", and ",
                Some(_) => ", ",
            });
            sentence.push_str(&part.clause());
            before = Some(part.lead);
        }
        if let Some(more) = parts.len().checked_sub(MOST_ITEMS).filter(|more| *more > 0) {
            sentence.push_str(", and ");
            sentence.push_str(&more.to_string());
            sentence.push_str(" more conditions");
        }
        shortened(sentence, LONGEST)
    }
}

impl fmt::Display for Phrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The row that is phrased, and the phrases of its children.
pub struct Phrasing<'a> {
    pub(crate) class_name: &'a str,
    pub(crate) name: &'a str,
    pub(crate) members: &'a [MemberRow],
    pub(crate) children: &'a mut dyn PhraseChildren,
}

/// Phrases children.
pub(crate) trait PhraseChildren {
    fn child(&mut self, child: &Child) -> Phrase;
}

impl fmt::Debug for Phrasing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Phrasing")
            .field("class_name", &self.class_name)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Phrasing<'_> {
    /// The class name of the row.
    #[must_use]
    pub fn class_name(&self) -> &str {
        self.class_name
    }

    /// The name of the row.
    #[must_use]
    pub fn name(&self) -> &str {
        self.name
    }

    /// The phrase of a child.
    pub fn child(&mut self, child: &Child) -> Phrase {
        self.children.child(child)
    }

    /// The phrases of some children. After the first ones, a number stands for the others.
    pub(crate) fn children(&mut self, children: &[Child]) -> Vec<Phrase> {
        let mut phrases: Vec<Phrase> =
            children.iter().take(MOST_ITEMS).map(|child| self.child(child)).collect();
        if let Some(more) = children.len().checked_sub(MOST_ITEMS).filter(|more| *more > 0) {
            phrases.push(Phrase::condition(format!("{more} more conditions")));
        }
        phrases
    }
}

/// A text as a value in a phrase: `pro`, but `"a value"`, `"7"` and `""`. A long text is shortened.
#[must_use]
pub fn value_text(text: &str) -> String {
    let is_plain = |character: char| character.is_alphanumeric() || "-_.@/:*+%".contains(character);
    // A string must not look like a number or a boolean.
    let is_other = text.parse::<f64>().is_ok() || matches!(text, "true" | "false" | "null" | "or" | "and");
    if !text.is_empty() && text.chars().count() <= LONGEST_VALUE && text.chars().all(is_plain) && !is_other {
        return text.to_owned();
    }
    format!("{:?}", shortened(text.to_owned(), LONGEST_VALUE))
}

/// A name in quotes, shortened.
pub(crate) fn quoted(name: &str) -> String {
    format!("{:?}", shortened(name.to_owned(), 80))
}

/// Items of a list. After the first ones, a number stands for the others.
pub(crate) fn shown(items: &[String], separator: &str) -> String {
    let first = items.get(..MOST_ITEMS).unwrap_or(items);
    match items.len() - first.len() {
        0 => first.join(separator),
        more => format!("{}{separator}{more} more", first.join(separator)),
    }
}

/// "a, b or c"; of a longer list "one of 10,000 members (a, b, c, …)".
pub(crate) fn alternatives(noun: &str, mut items: impl ExactSizeIterator<Item = String>) -> String {
    let count = items.len();
    if count > MOST_ITEMS {
        let first: Vec<String> = items.by_ref().take(3).collect();
        return format!("one of {} {noun} ({}, …)", grouped_digits(count), first.join(", "));
    }
    match items.collect::<Vec<_>>().as_slice() {
        [] => format!("one of 0 {noun}"),
        [one] => one.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// A number with a comma before each three digits: 10,000.
pub(crate) fn grouped_digits(number: impl fmt::Display) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Shortens a text to at most `most` characters.
pub(crate) fn shortened(mut text: String, most: usize) -> String {
    if text.len() <= most {
        return text;
    }
    if let Some((end, _)) = text.char_indices().nth(most) {
        text.truncate(end);
        text.push('…');
    }
    text
}
