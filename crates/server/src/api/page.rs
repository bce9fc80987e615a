//! Lists that are given piece by piece.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::error::ApiError;

/// A piece of a list.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Page<T> {
    /// In an order that stays.
    pub(crate) items: Vec<T>,
    /// To be given as `cursor`, with all else as before, for what follows; null at the end.
    pub(crate) next: Option<String>,
    /// The revision of the rows that it was made from.
    pub(crate) revision: i64,
}

/// How many items a piece has at most.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "u32")]
pub(crate) struct Limit(u32);

impl Limit {
    const DEFAULT: u32 = 100;
    const MOST: u32 = 1000;

    pub(crate) fn or_default(limit: Option<Self>) -> usize {
        limit.map_or(Self::DEFAULT, |limit| limit.0) as usize
    }
}

impl TryFrom<u32> for Limit {
    type Error = String;

    fn try_from(number: u32) -> Result<Self, String> {
        if (1..=Self::MOST).contains(&number) {
            return Ok(Self(number));
        }
        Err(format!("expected a number from 1 to {}, found {number}", Self::MOST))
    }
}

impl JsonSchema for Limit {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Limit".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "integer", "minimum": 1, "maximum": Self::MOST, "default": Self::DEFAULT})
    }
}

/// Where something stands in a sorted list: a number, a text, and at last the id.
type Place<'a> = (i64, &'a str, i64);

/// Where a piece ends.
#[derive(Serialize, Deserialize)]
struct Mark {
    sort: String,
    number: i64,
    text: String,
    id: i64,
}

/// The piece of these rows, in the order of their places, that follows the one which gave the cursor. `sort` names the order,
/// and begins with a minus where it goes down.
pub(crate) fn cut<T>(
    mut rows: Vec<T>,
    sort: &str,
    place: impl Fn(&T) -> Place<'_>,
    limit: usize,
    cursor: Option<&str>,
) -> Result<(Vec<T>, Option<String>), ApiError> {
    let down = sort.starts_with('-');
    rows.sort_by(|one, other| {
        let order = place(one).cmp(&place(other));
        if down { order.reverse() } else { order }
    });
    if let Some(cursor) = cursor {
        let mark: Mark = read(cursor)?;
        if mark.sort != sort {
            return Err(ApiError::invalid_cursor());
        }
        let end = (mark.number, mark.text.as_str(), mark.id);
        let is_past = |row: &T| if down { place(row) < end } else { place(row) > end };
        let start = rows.partition_point(|row| !is_past(row));
        rows.drain(..start);
    }
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|last| {
        let (number, text, id) = place(last);
        write(&Mark { sort: sort.to_owned(), number, text: text.to_owned(), id })
    });
    Ok((rows, next))
}

/// The piece of a list whose items have no key of their own.
pub(crate) fn slice<T>(
    mut items: Vec<T>,
    limit: usize,
    cursor: Option<&str>,
) -> Result<(Vec<T>, Option<String>), ApiError> {
    let start: usize = cursor.map(read).transpose()?.unwrap_or_default();
    items.drain(..start.min(items.len()));
    let more = items.len() > limit;
    items.truncate(limit);
    Ok((items, more.then(|| write(&start.saturating_add(limit)))))
}

/// A cursor as text. Nobody need know what is in it, so that it can change.
pub(crate) fn write(cursor: &impl Serialize) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(cursor).unwrap_or_default())
}

/// What a cursor says.
///
/// # Errors
/// It is none of ours.
pub(crate) fn read<T: DeserializeOwned>(cursor: &str) -> Result<T, ApiError> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| ApiError::invalid_cursor())?;
    serde_json::from_slice(&bytes).map_err(|_| ApiError::invalid_cursor())
}
