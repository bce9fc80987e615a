//! Flags that apply differences decide as flags that reload all rows each time.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use novi::{
    Context, Flags, FlagsBuilder, Result,
    overrides::Override,
    rows::{
        ActivationRow, FailMode, FlagMetadata, FlagRow, LinkRow, MemberRow, Revision, Rows, UsedIds,
        ValueType,
    },
    store::{BoxFuture, Cursor, Delta, ReadSession, ReadStore, Selection, Since},
};
use proptest::prelude::*;

/// All versions of the rows, the number of full reads, and the number of rows read one by one.
#[derive(Clone, Default)]
struct Versions {
    states: Arc<Mutex<Vec<Arc<Rows>>>>,
    whole: Arc<AtomicUsize>,
    selected: Arc<AtomicUsize>,
}

impl Versions {
    fn new(rows: Rows) -> Self {
        let store = Self::default();
        store.put(rows);
        store
    }

    fn put(&self, mut rows: Rows) {
        let mut states = self.states.lock().unwrap();
        rows.revision = Revision::new(i64::try_from(states.len()).unwrap());
        states.push(Arc::new(rows));
    }

    fn present(&self) -> Arc<Rows> {
        Arc::clone(self.states.lock().unwrap().last().unwrap())
    }
}

impl ReadStore for Versions {
    fn name(&self) -> String {
        "versions".to_owned()
    }

    fn revision(&self) -> BoxFuture<'_, Result<Revision>> {
        Box::pin(async { Ok(self.present().revision) })
    }

    fn load(&self) -> BoxFuture<'_, Result<Rows>> {
        Box::pin(async { Ok((*self.present()).clone()) })
    }

    fn session(&self) -> BoxFuture<'_, Result<Option<Box<dyn ReadSession>>>> {
        let rows = self.present();
        let cursor = Cursor::new(vec![(0, rows.revision)]);
        let session = Session { store: self.clone(), rows, cursor };
        Box::pin(async { Ok(Some(Box::new(session) as Box<dyn ReadSession>)) })
    }
}

struct Session {
    store: Versions,
    rows: Arc<Rows>,
    cursor: Cursor,
}

impl ReadSession for Session {
    fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    fn changed_since<'a>(&'a mut self, before: &'a Cursor) -> BoxFuture<'a, Result<Since>> {
        let before = Arc::clone(
            &self.store.states.lock().unwrap()[usize::try_from(before.revision().number()).unwrap()],
        );
        let changed = difference(&before, &self.rows);
        Box::pin(async { Ok(Since::Changed(changed)) })
    }

    fn select<'a>(&'a mut self, selection: &'a Selection) -> BoxFuture<'a, Result<Rows>> {
        let is_one =
            |row: &&FlagRow| selection.flags.contains(&row.id) || selection.names.contains(&row.name);
        let flags: Vec<FlagRow> = self.rows.flags.iter().filter(is_one).cloned().collect();
        let ids: BTreeSet<_> = flags.iter().map(|row| Some(row.id)).collect();
        let is_one = |id: &i64| selection.activations.contains(id);
        let rows = Rows {
            revision: self.rows.revision,
            links: self.rows.links.iter().filter(|link| ids.contains(&link.flag_id)).copied().collect(),
            activations: self.rows.activations.iter().filter(|row| is_one(&row.id)).cloned().collect(),
            members: self.rows.members.iter().filter(|row| is_one(&row.activation_id)).cloned().collect(),
            flags,
            ..Rows::default()
        };
        let count = rows.flags.len() + rows.links.len() + rows.activations.len() + rows.members.len();
        self.store.selected.fetch_add(count, Ordering::Relaxed);
        Box::pin(async { Ok(rows) })
    }

    fn all(&mut self) -> BoxFuture<'_, Result<Rows>> {
        self.store.whole.fetch_add(1, Ordering::Relaxed);
        Box::pin(async { Ok((*self.rows).clone()) })
    }

    fn end(self: Box<Self>) -> BoxFuture<'static, Result<()>> {
        Box::pin(async { Ok(()) })
    }
}

