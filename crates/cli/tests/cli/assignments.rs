//! `novi assignments`.

use novi::store::{self, Assignment};

use crate::{
    common::{TestDatabase, databases},
    support::Folder,
};

async fn recorded(database: &TestDatabase) {
    let store = store::create(&database.url).await.unwrap();
    store.migrate().await.unwrap();
    let assigned = |unit: &str, variant: &str| Assignment {
        experiment: "Checkout".to_owned(),
        unit: unit.to_owned(),
        variant: variant.to_owned(),
        revision: 3,
        assigned_at: "2026-11-28T09:00:00Z".parse().unwrap(),
    };
    let rows = vec![assigned("u1", "new"), assigned("u2", "control"), assigned("u3", "new")];
    store.assignment_store().unwrap().record_assignments(rows).await.unwrap();
}

#[tokio::test]
async fn assignments_are_listed_and_forgotten() {
    for database in databases().await {
        recorded(&database).await;
        let folder = Folder::of(&database);
        let run = |arguments: &[&str]| folder.run(&[&["assignments"], arguments].concat());
        let listed = run(&["list", "Checkout", "--json"]).expect(0).json();
        let variants: Vec<_> = listed["variants"].as_array().unwrap().iter().collect();
        assert_eq!(
            (variants[0]["variant"].as_str(), variants[0]["units"].as_i64()),
            (Some("control"), Some(1))
        );
        assert_eq!(variants[1]["first"].as_str(), Some("2026-11-28T09:00:00Z"));
        assert_eq!(listed["assignments"][0]["unit"].as_str(), Some("u3"));
        let table = run(&["list", "Checkout", "--limit", "1"]).expect(0).out;
        assert!(table.contains("u3") && !table.contains("u1") && table.contains("new"), "{table}");
        let none = run(&["list", "Other"]).expect(0).out;
        assert_eq!(none.trim(), "No assignments of \"Other\".");
        let one = run(&["forget", "Checkout", "--unit", "u1"]).expect(0).out;
        assert_eq!(one.trim(), "Deleted 1 assignment of \"Checkout\".");
        let asks = run(&["forget", "Checkout", "--all"]).expect(2);
        assert!(asks.err.contains("--all forgets every unit: add --yes"), "{}", asks.err);
        run(&["forget", "Checkout"]).expect(2);
        let all = run(&["forget", "Checkout", "--all", "--yes", "--json"]).expect(0).json();
        assert_eq!(all["forgotten"].as_i64(), Some(2));
    }
}

#[tokio::test]
async fn remembered_variants_are_evaluated_by_the_command_line() {
    for database in databases().await {
        recorded(&database).await;
        let store = store::connect(&database.url).await.unwrap();
        let rows = [
            "insert into flags (id, name, status) values (1, 'Checkout', true)",
            r#"insert into activations (id, name, class_name, config) values (1, 's', 'novi.split', '{"variants": {"new": 0, "control": 1}, "remember": true}')"#,
            "insert into flags_activations (flag_id, activation_id) values (1, 1)",
        ];
        store.run_script(&rows.join(";")).await.unwrap();
        let folder = Folder::of(&database);
        for (unit, variant) in [("u1", "new"), ("u4", "control")] {
            let context = format!(r#"{{"targetingKey": "{unit}"}}"#);
            let found = folder.run(&["eval", "Checkout", "--context", &context, "--json"]).expect(0).json();
            assert_eq!(found["variant"].as_str(), Some(variant), "{unit}: {found}");
        }
        let users = "select 'u1' as \"targetingKey\" union all select 'u3' union all select 'u4'";
        folder.write("novi.toml", format!("[audience.queries]\nusers = \"\"\"{users}\"\"\"\n"));
        folder.write("off.yaml", "flags:\n  Checkout:\n    status: false\n");
        let run = |arguments: &[&str]| folder.run(&[arguments, &["--json"]].concat()).expect(0).json();
        let count = |found: &serde_json::Value| {
            let decisions = found["decisions"].as_array().unwrap().iter();
            let new = decisions.filter(|decision| decision["variant"] == "new");
            new.map(|decision| decision["callers"].as_i64().unwrap()).sum::<i64>()
        };
        folder.run(&["disable", "Checkout"]).expect(0);
        folder.run(&["enable", "Checkout"]).expect(0);
        assert_eq!(count(&run(&["audience", "Checkout", "--query", "users"])), 2);
        let revision = store.load().await.unwrap().revision.number().to_string();
        assert_eq!(count(&run(&["audience", "Checkout", "--query", "users", "--at", &revision])), 2);
        let eval = ["eval", "Checkout", "--context", r#"{"targetingKey": "u1"}"#, "--at", &revision];
        assert_eq!(run(&eval)["variant"], "new");
        let plan = run(&["plan", "off.yaml", "--audience", "users"]);
        let transitions = plan["impact"]["flags"][0]["transitions"].as_array().unwrap();
        let new = transitions.iter().find(|transition| transition["before"]["variant"] == "new");
        assert_eq!(new.unwrap()["count"], 2, "{plan}");
    }
}
