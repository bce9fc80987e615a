//! What a JSON Schema says about the form of a config.

use serde_json::Value;

/// References and anyOf within each other.
const DEEPEST: usize = 12;

/// The inputs for a value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Shape {
    Text(Hint),
    Number(Number),
    /// A boolean; the value that a missing one has.
    Truth(bool),
    Choice {
        names: Vec<String>,
        default: Option<String>,
    },
    /// A value on one line: a string without quotes, or another kind of JSON.
    Literal(Kinds),
    /// A list of values, one on each line.
    Lines {
        kinds: Kinds,
        may_be_single: bool,
        least: usize,
        hint: Hint,
    },
    /// Names with values, in rows.
    Map(Box<Shape>),
    Group(Vec<Member>),
    List(Box<Shape>),
    /// An activation: an id, or inline.
    Child,
    /// The first that fits the value.
    Either(Vec<Shape>),
    /// An object with one of these members. A string, a boolean or a number stands for the member of its kind.
    OneOf(Vec<Member>),
    /// Anything else.
    Json,
}

/// What a string is, by `x-novi-input`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hint {
    None,
    /// An instant.
    Time,
    /// The same beside a time zone: without an offset, it is in that zone.
    ZonedTime,
    Zone,
    Attribute,
    /// Code in several lines: an expression, or SQL.
    Code,
    Flag,
    Metric,
}

impl Hint {
    /// Whether lists of these are names in one line, which suggests known ones.
    pub(super) fn is_names(self) -> bool {
        matches!(self, Self::Attribute | Self::Metric)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Number {
    pub(crate) is_whole: bool,
    pub(crate) is_percentage: bool,
    pub(crate) least: Option<String>,
    pub(crate) most: Option<String>,
    /// What an empty field means.
    pub(crate) default: Option<String>,
}

/// Which JSON a line may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kinds {
    Strings,
    /// Strings, numbers and booleans.
    Scalars,
    Any,
}

/// The part of a field that says which member of a [`Shape::OneOf`] it has; `true` and `false` are the boolean one.
pub(super) const KIND: &str = "kind";

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) help: String,
    pub(crate) is_required: bool,
    /// Whether it is shown even if it is missing.
    pub(crate) is_main: bool,
    /// Whether it is shown while nothing but what is required is set.
    pub(crate) is_common: bool,
    pub(crate) shape: Shape,
}

impl Member {
    /// The member of a [`Shape::OneOf`] that has a kind. Without one, a text that was typed counts.
    pub(super) fn of_kind<'a>(members: &'a [Self], kind: &str) -> Option<&'a Self> {
        members.iter().find(|member| match (kind, &member.shape) {
            ("", shape) => matches!(shape, Shape::Text(_)),
            ("true" | "false", shape) => matches!(shape, Shape::Truth(_)),
            (kind, _) => member.name == kind,
        })
    }
}

impl Shape {
    pub(crate) fn of(schema: &Value) -> Self {
        Schema(schema).shape(schema, 0)
    }

    /// Whether it has inputs of its own for parts of the value.
    pub(super) fn is_composed(&self) -> bool {
        matches!(
            self,
            Self::Group(_) | Self::List(_) | Self::Map(_) | Self::Child | Self::Either(_) | Self::OneOf(_)
        )
    }

    fn put_in_zone(&mut self) {
        match self {
            Self::Text(hint @ Hint::Time) => *hint = Hint::ZonedTime,
            Self::Group(members) => members.iter_mut().for_each(|member| member.shape.put_in_zone()),
            Self::List(item) | Self::Map(item) => item.put_in_zone(),
            Self::Either(branches) => branches.iter_mut().for_each(Self::put_in_zone),
            _ => (),
        }
    }

    /// How many empty rows a list or a map with these values ends with.
    pub(super) fn spare(&self) -> usize {
        match self {
            Self::Group(members) => usize::from(!members.iter().any(|member| member.shape.is_composed())),
            Self::Child => 0,
            Self::OneOf(_) => 1,
            _ => 2,
        }
    }
}

/// The root, for references.
struct Schema<'a>(&'a Value);

