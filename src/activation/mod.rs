//! What an activation is: the trait that a type implements, and what it is given when its row is compiled.

pub(crate) mod bucket;
pub(crate) mod evaluation;
pub(crate) mod registry;
pub(crate) mod script_folder;
pub(crate) mod strings;

use std::{borrow::Cow, cell::Cell, fmt, num::NonZeroU32};

use chrono::{DateTime, Utc};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeOwned, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::rows::MemberRow;
use evaluation::Check;

/// A condition of a flag, built from one row of `activations`.
///
/// A value of the type is made from the row's JSON config by serde, then [compiled](Self::compile) once; after that
/// it only answers. Registered by [`#[novi::activation]`](macro@crate::activation) or
/// [`Registry::with`](crate::activation::registry::Registry::with).
pub trait Activation: Send + Sync + 'static {
    /// Answers for the caller that `check` tells of.
    ///
    /// Runs on the hot path: no I/O and no locks, and no allocation where it can be helped. Everything that depends
    /// on the config alone belongs into [`compile`](Self::compile).
    fn evaluate(&self, check: &Check<'_>) -> Verdict;

    /// Prepares for evaluation, once: checks what serde could not, parses what would be parsed on each evaluation,
    /// resolves [children](Compile::child) and declares [variants](Compile::variant). Whatever is wrong with the row
    /// goes to [`Compile::problem`], all of it at once.
    fn compile(&mut self, row: &mut Compile<'_>) {
        let _ = row;
    }

    /// Whether this activation itself divides callers by chance, so that flags it turns on answer with the reason
    /// `SPLIT` and not `TARGETING_MATCH`.
    fn is_split(&self) -> bool {
        false
    }

    /// When the answer may next be another one by the clock alone, after this time; nothing if that is never so, or not known.
    /// It is this activation's own answer that is meant: those of its [children](Compile::child) are asked by themselves.
    fn next_change(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let _ = after;
        None
    }
}

/// An activation of novi's own, whose config is one thing and what evaluation needs of it another: a process holds many
/// of the latter, and none of the former once it is compiled.
pub(crate) trait Configured: Activation + Sized {
    /// The config as the row has it.
    type Config: DeserializeOwned + JsonSchema;

    /// Whether rows of `activation_members` mean anything to it. Where they do not, they are a problem: whoever wrote them
    /// meant to say whom the flag is for.
    const TAKES_MEMBERS: bool = false;

    /// What [`Activation::compile`] does. Nothing when the row can not be used, which is noted with it.
    fn configure(config: Self::Config, row: &mut Compile<'_>) -> Option<Self>;
}

/// An activation's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The condition is not met.
    Off,
    /// The condition is met.
    On,
    /// The condition is met, and this is the variant that the caller gets.
    Variant(Variant),
}

impl Verdict {
    /// Whether the condition is met, with a variant or without.
    #[must_use]
    pub const fn is_on(self) -> bool {
        !matches!(self, Self::Off)
    }

    /// The variant, if the activation assigned one.
    #[must_use]
    pub const fn variant(self) -> Option<Variant> {
        match self {
            Self::Variant(variant) => Some(variant),
            Self::Off | Self::On => None,
        }
    }
}

impl From<bool> for Verdict {
    fn from(on: bool) -> Self {
        if on { Self::On } else { Self::Off }
    }
}

/// The name of a variant, which [`Compile::variant`] made known. A small number, so that verdicts are copied freely.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Variant(pub(crate) NonZeroU32);

impl Variant {
    /// The variant with this place in a list of names.
    pub(crate) fn at(place: usize) -> Self {
        // No list of names in memory is as long as the last number.
        let number = u32::try_from(place).unwrap_or(u32::MAX).saturating_add(1);
        Self(NonZeroU32::new(number).unwrap_or(NonZeroU32::MAX))
    }

