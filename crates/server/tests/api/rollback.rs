//! A rollback while others change the same row.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use novi::{
    Flags,
    activation::{Activation, ActivationType, CompileContext, Evaluation, Registry, Verdict},
    rows::{ActivationRow, Rows},
    store::{self, Change, SchemaStore},
};
use novi_server::{Database, Options};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::{common::Kind, common::database, support::Api};

/// Each rollback compiles its rows, and each compilation changes a flag, this often.
const INTERRUPTIONS: usize = 30;

static URL: OnceLock<String> = OnceLock::new();
static COMPILED: AtomicUsize = AtomicUsize::new(0);

#[derive(Deserialize, JsonSchema)]
struct Interrupting {}

impl Activation for Interrupting {
    fn evaluate(&self, _: &Evaluation<'_>) -> Verdict {
        Verdict::On
    }

    fn compile(&mut self, _: &mut CompileContext<'_>) {
        let number = COMPILED.fetch_add(1, Ordering::SeqCst);
        if number >= INTERRUPTIONS {
            return;
        }
        let write = async move {
            let store = store::connect(URL.get().unwrap()).await.unwrap();
            let rows = store.load().await.unwrap();
            let mut metadata = rows.flags[0].metadata.clone();
            metadata.owner = Some(format!("owner {number}"));
            let change = Change::SetMetadata { flag_id: rows.flags[0].id, metadata: Box::new(metadata) };
            store.apply(vec![change]).await.unwrap();
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        thread::spawn(move || runtime.block_on(write)).join().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rollback_is_planned_again_however_often_the_row_changes() {
    let database = database(Kind::Sqlite).await;
    let store = store::create(&database.url).await.unwrap();
    store.migrate().await.unwrap();
    let row = ActivationRow::new(1, "interrupting", "test.interrupting", "{}");
    store
        .apply(vec![
            Change::InsertFlag(novi::rows::FlagRow::new(1, "one", true)),
            Change::InsertActivation(row),
        ])
        .await
        .unwrap();
    let before = store.revision().await.unwrap();
    store.apply(vec![Change::SetStatus { flag: "one".to_owned(), status: false }]).await.unwrap();
    URL.set(database.url.clone()).unwrap();

    // Flags that do not follow the database: only the rollback compiles.
    let mut registry = Registry::global().unwrap();
    registry.add(ActivationType::new::<Interrupting>("test.interrupting", &[], "Writes", "here")).unwrap();
    let flags = Flags::builder().keep_rows().registry(registry).from_rows(Rows::default()).unwrap();
    let reads: Arc<dyn SchemaStore> = Arc::clone(&store);
    let api = Api::serving(flags, Options::default().database(Database::new(reads))).await;
    let body = json!({"to": before.number().to_string(), "flag": "one"});
    assert_eq!(api.post("/api/rollback", body).await.with(200)["written"], true);
    assert!(COMPILED.load(Ordering::SeqCst) > INTERRUPTIONS);
    let flag = &store.load().await.unwrap().flags[0];
    assert_eq!((flag.status, &flag.metadata.owner), (true, &None));
}
