//! From columns to rows. A column that cannot be read is a fault of its row, never an error of the load.

use std::fmt;

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};

use crate::rows::{ActivationRow, FailMode, Fault, FlagMetadata, FlagRow, LinkRow, MemberRow, ValueType};

/// The value of a column, whatever type its table claims to have.
#[derive(Debug)]
pub enum Cell {
    /// SQL's null.
    Null,
    /// Booleans, too: only PostgreSQL has them.
    Integer(i64),
    /// A floating-point number.
    Real(f64),
    /// Text.
    Text(String),
    /// Bytes that are not UTF-8.
    Bytes(Vec<u8>),
}

impl Cell {
    /// Text where the bytes are UTF-8.
    #[must_use]
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        String::from_utf8(bytes).map_or_else(|error| Self::Bytes(error.into_bytes()), Self::Text)
    }

    /// Text, or what the value looks like.
    pub(super) fn into_text(self) -> String {
        if let Self::Text(text) = self { text } else { self.to_string() }
    }

    pub(super) fn into_optional_text(self) -> Option<String> {
        (!self.is_null()).then(|| self.into_text())
    }

    pub(super) fn into_integer(self) -> Option<i64> {
        if let Self::Integer(value) = self { Some(value) } else { None }
    }

    fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// Enough to recognise a value by; a config can be megabytes long.
        const SHOWN: usize = 40;
        match self {
            Self::Null => f.write_str("null"),
            Self::Integer(value) => value.fmt(f),
            Self::Real(value) => value.fmt(f),
            Self::Text(text) if text.chars().count() > SHOWN => {
                let start: String = text.chars().take(SHOWN).collect();
                write!(f, "the text {start:?}...")
            }
            Self::Text(text) => write!(f, "the text {text:?}"),
            Self::Bytes(bytes) => write!(f, "{} bytes that are not UTF-8", bytes.len()),
        }
    }
}

/// Takes the columns of one row from left to right.
pub(super) struct Columns<'c> {
    cells: &'c mut dyn Iterator<Item = Cell>,
    table: &'static str,
    faults: Vec<Fault>,
}

impl<'c> Columns<'c> {
    pub(super) fn new(cells: &'c mut dyn Iterator<Item = Cell>, table: &'static str) -> Self {
        Self { cells, table, faults: Vec::new() }
    }

    pub(super) fn next(&mut self) -> Cell {
        self.cells.next().unwrap_or(Cell::Null)
    }

    fn fault(&mut self, column: &'static str, expected: &str, found: &Cell) {
        let message = format!("expected {expected}, found {found}");
        self.faults.push(Fault { table: self.table, column, message });
    }

    pub(super) fn integer(&mut self, column: &'static str) -> i64 {
        match self.next() {
            Cell::Integer(value) => value,
            other => {
                self.fault(column, "an integer", &other);
                0
            }
        }
    }

    pub(super) fn text(&mut self, column: &'static str) -> String {
        match self.next() {
            Cell::Text(text) => text,
            other => {
                self.fault(column, "text", &other);
                String::new()
            }
        }
    }

    pub(super) fn optional_text(&mut self, column: &'static str) -> Option<String> {
        match self.next() {
            Cell::Text(text) => Some(text),
            Cell::Null => None,
            // SQLite keeps a number in a column without a type; `5` is JSON all the same.
            Cell::Integer(value) => Some(value.to_string()),
            other => {
                self.fault(column, "text", &other);
                None
            }
        }
    }

    fn boolean(&mut self, column: &'static str, otherwise: bool) -> bool {
        match self.next() {
            Cell::Integer(0) => false,
            Cell::Integer(1) => true,
            other => {
                self.fault(column, "true or false (1 or 0)", &other);
                otherwise
            }
        }
    }

    /// Records of earlier versions have no such column.
    fn exposed(&mut self) -> bool {
        match self.next() {
            Cell::Null | Cell::Integer(0) => false,
            Cell::Integer(1) => true,
            other => {
                self.fault("exposed", "true or false (1 or 0)", &other);
                false
            }
        }
    }

