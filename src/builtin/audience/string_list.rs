//! A setting that is a string or a list of strings.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer,
    de::{self, SeqAccess, Visitor},
};

/// A string, or a list of strings.
#[derive(Default)]
pub(in crate::builtin) struct StringList {
    list: Vec<String>,
    /// Whether the config has a list.
    is_list: bool,
}

impl StringList {
    pub(in crate::builtin) fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.list.iter().map(String::as_str)
    }

    /// The path of a string, if the setting is at `path`.
    pub(in crate::builtin) fn path(&self, path: &str, index: usize) -> String {
        if self.is_list { format!("{path}[{index}]") } else { path.to_owned() }
    }

    pub(in crate::builtin) fn into_boxed(self) -> Box<[Box<str>]> {
        self.list.into_iter().map(Into::into).collect()
    }
}

impl<'de> Deserialize<'de> for StringList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct StringListVisitor;

        impl<'de> Visitor<'de> for StringListVisitor {
            type Value = StringList;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a list of strings")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<StringList, E> {
                Ok(StringList { list: vec![text.to_owned()], is_list: false })
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<StringList, A::Error> {
                let list = Deserialize::deserialize(de::value::SeqAccessDeserializer::new(list))?;
                Ok(StringList { list, is_list: true })
            }
        }

        deserializer.deserialize_any(StringListVisitor)
    }
}

impl JsonSchema for StringList {
    fn schema_name() -> Cow<'static, str> {
        "StringList".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                {"title": "string", "type": "string"},
                {"title": "list of string", "type": "array", "items": {"type": "string"}, "minItems": 1}
            ]
        })
    }
}
