//! The compilation of one row: its children, its variants, and its problems.

use std::{borrow::Cow, cell::Cell, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::{
    activation::{
        issue_policy::{IssuePolicy, MissingFlags},
        unknown_fields::UnknownFields,
        verdict::Variant,
    },
    rows::{MemberRow, issue::short_path},
};

/// A problem of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The location: `class_name`, `config`, or a path into the config such as `config.splits[2]`.
    pub path: String,
    /// The message: what was expected and what was found.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", short_path(&self.path), self.message)
    }
}

/// A reference to another activation: the id of a row, or an inline activation.
///
/// In JSON: `7`, or `{"class_name": "novi.not", "config": ...}`. Resolve it with [`CompileContext::child`]
/// when the row is compiled, and evaluate it with
/// [`Evaluation::ask`](crate::activation::evaluation::Evaluation::ask). A child that was not resolved is off.
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
        /// Whether the path of the child is that of its config, because the class name is implied.
        bare: bool,
    },
    /// A flag, by its name.
    Flag(String),
}

impl Child {
    /// The number of no node. Its verdict is off.
    pub(crate) const UNRESOLVED: u32 = u32::MAX;

    fn new(reference: ChildReference) -> Self {
        Self { reference, node: Self::UNRESOLVED }
    }

    /// An inline activation. A config of `null` is the same as no config.
    pub(crate) fn inline(class_name: impl Into<String>, config: Option<&RawValue>) -> Self {
        // As text, since the order of its fields may matter.
        let config = config.map(RawValue::get).filter(|text| *text != "null").map(str::to_owned);
        Self::new(ChildReference::Inline { class_name: class_name.into(), config, bare: false })
    }

    /// An inline activation of an implied class, which has only a config.
    pub(crate) fn implied(class_name: &str, config: &RawValue) -> Self {
        let (class_name, config) = (class_name.to_owned(), Some(config.get().to_owned()));
        Self::new(ChildReference::Inline { class_name, config, bare: true })
    }

    /// A reference to a flag: on if the flag is on for the caller, with the flag's variant.
    ///
    /// The flag is evaluated as if it were evaluated alone. Flags that depend on each other in a cycle are an
    /// issue.
    #[must_use]
    pub fn flag(name: impl Into<String>) -> Self {
        Self::new(ChildReference::Flag(name.into()))
    }

    /// The node that the child was resolved to; [`Child::UNRESOLVED`] if it was not.
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
        let invalid = |_| E::invalid_value(de::Unexpected::Unsigned(id), &self);
        i64::try_from(id).map(Child::by_id).map_err(invalid)
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
            "description": "The id of an activation, or an inline activation",
            "x-novi-input": "activation",
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

/// A list of children: `[1, 2]`, `{"activations": [1, 2]}`, or a single child.
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
    /// The children, in the order of the row.
    #[must_use]
    pub fn as_slice(&self) -> &[Child] {
        &self.list
    }

    /// Resolves every child of the list.
    pub fn compile(&mut self, row: &mut CompileContext<'_>) {
        for (index, child) in self.list.iter_mut().enumerate() {
            let path = match self.form {
                Form::List => format!("[{index}]"),
                Form::Named => format!(".activations[{index}]"),
                Form::Single => String::new(),
            };
            row.child(&path, child);
        }
    }

    /// Resolves every child of the list, and returns their nodes.
    pub(crate) fn resolve(mut self, row: &mut CompileContext<'_>) -> Box<[u32]> {
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

/// The deepest nesting of inline activations. Each level has a copy of the config of all levels below, so
/// that without a limit a row would take memory that grows with the square of its size. JSON in requests may
/// not be deeper than 128 levels, which allows fewer.
pub(crate) const MAX_INLINE_DEPTH: u32 = 64;

/// The most problems of a row that are reported one by one.
pub(crate) const MAX_PROBLEMS: usize = 100;

/// The row that is compiled, and the services of the engine for it.
pub struct CompileContext<'a> {
    pub(crate) class_name: &'a str,
    pub(crate) name: &'a str,
    /// The rows of `activation_members` that belong to this one.
    pub(crate) members: &'a [MemberRow],
    pub(crate) linker: &'a mut dyn Linker,
    /// At most [`MAX_PROBLEMS`].
    pub(crate) problems: Vec<Problem>,
    pub(crate) policy: IssuePolicy,
    /// How many more there are.
    pub(crate) omitted: usize,
    pub(crate) warnings: Vec<Problem>,
    pub(crate) by_flag: bool,
    /// Whether the activation depends on the name of the row.
    pub(crate) by_name: Cell<bool>,
}

impl fmt::Debug for CompileContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompileContext")
            .field("class_name", &self.class_name)
            .field("name", &self.name)
            .finish()
    }
}

