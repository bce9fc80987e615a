//! A setting that is one text or several.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer,
    de::{self, SeqAccess, Visitor},
};

/// One text, or a list of texts.
#[derive(Default)]
pub(in crate::builtin) struct Texts {
    list: Vec<String>,
    /// Whether the row has a list.
    is_list: bool,
}

impl Texts {
    pub(in crate::builtin) fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.list.iter().map(String::as_str)
    }

    /// Where in the config a text is, if the setting is at `path`.
    pub(in crate::builtin) fn path(&self, path: &str, index: usize) -> String {
        if self.is_list { format!("{path}[{index}]") } else { path.to_owned() }
    }

    pub(in crate::builtin) fn into_boxed(self) -> Box<[Box<str>]> {
        self.list.into_iter().map(Into::into).collect()
    }
}

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextsVisitor;

        impl<'de> Visitor<'de> for TextsVisitor {
            type Value = Texts;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a list of texts")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Texts, E> {
                Ok(Texts { list: vec![text.to_owned()], is_list: false })
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Texts, A::Error> {
                let list = Deserialize::deserialize(de::value::SeqAccessDeserializer::new(list))?;
                Ok(Texts { list, is_list: true })
            }
        }

        deserializer.deserialize_any(TextsVisitor)
    }
}

impl JsonSchema for Texts {
    fn schema_name() -> Cow<'static, str> {
        "Texts".into()
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
