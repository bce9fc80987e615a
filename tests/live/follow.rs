//! Flags follow the rows in each database and survive its failures.

use std::{
    future::Future,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use novi::{
    Context, Error, Flags, Reason, Result,
    activation::{Activation, CompileContext, Evaluation, Verdict},
    rows::{ActivationRow, FlagRow, LinkRow, Revision, Rows},
    store::{self, BoxFuture, Change, MemoryStore, ReadStore, WriteStore},
};

use crate::common::{
    databases::{Kind, databases},
    until::{PATIENCE, unblocked, until},
};

const REFRESH: Duration = Duration::from_millis(20);

#[tokio::test]
async fn plain_sql_of_others_is_noticed() {
    for database in databases().await {
        let kind = database.kind;
        let dba = store::create(&database.url).await.unwrap();
        dba.migrate().await.unwrap();
        dba.run_script(include_str!("../../seeds/demo-python.sql")).await.unwrap();

        let flags = Flags::builder().refresh(REFRESH).connect(&database.url).await.unwrap();
        let ctx = Context::new()
            .with("currentDateTime", "11/26/2023 12:00 AM")
            .with("seed", 90)
            .with("variant", "A");
        for name in ["Date and Random Activated Feature", "Random Variant Feature", "Combo AND", "Combo OR"] {
            assert!(flags.is_enabled(name, &ctx), "{name}, {kind:?}");
        }

        let seen = |what: &'static str, sql: &'static str, so: fn(&Flags, &Context<'_>) -> bool| {
            let (dba, flags, ctx) = (Arc::clone(&dba), flags.clone(), ctx.clone());
            async move {
                dba.run_script(sql).await.unwrap();
                until(what, || so(&flags, &ctx)).await;
            }
        };
        seen("a status", "update flags set status = false where name = 'Combo AND'", |flags, ctx| {
            flags.evaluate("Combo AND", ctx).is_ok_and(|decision| decision.reason() == Reason::Disabled)
        })
        .await;
        seen("a new flag", "insert into flags (id, name, status) values (5, 'New', true)", |flags, ctx| {
            flags.is_enabled("New", ctx)
        })
        .await;
        seen(
            "a link",
            "insert into flags_activations (flag_id, activation_id) values (5, 1)",
            |flags, ctx| {
                flags.evaluate("New", ctx).is_ok_and(|decision| decision.reason() == Reason::TargetingMatch)
            },
        )
        .await;
        seen("a bad config", "update activations set config = 'nonsense' where id = 1", |flags, ctx| {
            let broken = flags.evaluate("New", ctx).is_ok_and(|decision| decision.reason() == Reason::Error);
            broken && flags.is_enabled("Random Variant Feature", ctx) && flags.issues().len() == 1
        })
        .await;
        let on = "update flag_metadata set fail_mode = 'on' where flag_id = 5";
        seen("a fail mode", on, |flags, ctx| flags.is_enabled("New", ctx)).await;
        let gone = "delete from flags_activations where flag_id = 5; delete from flags where id = 5";
        seen("a removal", gone, |flags, ctx| flags.evaluate("New", ctx).is_err()).await;
    }
}

#[tokio::test]
async fn postgres_counts_the_processes_that_follow() {
    for database in databases().await {
        let dba = store::create(&database.url).await.unwrap();
        dba.migrate().await.unwrap();
        let connect = async || Flags::connect(&database.url).await.unwrap();
        let counts = async |expected: u64| {
            let counted = async {
                while dba.followers().await.unwrap() != Some(expected) {
                    tokio::time::sleep(REFRESH).await;
                }
            };
            unblocked(&format!("{expected} followers"), counted).await;
        };
        let one = connect().await;
        if database.kind != Kind::Postgres {
            assert_eq!(dba.followers().await.unwrap(), None, "{:?}", database.kind);
            continue;
        }
        counts(1).await;
        let other = connect().await;
        counts(2).await;
        // A handle of the same process is no further follower.
        let (same, third) = (one.clone(), connect().await);
        counts(3).await;
        drop(other);
        counts(2).await;
        drop((one, third));
        counts(1).await;
        drop(same);
        counts(0).await;
    }
}

#[tokio::test]
async fn missing_tables_are_an_error_that_says_what_to_do() {
    for database in databases().await {
        let made = store::create(&database.url).await.unwrap();
        let error = made.load().await.unwrap_err();
        assert!(matches!(error, Error::NotMigrated { .. }), "{error}");
        let error = Flags::connect(&database.url).await.unwrap_err();
        assert!(error.to_string().contains("run `novi migrate`"), "{error}");
    }
}

/// A store that can be made to fail or hang.
struct Moody {
    store: MemoryStore,
    fails: AtomicBool,
    hangs: AtomicBool,
}

impl Moody {
    async fn mood<T>(&self, asked: impl Future<Output = Result<T>>) -> Result<T> {
        if self.hangs.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        if self.fails.load(Ordering::Relaxed) {
            return Err(Error::store("moody", "could not read the flags", "the server is gone"));
        }
        asked.await
    }
}

impl ReadStore for Moody {
    fn name(&self) -> String {
        "moody".to_owned()
    }

    fn revision(&self) -> BoxFuture<'_, Result<Revision>> {
        Box::pin(self.mood(self.store.revision()))
    }

    fn load(&self) -> BoxFuture<'_, Result<Rows>> {
        Box::pin(self.mood(self.store.load()))
    }
}

