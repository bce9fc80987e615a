//! Row versions, conflicts and validators.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use crate::{
    error::Error,
    rows::{ActivationRow, LinkRow, MemberRow, Rows, conflict::Conflict, issue::Issue},
    store::{Change, Edit, RowKey, Validate, WriteStore},
    testing::store::rows::{apply, fill, load},
};

pub(super) async fn run<S: WriteStore>(make: impl AsyncFn() -> S) {
    links_and_members_increase_the_version_of_their_row(&make().await).await;
    edits_of_outdated_versions_are_conflicts(&make().await).await;
    validators_can_reject_edits(&make().await).await;
}

/// The versions of the two flags and the two activations.
async fn versions(store: &impl WriteStore) -> [i64; 4] {
    let rows = load(store).await;
    let (flags, activations) = (&rows.flags, &rows.activations);
    let flag = |at: usize| flags[at].metadata.row_version;
    [flag(0), flag(1), activations[0].row_version, activations[1].row_version]
}

async fn links_and_members_increase_the_version_of_their_row(store: &impl WriteStore) {
    fill(store).await;
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
        apply(store, vec![change]).await;
        let after = versions(store).await;
        for (at, (before, after)) in before.into_iter().zip(after).enumerate() {
            let expected = if at == changed { before < after } else { before == after };
            assert!(expected, "{shown} must increase the version of its own row only: {before} and {after}");
        }
    }
    let members = (0..50).map(|n| Change::InsertMember(MemberRow::allowed(1, n.to_string())));
    let before = versions(store).await;
    apply(store, members.collect()).await;
    assert!(before[2] < versions(store).await[2], "inserting many members must increase the version");
    // A new row with the same id must not inherit the version.
    let again = ActivationRow::new(2, "second", "acme.second", "{}");
    apply(store, vec![Change::DeleteActivation { id: 2 }, Change::InsertActivation(again)]).await;
    assert_eq!(versions(store).await[3], 1, "a new activation must have version 1");
}

/// Expects a conflict that shows both sides, and unchanged rows.
async fn conflicts(store: &impl WriteStore, edit: Edit) -> Conflict {
    let before = load(store).await;
    let conflict = match store.commit(edit.clone()).await {
        Err(Error::Conflict(conflict)) => *conflict,
        other => panic!("a store must report the conflict of {edit:?}, not {other:?}"),
    };
    assert_eq!(load(store).await, before, "an edit with a conflict must not change rows: {edit:?}");
    assert_ne!(conflict.found, Some(conflict.expected));
    assert_eq!(
        conflict.found.is_none(),
        conflict.theirs.is_null(),
        "a conflict must show the current row if it exists"
    );
    conflict
}