    /// The place in the list of names.
    pub(crate) const fn place(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// Something wrong with a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where: `class_name`, `config`, or a path into the config such as `config.splits[2]`.
    pub path: String,
    /// What was expected and what was found.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

/// A reference from one activation to another: the id of a row, or a row written inline.
///
/// In JSON: `7`, or `{"class_name": "novi.not", "config": ...}`. Pass it to [`Compile::child`] when the row is
/// compiled, then [ask](Check::ask) it. A child that was never compiled answers [`Verdict::Off`].
#[derive(Debug)]
pub struct Child {
    pub(crate) reference: ChildReference,
    pub(crate) node: u32,
}

#[derive(Debug)]
pub(crate) enum ChildReference {
    Id(i64),
    Inline {
        class_name: String,
        config: Option<String>,
        /// Whether the place where it stands is that of its config, and not of an object with a class name.
        bare: bool,
    },
    /// A flag, by its name.
    Flag(String),
}

impl Child {
    const UNRESOLVED: u32 = u32::MAX;

    fn new(reference: ChildReference) -> Self {
        Self { reference, node: Self::UNRESOLVED }
    }

    /// An activation written inline. A config that is null is none.
    pub(crate) fn inline(class_name: impl Into<String>, config: Option<&RawValue>) -> Self {
        // The text as it stands: the order of its fields may count.
        let config = config.map(RawValue::get).filter(|text| *text != "null").map(str::to_owned);
        Self::new(ChildReference::Inline { class_name: class_name.into(), config, bare: false })
    }

    /// An activation of a class that the place where it stands implies: there is its config alone.
    pub(crate) fn implied(class_name: &str, config: &RawValue) -> Self {
        let (class_name, config) = (class_name.to_owned(), Some(config.get().to_owned()));
        Self::new(ChildReference::Inline { class_name, config, bare: true })
    }

    /// A reference to a flag: on when the flag is on for the caller, with the flag's variant.
    ///
    /// The flag answers as it does by itself, under its own name; flags that ask each other in a circle are broken.
    #[must_use]
    pub fn flag(name: impl Into<String>) -> Self {
        Self::new(ChildReference::Flag(name.into()))
    }

    /// What it takes to [ask](Check::ask_node) it, once it is compiled.
    pub(crate) const fn node(&self) -> u32 {
        self.node
    }

    /// A reference to the row of `activations` with this id.
    #[must_use]
    pub fn by_id(id: i64) -> Self {
        Self::new(ChildReference::Id(id))
    }
}

impl<'de> Deserialize<'de> for Child {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ChildVisitor)
    }
}

struct ChildVisitor;

impl<'de> Visitor<'de> for ChildVisitor {
    type Value = Child;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(r#"the id of an activation, or {"class_name": ..., "config": ...}"#)
    }

    fn visit_i64<E>(self, id: i64) -> Result<Child, E> {
        Ok(Child::by_id(id))
    }

    fn visit_u64<E: de::Error>(self, id: u64) -> Result<Child, E> {
        let wrong = |_| E::invalid_value(de::Unexpected::Unsigned(id), &self);
        i64::try_from(id).map(Child::by_id).map_err(wrong)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Child, A::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Inline {
            class_name: String,
            #[serde(default)]
            config: Option<Box<RawValue>>,
        }
        let Inline { class_name, config } = Inline::deserialize(de::value::MapAccessDeserializer::new(map))?;
        Ok(Child::inline(class_name, config.as_deref()))
    }
}

impl JsonSchema for Child {
    fn schema_name() -> Cow<'static, str> {
        "Child".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "title": "activation",
            "description": "The id of an activation, or an activation written inline",
            "anyOf": [
                {"type": "integer"},
                {
                    "type": "object",
                    "properties": {"class_name": {"type": "string"}, "config": true},
                    "required": ["class_name"],
                    "additionalProperties": false
                }
            ]
        })
    }
}

/// A list of children, in the forms that a row may have: `[1, 2]`, or `{"activations": [1, 2]}`, or a single child.
#[derive(Debug)]
pub struct Children {
    list: Vec<Child>,
    form: Form,
}

#[derive(Clone, Copy, Debug)]
enum Form {
    List,
    Named,
    Single,
}

impl Children {
    /// The children, in the order in which the row has them.
    #[must_use]
    pub fn as_slice(&self) -> &[Child] {
        &self.list
    }

    /// Resolves every child of the list.
    pub fn compile(&mut self, row: &mut Compile<'_>) {
        for (index, child) in self.list.iter_mut().enumerate() {
            let path = match self.form {
                Form::List => format!("[{index}]"),
                Form::Named => format!(".activations[{index}]"),
                Form::Single => String::new(),
            };
            row.child(&path, child);
        }
    }
}

impl Children {
    /// Resolves every child of the list, and keeps of each what it takes to [ask](Check::ask_node) it.
    pub(crate) fn resolve(mut self, row: &mut Compile<'_>) -> Box<[u32]> {
        self.compile(row);
        self.list.iter().map(Child::node).collect()
    }
}

impl<'de> Deserialize<'de> for Children {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ChildrenVisitor;

        impl<'de> Visitor<'de> for ChildrenVisitor {
            type Value = Children;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(r#"a list of activations, or {"activations": [...]}"#)
            }

