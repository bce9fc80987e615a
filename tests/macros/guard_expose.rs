//! `#[novi::enabled]` that records exposures.

use novi::{
    Flags,
    rows::{ActivationRow, FlagRow, LinkRow},
    store::{self, Change},
};

#[novi::enabled("layout", variant = "grid", expose = true, flags = flags, key = user)]
fn exposed(flags: &Flags, user: &str) -> Option<usize> {
    Some(user.len())
}

#[novi::enabled("layout", expose = false, flags = flags, key = user)]
fn looked_at(flags: &Flags, user: &str) -> Option<usize> {
    Some(user.len())
}

#[novi::enabled("nothing", expose = true, flags = flags, key = user)]
fn unknown(flags: &Flags, user: &str) -> Option<usize> {
    Some(user.len())
}

#[tokio::test]
async fn guards_record_exposures_if_they_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/flags.db?mode=rwc", folder.path().display());
    let store = store::create(&url).await.unwrap();
    store.migrate().await.unwrap();
    let changes = vec![
        Change::InsertFlag(FlagRow::new(1, "layout", true)),
        Change::InsertActivation(ActivationRow::new(1, "s", "novi.split", r#"{"variants": {"list": 1}}"#)),
        Change::Link(LinkRow::new(1, 1)),
    ];
    store.apply(changes).await.unwrap();
    let flags = Flags::connect(&url).await.unwrap();
    assert_eq!(
        (exposed(&flags, "user"), looked_at(&flags, "other"), unknown(&flags, "u")),
        (None, Some(5), None)
    );
    flags.close().await.unwrap();
    let rows = store.assignment_store().unwrap().assignments("layout", 10).await.unwrap();
    let rows: Vec<_> = rows.iter().map(|row| (row.unit.as_str(), row.variant.as_str())).collect();
    assert_eq!(rows, [("user", "list")], "who gets the other variant is exposed, too");
}
