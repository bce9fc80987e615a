//! Conversion of JSON, and of any type that serde can serialize, into contexts and values.
//!
//! The serializer is hand-written because `serde_json::to_value` rejects integers beyond 64 bits, turns NaN
//! and infinities into null, reports errors without a path, and overflows the stack on types that contain
//! themselves.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use serde::ser::{self, Serialize, Serializer};

use crate::context::{
    Context,
    to_context::{ToContext, ToValue},
    value::Value,
};

/// The limit of serde_json as well. It ends the recursion of types that contain themselves before the stack
/// overflows.
const MAX_DEPTH: u8 = 128;

/// Why a type cannot be converted into a [`Context`] or a [`Value`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ContextError {
    /// It is not a map or a struct, so it has no attributes.
    #[error(
        "expected a map or a struct with named fields, found {found}; to use it as one attribute, write `Context::new().with(name, value)`"
    )]
    NoAttributes {
        /// The kind of the value.
        found: &'static str,
    },
    /// A map has a key that cannot be a name.
    #[error("{}expected a string, an integer or a boolean as a key, found {found}", prefix(.path))]
    Key {
        /// The path of the map, such as `company.offices[2]`; empty for the root.
        path: String,
        /// The kind of the key.
        found: &'static str,
    },
    /// It is nested more than 128 levels deep, or contains itself.
    #[error("{}nested more than {MAX_DEPTH} levels deep", prefix(.path))]
    TooDeep {
        /// The path, such as `company.offices[2]`.
        path: String,
    },
    /// Its `Serialize` implementation returned an error.
    #[error("{}{message}", prefix(.path))]
    Serialize {
        /// The path, such as `company.offices[2]`; empty for the root.
        path: String,
        /// The message of that error.
        message: String,
    },
}

fn prefix(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!("{path}: ") }
}

impl ContextError {
    /// Prepends one level to the path.
    fn within(mut self, part: &dyn fmt::Display) -> Self {
        if let Self::Key { path, .. } | Self::TooDeep { path } | Self::Serialize { path, .. } = &mut self {
            let joint = if path.is_empty() || path.starts_with('[') { "" } else { "." };
            *path = format!("{part}{joint}{path}");
        }
        self
    }

    fn within_tag(self, tag: Option<&'static str>) -> Self {
        match tag {
            Some(tag) => self.within(&tag),
            None => self,
        }
    }
}

impl ser::Error for ContextError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Serialize { path: String::new(), message: message.to_string() }
    }
}

impl Context<'static> {
    /// Converts any type that serde serializes as a map or as a struct with named fields.
    ///
    /// Fields become attributes with the names that serde gives them; the one named `targetingKey` identifies
    /// the caller. The result is that of [`Context::from_json`] for the serialized data: structs and maps are
    /// objects, enums have serde's default tags, bytes are lists of integers. Integers keep all digits at any
    /// depth, and NaN and infinities, which JSON lacks, are preserved. For frequent conversions,
    /// [`#[derive(ToContext)]`](derive@crate::ToContext) is faster, because it borrows strings.
    ///
    /// ```
    /// use novi::Context;
    /// use serde::Serialize;
    ///
    /// #[derive(Serialize)]
    /// #[serde(rename_all = "camelCase")]
    /// struct Caller {
    ///     targeting_key: String,
    ///     roles: Vec<&'static str>,
    /// }
    ///
    /// let caller = Caller { targeting_key: "user-7".to_owned(), roles: vec!["admin"] };
    /// assert_eq!(Context::from_serialize(&caller)?.targeting_key(), Some("user-7"));
    ///
    /// let error = Context::from_serialize("user-7").unwrap_err().to_string();
    /// assert!(error.starts_with("expected a map or a struct with named fields, found string"));
    /// # Ok::<(), novi::context::ContextError>(())
    /// ```
    ///
    /// # Errors
    /// The type is not a map or struct, has a key that is not a string, integer or boolean, is nested more
    /// than 128 levels deep, or cannot be serialized. The message contains the path.
    pub fn from_serialize<T: Serialize + ?Sized>(from: &T) -> Result<Self, ContextError> {
        match Value::from_serialize(from)? {
            // If a name occurs more than once, the last attribute counts, as in `from_json`.
            Value::Object(fields) => Ok(distinct(fields.into_iter().collect::<BTreeMap<_, _>>())),
            other => Err(ContextError::NoAttributes { found: other.kind() }),
        }
    }
}

impl Value<'static> {
    /// Converts any type that serde can serialize; see [`Context::from_serialize`].
    ///
    /// # Errors
    /// A map has a key that is not a string, integer or boolean, the value is nested more than 128 levels
    /// deep, or it cannot be serialized. The message contains the path.
    pub fn from_serialize<T: Serialize + ?Sized>(from: &T) -> Result<Self, ContextError> {
        from.serialize(ToValueSerializer { depth: 0 })
    }
}