            fn visit_i64<E: de::Error>(self, id: i64) -> Result<Children, E> {
                Ok(Children { list: vec![ChildVisitor.visit_i64(id)?], form: Form::Single })
            }

            fn visit_u64<E: de::Error>(self, id: u64) -> Result<Children, E> {
                Ok(Children { list: vec![ChildVisitor.visit_u64(id)?], form: Form::Single })
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Children, A::Error> {
                let list = Deserialize::deserialize(de::value::SeqAccessDeserializer::new(list))?;
                Ok(Children { list, form: Form::List })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Children, A::Error> {
                #[derive(Deserialize)]
                #[serde(deny_unknown_fields)]
                struct NamedOrInline {
                    activations: Option<Vec<Child>>,
                    class_name: Option<String>,
                    #[serde(default)]
                    config: Option<Box<RawValue>>,
                }
                let map = NamedOrInline::deserialize(de::value::MapAccessDeserializer::new(map))?;
                match (map.activations, map.class_name) {
                    (Some(list), None) => Ok(Children { list, form: Form::Named }),
                    (None, Some(class_name)) => {
                        let inline = Child::inline(class_name, map.config.as_deref());
                        Ok(Children { list: vec![inline], form: Form::Single })
                    }
                    _ => Err(de::Error::custom("expected either `activations` or `class_name`")),
                }
            }
        }

        deserializer.deserialize_any(ChildrenVisitor)
    }
}

impl JsonSchema for Children {
    fn schema_name() -> Cow<'static, str> {
        "Children".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let list = generator.subschema_for::<Vec<Child>>();
        let child = generator.subschema_for::<Child>();
        json_schema!({
            "anyOf": [
                list,
                {
                    "type": "object",
                    "properties": {"activations": list},
                    "required": ["activations"],
                    "additionalProperties": false
                },
                child
            ]
        })
    }
}

/// The row that an activation is compiled from, and what the engine does for it meanwhile.
pub struct Compile<'a> {
    pub(crate) class_name: &'a str,
    pub(crate) name: &'a str,
    /// The rows of `activation_members` that belong to this one.
    pub(crate) members: &'a [MemberRow],
    pub(crate) linker: &'a mut dyn Linker,
    pub(crate) problems: Vec<Problem>,
    pub(crate) by_flag: bool,
    /// Whether the activation would be another one in a row of another name.
    pub(crate) by_name: Cell<bool>,
}

impl fmt::Debug for Compile<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compile").field("class_name", &self.class_name).field("name", &self.name).finish()
    }
}

/// What the compiler of a snapshot does for one activation.
pub(crate) trait Linker {
    /// The node of a child, or what is wrong with the reference.
    fn child(&mut self, path: &str, reference: &ChildReference) -> Result<u32, String>;
    /// The number of the name of a variant that the activation may assign.
    fn variant(&mut self, name: &str) -> Variant;
    /// The number of the name of any variant.
    fn number(&mut self, name: &str) -> Variant;
}

impl<'a> Compile<'a> {
    /// The class name as the row has it: the type's own name or one of its aliases.
    #[must_use]
    pub fn class_name(&self) -> &str {
        self.class_name
    }

    /// The name of the row; for an inline activation that of the row it stands in.
    #[must_use]
    pub fn name(&self) -> &str {
        self.by_name.set(true);
        self.name
    }

    /// The rows of `activation_members` that belong to this one.
    pub(crate) fn members(&self) -> &'a [MemberRow] {
        self.members
    }

    /// Makes a variant's name known.
    pub fn variant(&mut self, name: &str) -> Variant {
        self.linker.variant(name)
    }

    /// The number of a variant that another flag may have, and this activation does not assign.
    pub(crate) fn foreign_variant(&mut self, name: &str) -> Variant {
        self.linker.number(name)
    }

    /// Says that the answer is another one for another flag.
    pub(crate) fn depends_on_flag(&mut self) {
        self.by_flag = true;
    }

    /// Resolves a child; `path` is where it stands in the config: `[0]`, or `.fallback`. A child that is not there
    /// is noted as a problem.
    pub fn child(&mut self, path: &str, child: &mut Child) {
        match self.linker.child(path, &child.reference) {
            Ok(node) => child.node = node,
            Err(message) => self.problem(path, message),
        }
    }

    /// Notes that the row can not be used. `path` leads from the config to what is wrong: `.splits[2]`, or nothing
    /// for the config itself; `message` says what was expected and what was found.
    pub fn problem(&mut self, path: &str, message: impl Into<String>) {
        self.problems.push(Problem { path: format!("config{path}"), message: message.into() });
    }
}
