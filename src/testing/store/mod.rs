//! The contract of stores. The author of a store runs it in one test.
//!
//! A check that fails panics with a sentence that says what a store must do.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! use novi::{store::MemoryStore, testing};
//!
//! testing::store::run(async || MemoryStore::default()).await;
//! # });
//! ```

#![allow(clippy::expect_used, clippy::missing_panics_doc, reason = "a test kit reports by panicking")]

mod rows;
mod versions;

use crate::{
    error::{Error, Result},
    rows::{ActivationRow, FailMode, FlagMetadata, FlagRow, LinkRow, MemberRow, ValueType},
    store::{Change, SchemaStore, WriteStore},
};
use rows::{apply, fill, load, revision};

/// Runs all checks. Each uses its own store: `make` returns one that is migrated and empty.
pub async fn run<S: WriteStore>(make: impl AsyncFn() -> S) {
    new_store_is_empty(&make().await).await;
    every_change_changes_the_revision(&make().await).await;
    load_returns_all_rows_in_order(&make().await).await;
    changes_are_atomic(&make().await).await;
    duplicate_names_and_ids_are_rejected(&make().await).await;
    changes_of_missing_rows_are_rejected(&make().await).await;
    values_that_do_not_fit_are_rejected(&make().await).await;
    names_are_stored_unchanged(&make().await).await;
    configs_are_stored_unchanged(&make().await).await;
    metadata_is_stored_unchanged(&make().await).await;
    changes_increase_row_versions(&make().await).await;
    versions::run(&make).await;
    deleting_a_flag_deletes_its_links(&make().await).await;
    activations_in_use_cannot_be_deleted(&make().await).await;
    members_are_stored_unchanged(&make().await).await;
    deleting_an_activation_deletes_its_members(&make().await).await;
}

/// Runs the checks of stores with a schema. Each uses its own store: `make` returns one that is migrated and
/// empty.
pub async fn run_schema<S: SchemaStore>(make: impl AsyncFn() -> S) {
    migrating_again_does_nothing(&make().await).await;
    scripts_are_atomic(&make().await).await;
    scripts_with_transactions_are_rejected(&make().await).await;
}

/// Names that a careless store would mangle, confuse or execute.
pub fn odd_names() -> Vec<String> {
    let mut names: Vec<String> = [
        "plain",
        "PLAIN",
        "with space",
        "trailing",
        "it's",
        "say \"hi\"",
        "100%",
        "under_score",
        "back\\slash",
        "`tick`",
        "a;b--c/*d*/",
        "'; drop table flags; --",
        "$1 ? :name @x {y}",
        "tab\tand\nnewline",
        "🚀 launch 👩‍👩‍👧",
        "مرحبا",
        "עברית",
        "résumé",
        "resume",
        "re\u{301}sume\u{301}",
        "ß",
        "ss",
        "İstanbul",
        "日本語",
        "\u{feff}bom",
        "\u{200b}zero width",
        "null",
        "true",
        "0",
    ]
    .map(str::to_owned)
    .into();
    names.push("x".repeat(200));
    names.push("🚀".repeat(200));
    names
}

/// Expects an error that names the row, and unchanged rows.
async fn rejected(store: &impl WriteStore, changes: Vec<Change>, names: &str) {
    let before = load(store).await;
    let shown = format!("{changes:?}");
    match store.apply(changes).await {
        Err(error @ Error::Constraint(_)) => {
            let sentence = error.to_string();
            assert!(sentence.contains(names), "the error for {shown} must name {names:?}: {sentence}");
        }
        other => panic!("a store must reject {shown}, but returned {other:?}"),
    }
    assert_eq!(load(store).await, before, "a rejected change must not change rows or revision: {shown}");
}

async fn new_store_is_empty(store: &impl WriteStore) {
    let rows = load(store).await;
    assert_eq!(
        (rows.flags.len(), rows.activations.len(), rows.links.len(), rows.members.len()),
        (0, 0, 0, 0),
        "the checks require an empty store"
    );
    assert_eq!(rows.revision, revision(store).await, "the rows must have the current revision");
    assert!(!store.name().is_empty(), "a store must have a name");
}