/// The ids of rows that are in only one of the two, which are sorted by `key`.
fn differing<'a, T: PartialEq, K: Ord>(
    (before, now): (&'a [T], &'a [T]),
    key: impl Fn(&'a T) -> K,
    id: impl Fn(&T) -> Option<i64>,
) -> BTreeSet<i64> {
    let is_in = |rows: &'a [T], row: &'a T| {
        let place = rows.binary_search_by_key(&key(row), &key);
        place.is_ok_and(|place| rows[place] == *row)
    };
    let lost = before.iter().filter(|row| !is_in(now, row));
    lost.chain(now.iter().filter(|row| !is_in(before, row))).filter_map(id).collect()
}

/// The difference, from a comparison of all rows.
fn difference(before: &Rows, now: &Rows) -> Delta {
    let mut changed = Delta::default();
    let flags = (&*before.flags, &*now.flags);
    changed.flags.extend(differing(flags, |row| row.id, |row| Some(row.id)));
    let links = (&*before.links, &*now.links);
    changed.flags.extend(differing(links, |link| (link.flag_id, link.activation_id), |link| link.flag_id));
    let activations = (&*before.activations, &*now.activations);
    changed.activations.extend(differing(activations, |row| row.id, |row| Some(row.id)));
    let members = (&*before.members, &*now.members);
    changed.activations.extend(differing(
        members,
        |row| (row.activation_id, row.member.as_str()),
        |row| Some(row.activation_id),
    ));
    let names = |rows: &Rows| -> BTreeSet<(i64, String)> {
        rows.flags.iter().map(|row| (row.id, row.name.clone())).collect()
    };
    let ids = |rows: &Rows| -> BTreeSet<i64> { rows.activations.iter().map(|row| row.id).collect() };
    changed.is_new = !names(now).is_subset(&names(before)) || !ids(now).is_subset(&ids(before));
    changed
}

const NAMES: [&str; 7] = ["a", "b", "c", "d", "e", "f", "only an override"];

#[derive(Clone, Debug)]
enum Edit {
    Flag(i64, usize, bool, Option<Box<FlagMetadata>>),
    NoFlag(i64),
    Activation(i64, usize, i64, i64),
    NoActivation(i64),
    Link(i64, i64),
    Unlink(i64, i64),
    Member(i64, usize),
    NoMember(i64, usize),
}

