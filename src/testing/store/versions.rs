//! Versions of rows, and who edits with them.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use crate::{
    error::Error,
    rows::{ActivationRow, LinkRow, MemberRow, Rows, conflict::Conflict, issue::Issue},
    store::{Change, Edit, Validate, Versioned, WriteStore},
    testing::store::{applied, filled, loaded},
};

pub(super) async fn run<S: WriteStore>(make: impl AsyncFn() -> S) {
    versions_count_what_belongs_to_a_row(&make().await).await;
    who_has_not_seen_the_present_version_changes_nothing(&make().await).await;
    a_validator_is_asked_first(&make().await).await;
}

/// The versions of both flags and both activations.
async fn versions(store: &impl WriteStore) -> [i64; 4] {
    let rows = loaded(store).await;
    let (flags, activations) = (&rows.flags, &rows.activations);
    let flag = |at: usize| flags[at].metadata.row_version;
    [flag(0), flag(1), activations[0].row_version, activations[1].row_version]
}

async fn versions_count_what_belongs_to_a_row(store: &impl WriteStore) {
    filled(store).await;
    let renamed = ActivationRow::new(2, "renamed", "acme.second", "{}");
    let changes = [
        (Change::Link(LinkRow::new(1, 2)), 0),
        (Change::Unlink(LinkRow::new(1, 2)), 0),
        (Change::UpdateActivation(renamed), 3),
        (Change::InsertMember(MemberRow::allowed(2, "ann")), 3),
        (Change::DeleteMember { activation_id: 2, member: "ann".to_owned() }, 3),
    ];
    for (change, changed) in changes {
        let shown = format!("{change:?}");
        let before = versions(store).await;
        applied(store, vec![change]).await;
        let after = versions(store).await;
        for (at, (before, after)) in before.into_iter().zip(after).enumerate() {
            let rises = if at == changed { before < after } else { before == after };
            assert!(rises, "{shown} must raise the version of its own row alone: {before} and {after}");
        }
    }
    let members = (0..50).map(|n| Change::InsertMember(MemberRow::allowed(1, n.to_string())));
    let before = versions(store).await;
    applied(store, members.collect()).await;
    assert!(before[2] < versions(store).await[2], "many members at once must raise the version");
    // Nothing of the old row may stick to a new one with its id.
    let again = ActivationRow::new(2, "second", "acme.second", "{}");
    applied(store, vec![Change::DeleteActivation { id: 2 }, Change::InsertActivation(again)]).await;
    assert_eq!(versions(store).await[3], 1, "a new activation must have version 1");
}

/// Expects a conflict, with both sides, and nothing changed.
async fn in_conflict(store: &impl WriteStore, edit: Edit) -> Conflict {
    let before = loaded(store).await;
    let conflict = match store.commit(edit.clone()).await {
        Err(Error::Conflict(conflict)) => *conflict,
        other => panic!("a store must find the conflict of {edit:?}, not {other:?}"),
    };
    assert_eq!(loaded(store).await, before, "an edit in conflict must change nothing: {edit:?}");
    assert_ne!(conflict.found, Some(conflict.expected));
    assert_eq!(conflict.found.is_none(), conflict.theirs.is_null(), "a row that is there must be shown");
    conflict
}