async fn every_change_changes_the_revision(store: &impl WriteStore) {
    fill(store).await;
    let changes = [
        Change::SetStatus { flag: "two".to_owned(), status: true },
        Change::InsertFlag(FlagRow::new(3, "three", true)),
        Change::InsertActivation(ActivationRow::new(3, "third", "acme.third", "{}")),
        Change::UpdateActivation(ActivationRow::new(3, "third", "acme.third", "[1]")),
        Change::Link(LinkRow::new(3, 3)),
        Change::SetMetadata {
            flag_id: 3,
            metadata: Box::new(FlagMetadata { owner: Some("ann".to_owned()), ..FlagMetadata::default() }),
        },
        Change::Unlink(LinkRow::new(3, 3)),
        Change::InsertMember(MemberRow::allowed(3, "ann")),
        Change::DeleteMember { activation_id: 3, member: "ann".to_owned() },
        Change::DeleteActivation { id: 3 },
        Change::DeleteFlag { id: 3 },
    ];
    for change in changes {
        let shown = format!("{change:?}");
        let before = revision(store).await;
        let returned = apply(store, vec![change]).await;
        let after = revision(store).await;
        assert_ne!(before, after, "the revision must change with {shown}");
        assert_eq!(returned, after, "apply must return the revision that contains {shown}");
        assert_eq!(load(store).await.revision, after, "the rows must have the revision of {shown}");
        assert_eq!(revision(store).await, after, "reading must not change the revision");
    }
    let before = revision(store).await;
    assert_eq!(apply(store, Vec::new()).await, before, "an empty edit must not change the revision");
}

async fn load_returns_all_rows_in_order(store: &impl WriteStore) {
    let ids = [30, 4, 5_000_000_000, 200, 1];
    let mut changes = Vec::new();
    for id in ids {
        changes.push(Change::InsertFlag(FlagRow::new(id, format!("flag {id}"), id % 2 == 0)));
        changes.push(Change::InsertActivation(ActivationRow::new(
            id,
            format!("activation {id}"),
            "acme.x",
            "{}",
        )));
    }
    changes.extend(
        [(200, 4), (200, 1), (1, 30), (30, 5_000_000_000)].map(|(f, a)| Change::Link(LinkRow::new(f, a))),
    );
    apply(store, changes).await;
    let rows = load(store).await;
    let expected = [1, 4, 30, 200, 5_000_000_000];
    assert_eq!(
        rows.flags.iter().map(|row| row.id).collect::<Vec<_>>(),
        expected,
        "flags must be ordered by id"
    );
    let found: Vec<_> = rows.activations.iter().map(|row| row.id).collect();
    assert_eq!(found, expected, "activations must be ordered by id");
    let links = [(1, 30), (30, 5_000_000_000), (200, 1), (200, 4)].map(|(f, a)| LinkRow::new(f, a));
    assert_eq!(rows.links, links, "links must be ordered by flag and activation");
    for row in &rows.flags {
        assert_eq!((row.name.as_str(), row.status), (format!("flag {}", row.id).as_str(), row.id % 2 == 0));
        assert!(row.faults.is_empty(), "rows written by a store must be readable: {:?}", row.faults);
    }
}

async fn changes_are_atomic(store: &impl WriteStore) {
    fill(store).await;
    let before = load(store).await;
    let result = store
        .apply(vec![
            Change::SetStatus { flag: "one".to_owned(), status: false },
            Change::InsertFlag(FlagRow::new(9, "nine", true)),
            Change::DeleteFlag { id: 2 },
            Change::SetStatus { flag: "nobody".to_owned(), status: true },
        ])
        .await;
    assert!(
        matches!(&result, Err(Error::FlagNotFound { name, .. }) if name == "nobody"),
        "setting the status of an unknown flag must return FlagNotFound, not {result:?}"
    );
    assert_eq!(load(store).await, before, "if one change fails, earlier changes of the edit must be undone");
    let returned = apply(
        store,
        vec![
            Change::SetStatus { flag: "one".to_owned(), status: false },
            Change::SetStatus { flag: "two".to_owned(), status: true },
        ],
    )
    .await;
    let rows = load(store).await;
    assert_eq!((rows.revision, rows.flags[0].status, rows.flags[1].status), (returned, false, true));
    // Setting the current status again is not an error.
    apply(store, vec![Change::SetStatus { flag: "one".to_owned(), status: false }]).await;
}

