//! Types of values.

/// The type of a value, which is itself a value: `type(1) == int`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Type {
    /// `null_type`
    Null,
    /// `bool`
    Bool,
    /// `int`
    Int,
    /// `uint`
    UInt,
    /// `double`
    Double,
    /// `string`
    String,
    /// A point in time
    Timestamp,
    /// A length of time
    Duration,
    /// A version
    Version,
    /// `list`
    List,
    /// `map`
    Map,
    /// `type`
    Type,
}

impl Type {
    /// Names of types. A variable of the same name hides the type.
    const NAMES: [(&'static str, Self); 9] = [
        ("null_type", Self::Null),
        ("bool", Self::Bool),
        ("int", Self::Int),
        ("uint", Self::UInt),
        ("double", Self::Double),
        ("string", Self::String),
        ("list", Self::List),
        ("map", Self::Map),
        ("type", Self::Type),
    ];

    pub(crate) fn find(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, found)| *found)
    }

    pub(crate) const fn is_number(self) -> bool {
        matches!(self, Self::Int | Self::UInt | Self::Double)
    }

    /// The name with its article, for messages: "a string".
    #[must_use]
    pub const fn with_article(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "a boolean",
            Self::Int => "an int",
            Self::UInt => "a uint",
            Self::Double => "a double",
            Self::String => "a string",
            Self::Timestamp => "a timestamp",
            Self::Duration => "a duration",
            Self::Version => "a version",
            Self::List => "a list",
            Self::Map => "a map",
            Self::Type => "a type",
        }
    }
}
