//! Lists in pages.

use std::{borrow::Cow, marker::PhantomData};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use novi::rows::Revision;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeOwned, Error as _},
};

use crate::http::error::ApiError;

/// A page of a list.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "{T}Page")]
pub(crate) struct Page<T> {
    /// In a stable order.
    pub(crate) items: Vec<T>,
    /// The `cursor` of the next page, with all other parameters unchanged; null on the last page.
    pub(crate) next: Option<String>,
    /// The revision of the rows.
    pub(crate) revision: i64,
    /// The number of items on all pages, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) total: Option<usize>,
}

/// The most items of a page.
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

/// The sort key of an item: a number, a text, and finally the id.
pub(crate) type SortKey<'a> = (i64, &'a str, i64);

/// The position after a page.
#[derive(Serialize, Deserialize)]
struct Cursor {
    sort: String,
    number: i64,
    text: String,
    id: i64,
}

/// A row that lists can be sorted by.
pub(crate) trait Sortable: 'static {
    /// The orders: columns, with a `-` before them if they are descending. The first is the default.
    const ORDERS: &'static [&'static str];

    fn key(&self, column: &str) -> SortKey<'_>;
}

/// The order of a list.
pub(crate) struct Sort<R>(&'static str, PhantomData<fn() -> R>);

impl<R: Sortable> Default for Sort<R> {
    fn default() -> Self {
        Self(R::ORDERS.first().copied().unwrap_or_default(), PhantomData)
    }
}

impl<'de, R: Sortable> Deserialize<'de> for Sort<R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        let known = R::ORDERS.iter().find(|order| **order == text);
        let known = known.ok_or_else(|| D::Error::unknown_variant(&text, R::ORDERS))?;
        Ok(Self(known, PhantomData))
    }
}

impl<R: Sortable> JsonSchema for Sort<R> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Sort".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "enum": R::ORDERS,
            "description": "The sort key; descending with a `-` before it.",
        })
    }
}

/// What a request wants of a list: the limit, the cursor and the order.
pub(crate) type Wanted<'a, R> = (Option<Limit>, Option<&'a str>, &'a Sort<R>);

/// A page of these rows, sorted. `detail` turns a row into an item.
pub(crate) fn sorted_page<'a, R: Sortable, T>(
    rows: impl Iterator<Item = &'a R>,
    (limit, cursor, Sort(sort, _)): Wanted<'_, R>,
    revision: Revision,
    detail: impl Fn(&'a R) -> T,
) -> Result<Page<T>, ApiError> {
    let (limit, descending) = (Limit::or_default(limit), sort.starts_with('-'));
    let key = |row: &'a R| row.key(sort.trim_start_matches('-'));
    let mut rows: Vec<&R> = rows.collect();
    rows.sort_by(|one, other| {
        let order = key(one).cmp(&key(other));
        if descending { order.reverse() } else { order }
    });
    let total = Some(rows.len());
    if let Some(cursor) = cursor {
        let cursor: Cursor = decode_cursor(cursor)?;
        if cursor.sort != *sort {
            return Err(ApiError::invalid_cursor());
        }
        let end = (cursor.number, cursor.text.as_str(), cursor.id);
        let is_past = |row: &'a R| if descending { key(row) < end } else { key(row) > end };
        let start = rows.partition_point(|row| !is_past(row));
        rows.drain(..start);
    }
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|last| {
        let (number, text, id) = key(last);
        encode_cursor(&Cursor { sort: (*sort).to_owned(), number, text: text.to_owned(), id })
    });
    Ok(Page { items: rows.into_iter().map(detail).collect(), next, revision: revision.number(), total })
}

/// The page of a list whose items have no key.
pub(crate) fn paginate<T>(
    mut items: Vec<T>,
    limit: usize,
    cursor: Option<&str>,
) -> Result<(Vec<T>, Option<String>), ApiError> {
    let start: usize = cursor.map(decode_cursor).transpose()?.unwrap_or_default();
    items.drain(..start.min(items.len()));
    let more = items.len() > limit;
    items.truncate(limit);
    Ok((items, more.then(|| encode_cursor(&start.saturating_add(limit)))))
}

/// A cursor as opaque text.
pub(crate) fn encode_cursor(cursor: &impl Serialize) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(cursor).unwrap_or_default())
}

/// The content of a cursor.
///
/// # Errors
/// 400 if it is invalid.
pub(crate) fn decode_cursor<T: DeserializeOwned>(cursor: &str) -> Result<T, ApiError> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| ApiError::invalid_cursor())?;
    serde_json::from_slice(&bytes).map_err(|_| ApiError::invalid_cursor())
}