async fn duplicate_names_and_ids_are_rejected(store: &impl WriteStore) {
    fill(store).await;
    rejected(store, vec![Change::InsertFlag(FlagRow::new(3, "one", true))], "flags#3").await;
    rejected(store, vec![Change::InsertFlag(FlagRow::new(1, "other", true))], "flags#1").await;
    rejected(store, vec![Change::RenameFlag { id: 2, name: "one".to_owned() }], "flags#2").await;
    let again = ActivationRow::new(1, "other", "acme.other", "{}");
    rejected(store, vec![Change::InsertActivation(again)], "activations#1").await;
    rejected(store, vec![Change::Link(LinkRow::new(1, 1))], "flags_activations(1, 1)").await;
}

async fn changes_of_missing_rows_are_rejected(store: &impl WriteStore) {
    fill(store).await;
    rejected(store, vec![Change::UpdateActivation(ActivationRow::new(9, "x", "y", "{}"))], "activations#9")
        .await;
    rejected(store, vec![Change::Link(LinkRow::new(1, 9))], "flags_activations(1, 9)").await;
    rejected(store, vec![Change::Link(LinkRow::new(9, 1))], "flags_activations(9, 1)").await;
    rejected(store, vec![Change::Unlink(LinkRow::new(2, 2))], "flags_activations(2, 2)").await;
    rejected(store, vec![Change::Link(LinkRow { flag_id: None, activation_id: Some(1) })], "null").await;
    rejected(store, vec![Change::RenameFlag { id: 9, name: "x".to_owned() }], "flags#9").await;
    rejected(store, vec![Change::DeleteFlag { id: 9 }], "flags#9").await;
    rejected(store, vec![Change::DeleteActivation { id: 9 }], "activations#9").await;
    let metadata = Box::<FlagMetadata>::default();
    rejected(store, vec![Change::SetMetadata { flag_id: 9, metadata }], "flags#9").await;
}

async fn values_that_do_not_fit_are_rejected(store: &impl WriteStore) {
    fill(store).await;
    rejected(store, vec![Change::InsertFlag(FlagRow::new(0, "zero", true))], "flags#0").await;
    rejected(store, vec![Change::InsertFlag(FlagRow::new(3, "x".repeat(256), true))], "flags#3").await;
    rejected(store, vec![Change::InsertFlag(FlagRow::new(3, "nul\0", true))], "NUL").await;
    let row = ActivationRow::new(3, "x", "y", "\0");
    rejected(store, vec![Change::InsertActivation(row)], "activations#3").await;
}

async fn names_are_stored_unchanged(store: &impl WriteStore) {
    let names = odd_names();
    let flags = (1..).zip(&names).map(|(id, name)| Change::InsertFlag(FlagRow::new(id, name.clone(), false)));
    apply(store, flags.collect()).await;
    for name in &names {
        apply(store, vec![Change::SetStatus { flag: name.clone(), status: true }]).await;
        let rows = load(store).await;
        let on: Vec<_> = rows.flags.iter().filter(|row| row.status).map(|row| &row.name).collect();
        assert_eq!(on, [name], "only the status of the named flag must be set");
        apply(store, vec![Change::SetStatus { flag: name.clone(), status: false }]).await;
    }
    let kept: Vec<_> = load(store).await.flags.into_iter().map(|row| row.name).collect();
    assert_eq!(kept, names, "names must be stored byte for byte");
}