/// A context of attributes with distinct names.
fn distinct<'a>(attributes: impl IntoIterator<Item = (Cow<'a, str>, Value<'a>)>) -> Context<'a> {
    let mut ctx = Context::new();
    ctx.extend_distinct(attributes);
    ctx
}

type JsonMap = serde_json::Map<String, serde_json::Value>;

impl From<JsonMap> for Context<'static> {
    fn from(map: JsonMap) -> Self {
        distinct(map.into_iter().map(|(name, value)| (Cow::Owned(name), value.into())))
    }
}

/// Borrows all strings.
impl<'a> From<&'a JsonMap> for Context<'a> {
    fn from(map: &'a JsonMap) -> Self {
        distinct(map.iter().map(|(name, value)| (Cow::Borrowed(&**name), value.into())))
    }
}

/// Converts a JSON object.
///
/// ```
/// let ctx = novi::Context::try_from(serde_json::json!({"targetingKey": "user-7", "seed": 90}))?;
/// assert_eq!(ctx.targeting_key(), Some("user-7"));
/// # Ok::<(), novi::context::ContextError>(())
/// ```
impl TryFrom<serde_json::Value> for Context<'static> {
    type Error = ContextError;

    fn try_from(json: serde_json::Value) -> Result<Self, ContextError> {
        match json {
            serde_json::Value::Object(map) => Ok(map.into()),
            other => Err(ContextError::NoAttributes { found: other.to_value().kind() }),
        }
    }
}

/// Converts a JSON object and borrows its strings.
impl<'a> TryFrom<&'a serde_json::Value> for Context<'a> {
    type Error = ContextError;

    fn try_from(json: &'a serde_json::Value) -> Result<Self, ContextError> {
        match json {
            serde_json::Value::Object(map) => Ok(map.into()),
            other => Err(ContextError::NoAttributes { found: other.to_value().kind() }),
        }
    }
}

/// Borrows all strings.
impl<'a> From<&'a serde_json::Value> for Value<'a> {
    fn from(json: &'a serde_json::Value) -> Self {
        use serde_json::Value as Json;
        match json {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(*value),
            // Numbers have no strings to borrow.
            Json::Number(_) => json.clone().into(),
            Json::String(text) => Self::Str(Cow::Borrowed(text)),
            Json::Array(values) => Self::List(values.iter().map(Self::from).collect()),
            Json::Object(map) => map.to_value(),
        }
    }
}

impl ToValue for serde_json::Value {
    fn to_value(&self) -> Value<'_> {
        self.into()
    }
}

impl ToValue for JsonMap {
    fn to_value(&self) -> Value<'_> {
        Value::Object(self.iter().map(|(name, value)| (Cow::Borrowed(&**name), value.into())).collect())
    }
}

impl ToContext for JsonMap {
    fn add_to<'a>(&'a self, ctx: &mut Context<'a>) {
        ctx.extend_distinct(self.iter().map(|(name, value)| (Cow::Borrowed(&**name), value.into())));
    }
}

/// Serializes into a [`Value`].
#[derive(Clone, Copy)]
struct ToValueSerializer {
    depth: u8,
}

impl ToValueSerializer {
    fn inner(self) -> Result<Self, ContextError> {
        if self.depth == MAX_DEPTH {
            return Err(ContextError::TooDeep { path: String::new() });
        }
        Ok(Self { depth: self.depth + 1 })
    }

    /// `tag` is the name of an enum's variant.
    fn list(self, len: Option<usize>, tag: Option<&'static str>) -> Result<List, ContextError> {
        Ok(List { values: Vec::with_capacity(capacity(len)), tag, serializer: self.inner()? })
    }

    fn object(self, len: Option<usize>, tag: Option<&'static str>) -> Result<Object, ContextError> {
        Ok(Object { fields: Vec::with_capacity(capacity(len)), name: None, tag, serializer: self.inner()? })
    }
}

/// Limits the capacity, because types may claim any length.
fn capacity(len: Option<usize>) -> usize {
    len.unwrap_or_default().min(64)
}

fn tagged(tag: Option<&'static str>, value: Value<'static>) -> Value<'static> {
    match tag {
        Some(tag) => Value::Object(vec![(Cow::Borrowed(tag), value)]),
        None => value,
    }
}

macro_rules! plain {
    ($($method:ident($kind:ty);)*) => {$(
        fn $method(self, value: $kind) -> Result<Self::Ok, Self::Error> {
            Ok(value.to_value().into_owned())
        }
    )*};
}

impl Serializer for ToValueSerializer {
    type Ok = Value<'static>;
    type Error = ContextError;
    type SerializeSeq = List;
    type SerializeTuple = List;
    type SerializeTupleStruct = List;
    type SerializeTupleVariant = List;
    type SerializeMap = Object;
    type SerializeStruct = Object;
    type SerializeStructVariant = Object;

