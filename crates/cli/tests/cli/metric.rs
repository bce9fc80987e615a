//! Metrics that are rows.

use crate::{
    common::{Raw, databases},
    experiment::{BUYERS, REVENUE, shop},
    support::{Folder, the_same},
};

/// Metrics of rows are listed, checked and reported as those of files; a name in both is an error.
#[tokio::test]
async fn metrics_are_rows_or_files() {
    let mut transcripts = Vec::new();
    for database in databases().await {
        let folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        Raw::connect(&database).await.run(&shop(database.kind)).await.unwrap();
        std::fs::create_dir(folder.path("novi_metrics")).unwrap();
        folder.write("novi_metrics/buyers.sql", BUYERS);
        folder.write("revenue.sql", REVENUE);
        folder.write("invalid.sql", "-- kind: mode\nselect 1\n");
        folder.write("nonsense.sql", "-- kind: mean\nselect nonsense from orders\n");
        folder.write("no-value.sql", "-- kind: mean\nselect user_id as unit, created_at as ts from orders\n");
        let report: &[&str] = &["experiment", "report", "color", "--until", "2026-11-20"];
        let transcript = folder.transcript(&[
            &["metric", "list"],
            &["metric", "create", "--name", "revenue", "invalid.sql"],
            &["metric", "create", "--name", "buyers", "revenue.sql"],
            &["metric", "create", "--name", "spent", "no-value.sql"],
            &["metric", "create", "revenue.sql", "--reason", "What orders bring"],
            &["metric", "create", "revenue.sql"],
            &["metric", "list"],
            &["metric", "show", "revenue"],
            &["metric", "show", "buyers"],
            &["metric", "show", "revenu"],
            report,
            &["check"],
            &["metric", "delete", "buyers"],
            &["metric", "edit", "buyers", "revenue.sql"],
        ]);
        folder.write("revenue.sql", REVENUE.replace("kind: mean", "kind: mean\n-- cap: 7"));
        folder.run(&["metric", "edit", "revenue", "revenue.sql"]).expect(0);
        assert!(
            folder.run(&["metric", "show", "revenue"]).expect(0).out.contains("-- cap: 7"),
            "{:?}",
            database.kind
        );
        std::fs::create_dir(folder.path("more")).unwrap();
        folder.write("more/one.sql", REVENUE);
        folder.write("more/two.sql", BUYERS);
        folder.write(
            "more/country.sql",
            "-- kind: attributes country\nselect id as unit, country from users\n",
        );
        folder.run(&["metric", "create", "more", "more/one.sql"]).expect(2);
        folder.run(&["metric", "create", "more"]).expect(0);
        let listed = folder.run(&["metric", "list", "--json"]).expect(0).json();
        let names: Vec<_> =
            listed.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
        assert!(names.contains(&"one") && names.contains(&"two") && !names.contains(&"country"), "{names:?}");
        for name in ["one", "two"] {
            folder.run(&["metric", "delete", name]).expect(0);
        }
        let history = folder.run(&["history", "--text", "orders bring", "--json"]).expect(0).json();
        assert_eq!(history[0]["reason"], "What orders bring", "{:?}: {history}", database.kind);
        // The same name in a file, and SQL that the database rejects.
        folder.write("novi_metrics/revenue.sql", REVENUE);
        let refused = folder.run(&["metric", "create", "nonsense.sql"]).expect(5).err;
        assert!(refused.contains("metric \"nonsense\": could not run the query"), "{refused}");
        let nonsense = "insert into activations (id, name, class_name, config) values (2, 'nonsense', 'novi.metric', \
                        '{\"kind\": \"mean\", \"sql\": \"select nonsense from orders\"}')";
        Raw::connect(&database).await.run(nonsense).await.unwrap();
        let check = folder.run(&["check"]);
        assert!(check.out.contains("revision") && check.out.contains("2 issues of metrics"), "{check:?}");
        let twice = "metric \"revenue\" (activation 1): the file revenue.sql and the activation 1 are metrics with this \
                     name: delete the file, or the row, as in `novi metric delete revenue`";
        assert!(check.code == 1 && check.out.contains(twice), "{:?}: {check:?}", database.kind);
        assert!(
            check.out.contains("metric \"nonsense\" (activation 2): could not run the query"),
            "{check:?}"
        );
        let reported = folder.run(report).expect(0);
        assert!(reported.out.contains("the file revenue.sql and the activation 1"), "{reported:?}");
        folder.run(&["metric", "delete", "revenue"]).expect(0);
        assert!(!folder.run(report).expect(0).out.contains("activation 1"));
        // The history brings it back.
        folder.run(&["rollback", "2", "--yes"]);
        let listed = folder.run(&["metric", "list", "--json"]).expect(0).json();
        assert_eq!(listed[1]["source"], "row", "{:?}: {listed}", database.kind);
        transcripts.push((database.kind, transcript));
    }
    insta::assert_snapshot!(the_same(transcripts));
}