async fn moody() -> (Arc<Moody>, Flags) {
    let store = MemoryStore::default();
    store.apply(vec![Change::InsertFlag(FlagRow::new(1, "flag", true))]).await.unwrap();
    let (fails, hangs) = (AtomicBool::new(false), AtomicBool::new(false));
    let store = Arc::new(Moody { store, fails, hangs });
    let as_reader: Arc<dyn ReadStore> = Arc::clone(&store) as _;
    let flags = Flags::builder().refresh(REFRESH).from_store(as_reader).await.unwrap();
    (store, flags)
}

#[tokio::test]
async fn last_rows_are_used_while_the_database_is_unavailable() {
    let (store, flags) = moody().await;
    let on = || flags.is_enabled("flag", &Context::new());
    assert!(on() && flags.status().failure.is_none());

    store.fails.store(true, Ordering::Relaxed);
    until("a failure", || flags.status().failure.is_some()).await;
    assert!(on());
    let status = flags.status();
    assert_eq!(status.failure.as_deref(), Some("could not read the flags (moody): the server is gone"));
    let age = status.age.unwrap();
    until("age", || flags.status().age.unwrap() > age).await;

    // Changes made meanwhile are noticed once the database is available again.
    store.store.apply(vec![Change::SetStatus { flag: "flag".to_owned(), status: false }]).await.unwrap();
    assert!(on());
    store.fails.store(false, Ordering::Relaxed);
    until("recovery", || !on()).await;
    // Reported a moment after the flags use the new rows.
    until("its status", || flags.status().failure.is_none()).await;
}

#[tokio::test(start_paused = true)]
async fn hanging_database_is_considered_down() {
    let (store, flags) = moody().await;
    store.hangs.store(true, Ordering::Relaxed);
    until("a failure", || flags.status().failure.is_some_and(|why| why.contains("no answer within"))).await;
    assert!(flags.is_enabled("flag", &Context::new()));
    store.hangs.store(false, Ordering::Relaxed);
    until("recovery", || flags.status().failure.is_none()).await;
}

#[tokio::test]
async fn dropped_flags_stop_following() {
    let (store, flags) = moody().await;
    drop(flags);
    // The task holds the store only through the flags.
    until("the end of the task", || Arc::strong_count(&store) == 1).await;
}

