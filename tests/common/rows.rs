//! Rows that many tests need.

use novi::{
    Flags,
    rows::{ActivationRow, FlagRow, LinkRow, Rows},
};

/// A flag that is turned on and has one activation, which is called "row".
pub(crate) fn one_flag(name: &str, class: &str, config: impl Into<String>) -> Rows {
    Rows {
        flags: vec![FlagRow::new(1, name, true)],
        activations: vec![ActivationRow::new(1, "row", class, config)],
        links: vec![LinkRow::new(1, 1)],
        ..Rows::default()
    }
}

/// The flags of valid rows.
#[track_caller]
pub(crate) fn valid(rows: Rows) -> Flags {
    let flags = Flags::from_rows(rows).unwrap();
    assert_eq!(flags.issues(), []);
    flags
}
