//! Plans and reports of experiments.

use std::fmt::Write as _;

use crate::{
    common::{Kind, Raw, TestDatabase, databases},
    support::{Folder, the_same},
};

pub(crate) const REVENUE: &str = "-- kind: mean\n-- window: 7days\n\
    select user_id as unit, created_at as ts, amount as value from orders where created_at between :start and :end\n";

pub(crate) const BUYERS: &str = "-- kind: proportion\n-- better: less\n-- guardrail: true\n\
    select user_id as unit, created_at as ts from orders\n";

/// 400 users, half of whom saw "blue" and spend more.
pub(crate) fn shop(kind: Kind) -> String {
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
        // The line of PostgreSQL's own source says nothing.
        assert!(!broken.out.contains("at line"), "{}", broken.out);
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

/// Options of a new experiment.
const NEW: [&str; 19] = [
    "experiment",
    "create",
    "One page",
    "--flag",
    "checkout",
    "--variants",
    "pages=50,one-page=50%",
    "--control",
    "pages",
    "--traffic",
    "50%",
    "--layer",
    "checkout:40%",
    "--holdout",
    "2026:5%",
    "--primary",
    "revenue",
    "--guardrail",
    "buyers",
];

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "the life of one experiment")]
async fn experiments_are_rows_that_commands_create_and_change() {
    for database in databases().await {
        let kind = database.kind;
        let folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        folder.run(&["flag", "create", "checkout", "--on"]).expect(0);
        assert!(folder.run(&["experiment", "list"]).expect(0).out.starts_with("No experiments."), "{kind:?}");
        let dry: Vec<&str> = NEW.into_iter().chain(["--dry-run"]).collect();
        let planned = folder.run(&dry).expect(0).out;
        assert!(planned.contains("variant pages, since the experiment is a draft"), "{kind:?}: {planned}");
        assert!(folder.run(&["experiment", "list"]).expect(0).out.starts_with("No experiments."), "{kind:?}");
        let created: Vec<&str> = NEW.into_iter().chain(["--reason", "Q4", "--actor", "jane"]).collect();
        folder.run(&created).expect(0);
        assert!(folder.run(&created).err.contains("an activation is named \"One page\" already"), "{kind:?}");

        let refused = folder.run(&["experiment", "stop", "One page"]).expect(5).err;
        assert!(refused.contains("is a draft: it enrolls no units yet"), "{kind:?}: {refused}");
        let started = folder.run(&["experiment", "start", "One page"]).expect(0).out;
        assert!(
            started.contains("of the layer checkout except 5 % in the holdout \"2026\""),
            "{kind:?}: {started}"
        );
        assert!(folder.run(&["experiment", "start", "One page", "--if-version", "1"]).code != 0, "{kind:?}");
        let show = folder.run(&["--json", "experiment", "show", "One page"]).expect(0).json();
        assert_eq!((&show["state"], &show["units"]), (&"running".into(), &0.into()), "{kind:?}");
        let list = folder.run(&["experiment", "list", "--state", "running"]).expect(0).out;
        assert!(list.contains("One page") && list.contains("pages, one-page"), "{kind:?}: {list}");

        // No unit was exposed yet, and there is no folder of metrics.
        let empty = folder.run(&["experiment", "report", "checkout"]).expect(0).out;
        assert!(
            empty.contains("units: one-page 0, pages 0") && empty.contains("no unit was exposed yet"),
            "{kind:?}: {empty}"
        );
        let check = folder.run(&["check"]).expect(1).out;
        for metric in ["revenue", "buyers"] {
            assert!(check.contains(&format!("there is neither a file {metric}.sql")), "{kind:?}: {check}");
        }
        let reversed = ["--from", "2026-11-20", "--until", "2026-11-01"];
        let reversed = [&["experiment", "report", "checkout"][..], &reversed].concat();
        let reversed = folder.run(&reversed).expect(2).err;
        assert!(reversed.contains("expected an end after the start"), "{kind:?}: {reversed}");

        // The row has the control, the weights, the metrics and the start.
        std::fs::create_dir(folder.path("novi_metrics")).unwrap();
        folder.write("novi_metrics/revenue.sql", REVENUE);
        folder.write("novi_metrics/other.sql", BUYERS);
        Raw::connect(&database)
            .await
            .run(
                &shop(kind)
                    .replace("'color'", "'One page'")
                    .replace("'off'", "'pages'")
                    .replace("'blue'", "'one-page'"),
            )
            .await
            .unwrap();
        let report = folder.run(&[
            "--json",
            "experiment",
            "report",
            "checkout",
            "--from",
            "2026-11-01",
            "--until",
            "2026-11-20",
        ]);
        let report = report.expect(0).json();
        assert_eq!(
            (&report["control"], &report["experiment"]),
            (&"pages".into(), &"One page".into()),
            "{kind:?}"
        );
        let metrics: Vec<_> =
            report["metrics"].as_array().unwrap().iter().map(|metric| metric["name"].clone()).collect();
        assert_eq!(metrics, ["revenue", "buyers"], "{kind:?}");
        let problem = report["metrics"][1]["problem"].as_str().unwrap();
        assert!(problem.starts_with("there is neither a file buyers.sql"), "{kind:?}: {problem}");
        // One that is invalid stops no other.
        folder.write("novi_metrics/buyers.sql", "-- kind: mode\nselect 1\n");
        let report = folder.run(&["experiment", "report", "checkout", "--from", "2026-11-01"]).expect(0).out;
        assert!(
            report.contains("no numbers: its file is invalid: line 1: expected")
                && report.contains("chance to win"),
            "{kind:?}: {report}"
        );
        let check = folder.run(&["check"]).expect(1).out;
        assert!(check.contains("metrics: buyers.sql: its file is invalid"), "{kind:?}: {check}");
        std::fs::remove_file(folder.path("novi_metrics/buyers.sql")).unwrap();
        let check = folder.run(&["check"]).expect(1).out;
        assert!(
            check.contains(
                "metrics: experiment \"One page\": there is neither a file buyers.sql in novi_metrics"
            ),
            "{kind:?}: {check}"
        );
        folder.write(
            "novi_metrics/buyers.sql",
            "-- kind: mean\nselect user_id as unit, nothing as ts, 1 as value from orders\n",
        );
        let check = folder.run(&["check"]).expect(1).out;
        assert!(check.contains("metrics: buyers.sql: ") && check.contains("nothing"), "{kind:?}: {check}");
        folder.write("novi_metrics/buyers.sql", BUYERS);
        folder.run(&["check"]).expect(0);

        let unexplained = folder.run(&["experiment", "decide", "One page", "one-page"]).expect(2).err;
        assert!(
            unexplained.contains("a decision needs a reason: state why with --reason"),
            "{kind:?}: {unexplained}"
        );
        let unknown = folder.run(&["experiment", "decide", "One page", "red"]).expect(2).err;
        assert!(
            unknown.contains("expected one of the variants pages, one-page, or off"),
            "{kind:?}: {unknown}"
        );
        folder.run(&["experiment", "decide", "One page", "one-page", "--reason", "+4 %"]).expect(0);
        let show = folder.run(&["experiment", "show", "One page"]).expect(0).out;
        assert!(show.contains("One page (decided)") && show.contains(": +4 %"), "{kind:?}: {show}");
        let history = folder.run(&["history", "checkout"]).expect(0).out;
        assert!(
            history.contains("+4 %") && history.contains("Q4") && history.contains("jane"),
            "{kind:?}: {history}"
        );
        assert!(folder.run(&["eval", "checkout"]).expect(0).out.contains("one-page"), "{kind:?}");
        let missing = folder.run(&["experiment", "show", "one"]).err;
        assert!(
            missing.contains("no experiment is named \"one\"; did you mean \"One page\"?"),
            "{kind:?}: {missing}"
        );
    }
}