fn metadata() -> impl Strategy<Value = FlagMetadata> {
    let variants = prop_oneof![
        3 => Just(None),
        1 => Just(Some(r#"{"x": 1, "y": 2}"#.to_owned())),
        1 => Just(Some(r#"{"x": 1, "y": "2"}"#.to_owned())),
        1 => Just(Some("3".to_owned())),
    ];
    let mode = prop::sample::select(vec![FailMode::Off, FailMode::On, FailMode::LastKnown]);
    let chosen =
        || prop_oneof![2 => Just(None), 1 => Just(Some("x".to_owned())), 1 => Just(Some("z".to_owned()))];
    let kind = prop_oneof![2 => Just(None), 1 => Just(Some(ValueType::Integer))];
    let noted = prop::sample::select(vec![None, Some(r#"{"team": "a"}"#), Some("[1]")]);
    let columns = (variants, mode, chosen(), chosen(), kind, noted, any::<bool>());
    columns.prop_map(|(variants, fail_mode, default_variant, off_variant, value_type, noted, allowed)| {
        FlagMetadata {
            variants,
            value_type,
            fail_mode,
            default_variant,
            off_variant,
            metadata: noted.map(str::to_owned),
            override_allowed: allowed,
            exposed: !allowed,
            tags: if allowed { vec!["tagged".to_owned()] } else { Vec::new() },
            ..FlagMetadata::default()
        }
    })
}

fn edit() -> impl Strategy<Value = Edit> {
    let (flag, activation) = (1_i64..7, 1_i64..9);
    prop_oneof![
        4 => (flag.clone(), 0..NAMES.len(), any::<bool>(), prop::option::of(metadata()))
            .prop_map(|(id, name, status, metadata)| Edit::Flag(id, name, status, metadata.map(Box::new))),
        1 => flag.clone().prop_map(Edit::NoFlag),
        6 => (activation.clone(), 0..14_usize, 1_i64..10, 1_i64..10)
            .prop_map(|(id, kind, one, other)| Edit::Activation(id, kind, one, other)),
        1 => activation.clone().prop_map(Edit::NoActivation),
        4 => (flag.clone(), activation.clone()).prop_map(|(flag, activation)| Edit::Link(flag, activation)),
        2 => (flag, activation.clone()).prop_map(|(flag, activation)| Edit::Unlink(flag, activation)),
        1 => (activation.clone(), 0..3_usize).prop_map(|(id, member)| Edit::Member(id, member)),
        1 => (activation, 0..3_usize).prop_map(|(id, member)| Edit::NoMember(id, member)),
    ]
}

const MEMBERS: [&str; 3] = ["u1", "u2", "u3"];

fn activation(id: i64, kind: usize, one: i64, other: i64) -> ActivationRow {
    let flag = NAMES[usize::try_from(one).unwrap() % NAMES.len()];
    let (class, config) = match kind {
        0 => ("novi.and", format!("[{one}, {other}]")),
        1 => ("novi.or", format!("[{one}, {other}]")),
        2 => ("novi.not", format!("[{one}]")),
        3 => ("novi.attribute", format!(r#"{{"attribute": "n", "greater": {one}}}"#)),
        4 => ("novi.static", r#"{"variant": "x"}"#.to_owned()),
        5 => ("novi.percentage", format!(r#"{{"percentage": {}}}"#, one * 10)),
        6 => ("novi.split", format!(r#"{{"variants": {{"x": {one}, "y": {other}}}}}"#)),
        7 => ("novi.flag", format!(r#"{{"flag": "{flag}"}}"#)),
        8 => ("novi.members", "{}".to_owned()),
        9 => ("no.such.class", "{}".to_owned()),
        10 => ("novi.attribute", "nonsense".to_owned()),
        11 => {
            ("novi.and", format!(r#"[{one}, {{"class_name": "novi.flag", "config": {{"flag": "{flag}"}}}}]"#))
        }
        12 => ("novi.at_least", format!(r#"{{"count": 1, "activations": [{one}, {other}]}}"#)),
        _ => ("novi.date_time", r#"{"startDateTime": "2026-01-01T00:00:00Z"}"#.to_owned()),
    };
    // No two are equal: equal ones are evaluated once, which explanations show and patches ignore.
    let config = config + &" ".repeat(usize::try_from(id).unwrap());
    ActivationRow::new(id, format!("activation {id}"), class, config)
}

fn apply(rows: &mut Rows, edit: Edit) {
    match edit {
        Edit::Flag(id, name, status, metadata) => {
            if rows.flags.iter().any(|row| row.name == NAMES[name] && row.id != id) {
                return;
            }
            let known = rows.flags.iter().find(|row| row.id == id).map(|row| row.metadata.clone());
            rows.flags.retain(|row| row.id != id);
            let metadata = metadata.map(|metadata| *metadata).or(known).unwrap_or_default();
            rows.flags.push(FlagRow { metadata, ..FlagRow::new(id, NAMES[name], status) });
        }
        Edit::NoFlag(id) => {
            rows.flags.retain(|row| row.id != id);
            rows.links.retain(|link| link.flag_id != Some(id));
        }
        Edit::Activation(id, kind, one, other) => {
            rows.activations.retain(|row| row.id != id);
            rows.activations.push(activation(id, kind, one, other));
        }
        Edit::NoActivation(id) => {
            rows.activations.retain(|row| row.id != id);
            rows.members.retain(|row| row.activation_id != id);
        }
        Edit::Link(flag, activation) => {
            let link = LinkRow::new(flag, activation);
            // Adopted tables may have links to missing activations, but not to missing flags.
            if rows.flags.iter().any(|row| row.id == flag) && !rows.links.contains(&link) {
                rows.links.push(link);
            }
        }
        Edit::Unlink(flag, activation) => rows.links.retain(|link| *link != LinkRow::new(flag, activation)),
        Edit::Member(id, member) => {
            let row = MemberRow::allowed(id, MEMBERS[member]);
            if rows.activations.iter().any(|row| row.id == id) && !rows.members.contains(&row) {
                rows.members.push(row);
            }
        }
        Edit::NoMember(id, member) => {
            rows.members.retain(|row| *row != MemberRow::allowed(id, MEMBERS[member]));
        }
    }
    rows.flags.sort_by_key(|row| row.id);
    rows.activations.sort_by_key(|row| row.id);
    rows.links.sort_by_key(|link| (link.flag_id, link.activation_id));
    rows.members.sort_by(|a, b| (a.activation_id, &a.member).cmp(&(b.activation_id, &b.member)));
}

fn builder() -> FlagsBuilder {
    let overrides = [("only an override", Override::On), ("c", Override::variant("x"))];
    Flags::builder()
        .overrides(overrides.into_iter().map(|(name, answer)| (name.to_owned(), answer)).collect())
        .keep_rows()
        // The flags refresh when the test says so.
        .refresh(Duration::from_hours(1))
}

fn contexts() -> Vec<Context<'static>> {
    // With a time, because explanations otherwise show the current time.
    let nobody = Context::new().with("currentDateTime", "2026-06-01T00:00:00Z");
    let context = |n: i64, key| nobody.clone().with("n", n).with("targetingKey", key);
    vec![nobody.clone(), context(5, "u1"), context(9, "u2")]
}

/// Rows without what is known of deleted ones, which a reload of rows in memory does not know.
fn without_used_ids(rows: &Rows) -> Rows {
    Rows { used_ids: UsedIds::default(), ..rows.clone() }
}

/// All evaluations.
fn answers(flags: &Flags) -> Vec<String> {
    let snapshot = flags.snapshot();
    let mut all = vec![
        format!("{:?}", snapshot.flag_names().collect::<Vec<_>>()),
        format!("{:#?}", snapshot.issues()),
        format!("{:#?}", snapshot.rows().map(without_used_ids)),
    ];
    for context in contexts() {
        for decision in snapshot.evaluate_all(&context) {
            all.push(serde_json::to_string(&decision).unwrap());
        }
        let tagged = snapshot.evaluate_only(novi::snapshot::Filter::Tag("tagged"), &context);
        all.push(format!(
            "{:?}",
            tagged.iter().map(|decision| decision.flag().to_owned()).collect::<Vec<_>>()
        ));
        for name in NAMES {
            all.push(format!("{name} {:?} {}", snapshot.row_of(name), snapshot.exposes(name)));
            all.push(match flags.evaluate(name, &context) {
                Ok(decision) => serde_json::to_string(&decision).unwrap(),
                Err(error) => error.to_string(),
            });
            all.push(match flags.explain(name, &context) {
                Ok(trace) => trace.to_string(),
                Err(error) => error.to_string(),
            });
            let asked = novi::overrides::request_sync_scope([(name, Override::variant("y"))], || {
                flags
                    .evaluate(name, &context)
                    .map(|decision| (decision.enabled(), decision.variant().map(str::to_owned)))
            });
            all.push(format!("{asked:?}"));
        }
    }
    for (index, _) in snapshot.rows().unwrap().flags.iter().enumerate() {
        all.push(format!("{:?}", snapshot.activations_of(index).map(|row| row.id).collect::<Vec<_>>()));
    }
    all.push(format!("{:?}", flags.evaluations()));
    all
}

/// Each step is a commit of several edits.
fn steps() -> impl Strategy<Value = Vec<Vec<Edit>>> {
    prop::collection::vec(prop::collection::vec(edit(), 1..4), 1..25)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn decisions_equal_those_of_a_full_reload(start in prop::collection::vec(edit(), 0..30), steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut rows = Rows::default();
        for edit in start {
            apply(&mut rows, edit);
        }
        let store = Versions::new(rows.clone());
        let whole = builder().from_rows(rows.clone()).unwrap();
        runtime.block_on(async {
            let flags = builder().from_store(Arc::new(store.clone())).await.unwrap();
            for edits in steps {
                for edit in edits {
                    apply(&mut rows, edit);
                }
                store.put(rows.clone());
                whole.replace_rows((*store.present()).clone());
                flags.refresh().await.unwrap();
                for (one, other) in answers(&flags).iter().zip(answers(&whole)) {
                    prop_assert_eq!(one, &other);
                }
            }
            // Most steps must not read all rows.
            prop_assert_eq!(store.whole.load(Ordering::Relaxed), 1);
            Ok(())
        })?;
    }
}

fn numbered(count: i64) -> Rows {
    Rows {
        flags: (1..=count).map(|id| FlagRow::new(id, format!("flag {id}"), false)).collect(),
        activations: (1..=count)
            .map(|id| {
                ActivationRow::new(
                    id,
                    "n",
                    "novi.attribute",
                    format!(r#"{{"attribute": "n", "greater": {id}}}"#),
                )
            })
            .collect(),
        links: (1..=count).map(|id| LinkRow::new(id, id)).collect(),
        ..Rows::default()
    }
}

#[tokio::test]
async fn large_patches_are_compiled_in() {
    let mut rows = numbered(400);
    let store = Versions::new(rows.clone());
    let whole = builder().from_rows(rows.clone()).unwrap();
    let flags = builder().from_store(Arc::new(store.clone())).await.unwrap();
    let mut heard = flags.subscribe();
    let context = Context::new().with("n", 200);
    let mut news = BTreeSet::new();
    for id in 1..=300_i64 {
        rows.flags[usize::try_from(id).unwrap() - 1].status = true;
        store.put(rows.clone());
        flags.refresh().await.unwrap();
        let name = format!("flag {id}");
        assert_eq!(flags.is_enabled(&name, &context), id < 200, "{name}");
        let changes = heard.next().await.unwrap();
        assert!(!changes.whole && changes.changed == [name.as_str()] && changes.affected == [name.as_str()]);
        assert!(news.insert(changes.revision.number()));
        // Lets background tasks run.
        tokio::task::yield_now().await;
    }
    let read = store.whole.load(Ordering::Relaxed);
    assert!((2..20).contains(&read), "all rows were read {read} times");
    // Each decision is counted once, by any snapshot.
    let on = flags
        .evaluations()
        .iter()
        .filter(|counted| counted.enabled)
        .map(|counted| counted.count)
        .sum::<u64>();
    assert_eq!((on, flags.evaluations().len()), (199, 300));
    whole.replace_rows((*store.present()).clone());
    let all = |flags: &Flags| {
        let mut answers = answers(flags);
        answers.pop();
        answers
    };
    assert_eq!(all(&flags), all(&whole));
}

#[tokio::test]
async fn replaced_rows_are_replaced_again() {
    let rows = numbered(3);
    let store = Versions::new(rows.clone());
    let flags = builder().from_store(Arc::new(store.clone())).await.unwrap();
    let mut older = rows.clone();
    older.revision = Revision::new(-1);
    older.flags[0].status = true;
    // Like a refresh that was given up and ends after a later one.
    flags.replace_rows(older);
    assert!(flags.evaluate("flag 1", &Context::new()).unwrap().reason() != novi::Reason::Disabled);
    assert!(flags.refresh().await.unwrap());
    assert_eq!(flags.evaluate("flag 1", &Context::new()).unwrap().reason(), novi::Reason::Disabled);
    assert_eq!(flags.snapshot().revision(), store.present().revision);
    assert!(!flags.refresh().await.unwrap());
}

#[tokio::test]
async fn one_change_among_100000_flags_reads_few_rows() {
    let mut rows = numbered(100_000);
    // A change of a flag's status does not reload its list of members.
    rows.activations[4] = ActivationRow::new(5, "list", "novi.members", "{}");
    rows.members = (0..10_000).map(|user| MemberRow::allowed(5, format!("user {user:05}"))).collect();
    let store = Versions::new(rows.clone());
    let flags =
        Flags::builder().refresh(Duration::from_hours(1)).from_store(Arc::new(store.clone())).await.unwrap();
    let read = || store.selected.swap(0, Ordering::Relaxed);
    let context = Context::new().with("targetingKey", "user 00007");
    for (id, expected) in [(5, 2), (77_777, 2), (5, 2)] {
        rows.flags[id - 1].status ^= true;
        store.put(rows.clone());
        flags.refresh().await.unwrap();
        // The flag and its link; its activation is reused.
        assert_eq!(read(), expected, "flag {id}");
        assert_eq!(flags.is_enabled("flag 5", &context), rows.flags[4].status, "flag {id}");
    }
    rows.activations[99_999].config = Some(r#"{"attribute": "targetingKey", "exists": true}"#.to_owned());
    rows.flags[99_999].status = true;
    store.put(rows);
    flags.refresh().await.unwrap();
    assert_eq!((read(), flags.is_enabled("flag 100000", &context)), (3, true));
    assert_eq!(store.whole.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn subscribers_receive_changed_and_affected_flags() {
    let mut rows = numbered(4);
    // Flag 4 depends on flag 3, and flag 2 shares the activation of flag 1.
    rows.activations[3] = ActivationRow::new(4, "asks", "novi.flag", r#"{"flag": "flag 3"}"#);
    rows.links.insert(1, LinkRow::new(2, 1));
    let store = Versions::new(rows.clone());
    let flags = builder().from_store(Arc::new(store.clone())).await.unwrap();
    let mut heard = flags.subscribe();
    let mut change = async |rows: &Rows| {
        store.put(rows.clone());
        assert!(flags.refresh().await.unwrap());
        let changes = heard.next().await.unwrap();
        assert_eq!(changes.revision, flags.snapshot().revision());
        (changes.changed.join(", "), changes.affected.join(", "))
    };
    rows.activations[0].config = Some(r#"{"attribute": "m", "equals": 1}"#.to_owned());
    assert_eq!(change(&rows).await, (String::new(), "flag 1, flag 2".to_owned()));
    rows.flags[2].status = true;
    assert_eq!(change(&rows).await, ("flag 3".to_owned(), "flag 3, flag 4".to_owned()));
    rows.flags[0].name = "flag one".to_owned();
    assert_eq!(change(&rows).await, ("flag 1, flag one".to_owned(), "flag 1, flag one".to_owned()));
    rows.flags.remove(1);
    rows.links.retain(|link| link.flag_id != Some(2));
    assert_eq!(change(&rows).await, ("flag 2".to_owned(), "flag 2".to_owned()));
    // A subscriber that lags is notified that anything may have changed.
    for _ in 0..200 {
        rows.flags[0].status ^= true;
        store.put(rows.clone());
        flags.refresh().await.unwrap();
    }
    let changes = heard.next().await.unwrap();
    assert!(changes.whole && changes.revision == flags.snapshot().revision(), "{changes:?}");
    drop(flags);
    assert_eq!(heard.next().await, None);
}