impl<'a> Schema<'a> {
    fn shape(&self, schema: &'a Value, depth: usize) -> Shape {
        if depth > DEEPEST {
            return Shape::Json;
        }
        if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
            let target = target.strip_prefix('#').and_then(|pointer| self.0.pointer(pointer));
            return target.map_or(Shape::Json, |target| self.shape(target, depth + 1));
        }
        let input = text(schema, "x-novi-input");
        if input == "activation" {
            return Shape::Child;
        }
        for keyword in ["anyOf", "oneOf", "allOf"] {
            if let Some(Value::Array(branches)) = schema.get(keyword) {
                return self.either(schema, branches, depth);
            }
        }
        if let Some(Value::Array(names)) = schema.get("enum") {
            let names: Option<Vec<String>> =
                names.iter().map(|name| name.as_str().map(str::to_owned)).collect();
            let default = schema.get("default").and_then(Value::as_str).map(str::to_owned);
            return names.map_or(Shape::Json, |names| Shape::Choice { names, default });
        }
        match kind(schema) {
            Some("string") if text(schema, "format") == "date-time" => Shape::Text(Hint::Time),
            Some("string") => Shape::Text(hint(input)),
            Some("boolean") => Shape::Truth(schema.get("default").and_then(Value::as_bool).unwrap_or(false)),
            Some(number @ ("number" | "integer")) => Shape::Number(Number {
                is_whole: number == "integer",
                is_percentage: input == "percentage",
                least: schema.get("minimum").map(Value::to_string),
                most: schema.get("maximum").map(Value::to_string),
                default: schema.get("default").filter(|default| default.is_number()).map(Value::to_string),
            }),
            Some("array") => self.array(schema, false, depth),
            Some("object") => self.object(schema, depth),
            _ => Shape::Json,
        }
    }

    fn either(&self, schema: &'a Value, branches: &'a [Value], depth: usize) -> Shape {
        let mut branches: Vec<&Value> =
            branches.iter().filter(|branch| kind(branch) != Some("null")).collect();
        if let [only] = branches.as_slice() {
            return self.shape(only, depth + 1);
        }
        let constants = branches.iter().map(|branch| branch.get("const")?.as_str().map(str::to_owned));
        if let Some(names) = constants.collect::<Option<Vec<String>>>().filter(|names| !names.is_empty()) {
            let default = schema.get("default").and_then(Value::as_str).map(str::to_owned);
            return Shape::Choice { names, default };
        }
        let kinds: Option<Vec<&str>> = branches.iter().map(|branch| kind(branch)).collect();
        let input = text(schema, "x-novi-input");
        match kinds.as_deref() {
            Some(["string", "array"]) => branches.pop().map_or(Shape::Json, |list| {
                let Shape::Lines { kinds, least, .. } = self.array(list, true, depth) else {
                    return Shape::Json;
                };
                Shape::Lines { kinds, may_be_single: true, least, hint: hint(input) }
            }),
            Some(["string", "boolean", "integer", "object"]) => self.one_of(&branches, depth),
            Some(kinds) if kinds.contains(&"string") && !kinds.contains(&"array") => {
                Shape::Literal(scalar_kinds(kinds))
            }
            _ if schema.get("oneOf").is_some() => Shape::Json,
            _ => Shape::Either(branches.into_iter().map(|branch| self.shape(branch, depth + 1)).collect()),
        }
    }

    /// A scalar of each kind, or an object with at most one member.
    fn one_of(&self, branches: &[&'a Value], depth: usize) -> Shape {
        let object = branches.iter().find(|branch| kind(branch) == Some("object"));
        let object = object.filter(|object| object.get("maxProperties") == Some(&Value::from(1)));
        match object.map(|object| self.object(object, depth + 1)) {
            Some(Shape::Group(members)) => Shape::OneOf(members),
            _ => Shape::Literal(Kinds::Any),
        }
    }

    fn array(&self, schema: &'a Value, may_be_single: bool, depth: usize) -> Shape {
        let Some(items) = schema.get("items") else { return Shape::Json };
        let lines = |kinds| Shape::Lines {
            kinds,
            may_be_single,
            least: schema
                .get("minItems")
                .and_then(Value::as_u64)
                .and_then(|least| least.try_into().ok())
                .unwrap_or(0),
            hint: Hint::None,
        };
        match self.shape(items, depth + 1) {
            Shape::Text(_) => lines(Kinds::Strings),
            Shape::Literal(kinds) => lines(kinds),
            item @ (Shape::Group(_) | Shape::Child) => Shape::List(Box::new(item)),
            _ => lines(Kinds::Any),
        }
    }

    fn object(&self, schema: &'a Value, depth: usize) -> Shape {
        let Some(Value::Object(properties)) = schema.get("properties") else {
            let Some(values) = schema.get("additionalProperties").filter(|values| values.is_object()) else {
                return Shape::Json;
            };
            return match self.shape(values, depth + 1) {
                value @ (Shape::Number(_)
                | Shape::Literal(_)
                | Shape::Text(_)
                | Shape::Lines { .. }
                | Shape::OneOf(_)) => Shape::Map(Box::new(value)),
                _ => Shape::Json,
            };
        };
        let required: Vec<&str> = schema
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let mut members: Vec<(u64, Member)> = Vec::new();
        for (name, property) in properties {
            let is_required = required.contains(&name.as_str());
            let inner = without_null(property);
            let input = match text(property, "x-novi-input") {
                "" => text(inner, "x-novi-input"),
                input => input,
            };
            let order = property.get("x-novi-order").and_then(Value::as_u64);
            let is_nullable = !std::ptr::eq(inner, property) || has_null(property);
            let shape = match self.shape(property, depth + 1) {
                // Present or not is a third state.
                Shape::Truth(_) if is_nullable => {
                    Shape::Choice { names: vec!["true".to_owned(), "false".to_owned()], default: None }
                }
                Shape::Lines { kinds, may_be_single, least, hint: Hint::None } if !input.is_empty() => {
                    Shape::Lines { kinds, may_be_single, least, hint: hint(input) }
                }
                shape => shape,
            };
            let is_common = order.is_some();
            let is_main = match property.get("x-novi-main").and_then(Value::as_bool) {
                Some(is_main) => is_required || is_main,
                None => is_required || matches!(input, "time" | "weights" | "cel"),
            };
            let help = match text(property, "description") {
                "" => text(inner, "description"),
                help => help,
            };
            let member =
                Member { name: name.clone(), help: help.to_owned(), is_required, is_main, is_common, shape };
            // Required members are first, unless the type orders them.
            members.push((
                order.unwrap_or(if is_required {
                    3
                } else if is_main {
                    5
                } else {
                    10
                }),
                member,
            ));
        }
        members.sort_by_key(|(order, _)| *order);
        let mut members: Vec<Member> = members.into_iter().map(|(_, member)| member).collect();
        if members.iter().any(|member| member.shape == Shape::Text(Hint::Zone)) {
            for member in &mut members {
                member.shape.put_in_zone();
            }
        }
        Shape::Group(members)
    }
}

