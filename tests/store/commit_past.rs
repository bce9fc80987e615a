//! Changes of the past, which an import writes.

use novi::{
    Error, Flags,
    rows::FlagRow,
    store::{
        Change, Edit,
        history::{AsOf, HistoryQuery},
    },
};

use crate::{
    common::databases::databases,
    history_at::{assert_same, migrated},
};

/// Changes of the past, each with its time in seconds.
fn past(changes: impl IntoIterator<Item = (i64, Vec<Change>)>) -> Vec<(chrono::DateTime<chrono::Utc>, Edit)> {
    let edit = |(time, changes)| {
        (chrono::DateTime::from_timestamp(time, 0).unwrap(), Edit::new(changes).actor("import"))
    };
    changes.into_iter().map(edit).collect()
}

#[tokio::test]
async fn changes_of_the_past_are_found_at_their_times() {
    for database in databases().await {
        let store = migrated(&database).await;
        let status = |status| Change::SetStatus { flag: "old".to_owned(), status };
        let insert = |id, name: &str| Change::InsertFlag(FlagRow::new(id, name, true));
        let edits = past([
            (1000, vec![insert(1, "old"), insert(2, "other")]),
            (2000, vec![status(false)]),
            (2000, vec![Change::DeleteFlag { id: 2 }]),
            (3000, vec![status(true)]),
        ]);
        let reached = store.commit_past(edits).await.unwrap();
        assert_eq!(store.load().await.unwrap().revision, reached, "{:?}", database.kind);
        let at = |time| AsOf::Time(chrono::DateTime::from_timestamp(time, 0).unwrap());
        for follows in [false, true] {
            // Who follows the rows marks records as seen, on MySQL.
            let flags = if follows { Some(Flags::connect(&database.url).await.unwrap()) } else { None };
            for (time, expected) in [
                (1000, vec![("old", true), ("other", true)]),
                (1999, vec![("old", true), ("other", true)]),
                (2000, vec![("old", false)]),
                (2999, vec![("old", false)]),
                (3000, vec![("old", true)]),
            ] {
                let rows = store.rows_at(at(time)).await.unwrap();
                let found: Vec<_> = rows.flags.iter().map(|row| (row.name.as_str(), row.status)).collect();
                assert_eq!(found, expected, "{:?} at {time}, {follows}", database.kind);
            }
            assert!(store.rows_at(at(999)).await.is_err());
            drop(flags);
        }
        let records = store.history(&HistoryQuery::oldest_first()).await.unwrap();
        assert!(records.iter().all(|record| record.actor.as_deref() == Some("import")), "{records:#?}");
        // Once there are later records, and never into the future.
        let before = store.load().await.unwrap();
        for time in [2999, 40_000_000_000] {
            let error = store.commit_past(past([(time, vec![status(false)])])).await.unwrap_err();
            assert!(matches!(error, Error::RevisionUnavailable(_)), "{error}");
        }
        let unordered = past([(5000, vec![status(false)]), (4000, vec![status(true)])]);
        assert!(store.commit_past(unordered).await.is_err());
        // All or nothing.
        let unknown = Change::SetStatus { flag: "none".to_owned(), status: true };
        let error = store.commit_past(past([(4000, vec![status(false)]), (5000, vec![unknown])])).await;
        assert!(matches!(error, Err(Error::FlagNotFound { .. })), "{error:?}");
        assert_same(&store.load().await.unwrap(), &before, "after changes that were rejected");
        // Other changes have the current time.
        store.apply(vec![status(false)]).await.unwrap();
        let newest = store.history(&HistoryQuery::default().limit(1)).await.unwrap();
        assert!(newest[0].changed_at.unwrap() > chrono::Utc::now() - chrono::TimeDelta::hours(1));
    }
}