/// Why a child was not resolved.
pub(crate) enum Unresolved {
    /// The reference is invalid.
    Invalid(String),
    /// No flag has the name.
    MissingFlag(String),
}

/// The services of the snapshot compiler.
pub(crate) trait Linker {
    /// Resolves a child.
    fn child(&mut self, path: &str, reference: &ChildReference) -> Result<u32, Unresolved>;
    /// The number of a variant that the activation may assign.
    fn variant(&mut self, name: &str) -> Variant;
    /// The number of any variant.
    fn number(&mut self, name: &str) -> Variant;
}

impl<'a> CompileContext<'a> {
    /// The class name of the row: the name of the type or one of its aliases.
    #[must_use]
    pub fn class_name(&self) -> &str {
        self.class_name
    }

    /// The name of the row. An inline activation has the name of its outermost row.
    #[must_use]
    pub fn name(&self) -> &str {
        self.by_name.set(true);
        self.name
    }

    /// The rows of `activation_members` that belong to this one.
    pub(crate) fn members(&self) -> &'a [MemberRow] {
        self.members
    }

    /// Declares a variant that the activation may assign.
    pub fn variant(&mut self, name: &str) -> Variant {
        self.linker.variant(name)
    }

    /// The number of a variant of another flag, which this activation does not assign.
    pub(crate) fn foreign_variant(&mut self, name: &str) -> Variant {
        self.linker.number(name)
    }

    /// Declares that the verdict depends on the flag that is evaluated.
    pub(crate) fn depends_on_flag(&mut self) {
        self.by_flag = true;
    }

    /// Resolves a child. `path` is its location in the config, such as `[0]` or `.fallback`. A child that
    /// does not exist is reported as a problem. A flag that does not exist is a warning, unless the settings say
    /// otherwise, and counts as off.
    pub fn child(&mut self, path: &str, child: &mut Child) {
        match self.linker.child(path, &child.reference) {
            Ok(node) => child.node = node,
            Err(Unresolved::MissingFlag(message)) if self.policy.missing_flags == MissingFlags::Off => {
                if self.warnings.len() < MAX_PROBLEMS {
                    let message = format!("{message}; it counts as off");
                    self.warnings.push(Problem { path: format!("config{path}"), message });
                }
            }
            Err(Unresolved::Invalid(message) | Unresolved::MissingFlag(message)) => {
                self.problem(path, message);
            }
        }
    }

    /// Reports a field that the type does not have. Returns whether it is ignored.
    pub(crate) fn unknown_field(&mut self, Problem { path, message }: Problem) -> bool {
        let writer = if self.class_name.starts_with("novi.") { "novi" } else { "program" };
        let is_ignored = self.policy.unknown_fields == UnknownFields::Warning;
        let effect = if is_ignored { "ignored: " } else { "" };
        let newer = format!("; a newer {writer} may have written it");
        // A field with a similar name is misspelled.
        let newer = if message.ends_with('?') { "" } else { &newer };
        let message = format!("{effect}{message}{newer}");
        if is_ignored {
            // There are at most 64 in the config of one activation.
            self.warnings.push(Problem { path, message });
        } else {
            self.report(Problem { path, message });
        }
        is_ignored
    }

    /// Reports that the row cannot be used. `path` is the location in the config, such as `.splits[2]`, or
    /// empty for the whole config. `message` says what was expected and what was found.
    pub fn problem(&mut self, path: &str, message: impl Into<String>) {
        self.report(Problem { path: format!("config{path}"), message: message.into() });
    }

    /// Reports a setting without effect. The row is valid all the same.
    pub(crate) fn warning(&mut self, path: &str, message: impl Into<String>) {
        self.warnings.push(Problem { path: path.to_owned(), message: message.into() });
    }

    pub(crate) fn report(&mut self, problem: Problem) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(problem);
        } else {
            self.omitted += 1;
        }
    }
}
