//! The rules of flags in words.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::{
    activation::{
        compile::{Child, ChildReference},
        phrase::{Phrase, PhraseChildren, Phrasing, Share, quoted, shortened, shown, value_text},
        registry::Registry,
    },
    rows::{ActivationRow, MemberRow, Rows},
};

/// Deeper children are omitted.
const MAX_DEPTH: usize = 8;

/// The most activations that one flag is phrased with. Shared children would take exponential time otherwise.
const MOST_PHRASES: usize = 200;

/// Longer configs are not kept beside their words, in bytes.
const LONGEST_CONFIG: usize = 64 * 1024;

/// The rules of flags in words, made from their rows.
///
/// ```
/// use novi::{activation::{Registry, Words}, rows::{ActivationRow, FlagRow, LinkRow, Rows}};
///
/// let rows = Rows {
///     flags: vec![FlagRow::new(1, "New search", true)],
///     activations: vec![ActivationRow::new(1, "A quarter", "novi.percentage", r#"{"percentage": 25}"#)],
///     links: vec![LinkRow::new(1, 1)],
///     ..Rows::default()
/// };
/// let registry = Registry::global()?;
/// let words = Words::new(&registry, &rows);
/// assert_eq!(words.rule(1), "on for 25 % of callers by `targetingKey`");
/// # Ok::<(), novi::Error>(())
/// ```
///
/// Words are made when somebody asks for them: neither a snapshot nor an evaluation has them. Their length is
/// bounded, whatever the rows have. Rows are expected in the order of their ids, as those of a snapshot are.
#[derive(Clone, Copy, Debug)]
pub struct Words<'a> {
    registry: &'a Registry,
    rows: &'a Rows,
}

/// An activation in words, with its children.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ActivationWords {
    /// The id of the row; `None` for an inline activation and for a flag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<i64>,
    /// The name of the row or of the flag; `None` for an inline activation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The class name in the row; `flag` for a flag.
    pub class_name: String,
    /// What it requires.
    pub words: String,
    /// The shares of callers that get a variant, or that it is on for, if it divides callers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shares: Vec<Share>,
    /// The config, as the row has it; `None` also if it is longer than 64 KiB.
    #[serde(skip)]
    pub config: Option<String>,
    /// The activations and flags that it depends on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub activations: Vec<ActivationWords>,
}

impl<'a> Words<'a> {
    /// The words of these rows.
    #[must_use]
    pub const fn new(registry: &'a Registry, rows: &'a Rows) -> Self {
        Self { registry, rows }
    }

    /// The rule of a flag: "on for 25 % of callers by `targetingKey`, if country is DE". The status is not
    /// part of it.
    #[must_use]
    pub fn rule(&self, flag_id: i64) -> String {
        self.flag(flag_id).0
    }

    /// The activations of a flag, in the order of evaluation.
    #[must_use]
    pub fn activations(&self, flag_id: i64) -> Vec<ActivationWords> {
        self.flag(flag_id).1
    }

    /// The [rule](Self::rule) of a flag and its [activations](Self::activations).
    #[must_use]
    pub fn flag(&self, flag_id: i64) -> (String, Vec<ActivationWords>) {
        let mut walk = self.walk();
        let phrases: Vec<Phrase> = self.linked(flag_id).map(|id| walk.row(id)).collect();
        let rule = if phrases.is_empty() {
            "on for every caller".to_owned()
        } else {
            Phrase::all_of(phrases).sentence()
        };
        (rule, walk.found)
    }

    /// What an activation requires.
    #[must_use]
    pub fn activation(&self, row: &ActivationRow) -> ActivationWords {
        let mut walk = self.walk();
        walk.of_row(row);
        walk.found.pop().unwrap_or_else(|| ActivationWords {
            id: Some(row.id),
            name: Some(row.name.clone()),
            class_name: row.class_name.clone(),
            words: String::new(),
            shares: Vec::new(),
            config: row.config.clone(),
            activations: Vec::new(),
        })
    }

    /// What the activation with this id requires; `None` if there is no such row.
    #[must_use]
    pub fn of(&self, id: i64) -> Option<ActivationWords> {
        let rows = &self.rows.activations;
        let place = rows.binary_search_by_key(&id, |row| row.id).ok()?;
        Some(self.activation(rows.get(place)?))
    }

    /// The ids of the activations that a flag is linked to.
    fn linked(&self, flag_id: i64) -> impl Iterator<Item = i64> + use<'a> {
        let mut ids: Vec<i64> =
            self.rows.links_of(Some(flag_id)).iter().filter_map(|link| link.activation_id).collect();
        ids.sort_unstable();
        ids.dedup();
        ids.into_iter()
    }

    fn walk(&self) -> Walk<'a> {
        Walk { words: *self, depth: 0, left: MOST_PHRASES, row_name: "", found: Vec::new() }
    }
}

