//! A revision or time in a query or body.

use std::borrow::Cow;

use chrono::Datelike as _;
use novi::store::history::AsOf;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de::Error as _};

/// A revision or a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment(pub(crate) AsOf);

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        let moment: AsOf = text.parse().map_err(D::Error::custom)?;
        match moment {
            // Databases differ in the years that they support beyond these.
            AsOf::Time(time) if !(1970..=9999).contains(&time.year()) => {
                Err(D::Error::custom("expected a time in the years 1970 to 9999"))
            }
            moment => Ok(Self(moment)),
        }
    }
}

impl JsonSchema for Moment {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Moment".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": concat!(
                r"^([0-9]{1,18}|[0-9]{4}-[0-9]{2}-[0-9]{2}",
                r"([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})?)?)?)$",
            ),
            "description": "A revision such as 42, a time such as 2027-01-31T12:00:00Z, or a date such as 2027-01-31.",
        })
    }
}
