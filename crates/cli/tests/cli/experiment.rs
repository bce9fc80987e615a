//! Plans and reports of experiments.

use std::fmt::Write as _;

use crate::{
    common::{Kind, Raw, databases},
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
        folder.write("novi_metrics/readme.txt", "not a metric");
        folder.write("broken.sql", "-- kind: mean\nselect nonsense from orders\n");
        folder.write("invalid.sql", "-- kind: mode\nselect 1\n");
        let until = "2026-11-20";
        let transcript = folder.transcript(&[
            &["experiment", "report", "color", "--until", until, "--weights", "off=50%,blue=50%"],
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
