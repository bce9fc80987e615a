//! Flags that programs declare.

use std::sync::Arc;

use novi::{
    Context, Declaration, Error, Flags,
    rows::{FlagMetadata, FlagRow},
    store::{self, Change, MemoryStore, ReadStore, WriteStore, history::HistoryQuery},
};

use crate::common::databases::databases;

#[tokio::test(flavor = "multi_thread")]
async fn many_processes_create_each_flag_once() {
    const PROCESSES: usize = 20;
    for database in databases().await {
        let kind = database.kind;
        store::create(&database.url).await.unwrap().migrate().await.unwrap();
        let start = Arc::new(tokio::sync::Barrier::new(PROCESSES));
        let processes = (0..PROCESSES).map(|number| {
            let (url, start) = (database.url.clone(), Arc::clone(&start));
            tokio::spawn(async move {
                let store = store::connect(&url).await.unwrap();
                let flags = Flags::builder().from_store(Arc::clone(&store) as _).await.unwrap();
                start.wait().await;
                let own = Declaration::new(format!("own {number}"));
                let both = [Declaration::new("shared").description("Of all").owner("web").status(true), own];
                let created = flags.ensure(&*store, both).await.unwrap();
                assert!(flags.is_enabled("shared", &Context::new()));
                created
            })
        });
        let mut created = Vec::new();
        for process in processes.collect::<Vec<_>>() {
            created.extend(process.await.unwrap());
        }
        created.sort();
        assert_eq!(created.len(), PROCESSES + 1, "{kind:?}: {created:?}");
        let store = store::connect(&database.url).await.unwrap();
        assert_eq!(store.load().await.unwrap().flags.len(), PROCESSES + 1, "{kind:?}");
        let records = store.history(&HistoryQuery::default().flag("shared")).await.unwrap();
        let program = std::env::current_exe().unwrap();
        assert_eq!(records[0].actor.as_deref(), program.file_stem().unwrap().to_str(), "{kind:?}");
        assert_eq!(records[0].reason.as_deref(), Some("declared in the code"), "{kind:?}");
    }
}

#[tokio::test]
async fn rows_that_exist_stay_as_they_are() {
    let store = MemoryStore::default();
    let metadata = FlagMetadata { owner: Some("ops".to_owned()), ..FlagMetadata::default() };
    let row = FlagRow { metadata, ..FlagRow::new(7, "old", true) };
    store.apply(vec![Change::InsertFlag(row)]).await.unwrap();
    let before = store.load().await.unwrap();
    let flags = Flags::from_rows(before.clone()).unwrap();
    assert!(flags.ensure(&store, [Declaration::new("old").owner("web")]).await.unwrap().is_empty());
    // Also if the current snapshot is older than the rows.
    let flags = Flags::from_rows(novi::rows::Rows::default()).unwrap();
    assert!(flags.ensure(&store, [Declaration::new("old").owner("web")]).await.unwrap().is_empty());
    assert_eq!(store.load().await.unwrap(), before);
    let twice = [Declaration::new("new").owner("web"), Declaration::new("new"), Declaration::new("old")];
    assert_eq!(flags.ensure(&store, twice).await.unwrap(), ["new"]);
    let rows = store.load().await.unwrap();
    let new = rows.flags.iter().find(|row| row.name == "new").unwrap();
    assert_eq!((new.id, new.status, new.metadata.owner.as_deref()), (8, false, Some("web")));
    let error = flags.ensure(&store, [Declaration::new("x".repeat(256))]).await.unwrap_err();
    assert!(matches!(error, Error::Constraint(_) | Error::Invalid(_)), "{error}");
}

#[tokio::test]
async fn builders_create_flags_when_they_connect() {
    for database in databases().await {
        store::create(&database.url).await.unwrap().migrate().await.unwrap();
        let connect =
            || Flags::builder().ensure([Declaration::new("checkout").status(true)]).connect(&database.url);
        assert!(connect().await.unwrap().is_enabled("checkout", &Context::new()));
        let first = store::connect(&database.url).await.unwrap().revision().await.unwrap();
        assert!(connect().await.unwrap().is_enabled("checkout", &Context::new()));
        let second = store::connect(&database.url).await.unwrap().revision().await.unwrap();
        assert_eq!(first, second, "{:?}", database.kind);
    }
}

#[novi::enabled("declared guard", declare = true, description = "Of a guard", owner = "web")]
fn guarded() -> Option<()> {
    Some(())
}

#[derive(Debug, PartialEq, novi::Feature)]
#[flag("declared layout", declare, status = true, rename_all = "lowercase")]
enum Layout {
    #[default]
    List,
}

#[tokio::test]
async fn flags_of_attributes_are_created_on_request() {
    for database in databases().await {
        store::create(&database.url).await.unwrap().migrate().await.unwrap();
        let without = Flags::builder().connect(&database.url).await.unwrap();
        assert_eq!(without.snapshot().flag_names().count(), 0, "{:?}", database.kind);
        let flags = Flags::builder().ensure_registered().connect(&database.url).await.unwrap();
        let rows = store::connect(&database.url).await.unwrap().load().await.unwrap();
        let found: Vec<_> = rows
            .flags
            .iter()
            .map(|row| (row.name.as_str(), row.status, row.metadata.description.as_deref()))
            .collect();
        assert_eq!(
            found,
            [("declared guard", false, Some("Of a guard")), ("declared layout", true, None)],
            "{:?}",
            database.kind
        );
        assert!(flags.is_enabled("declared layout", &Context::new()));
        assert_eq!((guarded(), flags.choose::<Layout>(&Context::new())), (None, Layout::List));
    }
}
