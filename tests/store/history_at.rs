//! Earlier rows, restored from the history; pruning; rollback. `NOVI_TEST_LONG=1` runs long versions of the
//! tests.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
    sync::Arc,
};

use novi::{
    Context, Error, Flags,
    rows::{FlagRow, LinkRow, Revision, Rows},
    store::{
        self, Author, Change, SchemaStore,
        history::{AsOf, HistoryQuery, HistoryRecord, Scope, differences, rollback},
    },
};

use crate::common::databases::{Kind, Raw, TestDatabase, database, databases};

pub(super) async fn migrated(database: &TestDatabase) -> Arc<dyn SchemaStore> {
    let store = store::create(&database.url).await.unwrap();
    store.migrate().await.unwrap();
    store
}

fn is_long() -> bool {
    std::env::var_os("NOVI_TEST_LONG").is_some_and(|value| value == "1")
}

/// Except for columns that the database maintains.
#[track_caller]
pub(super) fn assert_same(found: &Rows, expected: &Rows, what: &str) {
    assert_eq!(differences(expected, found), [], "{what}");
}

/// Reproducible random numbers.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

const START: &str = "
    insert into flags (id, name, status) values (1, 'f1', true), (2, 'f2', true), (3, 'f3', false), (4, 'f4', true);
    insert into activations (id, name, class_name, config) values
      (1, 'half', 'novi.percentage', '{\"percentage\": 50}'), (2, 'list', 'novi.members', '{\"allow\": [\"ann\"]}'),
      (3, 'both', 'novi.and', '[1, 2]'), (4, 'asks', 'novi.flag', '{\"flag\": \"f1\"}');
    insert into flags_activations (flag_id, activation_id) values (1, 1), (2, 3), (4, 4);";

/// An edit by plain SQL; it may be rejected, or change nothing.
fn edit(dice: &mut Dice, kind: Kind) -> String {
    let (flag, activation) = (1 + dice.below(6), 1 + dice.below(5));
    let (number, truth) = (dice.below(101), ["false", "true"][usize::from(dice.below(2) == 1)]);
    let member = ["ann", "bob", "it''s eve"][usize::try_from(dice.below(3)).unwrap()];
    match dice.below(14) {
        0..=3 => format!("update flags set status = {truth} where id = {flag}"),
        4 | 5 => format!("update activations set config = '{{\"percentage\": {number}}}' where id = 1"),
        6 => format!("insert into flags_activations (flag_id, activation_id) values ({flag}, {activation})"),
        7 => format!("delete from flags_activations where flag_id = {flag} and activation_id = {activation}"),
        8 => format!("insert into activation_members (activation_id, member) values (2, '{member}')"),
        9 => format!("delete from activation_members where activation_id = 2 and member = '{member}'"),
        10 if dice.below(2) == 0 => format!("delete from flags where id = {flag}"),
        10 => format!("insert into flags (id, name, status) values ({flag}, 'f{flag}', {truth})"),
        11 => {
            format!("update flag_metadata set fail_mode = 'on', owner = 'o{number}' where flag_id = {flag}")
        }
        12 if kind == Kind::Sqlite => {
            format!("insert or replace into flags (id, name, status) values ({flag}, 'f{flag}', {truth})")
        }
        12 => format!("update flags set name = 'renamed {number}' where id = {flag} and id > 4"),
        // Two flags together.
        _ => format!(
            "begin; update flags set status = {truth} where id = 1; update flags set status = {truth} where id = 2; commit"
        ),
    }
}