#[tokio::test]
async fn lower_revisions_are_followed() {
    let (store, flags) = moody().await;
    let first = flags.snapshot().revision();
    store.store.apply(vec![Change::SetStatus { flag: "flag".to_owned(), status: false }]).await.unwrap();
    until("the change", || flags.snapshot().revision() != first).await;
    // As after a restore: an older state, under an older number.
    let rows = Rows { revision: first, flags: vec![FlagRow::new(1, "flag", true)], ..Rows::default() };
    flags.replace_rows(rows);
    assert!(flags.is_enabled("flag", &Context::new()));
    until("the database's own state", || !flags.is_enabled("flag", &Context::new())).await;
}

static COMPILES: tokio::sync::Notify = tokio::sync::Notify::const_new();
static OTHER_TASK_RAN: (Mutex<bool>, Condvar) = (Mutex::new(false), Condvar::new());

/// A row that is not compiled until another task has run.
#[novi::activation("acme.slow")]
#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Slow {
    #[serde(deserialize_with = "wait_for_other_task")]
    other_task_ran: bool,
}

fn wait_for_other_task<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    let _: bool = serde::Deserialize::deserialize(deserializer)?;
    COMPILES.notify_one();
    let (ran, woken) = &OTHER_TASK_RAN;
    let (ran, _) = woken.wait_timeout_while(ran.lock().unwrap(), PATIENCE, |ran| !*ran).unwrap();
    Ok(*ran)
}

impl Activation for Slow {
    fn evaluate(&self, _: &Evaluation<'_>) -> Verdict {
        self.other_task_ran.into()
    }
}

#[tokio::test]
async fn rows_that_take_long_to_compile_at_the_start_let_other_tasks_run() {
    let rows = Rows {
        flags: vec![FlagRow::new(1, "x", true)],
        activations: vec![ActivationRow::new(1, "slow", "acme.slow", r#"{"other_task_ran": true}"#)],
        links: vec![LinkRow::new(1, 1)],
        ..Rows::default()
    };
    let other_task = async {
        COMPILES.notified().await;
        *OTHER_TASK_RAN.0.lock().unwrap() = true;
        OTHER_TASK_RAN.1.notify_all();
    };
    let start = Flags::builder().from_store(Arc::new(MemoryStore::new(rows)));
    let (flags, ()) = tokio::join!(start, other_task);
    assert!(flags.unwrap().is_enabled("x", &Context::new()), "other tasks waited for the rows");
}

/// Counts how often it is compiled.
#[novi::activation("acme.counted")]
#[derive(serde::Deserialize)]
struct Counted {
    #[expect(dead_code, reason = "makes the config long")]
    text: String,
}

static COMPILATIONS: AtomicUsize = AtomicUsize::new(0);

impl Activation for Counted {
    fn evaluate(&self, _: &Evaluation<'_>) -> Verdict {
        Verdict::On
    }

    fn compile(&mut self, _: &mut CompileContext<'_>) {
        COMPILATIONS.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn large_row_that_has_changed_is_not_compiled_with_each_later_change() {
    for database in databases().await {
        let kind = database.kind;
        let dba = store::create(&database.url).await.unwrap();
        dba.migrate().await.unwrap();
        let config = |letter: &str| format!(r#"{{"text": "{}"}}"#, letter.repeat(200_000));
        dba.run_script(&format!(
            "insert into flags (id, name, status) values (1, 'large', true), (2, 'other', true);
             insert into activations (id, name, class_name, config) values (1, 'large', 'acme.counted', '{}');
             insert into flags_activations (flag_id, activation_id) values (1, 1)",
            config("a")
        ))
        .await
        .unwrap();
        let flags = Flags::connect(&database.url).await.unwrap();
        let change = async |sql: &str| {
            dba.run_script(sql).await.unwrap();
            flags.refresh().await.unwrap();
        };
        change(&format!("update activations set config = '{}' where id = 1", config("b"))).await;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let before = COMPILATIONS.load(Ordering::SeqCst);
            change("update flags set status = not status where id = 2").await;
            if COMPILATIONS.load(Ordering::SeqCst) == before {
                break;
            }
            assert!(Instant::now() < deadline, "{kind:?}: each change compiles the large row");
        }
    }
}