    fn time(&mut self, column: &'static str) -> Option<DateTime<Utc>> {
        let cell = self.next();
        if cell.is_null() {
            return None;
        }
        let time = if let Cell::Text(text) = &cell { parse_time(text) } else { None };
        if time.is_none() {
            self.fault(column, "a time such as 2027-01-31T12:00:00Z or a date such as 2027-01-31", &cell);
        }
        time
    }

    fn tags(&mut self) -> Vec<String> {
        let cell = self.next();
        if cell.is_null() {
            return Vec::new();
        }
        let tags = if let Cell::Text(text) = &cell { serde_json::from_str(text).ok() } else { None };
        tags.unwrap_or_else(|| {
            self.fault("tags", r#"a JSON array of strings such as ["beta"]"#, &cell);
            Vec::new()
        })
    }

    fn fail_mode(&mut self) -> FailMode {
        let cell = self.next();
        let mode = if let Cell::Text(text) = &cell { FailMode::parse(text) } else { None };
        mode.unwrap_or_else(|| {
            self.fault("fail_mode", "off, on or last_known", &cell);
            FailMode::default()
        })
    }

    fn value_type(&mut self) -> Option<ValueType> {
        let cell = self.next();
        if cell.is_null() {
            return None;
        }
        let kind = if let Cell::Text(text) = &cell { ValueType::parse(text) } else { None };
        if kind.is_none() {
            self.fault("value_type", "boolean, string, integer, number, object or any", &cell);
        }
        kind
    }
}

/// A column that is a time, if it is one.
pub(super) fn time(cell: Cell) -> Option<DateTime<Utc>> {
    parse_time(&cell.into_text())
}

/// RFC 3339, or a date, or a date and a time, which then are UTC.
pub(super) fn parse_time(text: &str) -> Option<DateTime<Utc>> {
    parse_any_time(text).map(|time| time.min(END_OF_TIME))
}

/// No text for people has a later year.
const END_OF_TIME: DateTime<Utc> =
    NaiveDate::from_ymd_opt(9999, 12, 31).expect("a date").and_hms_opt(23, 59, 59).expect("a time").and_utc();

fn parse_any_time(text: &str) -> Option<DateTime<Utc>> {
    let text = match text.trim() {
        // As PostgreSQL has them.
        "infinity" => "9999-12-31T23:59:59Z",
        "-infinity" => "0001-01-01T00:00:00Z",
        text => text,
    };
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.to_utc());
    }
    // As PostgreSQL, and chrono's own `Display`, write a time with its offset.
    if let Ok(time) = DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f%#z") {
        return Some(time.to_utc());
    }
    for format in ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"] {
        if let Ok(time) = NaiveDateTime::parse_from_str(text, format) {
            return Some(time.and_utc());
        }
    }
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    Some(date.and_hms_opt(0, 0, 0)?.and_utc())
}

/// The columns of `ReadSql::flags`.
pub(super) fn flag(cells: &mut dyn Iterator<Item = Cell>) -> FlagRow {
    let mut columns = Columns::new(cells, "flags");
    let id = columns.integer("id");
    let name = columns.text("name");
    let status = columns.boolean("status", false);
    let has_metadata = !columns.next().is_null();
    columns.table = "flag_metadata";
    let metadata = if has_metadata { metadata(&mut columns) } else { FlagMetadata::default() };
    FlagRow { id, name, status, metadata, faults: columns.faults }
}

fn metadata(columns: &mut Columns<'_>) -> FlagMetadata {
    FlagMetadata {
        description: columns.optional_text("description"),
        owner: columns.optional_text("owner"),
        expires_at: columns.time("expires_at"),
        tags: columns.tags(),
        override_allowed: columns.boolean("override_allowed", false),
        exposed: columns.exposed(),
        fail_mode: columns.fail_mode(),
        variants: columns.optional_text("variants"),
        value_type: columns.value_type(),
        default_variant: columns.optional_text("default_variant"),
        off_variant: columns.optional_text("off_variant"),
        metadata: columns.optional_text("metadata"),
        row_version: columns.integer("row_version"),
        created_at: columns.time("created_at"),
        updated_at: columns.time("updated_at"),
    }
}

/// The columns of `flag_metadata` after `flag_id`, in the order of `ReadSql::flags`.
pub(super) fn flag_metadata(cells: &mut dyn Iterator<Item = Cell>) -> (FlagMetadata, Vec<Fault>) {
    let mut columns = Columns::new(cells, "flag_metadata");
    let metadata = metadata(&mut columns);
    (metadata, columns.faults)
}

