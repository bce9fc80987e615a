//! Validation of edits before they are written, and their plans.

use std::sync::Arc;

use novi::{
    Error, Flags,
    activation::Registry,
    rows::{ActivationRow, FlagMetadata, FlagRow, LinkRow, MemberRow},
    snapshot::Validator,
    store::{self, Change, Edit, MemoryStore, Validate, WriteStore as _},
};

use crate::{
    common::databases::databases,
    writer::{shop, with_pool},
};

fn validator() -> Arc<dyn Validate> {
    Arc::new(Validator::new(Registry::global().unwrap()))
}

#[tokio::test]
async fn invalid_changes_report_all_problems_together() {
    let mut told = Vec::new();
    for database in databases().await {
        let store = shop(&database).await;
        let before = store.load().await.unwrap();
        let edit = Edit::new([
            Change::InsertFlag(FlagRow::new(1, "Twice", true)),
            Change::InsertFlag(FlagRow::new(4, "x".repeat(256), true)),
            Change::SetStatus { flag: "Nobody".to_owned(), status: true },
            Change::UpdateActivation(ActivationRow::new(
                1,
                "Half",
                "novi.percentage",
                r#"{"percentage": 500}"#,
            )),
            Change::InsertActivation(ActivationRow::new(2, "Typo", "novi.percentag", "{}")),
            Change::InsertActivation(ActivationRow::new(3, "A", "novi.and", "[4]")),
            Change::InsertActivation(ActivationRow::new(4, "B", "novi.and", "[3]")),
            Change::InsertActivation(ActivationRow::new(5, "C", "novi.or", "[99]")),
            Change::InsertActivation(ActivationRow::new(6, "D", "novi.flag", r#"{"flag": "Gone"}"#)),
            Change::Link(LinkRow::new(1, 77)),
            Change::SetMetadata {
                flag_id: 2,
                metadata: Box::new(FlagMetadata {
                    variants: Some("{\"a\": ".to_owned()),
                    ..FlagMetadata::default()
                }),
            },
        ]);
        let error = store.commit(edit.validated_by(validator())).await.unwrap_err();
        assert!(matches!(error, Error::Invalid(_)), "{error}");
        told.push(error.to_string());
        assert_eq!(store.load().await.unwrap(), before);
    }
    told.dedup();
    assert_eq!(told.len(), 1, "each database says the same: {told:#?}");
    insta::assert_snapshot!(told[0]);
}

#[tokio::test]
async fn broken_rows_may_stay_or_be_repaired() {
    for database in databases().await {
        let store = shop(&database).await;
        store
            .run_script("update activations set config = '{}'; insert into flags (id, name, status) values (5, 'x', true)")
            .await
            .unwrap();
        let commit = async |change: Change| store.commit(Edit::new([change]).validated_by(validator())).await;
        commit(Change::InsertActivation(ActivationRow::new(
            9,
            "Fine",
            "novi.percentage",
            "{\"percentage\": 1}",
        )))
        .await
        .unwrap();
        let error = commit(Change::Link(LinkRow::new(5, 1))).await.unwrap_err();
        assert!(
            matches!(&error, Error::Invalid(issues) if issues[0].flags == ["Other", "x"]),
            "a flag more would be broken: {error}"
        );
        commit(Change::Link(LinkRow::new(5, 9))).await.unwrap();
        commit(Change::UpdateActivation(ActivationRow::new(
            1,
            "Half",
            "novi.percentage",
            "{\"percentage\": 5}",
        )))
        .await
        .unwrap();
        let error = commit(Change::UpdateActivation(ActivationRow::new(1, "Half", "novi.percentage", "{}")))
            .await
            .unwrap_err();
        assert!(matches!(error, Error::Invalid(_)), "{error}");
        assert!(
            error.to_string().starts_with("the change was rejected: activations#1 \"Half\": config"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn plans_list_affected_flags_and_write_nothing() {
    let mut told = Vec::new();
    for database in databases().await {
        let store = shop(&database).await;
        store
            .run_script(
                "insert into flags (id, name, status) values (3, 'Asks other', true), (4, 'Off', false), (5, 'Far', true);
                 insert into activations (id, name, class_name, config) values
                   (2, 'Needs other', 'novi.flag', '{\"flag\": \"Other\"}'), (3, 'Both', 'novi.and', '[1, 4]'),
                   (4, 'List', 'novi.members', '{}');
                 insert into flags_activations (flag_id, activation_id) values (3, 2), (4, 1), (5, 3)",
            )
            .await
            .unwrap();
        let writer = Flags::connect(&database.url).await.unwrap().writer();
        let before = store.load().await.unwrap();
        let metadata = FlagMetadata { owner: Some("ann".to_owned()), ..before.flags[3].metadata.clone() };
        let edit = Edit::new([
            Change::UpdateActivation(ActivationRow::new(
                1,
                "Half",
                "novi.percentage",
                r#"{"percentage": 60}"#,
            )),
            Change::InsertMember(MemberRow::allowed(4, "ann")),
            Change::SetStatus { flag: "New orders".to_owned(), status: true },
            Change::SetMetadata { flag_id: 4, metadata: Box::new(metadata) },
            Change::InsertFlag(FlagRow::new(6, "New", true)),
            Change::Link(LinkRow::new(6, 99)),
        ]);
        with_pool!(database, |pool| {
            let mut tx = pool.begin().await.unwrap();
            let plan = writer.plan(&mut tx, &edit).await.unwrap();
            assert!(serde_json::to_value(&plan).unwrap()["flags"][0]["fields"][0]["after"] == true);
            told.push(plan.to_string());
            assert_eq!(writer.plan(&mut tx, &Edit::default()).await.unwrap().to_string(), "no changes\n");
            tx.commit().await.unwrap();
        });
        assert_eq!(store.load().await.unwrap(), before);
    }
    told.dedup();
    assert_eq!(told.len(), 1, "each database says the same: {told:#?}");
    insta::assert_snapshot!(told[0]);
}

#[tokio::test]
async fn enabling_a_flag_that_would_close_a_cycle_is_rejected() {
    for database in databases().await {
        let (kind, store) = (database.kind, shop(&database).await);
        store
            .run_script(
                "insert into flags (id, name, status) values (3, 'Egg', true), (4, 'Hen', false);
                 insert into activations (id, name, class_name, config) values
                   (3, 'Hen', 'novi.flag', '{\"flag\": \"Hen\"}'), (4, 'Egg', 'novi.flag', '{\"flag\": \"Egg\"}');
                 insert into flags_activations (flag_id, activation_id) values (3, 3), (4, 4)",
            )
            .await
            .unwrap();
        let before = store.load().await.unwrap();
        let writer = Flags::connect(&database.url).await.unwrap().writer();
        let enable = Edit::new([Change::SetStatus { flag: "Hen".to_owned(), status: true }]);
        let rejected = |error: &Error| {
            let Error::Invalid(issues) = error else { panic!("{kind:?}: {error}") };
            assert!(issues[0].message.starts_with("activations form a cycle"), "{kind:?}: {error}");
            assert_eq!(issues[0].flags, ["Egg", "Hen"], "{kind:?}");
        };
        rejected(&writer.commit(&*store, enable.clone()).await.unwrap_err());
        with_pool!(database, |pool| {
            let mut tx = pool.begin().await.unwrap();
            let plan = writer.plan(&mut tx, &enable).await.unwrap();
            rejected(&Error::Invalid(plan.problems));
            rejected(&writer.set_status(&mut tx, "Hen", true).await.unwrap_err());
            tx.commit().await.unwrap();
        });
        assert_eq!(store.load().await.unwrap(), before, "{kind:?}");
        // Without the other half of the cycle it is an edit like any other.
        let disable = Change::SetStatus { flag: "Egg".to_owned(), status: false };
        writer.commit(&*store, Edit::new([disable])).await.unwrap();
        writer.commit(&*store, enable).await.unwrap();
    }
}

#[tokio::test]
async fn edits_next_to_broken_rows_are_judged_by_what_they_break() {
    const SETUP: &str = "
        insert into flags (id, name, status) values
            (11, 'child', true), (12, 'parent2', true), (13, 'partial', true), (14, 'b', true), (15, 'x', true),
            (16, 'y', true), (17, 'needs other', true);
        insert into activations (id, name, class_name, config) values
            (11, 'c', 'novi.flag', '{\"flag\": \"parent\"}'), (14, 'own', 'novi.percentage', '{}'),
            (15, 'to y', 'novi.flag', '{\"flag\": \"y\"}'), (16, 'to x', 'novi.flag', '{\"flag\": \"x\"}'),
            (17, 'to other', 'novi.flag', '{\"flag\": \"Other\"}'), (18, 'unlinked', 'novi.and', '[19]'),
            (19, 'part', 'novi.and', '[]'), (20, 'upper', 'novi.and', '[21]'), (21, 'lower', 'novi.percentage', '{}');
        insert into flags_activations (flag_id, activation_id) values (11, 11), (14, 14), (15, 15), (16, 16), (17, 17), (14, 20);
        update flag_metadata set variants = '[1]' where flag_id = 14";
    let rename = |id, name: &str| Change::RenameFlag { id, name: name.to_owned() };
    let config = |id, class: &str, config: &str| {
        Change::UpdateActivation(ActivationRow::new(id, "new", class, config))
    };
    for database in databases().await {
        let kind = database.kind;
        let store = shop(&database).await;
        store.run_script(SETUP).await.unwrap();
        let validated = |change: &Change| Edit::new([change.clone()]).validated_by(validator());
        for rejected in [
            // It would break a valid flag, or a row that nothing depends on.
            Change::DeleteFlag { id: 2 },
            Change::DeleteActivation { id: 19 },
            // The row was invalid before, and what is written is invalid as well.
            config(14, "novi.percentage", "[]"),
            config(11, "novi.flag", "{\"flag\": \"nobody\"}"),
            // A row that depends on a broken one would refer to nothing.
            Change::DeleteActivation { id: 21 },
            // It would close a cycle of rows that are broken already.
            config(21, "novi.and", "[20]"),
        ] {
            let error = store.commit(validated(&rejected)).await.unwrap_err();
            assert!(matches!(error, Error::Invalid(_)), "{kind:?}: {rejected:?}: {error}");
        }
        for accepted in [
            // The suggestion of the broken row changes with the names of the other flags.
            Change::InsertFlag(FlagRow::new(20, "parents", true)),
            Change::DeleteFlag { id: 20 },
            Change::DeleteFlag { id: 12 },
            // Broken flags, under another name.
            rename(14, "b2"),
            rename(11, "child 2"),
            // The other half of a cycle.
            Change::DeleteFlag { id: 15 },
            config(14, "novi.percentage", "{\"percentage\": 5}"),
            config(21, "novi.percentage", "{\"percentage\": 5}"),
        ] {
            let plan = Validator::new(Registry::global().unwrap())
                .plan(store.load().await.unwrap(), &Edit::new([accepted.clone()]));
            assert_eq!(plan.problems, [], "{kind:?}: {accepted:?}");
            let result = store.commit(validated(&accepted)).await;
            result.unwrap_or_else(|error| panic!("{kind:?}: {accepted:?}: {error}"));
        }
    }
}

#[tokio::test]
async fn plan_of_a_rename_lists_the_decisions_that_are_drawn_by_the_name() {
    let rows = MemoryStore::default();
    let flag = |id, name: &str| Change::InsertFlag(FlagRow::new(id, name, true));
    let activation =
        |id, class: &str, config: &str| Change::InsertActivation(ActivationRow::new(id, "a", class, config));
    let drawn = r#"{"splits": [1, 1], "variations": ["A", "B"]}"#;
    rows.apply(vec![
        flag(1, "by flag"),
        flag(2, "by salt"),
        flag(3, "by activation"),
        flag(4, "off"),
        flag(5, "through"),
        activation(1, "novi.percentage", r#"{"percentage": 50}"#),
        activation(2, "novi.percentage", r#"{"percentage": 50, "salt": "s"}"#),
        activation(3, "novi.weighted_random", drawn),
        activation(4, "novi.or", "[1, 3]"),
        activation(5, "novi.flag", r#"{"flag": "by flag"}"#),
        Change::Link(LinkRow::new(1, 4)),
        Change::Link(LinkRow::new(2, 2)),
        Change::Link(LinkRow::new(3, 3)),
        Change::Link(LinkRow::new(4, 1)),
        Change::Link(LinkRow::new(5, 5)),
        Change::SetStatus { flag: "off".to_owned(), status: false },
    ])
    .await
    .unwrap();
    let rows = store::ReadStore::load(&rows).await.unwrap();
    let changing = |change: Change| -> Vec<String> {
        let plan = Validator::new(Registry::global().unwrap()).plan(rows.clone(), &Edit::new([change]));
        plan.flags.into_iter().filter(|row| row.answer_may_change).map(|row| row.name).collect()
    };
    let rename = |id| Change::RenameFlag { id, name: "new".to_owned() };
    // The flag that evaluates it by its old name breaks.
    assert_eq!(changing(rename(1)), ["new", "through"]);
    assert_eq!(changing(rename(2)), [""; 0]);
    // The salt of `novi.weighted_random` is the name of its own row.
    assert_eq!(changing(rename(3)), [""; 0]);
    assert_eq!(changing(rename(4)), [""; 0], "the flag is off under each name");
    let renamed = |id: i64| {
        let row = rows.activations.iter().find(|row| row.id == id).unwrap().clone();
        Change::UpdateActivation(ActivationRow { name: "new".to_owned(), ..row })
    };
    assert_eq!(changing(renamed(1)), [""; 0]);
    assert_eq!(changing(renamed(3)), ["by flag", "by activation", "through"]);
}
