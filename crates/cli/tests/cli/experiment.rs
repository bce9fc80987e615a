//! Plans and reports of experiments.

use std::fmt::Write as _;

use crate::{
    common::{Kind, Raw, TestDatabase, databases},
    support::{Folder, the_same},
};

const REVENUE: &str = "-- kind: mean\n-- window: 7days\n\
    select user_id as unit, created_at as ts, amount as value from orders where created_at between :start and :end\n";

const BUYERS: &str = "-- kind: proportion\n-- better: less\n-- guardrail: true\n\
    select user_id as unit, created_at as ts from orders\n";

/// 400 users, half of whom saw "blue" and spend more.
fn shop(kind: Kind) -> String {
    let (mut assignments, mut orders) = (Vec::new(), Vec::new());
    let seen = if kind == Kind::MySql { "2026-11-03 08:00:00" } else { "2026-11-03T08:00:00Z" };
    for number in 0..400 {
        let variant = if number % 2 == 0 { "off" } else { "blue" };
        assignments.push(format!("('color', 'user-{number}', '{variant}', 1, '{seen}')"));
        if number % 3 > 0 {
            let amount = 10 + number % 7 + 8 * (number % 2);
            orders.push(format!("({number}, 'user-{number}', '2026-11-05 10:00:00', {amount})"));
        }
    }
    let mut sql = "create table orders (id integer primary key, user_id varchar(20), created_at timestamp, amount integer);\n"
        .to_owned();
    writeln!(
        sql,
        "insert into novi_assignments (experiment, unit, variant, revision, assigned_at) values {};\n\
         insert into orders values {};",
        assignments.join(", "),
        orders.join(", ")
    )
    .unwrap();
    sql
}

#[tokio::test]
async fn variants_are_compared_on_every_database() {
    let mut transcripts = Vec::new();
    for database in databases().await {
        let folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        Raw::connect(&database).await.run(&shop(database.kind)).await.unwrap();
        std::fs::create_dir(folder.path("novi_metrics")).unwrap();
        folder.write("novi_metrics/revenue.sql", REVENUE);
        folder.write("novi_metrics/buyers.sql", BUYERS);
        folder.write(
            "novi_metrics/groups.sql",
            "-- kind: attributes group_name\nselect distinct user_id as unit, amount % 2 as group_name from orders\n",
        );
        folder.write("novi_metrics/readme.txt", "not a metric");
        folder.write("broken.sql", "-- kind: mean\nselect nonsense from orders\n");
        folder.write("invalid.sql", "-- kind: mode\nselect 1\n");
        let until = "2026-11-20";
        let transcript = folder.transcript(&[
            &["experiment", "report", "color", "--until", until, "--weights", "off=50%,blue=50%"],
            &[
                "experiment",
                "report",
                "color",
                "--until",
                until,
                "--by",
                "group_name",
                "--by",
                "day",
                "--by-values",
                "1",
            ],
            &["experiment", "report", "color", "--by", "country"],
            &["experiment", "report", "color", "--until", until, "--weights", "off=1,blue=2"],
            &[
                "experiment",
                "report",
                "color",
                "--until",
                until,
                "--metrics",
                "novi_metrics/revenue.sql",
                "--html",
                "r.html",
            ],
            &["experiment", "report", "color", "--until", "2026-11-01"],
            &["experiment", "report", "color", "--control", "red"],
            &["experiment", "report", "color", "--metrics", "invalid.sql"],
            &["experiment", "report", "color", "--metrics", "none.sql"],
            &["experiment", "report", "color", "--from", "soon"],
        ]);
        let html = std::fs::read_to_string(folder.path("r.html")).unwrap();
        assert!(html.contains("<svg") && html.contains("revenue"), "{html}");
        let broken = folder.run(&["experiment", "report", "color", "--metrics", "broken.sql"]).expect(0);
        assert!(broken.out.contains("no numbers: could not run the query"), "{}", broken.out);
        let json =
            folder.run(&["experiment", "report", "color", "--until", until, "--json"]).expect(0).json();
        assert_eq!(json["metrics"][1]["variants"][0]["verdict"], "better", "{json}");
        transcripts.push((database.kind, transcript));
    }
    insta::assert_snapshot!(the_same(transcripts));
}

#[test]
fn experiments_are_planned() {
    let folder = Folder::empty();
    let transcript = folder.transcript(&[
        &["experiment", "power", "--rate", "4%", "--effect", "10%"],
        &[
            "experiment",
            "power",
            "--rate",
            "0.04",
            "--effect",
            "0.1",
            "--sequential",
            "--units-a-day",
            "5000",
        ],
        &["experiment", "power", "--mean", "12.5", "--deviation", "40", "--units", "20000"],
        &["experiment", "power", "--rate", "4%", "--effect", "10%", "--units", "20000", "--json"],
        &["experiment", "power", "--rate", "400%", "--effect", "10%"],
        &["experiment", "power", "--rate", "4%"],
        &["experiment", "power", "--mean", "4", "--effect", "10%"],
    ]);
    insta::assert_snapshot!(transcript);
}

const ERRORS: &str = "-- kind: proportion\n-- better: less\n-- guardrail: true\n-- margin: 10%\n\
    select user_id as unit, created_at as ts from errors\n";