    plain! {
        serialize_bool(bool);
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_i128(i128);
        serialize_u8(u8);
        serialize_u16(u16);
        serialize_u32(u32);
        serialize_u64(u64);
        serialize_u128(u128);
        serialize_f32(f32);
        serialize_f64(f64);
        serialize_char(char);
        serialize_str(&str);
        serialize_bytes(&[u8]);
    }

    fn serialize_none(self) -> Result<Self::Ok, Self::Error> {
        Ok(Value::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Self::Ok, Self::Error> {
        value.serialize(self.inner()?)
    }

    fn serialize_unit(self) -> Result<Self::Ok, Self::Error> {
        Ok(Value::Null)
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<Self::Ok, Self::Error> {
        Ok(Value::Null)
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<Self::Ok, Self::Error> {
        Ok(Value::Str(Cow::Borrowed(variant)))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<Self::Ok, Self::Error> {
        value.serialize(self.inner()?)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Self::Ok, Self::Error> {
        let value = value.serialize(self.inner()?).map_err(|error| error.within(&variant))?;
        Ok(tagged(Some(variant), value))
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<List, Self::Error> {
        self.list(len, None)
    }

    fn serialize_tuple(self, len: usize) -> Result<List, Self::Error> {
        self.list(Some(len), None)
    }

    fn serialize_tuple_struct(self, _name: &'static str, len: usize) -> Result<List, Self::Error> {
        self.list(Some(len), None)
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<List, Self::Error> {
        self.list(Some(len), Some(variant))
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Object, Self::Error> {
        self.object(len, None)
    }

    fn serialize_struct(self, _name: &'static str, len: usize) -> Result<Object, Self::Error> {
        self.object(Some(len), None)
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Object, Self::Error> {
        self.object(Some(len), Some(variant))
    }
}

struct List {
    values: Vec<Value<'static>>,
    tag: Option<&'static str>,
    serializer: ToValueSerializer,
}

impl List {
    fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ContextError> {
        let value = value
            .serialize(self.serializer)
            .map_err(|error| error.within(&format_args!("[{}]", self.values.len())).within_tag(self.tag))?;
        self.values.push(value);
        Ok(())
    }

    fn value(self) -> Value<'static> {
        tagged(self.tag, Value::List(self.values))
    }
}

struct Object {
    fields: Vec<(Cow<'static, str>, Value<'static>)>,
    /// The key of the next value.
    name: Option<Cow<'static, str>>,
    tag: Option<&'static str>,
    serializer: ToValueSerializer,
}

impl Object {
    fn push<T: Serialize + ?Sized>(
        &mut self,
        name: Cow<'static, str>,
        value: &T,
    ) -> Result<(), ContextError> {
        let value =
            value.serialize(self.serializer).map_err(|error| error.within(&name).within_tag(self.tag))?;
        self.fields.push((name, value));
        Ok(())
    }

    fn value(self) -> Value<'static> {
        tagged(self.tag, Value::Object(self.fields))
    }
}

macro_rules! lists {
    ($($kind:ident $method:ident;)*) => {$(
        impl ser::$kind for List {
            type Ok = Value<'static>;
            type Error = ContextError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ContextError> {
                self.push(value)
            }

            fn end(self) -> Result<Value<'static>, ContextError> {
                Ok(self.value())
            }
        }
    )*};
}
lists! {
    SerializeSeq serialize_element;
    SerializeTuple serialize_element;
    SerializeTupleStruct serialize_field;
    SerializeTupleVariant serialize_field;
}

macro_rules! structs {
    ($($kind:ident)*) => {$(
        impl ser::$kind for Object {
            type Ok = Value<'static>;
            type Error = ContextError;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), ContextError> {
                self.push(Cow::Borrowed(name), value)
            }

            fn end(self) -> Result<Value<'static>, ContextError> {
                Ok(self.value())
            }
        }
    )*};
}
structs!(SerializeStruct SerializeStructVariant);

impl ser::SerializeMap for Object {
    type Ok = Value<'static>;
    type Error = ContextError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), ContextError> {
        self.name = Some(match key.serialize(self.serializer)? {
            Value::Str(text) | Value::BigInt(text) => text,
            Value::Int(number) => Cow::Owned(number.to_string()),
            Value::UInt(number) => Cow::Owned(number.to_string()),
            Value::Bool(value) => Cow::Borrowed(if value { "true" } else { "false" }),
            other => {
                return Err(
                    ContextError::Key { path: String::new(), found: other.kind() }.within_tag(self.tag)
                );
            }
        });
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ContextError> {
        match self.name.take() {
            Some(name) => self.push(name, value),
            None => Err(ser::Error::custom("the `Serialize` implementation passes a value before its key")),
        }
    }

    fn end(self) -> Result<Value<'static>, ContextError> {
        Ok(self.value())
    }
}