async fn configs_are_stored_unchanged(store: &impl WriteStore) {
    let configs: Vec<Option<String>> = [
        Some(r#"{ "b":1,  "a":[1.0, 1e3, 0.1], "b":2 }"#),
        Some("[1,2]"),
        Some("not json at all"),
        Some(""),
        Some("  \r\n\t"),
        Some(r#"{"quotes":"it's \"so\" \\ and \u0041 🚀"}"#),
        Some("'; delete from activations; --"),
        Some("%s %d ? $1 :x"),
        None,
    ]
    .into_iter()
    .map(|config| config.map(str::to_owned))
    .chain([Some(format!("\"{}\"", "é".repeat(100_000)))])
    .collect();
    let rows = || {
        (1..).zip(&configs).map(|(id, config)| ActivationRow {
            id,
            name: format!("a{id}"),
            class_name: "acme.config".to_owned(),
            config: config.clone(),
            ..ActivationRow::default()
        })
    };
    apply(store, rows().map(Change::InsertActivation).collect()).await;
    let kept: Vec<_> = load(store).await.activations.into_iter().map(|row| row.config).collect();
    assert_eq!(kept, configs, "configs must be stored byte for byte");
    let blank = rows().map(|row| Change::UpdateActivation(ActivationRow { config: None, ..row }));
    apply(store, blank.collect()).await;
    apply(store, rows().map(Change::UpdateActivation).collect()).await;
    let kept: Vec<_> = load(store).await.activations.into_iter().map(|row| row.config).collect();
    assert_eq!(kept, configs, "updates must be stored byte for byte");
}

fn full_metadata() -> FlagMetadata {
    FlagMetadata {
        description: Some("What it's \"for\" 🚀\nand more".to_owned()),
        owner: Some("ann@example.com".to_owned()),
        expires_at: "2031-02-03T04:05:06.789Z".parse().ok(),
        tags: vec!["beta".to_owned(), "it's".to_owned(), "🚀".to_owned()],
        override_allowed: false,
        exposed: true,
        fail_mode: FailMode::LastKnown,
        variants: Some(r#"{ "b": 1, "a": {"x": [true]} }"#.to_owned()),
        value_type: Some(ValueType::Any),
        default_variant: Some("b".to_owned()),
        off_variant: Some("a".to_owned()),
        metadata: Some(r#"{ "team": "it's", "tier": 1.50 }"#.to_owned()),
        ..FlagMetadata::default()
    }
}

/// The metadata without the columns that the store maintains.
fn written(metadata: &FlagMetadata) -> FlagMetadata {
    FlagMetadata { row_version: 0, created_at: None, updated_at: None, ..metadata.clone() }
}

async fn metadata_is_stored_unchanged(store: &impl WriteStore) {
    let with = FlagRow { metadata: full_metadata(), ..FlagRow::new(1, "with", true) };
    apply(store, vec![Change::InsertFlag(with), Change::InsertFlag(FlagRow::new(2, "without", true))]).await;
    let rows = load(store).await;
    assert_eq!(
        written(&rows.flags[0].metadata),
        written(&full_metadata()),
        "metadata of a new flag must be stored"
    );
    assert_eq!(
        written(&rows.flags[1].metadata),
        written(&FlagMetadata::default()),
        "missing metadata must have default values"
    );
    assert!(rows.flags[1].metadata.created_at.is_some(), "a store must record when a flag was created");
    let swapped = [(1, FlagMetadata::default()), (2, full_metadata())];
    let changes = swapped
        .clone()
        .map(|(flag_id, metadata)| Change::SetMetadata { flag_id, metadata: Box::new(metadata) });
    apply(store, changes.into()).await;
    for (row, (_, metadata)) in load(store).await.flags.iter().zip(&swapped) {
        assert_eq!(written(&row.metadata), written(metadata), "metadata must be replaced as a whole");
        assert!(row.faults.is_empty(), "metadata written by a store must be readable: {:?}", row.faults);
    }
}

async fn changes_increase_row_versions(store: &impl WriteStore) {
    fill(store).await;
    let version = async || load(store).await.flags[0].metadata.row_version;
    let other = load(store).await.flags[1].metadata.row_version;
    let first = version().await;
    apply(store, vec![Change::SetStatus { flag: "one".to_owned(), status: false }]).await;
    let second = version().await;
    apply(store, vec![Change::SetMetadata { flag_id: 1, metadata: Box::new(full_metadata()) }]).await;
    let third = version().await;
    assert!(
        first < second && second < third,
        "each change must increase the row version: {first}, {second}, {third}"
    );
    apply(store, vec![Change::RenameFlag { id: 1, name: "uno".to_owned() }]).await;
    assert!(third < version().await, "renaming must increase the row version");
    let rows = load(store).await;
    assert_eq!(rows.flags[0].name, "uno", "a renamed flag must have its new name");
    let (one, two) = (&rows.flags[0].metadata, &rows.flags[1].metadata);
    assert!(one.updated_at >= one.created_at, "a change must set updated_at");
    assert_eq!(two.row_version, other, "versions of other flags must not change");
}

async fn deleting_a_flag_deletes_its_links(store: &impl WriteStore) {
    fill(store).await;
    apply(store, vec![Change::Link(LinkRow::new(2, 1)), Change::DeleteFlag { id: 1 }]).await;
    let rows = load(store).await;
    assert_eq!(rows.links, [LinkRow::new(2, 1)], "deleting a flag must delete its links, and no others");
    assert_eq!(
        (rows.flags.len(), rows.activations.len()),
        (1, 2),
        "deleting a flag must not delete activations"
    );
    // A new flag with the same id must not inherit anything.
    apply(store, vec![Change::InsertFlag(FlagRow::new(1, "one", true))]).await;
    let rows = load(store).await;
    assert_eq!(written(&rows.flags[0].metadata), written(&FlagMetadata::default()));
}

async fn activations_in_use_cannot_be_deleted(store: &impl WriteStore) {
    fill(store).await;
    rejected(store, vec![Change::DeleteActivation { id: 1 }], "activations#1").await;
    apply(store, vec![Change::Unlink(LinkRow::new(1, 1)), Change::DeleteActivation { id: 1 }]).await;
    assert_eq!(load(store).await.activations.len(), 1);
}

async fn members_are_stored_unchanged(store: &impl WriteStore) {
    fill(store).await;
    let mut names = odd_names();
    let insert = |(at, name): (usize, &String)| {
        Change::InsertMember(MemberRow { denied: at % 2 == 0, ..MemberRow::allowed(2, name) })
    };
    apply(store, names.iter().enumerate().map(insert).collect()).await;
    apply(store, vec![Change::InsertMember(MemberRow::allowed(1, "plain"))]).await;
    let mut expected: Vec<_> =
        names.iter().enumerate().map(|(at, name)| (2, name.as_str(), at % 2 == 0)).collect();
    expected.push((1, "plain", false));
    expected.sort_unstable();
    let rows = load(store).await;
    let found: Vec<_> =
        rows.members.iter().map(|row| (row.activation_id, row.member.as_str(), row.denied)).collect();
    assert_eq!(found, expected, "members must be stored byte for byte, ordered by activation and bytes");
    assert!(rows.members.iter().all(|row| row.fault.is_none()), "rows written by a store must be readable");

    let again = Change::InsertMember(MemberRow::denied(1, "plain"));
    rejected(store, vec![again], "activation_members(1, \"plain\")").await;
    rejected(store, vec![Change::InsertMember(MemberRow::allowed(9, "x"))], "activations#9").await;
    let absent = Change::DeleteMember { activation_id: 1, member: "PLAIN".to_owned() };
    rejected(store, vec![absent], "activation_members(1, \"PLAIN\")").await;
    rejected(store, vec![Change::InsertMember(MemberRow::allowed(1, "x".repeat(256)))], "255").await;
    rejected(store, vec![Change::InsertMember(MemberRow::allowed(1, "nul\0"))], "NUL").await;

    let last = names.split_off(3);
    let delete = |member: &String| Change::DeleteMember { activation_id: 2, member: member.clone() };
    apply(store, last.iter().map(delete).collect()).await;
    assert_eq!(load(store).await.members.len(), 1 + names.len(), "only the named members must be deleted");
}

async fn deleting_an_activation_deletes_its_members(store: &impl WriteStore) {
    fill(store).await;
    let members = [(1, "ann"), (2, "ann"), (2, "bob")].map(|(id, name)| MemberRow::allowed(id, name));
    apply(store, members.iter().cloned().map(Change::InsertMember).collect()).await;
    rejected(store, vec![Change::DeleteActivation { id: 1 }], "activations#1").await;
    apply(store, vec![Change::DeleteActivation { id: 2 }]).await;
    assert_eq!(
        load(store).await.members,
        members[..1],
        "deleting an activation must delete its members, and no others"
    );
    // A new activation with the same id must not inherit anything.
    apply(store, vec![Change::InsertActivation(ActivationRow::new(2, "new", "acme.new", "{}"))]).await;
    assert_eq!(load(store).await.members, members[..1]);
}

async fn migrating_again_does_nothing(store: &impl SchemaStore) {
    fill(store).await;
    let before = load(store).await;
    let migrated = store.migrate().await.expect("migrating twice must succeed");
    assert!(migrated.applied.is_empty(), "an up-to-date schema needs no migration: {migrated:?}");
    assert_eq!(load(store).await, before, "migrating again must not change rows");
}

/// Runs a script of inserts, into the tables of the store.
async fn run_script(store: &impl SchemaStore, script: &str) -> Result<()> {
    let insert = format!("insert into {}", store.table_prefix());
    store.run_script(&script.replace("insert into ", &insert)).await
}

async fn scripts_are_atomic(store: &impl SchemaStore) {
    let before = revision(store).await;
    let script = "-- a comment; with a semicolon\n\
        insert into flags (id, name, status) values (1, 'it''s; on', true);\n\
        insert into activations (id, name, class_name, config) values (7, 'a', 'b', '{\"c\": \"; --\"}');\n\
        insert into flags_activations (flag_id, activation_id) values (1, 7);";
    run_script(store, script).await.expect("a store must run a script");
    let rows = load(store).await;
    assert_ne!(rows.revision, before, "a script must change the revision");
    assert_eq!(rows.flags[0].name, "it's; on");
    assert_eq!(rows.activations[0].config.as_deref(), Some("{\"c\": \"; --\"}"));
    assert_eq!(rows.links, [LinkRow::new(1, 7)]);
    // Generated ids must not collide with explicit ones.
    let next = "insert into flags (name, status) values ('next', false); insert into activations (name, class_name) values ('n', 'c')";
    run_script(store, next).await.expect("inserts without ids must work after inserts with explicit ids");
    let before = load(store).await;
    let half =
        "insert into flags (name, status) values ('half', true); insert into no_such_table values (1);";
    let result = run_script(store, half).await;
    assert!(
        matches!(&result, Err(Error::Store { .. })),
        "an invalid script must return an error, not {result:?}"
    );
    assert_eq!(load(store).await, before, "a failed script must be undone");
    for script in ["", "-- nothing\n", "insert into flags (name, status) values ('x', true); -- the end"] {
        run_script(store, script).await.expect("a script may be empty, or end in a comment");
    }
}

async fn scripts_with_transactions_are_rejected(store: &impl SchemaStore) {
    let script = "begin;\ninsert into flags (id, name, status) values (1, 'one', true);\ncommit;";
    let result: Result<()> = run_script(store, script).await;
    let text = result.expect_err("a script must not begin a transaction").to_string();
    assert!(text.contains("line 1") && text.contains("BEGIN"), "the error must contain the line: {text}");
    assert!(load(store).await.flags.is_empty(), "a rejected script must not be run");
}