/// The decisions of every flag for some callers.
fn answers(rows: Rows) -> BTreeMap<String, Vec<String>> {
    let flags = Flags::from_rows(rows).unwrap();
    let snapshot = flags.snapshot();
    let callers: Vec<_> = ["ann", "bob", "it's eve", "u4", "u5"]
        .iter()
        .map(|name| Context::new().with("targetingKey", *name))
        .collect();
    let all = |name: &str| {
        callers
            .iter()
            .map(|caller| format!("{:?}", snapshot.evaluate(name, caller).map(|d| (d.enabled(), d.reason()))))
            .collect()
    };
    snapshot.flag_names().map(|name| (name.to_owned(), all(name))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn history_answers_as_the_live_rows_did() {
    let (edits, asked) = if is_long() { (10_000, 150) } else { (250, 40) };
    for database in databases().await {
        let store = migrated(&database).await;
        let mut raw = Raw::connect(&database).await;
        raw.run(START).await.unwrap();
        let mut dice = Dice(7);
        let mut live = vec![store.load().await.unwrap()];
        for _ in 0..edits {
            let sql = edit(&mut dice, database.kind);
            if raw.run(&sql).await.is_err() && sql.starts_with("begin") {
                raw.run("rollback").await.unwrap();
            }
            let rows = store.load().await.unwrap();
            if rows.revision != live.last().unwrap().revision {
                live.push(rows);
            }
        }
        assert!(live.len() > edits / 3, "{:?}: {} states", database.kind, live.len());
        for _ in 0..asked {
            let at = usize::try_from(dice.below(live.len() as u64)).unwrap();
            let expected = &live[at];
            let found = store.rows_at(AsOf::Revision(expected.revision)).await.unwrap();
            assert_eq!(found.revision, expected.revision);
            assert_same(&found, expected, &format!("{:?}: revision {}", database.kind, expected.revision));
            assert_eq!(answers(found), answers(expected.clone()), "{:?}", database.kind);
        }
        assert_replays(&store).await;
    }
}

/// Replays the history from the start to the current rows: each record continues where the one before ended.
async fn assert_replays(store: &Arc<dyn SchemaStore>) {
    let records = store.history(&HistoryQuery::oldest_first()).await.unwrap();
    let mut known: BTreeMap<(String, String), serde_json::Value> = BTreeMap::new();
    let key = |record: &HistoryRecord, row: &serde_json::Value| {
        let of = |column: &str| row.get(column).map(ToString::to_string).unwrap_or_default();
        let columns = ["id", "flag_id", "activation_id", "member"].map(of);
        (record.entity.table().to_owned(), columns.join("/"))
    };
    let plain = |row: &serde_json::Value| {
        let mut row = row.clone();
        for column in ["row_version", "updated_at", "created_at"] {
            row.as_object_mut().unwrap().remove(column);
        }
        row
    };
    for record in &records {
        if let Some(before) = &record.before {
            let found = known.remove(&key(record, before));
            assert_eq!(found, Some(plain(before)), "{}: {record:?}", store.name());
        }
        if let Some(after) = &record.after {
            let taken = known.insert(key(record, after), plain(after));
            assert_eq!(taken, None, "{}: {record:?}", store.name());
        }
    }
    let rows = store.load().await.unwrap();
    let count = 2 * rows.flags.len() + rows.activations.len() + rows.links.len() + rows.members.len();
    assert_eq!(known.len(), count, "{}: history has the rows that there are: {known:#?}", store.name());
    let first = store.rows_at(AsOf::Revision(Revision::new(1))).await.unwrap();
    assert!(first.flags.is_empty() && first.activations.is_empty() && first.links.is_empty());
}

/// What the writer prints after each commit.
const COMMITTED: &str = "committed";

/// Edits the database without end, in transactions of two changes, for
/// [`killed_writer_leaves_no_gap_in_the_history`].
#[tokio::test]
async fn writer_process() {
    let (Ok(url), Ok(seed)) = (std::env::var("HISTORY_WRITER_URL"), std::env::var("HISTORY_WRITER_SEED"))
    else {
        return;
    };
    let store = store::connect(&url).await.unwrap();
    let mut dice = Dice(seed.parse().unwrap());
    loop {
        let name = |number| format!("f{number}");
        let status = dice.below(2) == 0;
        let mut changes =
            vec![Change::SetStatus { flag: name(1), status }, Change::SetStatus { flag: name(2), status }];
        let id = 10 + i64::try_from(dice.below(20)).unwrap();
        changes.push(if dice.below(2) == 0 {
            Change::InsertFlag(FlagRow::new(id, name(id), status))
        } else {
            Change::DeleteFlag { id }
        });
        match store.apply_by(&Author { actor: Some("killed".to_owned()), reason: None }, changes).await {
            Ok(_) => println!("{COMMITTED}"),
            Err(Error::Constraint(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_writer_leaves_no_gap_in_the_history() {
    let rounds = if is_long() { 60 } else { 4 };
    for database in databases().await {
        let store = migrated(&database).await;
        let start = "insert into flags (id, name, status) values (1, 'f1', true), (2, 'f2', true)";
        store.run_script(start).await.unwrap();
        let mut seen = 0;
        for round in 0..rounds {
            let mut writer = Command::new(std::env::current_exe().unwrap())
                .args(["history_at::writer_process", "--exact", "--nocapture"])
                .env("HISTORY_WRITER_URL", &database.url)
                .env("HISTORY_WRITER_SEED", round.to_string())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let lines = BufReader::new(writer.stdout.take().unwrap()).lines().map(Result::unwrap);
            let commits = 3 + usize::try_from(round % 7).unwrap();
            assert_eq!(lines.filter(|line| line.contains(COMMITTED)).take(commits).count(), commits);
            seen += commits;
            // By SIGKILL, at any moment of the transactions that follow.
            writer.kill().unwrap();
            writer.wait().unwrap();
            let rows = store.load().await.unwrap();
            assert_eq!(rows.flags[0].status, rows.flags[1].status, "{:?}: both or none", database.kind);
            assert_replays(&store).await;
        }
        let written = store.history(&HistoryQuery::default()).await.unwrap();
        let killed = written.iter().filter(|record| record.actor.as_deref() == Some("killed")).count();
        // A commit has at least one record.
        assert!(killed >= seen, "{:?}: {killed} of {} records, {seen} commits", database.kind, written.len());
        // Nothing of a session is left.
        store
            .apply(vec![Change::SetStatus { flag: "f1".to_owned(), status: !is_on(&store).await }])
            .await
            .unwrap();
        let last = store.history(&HistoryQuery::default().limit(1)).await.unwrap();
        assert_ne!(last[0].actor.as_deref(), Some("killed"), "{:?}", database.kind);
    }
}

async fn is_on(store: &Arc<dyn SchemaStore>) -> bool {
    store.load().await.unwrap().flags[0].status
}

#[tokio::test]
async fn revisions_out_of_range_are_errors() {
    for database in databases().await {
        let store = migrated(&database).await;
        let past = AsOf::Time(chrono::Utc::now() - chrono::Duration::seconds(5));
        let error = store.rows_at(past).await.unwrap_err().to_string();
        assert!(error.ends_with("with revision 1"), "{error}");
        let later = AsOf::Time(chrono::Utc::now() + chrono::Duration::seconds(5));
        assert!(store.rows_at(later).await.unwrap().flags.is_empty());
        store.run_script(START).await.unwrap();
        let present = store.load().await.unwrap();
        assert_eq!(store.rows_at(later).await.unwrap().flags, present.flags, "{:?}", database.kind);
        let above = Revision::new(present.revision.number() + 1);
        let error = store.rows_at(AsOf::Revision(above)).await.unwrap_err();
        assert!(matches!(error, Error::RevisionUnavailable(_)), "{error:?}");
        assert!(error.to_string().contains("does not exist yet"), "{error}");
        let error = store.rows_at("2020-01-01".parse().unwrap()).await.unwrap_err().to_string();
        assert!(error.contains("is before the history, which begins at 20"), "{error}");
        let error = store.rows_at(AsOf::Revision(Revision::new(0))).await.unwrap_err().to_string();
        assert_eq!(error, "revision 0 is not in the history, which begins at revision 1");
        let error = store.history(&HistoryQuery::default().flag("nobody")).await.unwrap_err();
        assert!(matches!(error, Error::FlagNotFound { .. }), "{error}");
    }
}

#[tokio::test]
async fn history_of_a_flag_includes_its_activations() {
    for database in databases().await {
        let store = migrated(&database).await;
        let mut raw = Raw::connect(&database).await;
        raw.run(START).await.unwrap();
        let known = store.history(&HistoryQuery::default().flag("f1")).await.unwrap().len();
        assert_eq!(known, 4, "{:?}: the flag, its metadata, its link and its activation", database.kind);
        for sql in [
            "update flags set status = false where id in (1, 2)",
            "update activations set name = concat(name, 'x')",
            "delete from flags_activations where flag_id = 1",
            "update activations set config = '{}' where id = 1",
            "update flags set name = 'new' where id = 1",
            "update flag_metadata set owner = 'ann'",
            "delete from flags where id = 1",
        ] {
            raw.run(sql).await.unwrap();
        }
        for name in ["f1", "new"] {
            let query = HistoryQuery::oldest_first().flag(name);
            let found = store.history(&query).await.unwrap();
            assert_eq!(found.len(), known + 8, "{:?}: {found:#?}", database.kind);
            let some = store.history(&query.limit(3)).await.unwrap();
            assert_eq!(some, found[..3]);
        }
        let f3 = store.history(&HistoryQuery::default().flag("f3")).await.unwrap();
        assert_eq!(f3.len(), 3, "{:?}: {f3:#?}", database.kind);
    }
}

#[tokio::test]
async fn newest_records_are_those_of_the_whole_history() {
    for database in databases().await {
        let store = migrated(&database).await;
        let mut raw = Raw::connect(&database).await;
        raw.run(START).await.unwrap();
        let mut dice = Dice(7);
        for number in 0..60 {
            drop(raw.run(&edit(&mut dice, database.kind)).await);
            drop(raw.run("rollback").await);
            // Readers see some changes one by one, and others together.
            if number % 3 == 0 {
                store.load().await.unwrap();
            }
            // Revisions without a record.
            if number % 10 == 9 {
                raw.run("update novi_revision set revision = revision + 20 where slot = 0").await.unwrap();
            }
        }
        let all = store.history(&HistoryQuery::default()).await.unwrap();
        assert!(all.len() > 30, "{:?}: {} records", database.kind, all.len());
        let newest = all[0].revision.number();
        for limit in [1, 2, 7, 25, 1000] {
            for (after, until) in
                [(0, i64::MAX), (0, newest - 15), (newest - 30, newest - 1), (newest, newest)]
            {
                let query = HistoryQuery::default().between(Revision::new(after), Revision::new(until));
                let found = store.history(&query.limit(limit)).await.unwrap();
                let is_wanted =
                    |record: &&HistoryRecord| (after + 1..=until).contains(&record.revision.number());
                let expected: Vec<_> = all.iter().filter(is_wanted).take(limit as usize).cloned().collect();
                assert_eq!(found, expected, "{:?}: {limit} of {after} to {until}", database.kind);
            }
        }
    }
}

#[tokio::test]
async fn pruning_removes_older_revisions_only() {
    for database in databases().await {
        let store = migrated(&database).await;
        let mut raw = Raw::connect(&database).await;
        raw.run(START).await.unwrap();
        let mut dice = Dice(3);
        let mut live = Vec::new();
        for _ in 0..80 {
            // Rejected edits change nothing.
            drop(raw.run(&edit(&mut dice, database.kind)).await);
            drop(raw.run("rollback").await);
            live.push(store.load().await.unwrap());
        }
        let middle = live[40].revision;
        assert_eq!(store.prune("2020-01-01".parse().unwrap()).await.unwrap(), 0);
        assert!(store.prune(AsOf::Revision(middle)).await.unwrap() > 10);
        assert_eq!(store.prune(AsOf::Revision(middle)).await.unwrap(), 0);
        for rows in &live[40..] {
            let found = store.rows_at(AsOf::Revision(rows.revision)).await.unwrap();
            assert_same(&found, rows, &format!("{:?}: revision {}", database.kind, rows.revision));
        }
        let error = store.rows_at(AsOf::Revision(Revision::new(2))).await.unwrap_err();
        assert!(matches!(error, Error::RevisionUnavailable(_)), "{error:?}");
        assert!(store.prune(AsOf::Revision(Revision::new(2))).await.is_err());
        // All records, except the one with the time of the last change.
        let last = store.load().await.unwrap();
        store.prune(AsOf::Revision(last.revision)).await.unwrap();
        let kept = store.history(&HistoryQuery::default()).await.unwrap();
        let is_last = |record: &HistoryRecord| record.revision.number() == last.revision.number();
        assert!(!kept.is_empty() && kept.iter().all(is_last), "{kept:?}");
        assert_eq!(store.rows_at(AsOf::Revision(last.revision)).await.unwrap(), last);
    }
}

/// Five changes of one flag, at these times.
async fn changes_at(raw: &mut Raw, kind: Kind, times: [&str; 5]) {
    raw.run("insert into flags (id, name, status) values (1, 'f1', true)").await.unwrap();
    raw.run("delete from flag_history").await.unwrap();
    for (number, time) in times.into_iter().enumerate() {
        let status = if number % 2 == 0 { "false" } else { "true" };
        raw.run(&format!("update flags set status = {status} where id = 1")).await.unwrap();
        let time = match kind {
            Kind::Sqlite => format!("{}:00.000Z", time.replace(' ', "T")),
            Kind::Postgres => format!("{time}:00+00:00"),
            Kind::MySql => format!("{time}:00"),
        };
        let newest = "(select id from (select max(id) as id from flag_history) newest)";
        raw.run(&format!("update flag_history set changed_at = '{time}' where id = {newest}")).await.unwrap();
    }
}

#[tokio::test]
async fn times_mean_the_order_of_revisions_after_the_clock_was_set_back() {
    for database in databases().await {
        let store = migrated(&database).await;
        let mut raw = Raw::connect(&database).await;
        let times = [
            "2026-01-01 10:00",
            "2026-01-01 12:00",
            "2026-01-01 11:00",
            "2026-01-01 13:00",
            "2026-01-01 14:00",
        ];
        changes_at(&mut raw, database.kind, times).await;
        let current = store.revision().await.unwrap().number();
        for (time, before_last) in [(10, 4), (11, 4), (12, 2), (13, 1), (14, 0), (20, 0)] {
            let moment = format!("2026-01-01 {time}:30").parse().unwrap();
            let rows = store.rows_at(moment).await.unwrap();
            let what = format!("{:?}: {time}:30", database.kind);
            assert_eq!(rows.revision.number(), current - before_last, "{what}");
            assert_eq!(rows.flags[0].status, before_last % 2 == 1, "{what}");
        }
        assert!(store.rows_at("2026-01-01 09:00".parse().unwrap()).await.is_err(), "{:?}", database.kind);
    }
}

#[tokio::test]
async fn record_with_a_wrong_time_prunes_no_other() {
    for database in databases().await {
        let store = migrated(&database).await;
        let mut raw = Raw::connect(&database).await;
        let times = [
            "2026-01-01 00:00",
            "2026-03-01 00:00",
            "1971-01-01 00:00",
            "2026-03-02 00:00",
            "2026-03-03 00:00",
        ];
        changes_at(&mut raw, database.kind, times).await;
        let count = async || store.history(&HistoryQuery::default()).await.unwrap().len();
        assert_eq!(
            store.prune("2026-02-01".parse().unwrap()).await.unwrap(),
            0,
            "the first is that of the moment"
        );
        assert_eq!(store.prune("2026-03-01".parse().unwrap()).await.unwrap(), 2, "{:?}", database.kind);
        assert_eq!(count().await, 3);
        let error = store.prune("2999-01-01".parse().unwrap()).await.unwrap_err().to_string();
        assert!(error.contains("2999-01-01T00:00:00Z is in the future of the database"), "{error}");
        assert_eq!(count().await, 3);
    }
}

#[tokio::test]
async fn rollback_reaches_any_earlier_state() {
    for database in databases().await {
        let store = migrated(&database).await;
        let mut raw = Raw::connect(&database).await;
        raw.run(START).await.unwrap();
        let mut dice = Dice(11);
        let mut live = vec![store.load().await.unwrap()];
        for _ in 0..60 {
            drop(raw.run(&edit(&mut dice, database.kind)).await);
            drop(raw.run("rollback").await);
            live.push(store.load().await.unwrap());
        }
        // Flags that swap names.
        raw.run(
            "update flags set name = 'x' where id = 1; update flags set name = 'f1' where id = 2; \
             update flags set name = 'f2' where id = 1",
        )
        .await
        .unwrap();
        for turn in 0..25 {
            let at = usize::try_from(dice.below(live.len() as u64)).unwrap();
            let (present, revision) = (store.load().await.unwrap(), live[at].revision);
            let past = store.rows_at(AsOf::Revision(revision)).await.unwrap();
            let changes = rollback(&present, &past, None).unwrap();
            let author = Author { actor: Some("ann".to_owned()), reason: Some(format!("turn {turn}")) };
            let what = format!("{:?}: turn {turn}, to revision {revision}: {changes:#?}", database.kind);
            if !changes.is_empty() {
                store.apply_by(&author, changes).await.unwrap_or_else(|error| panic!("{error}: {what}"));
                let last = store.history(&HistoryQuery::default().limit(1)).await.unwrap();
                assert_eq!(last[0].reason, author.reason);
            }
            let now = store.load().await.unwrap();
            assert_same(&now, &past, &what);
            assert!(rollback(&now, &past, None).unwrap().is_empty(), "{what}");
            live.push(now);
        }
    }
}

#[tokio::test]
async fn rollback_that_breaks_a_reference_is_rejected() {
    let database = database(Kind::Sqlite).await;
    let store = migrated(&database).await;
    store.run_script(START).await.unwrap();
    let past = store.load().await.unwrap();
    store
        .run_script(
            "insert into activations values (9, 'new', 'novi.static', '{}');
             insert into flags_activations values (1, 9), (4, 9);
             delete from flags where id = 3; insert into flags values (8, 'f3', true);",
        )
        .await
        .unwrap();
    let present = store.load().await.unwrap();
    // All rows can be rolled back together.
    let changes = rollback(&present, &past, None).unwrap();
    let scope =
        |flag: i64, ids: &[i64]| Scope { flags: [flag].into(), activations: ids.iter().copied().collect() };
    let refused = |scope: &Scope| match rollback(&present, &past, Some(scope)) {
        Err(error @ Error::Constraint(_)) => error.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        refused(&scope(1, &[1, 9])),
        "activations#9 \"new\": it was not there then, and flags#4 \"f4\" is linked to it now"
    );
    assert_eq!(refused(&scope(3, &[])), "flags#3 \"f3\": flags#8 has this name now");
    assert!(rollback(&present, &past, Some(&scope(2, &[1, 2, 3]))).unwrap().is_empty());
    store.apply(changes).await.unwrap();
    assert_same(&store.load().await.unwrap(), &past, "all of it");
}

#[tokio::test]
async fn flag_whose_id_another_flag_has_by_now_is_restored_under_a_new_one() {
    for database in databases().await {
        let store = migrated(&database).await;
        store
            .run_script(
                "insert into flags (id, name, status) values (1, 'a', true);
                 update flag_metadata set owner = 'web' where flag_id = 1;
                 insert into activations (id, name, class_name, config) values (7, 'half', 'novi.percentage', '{\"percentage\": 50}');
                 insert into flags_activations (flag_id, activation_id) values (1, 7)",
            )
            .await
            .unwrap();
        let then = store.revision().await.unwrap();
        store.apply(vec![Change::DeleteFlag { id: 1 }]).await.unwrap();
        store.apply(vec![Change::InsertFlag(FlagRow::new(1, "b", false))]).await.unwrap();
        let past = store.rows_at(AsOf::Revision(then)).await.unwrap();
        let flags = Flags::from_rows(Rows::default()).unwrap();
        let present = store.load().await.unwrap();
        let plan = flags.plan_rollback(&present, &past, Some("a")).unwrap();
        let author = Author { actor: Some("ann".to_owned()), reason: Some("again".to_owned()) };
        store.commit(plan.edit().by(author)).await.unwrap();
        let now = store.load().await.unwrap();
        let found: Vec<_> = now.flags.iter().map(|row| (row.id, row.name.as_str(), row.status)).collect();
        assert_eq!(found, [(1, "b", false), (2, "a", true)], "{:?}", database.kind);
        assert_eq!(now.flags[1].metadata.owner.as_deref(), Some("web"), "{:?}", database.kind);
        assert_eq!(now.links, [LinkRow::new(2, 7)], "{:?}", database.kind);
        let newest = store.history(&HistoryQuery::default().flag("a").limit(1)).await.unwrap();
        assert_eq!(newest[0].actor.as_deref(), Some("ann"), "{:?}", database.kind);
        // It is there now.
        assert_eq!(flags.plan_rollback(&now, &past, Some("a")).unwrap().changes, [], "{:?}", database.kind);
    }
}
