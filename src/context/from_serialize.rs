//! Contexts and values from JSON, and from whatever serde can serialize.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use serde::ser::{self, Serialize, Serializer};

use crate::context::{
    Context,
    to_context::{ToContext, ToValue},
    value::Value,
};

/// As deep as JSON readers go. What refers to itself ends here, before the stack does.
const MAX_DEPTH: u8 = 128;

/// Why something can not become a [`Context`] or a [`Value`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ContextError {
    /// It has no attributes.
    #[error(
        "a context is made from a map or a struct with named fields, found {found}: give it a name, as in `Context::new().with(name, value)`"
    )]
    NoAttributes {
        /// The kind of value that it is.
        found: &'static str,
    },
    /// The key of a map is no name.
    #[error("{}expected a key that is text, an integer or a boolean, found {found}", place(.path))]
    Key {
        /// The map, such as `company.offices[2]`; empty for the whole.
        path: String,
        /// The kind of value that the key is.
        found: &'static str,
    },
    /// It is nested more than 128 levels deep, or refers to itself.
    #[error("{}nested more than {MAX_DEPTH} levels deep", place(.path))]
    TooDeep {
        /// Where, such as `company.offices[2]`.
        path: String,
    },
    /// Its own `Serialize` gave an error.
    #[error("{}{message}", place(.path))]
    Serialize {
        /// Where, such as `company.offices[2]`; empty for the whole.
        path: String,
        /// What it said.
        message: String,
    },
}

fn place(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!("{path}: ") }
}

impl ContextError {
    /// The same error, told from one level further up.
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
    /// A context from anything that serde serializes as a map or as a struct with named fields.
    ///
    /// The fields become attributes by the names that serde gives them; `targetingKey` has to be one of them to be the
    /// sticky identity. The answer is that of [`Context::from_json`] for the same data, without text in between: structs
    /// and maps are objects, enums are tagged by serde's default, bytes are lists of integers. Whole numbers keep their
    /// digits at any depth, and fractions that JSON lacks (infinities, NaN) stay what they are. A type that is asked often
    /// does better with [`#[derive(ToContext)]`](derive@crate::ToContext), which allocates nothing.
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
    /// assert!(error.starts_with("a context is made from a map or a struct with named fields, found string"));
    /// # Ok::<(), novi::ContextError>(())
    /// ```
    ///
    /// # Errors
    /// It is no map and no struct, has a key that is no text, integer or boolean, is nested more than 128 levels deep,
    /// or can not be serialized. The message tells where.
    pub fn from_serialize<T: Serialize + ?Sized>(from: &T) -> Result<Self, ContextError> {
        match Value::from_serialize(from)? {
            // Of two attributes with the same name the later one counts, as in `from_json`.
            Value::Object(fields) => Ok(distinct(fields.into_iter().collect::<BTreeMap<_, _>>())),
            other => Err(ContextError::NoAttributes { found: other.kind() }),
        }
    }
}

impl Value<'static> {
    /// A value from anything that serde serializes; see [`Context::from_serialize`].
    ///
    /// # Errors
    /// A map has a key that is no text, integer or boolean, something is nested more than 128 levels deep, or can not be
    /// serialized. The message tells where.
    pub fn from_serialize<T: Serialize + ?Sized>(from: &T) -> Result<Self, ContextError> {
        from.serialize(ToValueSerializer { depth: 0 })
    }
}

/// From attributes whose names differ.
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

/// Borrows all text.
impl<'a> From<&'a JsonMap> for Context<'a> {
    fn from(map: &'a JsonMap) -> Self {
        distinct(map.iter().map(|(name, value)| (Cow::Borrowed(&**name), value.into())))
    }
}

/// From a JSON object.
///
/// ```
/// let ctx = novi::Context::try_from(serde_json::json!({"targetingKey": "user-7", "seed": 90}))?;
/// assert_eq!(ctx.targeting_key(), Some("user-7"));
/// # Ok::<(), novi::ContextError>(())
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

/// From a JSON object, whose text is borrowed.
impl<'a> TryFrom<&'a serde_json::Value> for Context<'a> {
    type Error = ContextError;

    fn try_from(json: &'a serde_json::Value) -> Result<Self, ContextError> {
        match json {
            serde_json::Value::Object(map) => Ok(map.into()),
            other => Err(ContextError::NoAttributes { found: other.to_value().kind() }),
        }
    }
}

/// Borrows all text.
impl<'a> From<&'a serde_json::Value> for Value<'a> {
    fn from(json: &'a serde_json::Value) -> Self {
        use serde_json::Value as Json;
        match json {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(*value),
            // Numbers have no text to borrow.
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

type Fields = Vec<(Cow<'static, str>, Value<'static>)>;

/// Makes a value of what serde tells.
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

    /// `tag` is the name of the enum's variant, if it is one.
    fn list(self, len: Option<usize>, tag: Option<&'static str>) -> Result<List, ContextError> {
        Ok(List { values: Vec::with_capacity(room(len)), tag, serializer: self.inner()? })
    }

    fn object(self, len: Option<usize>, tag: Option<&'static str>) -> Result<Object, ContextError> {
        Ok(Object { fields: Vec::with_capacity(room(len)), name: None, tag, serializer: self.inner()? })
    }
}

/// What a type says of its length is not trusted with the memory.
fn room(len: Option<usize>) -> usize {
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
    fields: Fields,
    /// The key whose value comes next.
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
            None => Err(ser::Error::custom("its `Serialize` gives a value before the value's key")),
        }
    }

    fn end(self) -> Result<Value<'static>, ContextError> {
        Ok(self.value())
    }
}