#[test]
fn metrics_are_split_at_commas_and_one_variant_is_refused() {
    let folder = Folder::migrated();
    folder.run(&["flag", "create", "a"]).expect(0);
    let create = |variants: &str| {
        let line = ["experiment", "create", "A", "--flag", "a", "--control", "old", "--variants", variants];
        folder.run(&[&line[..], &["--primary", "revenue,fun"]].concat())
    };
    let one = create("old=1").expect(2).err;
    assert!(one.contains("expected at least two variants, found 1"), "{one}");
    let created = create("old=1,new=1").expect(0);
    assert!(created.err.contains("no metric is named \"fun\"; add fun.sql"), "{created:?}");
    folder
        .write("revenue.sql", "-- kind: proportion\nselect unit, assigned_at as ts from novi_assignments\n");
    folder.run(&["metric", "create", "revenue.sql"]).expect(0);
    let refused = folder.run(&["metric", "delete", "revenue"]).expect(5).err;
    assert!(refused.contains("named by experiments that are not decided: \"A\""), "{refused}");
    folder.run(&["metric", "delete", "revenue", "--force"]).expect(0);
    let started = folder.run(&["experiment", "start", "A"]).expect(0);
    assert!(started.err.contains("no metric is named \"revenue\""), "{started:?}");
    let shown = folder.run(&["--json", "experiment", "show", "A"]).expect(0).json();
    assert_eq!(shown["metrics"]["primary"], serde_json::json!(["revenue", "fun"]), "{shown}");
}