/// The columns of `ReadSql::activations`.
pub(super) fn activation(cells: &mut dyn Iterator<Item = Cell>) -> ActivationRow {
    let mut columns = Columns::new(cells, "activations");
    ActivationRow {
        id: columns.integer("id"),
        name: columns.text("name"),
        class_name: columns.text("class_name"),
        config: columns.optional_text("config"),
        // Unreadable or missing bookkeeping breaks no activation.
        row_version: if let Cell::Integer(version) = columns.next() { version } else { 1 },
        faults: columns.faults,
    }
}

/// The columns of `ReadSql::links`. A link's end that is no integer
/// leads nowhere, as null does.
pub(super) fn link(cells: &mut dyn Iterator<Item = Cell>) -> LinkRow {
    let mut end = || match cells.next() {
        Some(Cell::Integer(id)) => Some(id),
        _ => None,
    };
    LinkRow { flag_id: end(), activation_id: end() }
}

/// The columns of `ReadSql::members`.
pub(super) fn member(cells: &mut dyn Iterator<Item = Cell>) -> MemberRow {
    let mut columns = Columns::new(cells, "activation_members");
    MemberRow {
        activation_id: columns.integer("activation_id"),
        member: columns.text("member"),
        denied: columns.boolean("denied", true),
        // One of them is enough.
        fault: columns.faults.into_iter().next().map(Box::new),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_the_forms_that_people_write() {
        let expected = Some("2027-01-31T12:30:00Z".parse::<DateTime<Utc>>().unwrap());
        for text in [
            "2027-01-31T12:30:00Z",
            "2027-01-31T14:30:00.000+02:00",
            "2027-01-31 12:30",
            "2027-01-31 12:30:00",
            " 2027-01-31 12:30:00.000000 ",
            "2027-01-31 12:30:00+00",
        ] {
            assert_eq!(parse_time(text), expected, "{text:?}");
        }
        assert_eq!(parse_time("2027-01-31"), Some("2027-01-31T00:00:00Z".parse().unwrap()));
        for text in ["", "tomorrow", "31.01.2027", "2027-02-30", "0000-00-00T00:00:00Z"] {
            assert_eq!(parse_time(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_record_without_a_column_hides_the_flag() {
        let cells = |exposed| {
            [Cell::Null, Cell::Null, Cell::Null, Cell::Null, Cell::Integer(1), exposed].into_iter().chain([
                Cell::Text("off".to_owned()),
                Cell::Null,
                Cell::Null,
                Cell::Null,
                Cell::Null,
                Cell::Null,
                Cell::Integer(1),
            ])
        };
        for (cell, exposed) in [(Cell::Null, false), (Cell::Integer(0), false), (Cell::Integer(1), true)] {
            let (metadata, faults) = flag_metadata(&mut cells(cell));
            assert_eq!((metadata.exposed, faults), (exposed, Vec::new()));
        }
        let (metadata, faults) = flag_metadata(&mut cells(Cell::Text("yes".to_owned())));
        assert!(!metadata.exposed);
        assert_eq!(faults[0].message, "expected true or false (1 or 0), found the text \"yes\"");
    }

    #[test]
    fn odd_columns_are_faults_that_say_what_was_expected_and_found() {
        let row = flag(
            &mut [Cell::Integer(7), Cell::Null, Cell::Text("banana".to_owned()), Cell::Null].into_iter(),
        );
        assert_eq!((row.id, row.status), (7, false));
        let faults: Vec<_> =
            row.faults.iter().map(|f| format!("{}.{}: {}", f.table, f.column, f.message)).collect();
        assert_eq!(
            faults,
            [
                "flags.name: expected text, found null",
                "flags.status: expected true or false (1 or 0), found the text \"banana\"",
            ]
        );
        let row = activation(
            &mut [
                Cell::Integer(1),
                Cell::Text("a".to_owned()),
                Cell::Text("b".to_owned()),
                Cell::from_bytes(vec![0xff, 0xfe]),
            ]
            .into_iter(),
        );
        assert_eq!(row.faults[0].message, "expected text, found 2 bytes that are not UTF-8");
    }
}