async fn edits_of_outdated_versions_are_conflicts(store: &impl WriteStore) {
    fill(store).await;
    let [one, _, first, _] = versions(store).await;
    let off = || Edit::new([Change::SetStatus { flag: "one".to_owned(), status: false }]);
    store.commit(off().expect_flag("one", one)).await.expect("an edit of the current version must succeed");
    let conflict = conflicts(store, off().expect_flag("one", one)).await;
    assert_eq!((conflict.table, conflict.id, conflict.name.as_str()), ("flags", 1, "one"));
    assert_eq!((conflict.expected, conflict.found), (one, Some(versions(store).await[0])));
    let (theirs, yours) = (&conflict.theirs, &conflict.yours);
    assert_eq!((&theirs["status"], &theirs["activations"][0]), (&false.into(), &1.into()), "{theirs}");
    assert_eq!(yours[0]["set_status"]["status"], false, "{yours}");

    // Members and links are parts of their row.
    apply(store, vec![Change::InsertMember(MemberRow::allowed(1, "ann"))]).await;
    let other = ActivationRow::new(1, "other", "acme.other", "[]");
    let update = || Edit::new([Change::UpdateActivation(other.clone())]);
    let conflict = conflicts(store, update().expect_activation(1, first)).await;
    assert_eq!((conflict.table, conflict.name.as_str()), ("activations", "first"));
    assert_eq!(conflict.yours[0]["update_activation"]["name"], "other", "{}", conflict.yours);
    let current = conflict.found.expect("the row exists");
    store
        .commit(update().expect_activation(1, current))
        .await
        .expect("an edit of the current version must succeed");
    let [one, two, ..] = versions(store).await;
    apply(store, vec![Change::Link(LinkRow::new(1, 2))]).await;
    conflicts(store, off().expect(RowKey::FlagId(1), one)).await;
    // One outdated version of several is enough.
    conflicts(store, off().expect_flag("two", two).expect_activation(1, current)).await;

    let revision = load(store).await.revision.number();
    for expected in [revision - 1, revision + 1] {
        let outdated = store.commit(off().expect_revision(expected)).await;
        let is_expected = |error: &Error| matches!(error, Error::RevisionChanged { expected: e, found } if (*e, *found) == (expected, revision));
        assert!(outdated.as_ref().is_err_and(is_expected), "{outdated:?}");
    }
    store
        .commit(
            Edit::new([Change::SetStatus { flag: "one".to_owned(), status: true }]).expect_revision(revision),
        )
        .await
        .expect("an edit of the current revision must succeed");
    store.commit(off()).await.expect("an edit that expects nothing must succeed");

    let missing = conflicts(store, off().expect(RowKey::FlagId(9), 1)).await;
    assert_eq!((missing.id, missing.found), (9, None));
    conflicts(store, update().expect_activation(9, 1)).await;
    let unknown = store.commit(off().expect_flag("nobody", 1)).await;
    assert!(matches!(&unknown, Err(Error::FlagNotFound { name, .. }) if name == "nobody"), "{unknown:?}");
}

/// Rejects activations with the name `bad`, and counts its calls.
#[derive(Default)]
struct NoBadName(AtomicU32);

impl Validate for NoBadName {
    fn problems(&self, before: Arc<Rows>, after: Arc<Rows>) -> Vec<Issue> {
        self.0.fetch_add(1, Ordering::Relaxed);
        assert_eq!(before.flags.len(), 2, "a validator must receive all rows");
        let bad = after.activations.iter().filter(|row| row.name == "bad");
        let issue = |row: &ActivationRow| Issue {
            table: "activations",
            id: Some(row.id),
            name: row.name.clone(),
            path: "name".to_owned(),
            message: "expected another name".to_owned(),
            flags: Vec::new(),
            warning: false,
        };
        bad.map(issue).collect()
    }
}

async fn validators_can_reject_edits(store: &impl WriteStore) {
    fill(store).await;
    let validator = Arc::new(NoBadName::default());
    let edit = |changes: Vec<Change>| Edit::new(changes).validated_by(Arc::clone(&validator) as _);
    let named = |name: &str| Change::InsertActivation(ActivationRow::new(3, name, "acme.third", "{}"));
    let before = load(store).await;
    let result = store.commit(edit(vec![named("bad"), Change::DeleteFlag { id: 9 }])).await;
    let Err(Error::Invalid(problems)) = result else {
        panic!("an edit that a validator rejects must return Invalid, not {result:?}")
    };
    let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
    let expected =
        ["flags#9 \"\": id: there is no such row", "activations#3 \"bad\": name: expected another name"];
    assert_eq!(problems, expected, "all problems must be reported together");
    let rejected = store.commit(edit(vec![Change::DeleteFlag { id: 9 }])).await;
    assert!(
        matches!(rejected, Err(Error::Constraint(_))),
        "without problems of a validator, the store's own error must be returned: {rejected:?}"
    );
    assert_eq!(load(store).await, before, "rejected edits must not change rows");

    store.commit(edit(vec![named("good")])).await.expect("a valid edit must succeed");
    let calls = validator.0.load(Ordering::Relaxed);
    store
        .commit(edit(vec![Change::SetStatus { flag: "one".to_owned(), status: false }]))
        .await
        .expect("turning a flag off must succeed");
    assert_eq!(validator.0.load(Ordering::Relaxed), calls, "turning a flag off must not call the validator");
    store
        .commit(edit(vec![Change::SetStatus { flag: "one".to_owned(), status: true }]))
        .await
        .expect("turning a flag on must succeed");
    assert_ne!(validator.0.load(Ordering::Relaxed), calls, "turning a flag on must call the validator");
}
