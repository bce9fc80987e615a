//! Flags that are exposed to callers with a client token: rows, decisions and history.

use novi::{
    Context, Flags,
    overrides::{Override, Overrides},
    store::{
        self, Edit,
        history::{AsOf, HistoryQuery, differences, rollback},
    },
};

use crate::common::databases::{Raw, databases};

const FLAGS: &str = "insert into flags (id, name, status) values (1, 'shown', true), (2, 'hidden', true), (3, 'moved', true);";

#[tokio::test]
async fn flags_are_hidden_until_exposed_and_history_records_it() {
    for database in databases().await {
        let kind = database.kind;
        let store = store::create(&database.url).await.unwrap();
        store.migrate().await.unwrap();
        let mut raw = Raw::connect(&database).await;
        raw.run(FLAGS).await.unwrap();
        let before = store.load().await.unwrap();
        assert!(before.flags.iter().all(|flag| !flag.metadata.exposed), "{kind:?}");

        raw.run("update flag_metadata set exposed = true where flag_id in (1, 3)").await.unwrap();
        let after = store.load().await.unwrap();
        assert_ne!(after.revision, before.revision, "{kind:?}");
        let versions = |rows: &novi::rows::Rows| rows.flags[0].metadata.row_version;
        assert_eq!(versions(&after), versions(&before) + 1, "{kind:?}");
        let flags = Flags::from_rows(after.clone()).unwrap();
        let exposed: Vec<_> =
            flags.snapshot().evaluate_all(&Context::new()).iter().map(novi::Decision::exposed).collect();
        assert_eq!(exposed, [true, false, true], "{kind:?}");

        let query = HistoryQuery::oldest_first().between(before.revision, after.revision);
        let told: Vec<_> =
            store.history(&query).await.unwrap().iter().map(|record| format!("{record:?}")).collect();
        assert!(told.iter().all(|record| record.contains("exposed")), "{kind:?} {told:?}");

        // The key changes by a cascade, which fires no trigger on MySQL: another trigger writes the record.
        raw.run("update flags set id = 30 where id = 3").await.unwrap();
        raw.run("update flag_metadata set exposed = false where flag_id = 1").await.unwrap();
        raw.run("delete from flags where id = 2").await.unwrap();
        let now = store.load().await.unwrap();
        assert_eq!(
            differences(&now, &store.rows_at(AsOf::Revision(now.revision)).await.unwrap()),
            [],
            "{kind:?}"
        );
        let past = store.rows_at(AsOf::Revision(after.revision)).await.unwrap();
        assert_eq!(differences(&after, &past), [], "{kind:?}");
        store.commit(Edit::new(rollback(&now, &past, None).unwrap())).await.unwrap();
        assert_eq!(differences(&after, &store.load().await.unwrap()), [], "{kind:?}");
    }
}

#[test]
fn overrides_do_not_expose_a_flag() {
    let mut rows = novi::rows::Rows {
        flags: vec![novi::rows::FlagRow::new(1, "shown", true), novi::rows::FlagRow::new(2, "hidden", true)],
        ..Default::default()
    };
    rows.flags[0].metadata.exposed = true;
    let overrides: Overrides =
        [("shown", Override::Off), ("hidden", Override::Off), ("made up", Override::On)]
            .into_iter()
            .map(|(name, answer)| (name.to_owned(), answer))
            .collect();
    let flags = Flags::builder().overrides(overrides.clone()).from_rows(rows.clone()).unwrap();
    let exposed = |flags: &Flags| -> Vec<_> {
        let snapshot = flags.snapshot();
        snapshot
            .evaluate_all(&Context::new())
            .iter()
            .map(|flag| (flag.flag().to_owned(), flag.exposed()))
            .collect()
    };
    let expected = [("shown".to_owned(), true), ("hidden".to_owned(), false), ("made up".to_owned(), false)];
    assert_eq!(exposed(&flags), expected);
    let flags = Flags::from_rows(rows).unwrap();
    assert_eq!(novi::overrides::sync_scope(overrides, || exposed(&flags)), expected);
}