fn text<'a>(schema: &'a Value, keyword: &str) -> &'a str {
    schema.get(keyword).and_then(Value::as_str).unwrap_or_default()
}

fn hint(input: &str) -> Hint {
    match input {
        "time" => Hint::Time,
        "timezone" => Hint::Zone,
        "attribute" => Hint::Attribute,
        "cel" | "sql" => Hint::Code,
        "flag" => Hint::Flag,
        "metric" => Hint::Metric,
        _ => Hint::None,
    }
}

/// The type, besides null.
fn kind(schema: &Value) -> Option<&str> {
    match schema.get("type")? {
        Value::String(kind) => Some(kind),
        Value::Array(kinds) => {
            let mut kinds = kinds.iter().filter_map(Value::as_str).filter(|kind| *kind != "null");
            kinds.next().filter(|_| kinds.next().is_none())
        }
        _ => None,
    }
}

fn has_null(schema: &Value) -> bool {
    schema.get("type").and_then(Value::as_array).is_some_and(|kinds| kinds.iter().any(|kind| kind == "null"))
}

/// The schema of an optional value, without its null.
fn without_null(schema: &Value) -> &Value {
    let Some(branches) = schema.get("anyOf").and_then(Value::as_array) else { return schema };
    match branches.as_slice() {
        [inner, null] if kind(null) == Some("null") => inner,
        _ => schema,
    }
}

fn scalar_kinds(kinds: &[&str]) -> Kinds {
    match kinds {
        kinds if kinds.iter().all(|kind| *kind == "string") => Kinds::Strings,
        kinds if kinds.contains(&"object") => Kinds::Any,
        _ => Kinds::Scalars,
    }
}