#[test]
fn experiments_that_start_later_are_scheduled() {
    let folder = Folder::migrated();
    folder.run(&["flag", "create", "a"]).expect(0);
    let create = ["experiment", "create", "A", "--flag", "a", "--control", "x", "--variants", "x=1,y=1"];
    folder.run(&[&create[..], &["--start", "2999-01-01"]].concat()).expect(0);
    let started = folder.run(&["experiment", "start", "A"]).expect(0);
    assert!(started.err.contains("it enrolls units from 2999-01-01T00:00:00Z on"), "{started:?}");
    assert!(folder.run(&["experiment", "list"]).expect(0).out.contains("scheduled"));
    let shown = folder.run(&["experiment", "show", "A"]).expect(0).out;
    assert!(shown.starts_with("A (scheduled)"), "{shown}");
}

#[test]
fn experiments_of_a_full_layer_are_refused() {
    let folder = Folder::migrated();
    for flag in ["a", "b"] {
        folder.run(&["flag", "create", flag, "--on"]).expect(0);
    }
    let create = |name: &str, flag: &str, layer: &str| {
        let variants = ["--variants", "x=1,y=1", "--control", "x", "--layer", layer];
        let command: Vec<&str> =
            ["experiment", "create", name, "--flag", flag].into_iter().chain(variants).collect();
        folder.run(&command)
    };
    create("A", "a", "l:70%").expect(0);
    let full = create("B", "b", "l:40%").expect(5).err;
    assert!(full.contains("has no free range of 40 %; the largest one has 30 %"), "{full}");
    assert!(
        create("B", "b", "l").expect(2).err.contains("expected a name and a percentage such as checkout:30%")
    );
    create("B", "b", "l:30%").expect(0);
    for name in ["A", "B"] {
        folder.run(&["experiment", "start", name]).expect(0);
    }
    folder.run(&["lint"]).expect(0);
    folder.run(&["experiment", "decide", "A", "off", "--reason", "no effect"]).expect(0);
    assert!(folder.run(&["experiment", "show", "A"]).expect(0).out.contains("decision: off at "));
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
        ]);
        // It was changed just now.
        let again = folder.run(&["experiment", "guard", "editor"]).expect(0);
        assert_eq!(
            again.out, "editor: no guardrail was compared; the ramp is at 50 %\n",
            "{:?}",
            database.kind
        );
        assert!(again.err.starts_with("warning: too few units since "), "{again:?}");
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

/// The seed is the number of the interval: the command has the same weights with it.
#[tokio::test]
async fn servers_give_better_variants_more_weight_with_the_seed_of_the_interval() {
    for database in databases().await {
        let folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        let flag = "insert into flags (id, name, status) values (1, 'color', true); \
                    insert into activations (id, name, class_name, config) values (1, 'color', 'novi.experiment', \
                    '{\"variants\": {\"off\": 50, \"blue\": 50}, \"control\": \"off\", \"state\": \"running\"}'); \
                    insert into flags_activations (flag_id, activation_id) values (1, 1);";
        Raw::connect(&database).await.run(&(shop(database.kind) + flag)).await.unwrap();
        folder.write("revenue.sql", REVENUE);
        folder.run(&["metric", "create", "revenue.sql"]).expect(0);
        let settings = "[experiments]\nreweigh_every = \"100ms\"\nreweigh_floor = 20\n\
                        [experiments.reweigh]\ncolor = \"revenue\"\n";
        folder.write(
            "novi.toml",
            &(std::fs::read_to_string(folder.path("novi.toml")).unwrap_or_default() + settings),
        );
        let server = crate::serve::Server::start(&folder, &[]);
        let start = std::time::Instant::now();
        let first = loop {
            let history = folder.run(&["history", "--json"]).expect(0).json();
            let records = history.as_array().unwrap().iter();
            let own: Vec<_> = records.filter(|record| record["actor"] == "novi reweigh").cloned().collect();
            if let Some(first) = own.last() {
                break first.clone();
            }
            assert!(
                start.elapsed() < crate::support::PATIENCE,
                "{:?}: no weights are changed",
                database.kind
            );
        };
        drop(server);
        let reason = first["reason"].as_str().unwrap();
        let seed = reason.split("seed ").nth(1).and_then(|rest| rest.split(',').next()).unwrap();
        assert!(
            reason.contains(", floor 20.0 %: blue 80.0 % (") && reason.contains(", off 20.0 % ("),
            "{reason}"
        );
        let same = folder
            .run(&["experiment", "reweigh", "color", "--seed", seed, "--floor", "20%", "--dry-run"])
            .expect(0);
        assert!(same.out.starts_with(reason), "{reason}: {same:?}");
        let shown = folder.run(&["activation", "show", "color", "--json"]).expect(0).json();
        let config = &shown["config"];
        assert_eq!(config["variants"], serde_json::json!({"off": 0.2, "blue": 0.8}), "{shown}");
    }
}
