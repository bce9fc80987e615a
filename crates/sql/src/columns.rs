//! Which column has which attribute, and its type.

use std::{collections::BTreeMap, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnType {
    /// Text; also a UUID or an enumeration.
    Text,
    /// Whole numbers.
    Integer,
    /// Numbers with fractions.
    Number,
    /// True or false.
    Boolean,
    /// A point in time: `timestamptz`, in MySQL `TIMESTAMP`.
    Instant,
    /// A date with a time of day, which is taken as UTC: `timestamp`, in MySQL `DATETIME`.
    Datetime,
    /// Text or whole numbers: the key of a caller, of which nothing else is known.
    Key,
    /// Any type.
    Any,
}

impl ColumnType {
    /// In words, for messages.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Instant => "instant",
            Self::Datetime => "datetime",
            Self::Key => "text or integer",
            Self::Any => "any type",
        }
    }
}

impl FromStr for ColumnType {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Ok(match name.to_ascii_lowercase().as_str() {
            "text" | "string" | "varchar" | "uuid" | "enum" => Self::Text,
            "integer" | "int" | "bigint" | "smallint" => Self::Integer,
            "number" | "numeric" | "decimal" | "double" => Self::Number,
            "boolean" | "bool" => Self::Boolean,
            "instant" | "timestamptz" => Self::Instant,
            "datetime" => Self::Datetime,
            _ => {
                return Err(format!(
                    "unknown type {name:?}: expected text, integer, number, boolean, instant or datetime"
                ));
            }
        })
    }
}

/// The column of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name, with that of a table or an alias before it if there are several parts.
    pub path: Vec<String>,
    /// Its type, if it is declared.
    pub kind: Option<ColumnType>,
}

/// The columns of attributes. An attribute that is not among them is a column with its name.
///
/// ```
/// let columns: novi_sql::Columns = "targetingKey=u.id:integer, plan".parse()?;
/// assert_eq!(columns.get("targetingKey").map(|column| column.path.join(".")).as_deref(), Some("u.id"));
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns(BTreeMap<String, Column>);

impl Columns {
    /// The column of an attribute, if it is declared.
    #[must_use]
    pub fn get(&self, attribute: &str) -> Option<&Column> {
        self.0.get(attribute)
    }

    /// Declares the column of an attribute.
    pub fn insert(&mut self, attribute: impl Into<String>, column: Column) {
        self.0.insert(attribute.into(), column);
    }

    /// The attributes whose columns are declared.
    pub fn attributes(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Whether none is declared.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn add(&mut self, attribute: &str, column: &str) -> Result<(), String> {
        let (path, kind) = match column.rsplit_once(':') {
            Some((path, kind)) => (path.trim(), Some(kind.trim().parse()?)),
            None => (column.trim(), None),
        };
        let path = if path.is_empty() { attribute } else { path };
        let path: Vec<String> = if path == attribute {
            vec![path.to_owned()]
        } else {
            path.split('.').map(str::to_owned).collect()
        };
        if attribute.is_empty() || path.iter().any(|part| part.is_empty() || part.contains('\0')) {
            return Err(format!("expected ATTRIBUTE=COLUMN:TYPE, found \"{attribute}={column}\""));
        }
        if self.0.insert(attribute.to_owned(), Column { path, kind }).is_some() {
            return Err(format!("the attribute {attribute:?} occurs twice"));
        }
        Ok(())
    }
}

/// `ATTRIBUTE=COLUMN:TYPE`, separated by commas, of which the column or the type can be left out; or, for
/// names with such characters, a JSON object from attributes to `"COLUMN:TYPE"`.
impl FromStr for Columns {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim_start().starts_with('{') {
            return serde_json::from_str(text)
                .map_err(|error| format!("expected an object of attributes and \"COLUMN:TYPE\": {error}"));
        }
        let mut columns = Self::default();
        for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            match entry.split_once('=') {
                Some((attribute, column)) => columns.add(attribute.trim(), column)?,
                None => match entry.split_once(':') {
                    Some((attribute, kind)) => columns.add(attribute.trim(), &format!(":{kind}"))?,
                    None => columns.add(entry, "")?,
                },
            }
        }
        Ok(columns)
    }
}

/// As an object from attributes to `"COLUMN:TYPE"`.
impl Serialize for Columns {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let column = |column: &Column| {
            let kind = column.kind.map_or_else(String::new, |kind| format!(":{}", kind.words()));
            format!("{}{kind}", column.path.join("."))
        };
        serializer.collect_map(self.0.iter().map(|(name, one)| (name, column(one))))
    }
}

impl<'de> Deserialize<'de> for Columns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let map = BTreeMap::<String, String>::deserialize(deserializer)?;
        let mut columns = Self::default();
        for (attribute, column) in &map {
            columns.add(attribute, column).map_err(de::Error::custom)?;
        }
        Ok(columns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_read_and_written_again() {
        let columns: Columns = "targetingKey=u.id:integer, plan, age:number,x=y".parse().unwrap();
        let column =
            |path: &[&str], kind| Column { path: path.iter().map(|part| (*part).to_owned()).collect(), kind };
        assert_eq!(columns.get("targetingKey"), Some(&column(&["u", "id"], Some(ColumnType::Integer))));
        assert_eq!(columns.get("plan"), Some(&column(&["plan"], None)));
        assert_eq!(columns.get("age"), Some(&column(&["age"], Some(ColumnType::Number))));
        assert_eq!(columns.get("x"), Some(&column(&["y"], None)));
        let json = |columns: &Columns| serde_json::to_string(columns).unwrap();
        assert_eq!(json(&columns).parse(), Ok(columns));
        let strange: Columns = r#"{"a,b=c": "d:text", "user.plan": ":text"}"#.parse().unwrap();
        assert_eq!(strange.get("a,b=c"), Some(&column(&["d"], Some(ColumnType::Text))));
        assert_eq!(strange.get("user.plan"), Some(&column(&["user.plan"], Some(ColumnType::Text))));
        assert_eq!(json(&strange).parse(), Ok(strange));
    }

    #[test]
    fn invalid_columns_say_what_was_expected() {
        for text in ["a=b:money", "=a", "a=b,a=c", "a=b..c", "{", r#"{"a": 1}"#] {
            assert!(text.parse::<Columns>().is_err(), "{text}");
        }
    }
}