async fn who_has_not_seen_the_present_version_changes_nothing(store: &impl WriteStore) {
    filled(store).await;
    let [one, _, first, _] = versions(store).await;
    let off = || Edit::new([Change::SetStatus { flag: "one".to_owned(), status: false }]);
    store.commit(off().expect_flag("one", one)).await.expect("the present version must do");
    let conflict = in_conflict(store, off().expect_flag("one", one)).await;
    assert_eq!((conflict.table, conflict.id, conflict.name.as_str()), ("flags", 1, "one"));
    assert_eq!((conflict.expected, conflict.found), (one, Some(versions(store).await[0])));
    let (theirs, yours) = (&conflict.theirs, &conflict.yours);
    assert_eq!((&theirs["status"], &theirs["activations"][0]), (&false.into(), &1.into()), "{theirs}");
    assert_eq!(yours[0]["set_status"]["status"], false, "{yours}");

    // What belongs to the row counts as the row does.
    applied(store, vec![Change::InsertMember(MemberRow::allowed(1, "ann"))]).await;
    let other = ActivationRow::new(1, "other", "acme.other", "[]");
    let update = || Edit::new([Change::UpdateActivation(other.clone())]);
    let conflict = in_conflict(store, update().expect_activation(1, first)).await;
    assert_eq!((conflict.table, conflict.name.as_str()), ("activations", "first"));
    assert_eq!(conflict.yours[0]["update_activation"]["name"], "other", "{}", conflict.yours);
    let seen = conflict.found.expect("the row is there");
    store.commit(update().expect_activation(1, seen)).await.expect("the present version must do");
    let [one, two, ..] = versions(store).await;
    applied(store, vec![Change::Link(LinkRow::new(1, 2))]).await;
    in_conflict(store, off().expect(Versioned::FlagId(1), one)).await;
    // One of several is enough.
    in_conflict(store, off().expect_flag("two", two).expect_activation(1, seen)).await;

    let gone = in_conflict(store, off().expect(Versioned::FlagId(9), 1)).await;
    assert_eq!((gone.id, gone.found), (9, None));
    in_conflict(store, update().expect_activation(9, 1)).await;
    let unknown = store.commit(off().expect_flag("nobody", 1)).await;
    assert!(matches!(&unknown, Err(Error::FlagNotFound { name, .. }) if name == "nobody"), "{unknown:?}");
}

/// Has something against activations with this name, and notes that it was asked.
#[derive(Default)]
struct NoBadName(AtomicU32);

impl Validate for NoBadName {
    fn problems(&self, before: Arc<Rows>, after: Arc<Rows>) -> Vec<Issue> {
        self.0.fetch_add(1, Ordering::Relaxed);
        assert_eq!(before.flags.len(), 2, "a validator must be given all rows");
        let bad = after.activations.iter().filter(|row| row.name == "bad");
        let issue = |row: &ActivationRow| Issue {
            table: "activations",
            id: Some(row.id),
            name: row.name.clone(),
            path: "name".to_owned(),
            message: "expected a good one".to_owned(),
            flags: Vec::new(),
        };
        bad.map(issue).collect()
    }
}

async fn a_validator_is_asked_first(store: &impl WriteStore) {
    filled(store).await;
    let validator = Arc::new(NoBadName::default());
    let edit = |changes: Vec<Change>| Edit::new(changes).validated_by(Arc::clone(&validator) as _);
    let named = |name: &str| Change::InsertActivation(ActivationRow::new(3, name, "acme.third", "{}"));
    let before = loaded(store).await;
    let result = store.commit(edit(vec![named("bad"), Change::DeleteFlag { id: 9 }])).await;
    let Err(Error::Invalid(problems)) = result else {
        panic!("what a validator refuses must not be made: {result:?}")
    };
    let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
    let expected =
        ["flags#9 \"\": id: there is no such row", "activations#3 \"bad\": name: expected a good one"];
    assert_eq!(problems, expected, "everything that is wrong must be told at once");
    let refused = store.commit(edit(vec![Change::DeleteFlag { id: 9 }])).await;
    assert!(matches!(refused, Err(Error::Constraint(_))), "a refusal alone must stay one: {refused:?}");
    assert_eq!(loaded(store).await, before, "nothing may be kept of what was refused");

    store.commit(edit(vec![named("good")])).await.expect("nothing is against it");
    let asked = validator.0.load(Ordering::Relaxed);
    store
        .commit(edit(vec![Change::SetStatus { flag: "one".to_owned(), status: false }]))
        .await
        .expect("nothing is against a status");
    assert_eq!(validator.0.load(Ordering::Relaxed), asked, "a status must not wait for all rows");
}