/// The walk over the activations of a flag.
struct Walk<'a> {
    words: Words<'a>,
    depth: usize,
    /// How many activations may still be phrased.
    left: usize,
    /// The name of the outermost row, which inline activations have as well.
    row_name: &'a str,
    /// The children of the activation that is phrased.
    found: Vec<ActivationWords>,
}

impl<'a> Walk<'a> {
    /// Phrases a row.
    fn row(&mut self, id: i64) -> Phrase {
        let rows = &self.words.rows.activations;
        let row = rows.binary_search_by_key(&id, |row| row.id).ok().and_then(|index| rows.get(index));
        match row {
            Some(row) => self.of_row(row),
            None => Phrase::condition(format!("activation {id} is on, which does not exist")),
        }
    }

    fn of_row(&mut self, row: &'a ActivationRow) -> Phrase {
        let before = std::mem::replace(&mut self.row_name, &row.name);
        let members = self.words.rows.members_of(row.id);
        let phrase = self.phrase(&row.class_name, row.config.as_deref(), members);
        self.row_name = before;
        if let Some(last) = self.found.last_mut() {
            (last.id, last.name) = (Some(row.id), Some(row.name.clone()));
        }
        phrase
    }

    /// Phrases an activation, and notes it as a child of the one around it.
    fn phrase(&mut self, class_name: &str, config: Option<&str>, members: &[MemberRow]) -> Phrase {
        let siblings = std::mem::take(&mut self.found);
        let phrase = match self.left.checked_sub(1).filter(|_| self.depth < MAX_DEPTH) {
            None => Phrase::condition("…"),
            Some(left) => {
                (self.left, self.depth) = (left, self.depth + 1);
                let kind = self.words.registry.find(class_name);
                let name = self.row_name;
                let mut phrasing = Phrasing { class_name, name, members, children: self };
                let phrase = kind.and_then(|kind| kind.phrase(config, &mut phrasing));
                self.depth -= 1;
                phrase.unwrap_or_else(|| by_config(class_name, config))
            }
        };
        let activations = std::mem::replace(&mut self.found, siblings);
        self.found.push(ActivationWords {
            id: None,
            name: None,
            class_name: class_name.to_owned(),
            words: phrase.text().to_owned(),
            shares: phrase.clone().into_shares(),
            config: config.filter(|config| config.len() <= LONGEST_CONFIG).map(str::to_owned),
            activations,
        });
        phrase
    }
}

impl PhraseChildren for Walk<'_> {
    fn child(&mut self, child: &Child) -> Phrase {
        match &child.reference {
            ChildReference::Id(id) => self.row(*id),
            ChildReference::Inline { class_name, config, .. } => {
                self.phrase(class_name, config.as_deref(), &[])
            }
            ChildReference::Flag(name) => {
                let phrase = Phrase::condition(format!("flag {} is on", quoted(name)));
                self.found.push(ActivationWords {
                    id: None,
                    name: Some(name.clone()),
                    class_name: "flag".to_owned(),
                    words: phrase.text().to_owned(),
                    shares: Vec::new(),
                    config: None,
                    activations: Vec::new(),
                });
                phrase
            }
        }
    }
}

/// The phrase of a type without words of its own: its name and its config.
fn by_config(class_name: &str, config: Option<&str>) -> Phrase {
    let last = class_name.rsplit('.').next().unwrap_or(class_name);
    let name = shortened(last.replace('_', " "), 80);
    let Some(text) = config.filter(|text| !text.trim_start().is_empty()) else {
        return Phrase::condition(name);
    };
    let settings = match serde_json::from_str::<Value>(text) {
        Ok(Value::Null) => return Phrase::condition(name),
        Ok(Value::Object(fields)) if fields.is_empty() => return Phrase::condition(name),
        Ok(Value::Object(fields)) => {
            let field = |(name, value): (&String, &Value)| {
                format!("{}: {}", value_text(name).trim_matches('"'), setting(value))
            };
            shown(&fields.iter().map(field).collect::<Vec<_>>(), ", ")
        }
        Ok(value) => setting(&value),
        Err(_) => "its config is not valid JSON".to_owned(),
    };
    Phrase::condition(format!("{name} ({settings})"))
}

/// A value of a config without a type.
fn setting(value: &Value) -> String {
    match value {
        Value::String(text) => value_text(text),
        Value::Array(items) => shown(&items.iter().map(setting).collect::<Vec<_>>(), ", "),
        value => shortened(value.to_string(), 80),
    }
}
