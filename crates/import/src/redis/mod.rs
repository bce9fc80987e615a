//! The keys of a Redis database.

#[cfg(feature = "redis")]
mod fetch;

use std::collections::BTreeMap;

use novi_files::Tree;

use crate::error::{ImportError, parse_json};

/// The keys of a Redis database with their values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys(BTreeMap<String, RedisValue>);

/// The value of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RedisValue {
    /// A string.
    Text(String),
    /// A set.
    Set(Vec<String>),
    /// A stream, oldest entry first.
    Stream(Vec<StreamEntry>),
    /// A value of another type, or one that is not text.
    Other,
}

/// An entry of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamEntry {
    /// The id, such as `1576268467400-0`: the time in milliseconds, and a number.
    pub id: String,
    /// The fields, in their order.
    pub fields: Vec<(String, String)>,
}

impl StreamEntry {
    /// The value of a field.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }
}

impl Keys {
    /// The keys of a dump as JSON: an object from keys to strings, to lists of strings (sets), or to lists of
    /// `[id, fields]` (streams). Keys of other types are null.
    ///
    /// # Errors
    /// A text that is not such an object.
    pub fn from_json(text: &str) -> Result<Self, ImportError> {
        let Tree::Fields(keys) = parse_json(text)? else {
            return Err(ImportError::new(
                "expected an object from keys to values, as the dump of a Redis database",
            ));
        };
        let value = |(key, value): (String, Tree)| match dumped(value) {
            Some(value) => Ok((key, value)),
            None => Err(ImportError::new(format!(
                "{key:?}: expected a string, a list of strings (a set), a list of [id, fields] (a stream), or null"
            ))),
        };
        keys.into_iter().map(value).collect::<Result<_, _>>().map(Self)
    }

    /// The strings, by key.
    pub fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter_map(|(key, value)| match value {
            RedisValue::Text(text) => Some((key.as_str(), text.as_str())),
            _ => None,
        })
    }

    /// The streams, by key.
    pub fn streams(&self) -> impl Iterator<Item = (&str, &[StreamEntry])> {
        self.0.iter().filter_map(|(key, value)| match value {
            RedisValue::Stream(entries) => Some((key.as_str(), entries.as_slice())),
            _ => None,
        })
    }

    /// The sets, by key.
    pub fn sets(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.0.iter().filter_map(|(key, value)| match value {
            RedisValue::Set(members) => Some((key.as_str(), members.as_slice())),
            _ => None,
        })
    }

    /// A string.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        if let Some(RedisValue::Text(text)) = self.0.get(key) { Some(text) } else { None }
    }

    /// The members of a set; none if there is no such set.
    #[must_use]
    pub fn set(&self, key: &str) -> &[String] {
        if let Some(RedisValue::Set(members)) = self.0.get(key) { members } else { &[] }
    }

    /// The keys that start with a text, with the rest of them, whose values are of a type that no reader has.
    pub(crate) fn unreadable<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0
            .iter()
            .filter(|(_, value)| **value == RedisValue::Other)
            .filter_map(move |(key, _)| key.strip_prefix(prefix).map(|rest| (key.as_str(), rest)))
    }
}

impl FromIterator<(String, RedisValue)> for Keys {
    fn from_iter<T: IntoIterator<Item = (String, RedisValue)>>(keys: T) -> Self {
        Self(keys.into_iter().collect())
    }
}

fn dumped(value: Tree) -> Option<RedisValue> {
    match value {
        Tree::Null => Some(RedisValue::Other),
        Tree::String(text) => Some(RedisValue::Text(text)),
        Tree::List(items) if items.iter().all(|item| matches!(item, Tree::String(_))) => {
            Some(RedisValue::Set(items.into_iter().filter_map(text).collect()))
        }
        Tree::List(items) => items.into_iter().map(entry).collect::<Option<_>>().map(RedisValue::Stream),
        _ => None,
    }
}

fn entry(item: Tree) -> Option<StreamEntry> {
    let Tree::List(parts) = item else { return None };
    let [Tree::String(id), Tree::Fields(fields)] = <[Tree; 2]>::try_from(parts).ok()? else { return None };
    let fields = fields.into_iter().map(|(name, value)| Some((name, text(value)?)));
    Some(StreamEntry { id, fields: fields.collect::<Option<_>>()? })
}

fn text(value: Tree) -> Option<String> {
    if let Tree::String(text) = value { Some(text) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dumps_have_strings_sets_and_streams() {
        let keys =
            Keys::from_json(r#"{"a": "1", "b": ["x"], "c": [["1-0", {"f": "v"}]], "d": null, "e": []}"#)
                .unwrap();
        assert_eq!(keys.text("a"), Some("1"));
        assert_eq!(keys.set("b"), ["x"]);
        assert_eq!(keys.streams().count(), 1);
        assert_eq!(keys.unreadable("d").collect::<Vec<_>>(), [("d", "")]);
        for broken in
            ["[]", r#"{"a": 1}"#, r#"{"a": [1]}"#, r#"{"a": [["1", {"f": 1}]]}"#, r#"{"a": [["1"]]}"#]
        {
            assert!(Keys::from_json(broken).is_err(), "{broken}");
        }
    }
}