/// A flag with a ramp at 50 % since October, and 2,000 users of November, of whom those who are on have more errors.
fn ramp(kind: Kind) -> String {
    let seen = if kind == Kind::MySql { "2026-11-03 08:00:00" } else { "2026-11-03T08:00:00Z" };
    let (mut assignments, mut errors) = (Vec::new(), Vec::new());
    for number in 0..2000 {
        let variant = if number % 2 == 0 { "off" } else { "on" };
        assignments.push(format!("('editor', 'user-{number}', '{variant}', 1, '{seen}')"));
        if number % 20 == 0 || number % 4 == 1 {
            errors.push(format!("('user-{number}', '2026-11-03 09:00:00')"));
        }
    }
    // The ramp was made long before its users came, and the history of that is pruned.
    format!(
        "create table errors (user_id varchar(20), created_at timestamp); insert into errors values {}; \
         insert into novi_assignments (experiment, unit, variant, revision, assigned_at) values {}; \
         insert into flags (id, name, status) values (1, 'editor', true); \
         insert into activations (id, name, class_name, config) values (1, 'Slowly', 'novi.ramp', '{}'); \
         insert into flags_activations (flag_id, activation_id) values (1, 1); \
         delete from flag_history;",
        errors.join(", "),
        assignments.join(", "),
        r#"{"steps": [{"at": "2026-10-01", "percentage": 50}, {"at": "2099-01-01", "percentage": 100}]}"#,
    )
}

/// The folder of a flag with a ramp, and its metric.
async fn with_ramp(database: &TestDatabase) -> Folder {
    let folder = Folder::of(database);
    folder.run(&["migrate"]).expect(0);
    Raw::connect(database).await.run(&ramp(database.kind)).await.unwrap();
    std::fs::create_dir(folder.path("novi_metrics")).unwrap();
    folder.write("novi_metrics/errors.sql", ERRORS);
    folder
}

#[tokio::test]
async fn guardrails_hold_a_ramp_once_on_every_database() {
    let mut transcripts = Vec::new();
    for database in databases().await {
        let folder = with_ramp(&database).await;
        let dry = folder.run(&["experiment", "guard", "editor", "--dry-run", "--json"]).expect(1).json();
        assert_eq!(
            (&dry["written"], &dry["guarded"]["harms"][0]["variant"]),
            (&false.into(), &"on".into()),
            "{dry}"
        );
        let transcript = folder.transcript(&[
            &["experiment", "guard", "editor", "--dry-run"],
            &["experiment", "guard", "editor", "--on-harm", "roll-back", "--dry-run"],
            &["experiment", "guard", "edtor"],
            &["experiment", "guard", "editor", "--metrics", "none.sql"],
            &["experiment", "guard", "editor"],
            &["experiment", "guard", "editor"],
        ]);
        let history = folder.run(&["history", "--json"]).expect(0).json();
        let own = history.as_array().unwrap().iter().filter(|record| record["actor"] == "novi guard");
        let own: Vec<_> = own.collect();
        assert_eq!(own.len(), 1, "{:?}: {history}", database.kind);
        assert!(
            own[0]["reason"].as_str().unwrap().ends_with("units 1000 and 1000; held at 50 %"),
            "{}",
            own[0]
        );
        transcripts.push((database.kind, transcript));
    }
    insta::assert_snapshot!(the_same(transcripts));
}

#[tokio::test]
async fn servers_stop_a_ramp_once() {
    for database in databases().await {
        let folder = with_ramp(&database).await;
        let settings = "[experiments]\nguard_every = \"50ms\"\non_harm = \"roll back\"\n";
        folder.write(
            "novi.toml",
            &(std::fs::read_to_string(folder.path("novi.toml")).unwrap_or_default() + settings),
        );
        let _servers = [(); 2].map(|()| crate::serve::Server::start(&folder, &[]));
        let start = std::time::Instant::now();
        let own = || {
            let history = folder.run(&["history", "--json"]).expect(0).json();
            let records = history.as_array().unwrap().iter().filter(|record| record["actor"] == "novi guard");
            records.map(|record| record["reason"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        while own().is_empty() {
            assert!(
                start.elapsed() < crate::support::PATIENCE,
                "{:?}: the server does not act",
                database.kind
            );
        }
        // A further change would be made before this one is seen, as both servers go on.
        folder.run(&["disable", "editor", "--reason", "later"]).expect(0);
        let reasons = own();
        assert!(reasons.len() == 1 && reasons[0].ends_with("; rolled back from 50 %"), "{reasons:?}");
    }
}

#[tokio::test]
async fn better_variants_get_more_weight_once() {
    let mut transcripts = Vec::new();
    for database in databases().await {
        let folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        let flag = "insert into flags (id, name, status) values (1, 'color', true); \
                    insert into activations (id, name, class_name, config) values \
                    (1, 'Colors', 'novi.split', '{\"variants\": {\"off\": 50, \"blue\": 50}}'); \
                    insert into flags_activations (flag_id, activation_id) values (1, 1);";
        Raw::connect(&database).await.run(&(shop(database.kind) + flag)).await.unwrap();
        std::fs::create_dir(folder.path("novi_metrics")).unwrap();
        folder.write("novi_metrics/revenue.sql", REVENUE);
        folder.write("novi_metrics/buyers.sql", BUYERS);
        let reweigh: &[&str] = &["experiment", "reweigh", "color", "--seed", "7"];
        let transcript = folder.transcript(&[
            &[reweigh, &["--dry-run"]].concat(),
            &[reweigh, &["--floor", "60%"]].concat(),
            &[reweigh, &["--metric", "revenu"]].concat(),
            &["experiment", "reweigh", "colr"],
            &[reweigh, &["--floor", "10%"]].concat(),
            &[reweigh, &["--floor", "10%"]].concat(),
            &["show", "color"],
        ]);
        transcripts.push((database.kind, transcript));
        let history = folder.run(&["history", "--json"]).expect(0).json();
        let own =
            history.as_array().unwrap().iter().filter(|record| record["actor"] == "novi reweigh").count();
        assert_eq!(own, 1, "{:?}: {history}", database.kind);
    }
    insta::assert_snapshot!(the_same(transcripts));
}
