//! How long the history is retained.

use std::{fmt, str::FromStr, time::Duration};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::store::history::moment::AsOf;

/// The seconds of a day.
const DAY: u64 = 86_400;

/// How long records are retained, written as `"forever"` or as a duration with its unit: `"90d"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Retention {
    /// Records are never pruned.
    #[default]
    Forever,
    /// For this long at least: the rows of any moment within it can be read.
    For(Duration),
}

impl Retention {
    /// The moment before which records may be pruned now; `None` if none may be.
    #[must_use]
    pub fn since(self) -> Option<AsOf> {
        self.since_at(Utc::now())
    }

    /// The moment before which records may be pruned at this time; `None` if none may be.
    #[must_use]
    pub fn since_at(self, now: DateTime<Utc>) -> Option<AsOf> {
        let Self::For(duration) = self else { return None };
        let duration = chrono::Duration::from_std(duration).ok()?;
        now.checked_sub_signed(duration).map(AsOf::Time)
    }
}

impl FromStr for Retention {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text == "forever" {
            return Ok(Self::Forever);
        }
        humantime::parse_duration(text)
            .map(Self::For)
            .map_err(|_| r#"expected "forever" or a duration with its unit, like "90d""#)
    }
}

impl fmt::Display for Retention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forever => f.write_str("forever"),
            // People say 90 days, not two months and some.
            Self::For(duration) if duration.as_secs() >= DAY && duration.as_secs().is_multiple_of(DAY) => {
                write!(f, "{}d", duration.as_secs() / DAY)
            }
            Self::For(duration) => humantime::format_duration(*duration).fmt(f),
        }
    }
}

impl<'de> Deserialize<'de> for Retention {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeepVisitor;

        impl de::Visitor<'_> for KeepVisitor {
            type Value = Retention;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(r#""forever" or a duration with its unit, like "90d""#)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Retention, E> {
                text.parse().map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }

        deserializer.deserialize_str(KeepVisitor)
    }
}

impl Serialize for Retention {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_to_keep_are_read_and_written() {
        for text in ["forever", "90d", "1h 30m"] {
            assert_eq!(text.parse::<Retention>().unwrap().to_string(), text);
        }
        assert_eq!("90d".parse(), Ok(Retention::For(Duration::from_hours(90 * 24))));
        for text in ["", "90", "always", "-1d"] {
            assert!(text.parse::<Retention>().is_err(), "{text:?}");
        }
    }
}
