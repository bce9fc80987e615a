//! `novi stale`, usage recording, and expired flags.

use std::time::Instant;

use serde_json::{Value, json};

use crate::{
    common::{Kind, Raw, databases},
    serve::Server,
    support::{Folder, PATIENCE, the_same},
};

/// Creates flags of each kind, backdated.
async fn history(raw: &mut Raw) {
    let names = ["used", "on", "off", "switched", "idle", "never", "young", "expired"];
    for (id, name) in (1..).zip(names) {
        raw.run(&format!("insert into flags (id, name, status) values ({id}, '{name}', true)"))
            .await
            .unwrap();
    }
    raw.run("update flag_metadata set created_at = '2020-01-01 00:00:00' where flag_id <> 7").await.unwrap();
    let since =
        if matches!(raw, Raw::Sqlite(_)) { "2020-01-01T00:00:00.000Z" } else { "2020-01-01 00:00:00" };
    raw.run(&format!("update novi_usage_since set since = '{since}'")).await.unwrap();
    raw.run("update flag_metadata set owner = 'ada', expires_at = '2026-01-31 12:00:00' where flag_id = 8")
        .await
        .unwrap();
}

/// Rows of `novi_usage`: first seen, last evaluated, last on, last off, in days ago.
async fn usage(raw: &mut Raw, kind: Kind) {
    let at = |days: Option<u32>| match (days, kind) {
        (None, _) => "null".to_owned(),
        (Some(days), Kind::Sqlite) => format!("strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-{days} days')"),
        (Some(days), Kind::Postgres) => format!("now() - interval '{days} days'"),
        (Some(days), Kind::MySql) => format!("utc_timestamp(6) - interval {days} day"),
    };
    let rows = [
        ("used", 900, 1, Some(1), Some(2)),
        ("on", 900, 1, Some(1), None),
        ("off", 900, 1, None, Some(1)),
        ("switched", 900, 1, Some(1), Some(40)),
        ("idle", 900, 31, Some(31), Some(50)),
        ("expired", 900, 1, Some(1), Some(1)),
    ];
    for (flag, first, last, on, off) in rows {
        let [first, last, on, off] = [Some(first), Some(last), on, off].map(at);
        raw.run(&format!("insert into novi_usage values ('{flag}', {first}, {last}, {on}, {off}, 5)"))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn stale_lists_flags_with_owners() {
    let mut transcripts = Vec::new();
    for database in databases().await {
        let folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        assert_eq!(
            folder.run(&["stale"]).expect(0).out.lines().next(),
            Some("No stale flags (threshold: 30 days).")
        );
        let mut raw = Raw::connect(&database).await;
        history(&mut raw).await;
        usage(&mut raw, database.kind).await;
        let run = folder.run(&["stale"]).expect(1);
        transcripts.push((database.kind, without_days(&run.transcript())));

        let found = folder.run(&["stale", "--json"]).expect(1).json();
        let stale = found["stale"].as_array().unwrap();
        let why: Vec<_> = stale.iter().map(|stale| (&stale["flag"], &stale["why"])).collect();
        let expected = [
            ("on", "always_on"),
            ("off", "always_off"),
            ("switched", "always_on"),
            ("idle", "not_evaluated"),
            ("never", "never_evaluated"),
            ("expired", "expired"),
        ];
        let expected = expected.map(|(flag, why)| (json!(flag), json!(why)));
        assert_eq!(
            why,
            expected.iter().map(|(flag, why)| (flag, why)).collect::<Vec<_>>(),
            "{:?}",
            database.kind
        );
        assert_eq!((&stale[5]["owner"], &stale[5]["since"]), (&json!("ada"), &json!("2026-01-31T12:00:00Z")));
        assert_eq!(stale[4]["since"], Value::Null);

        // Other thresholds.
        let by = |days| folder.run(&["stale", "--days", days, "--json"]).expect(1).json();
        let count = |found: Value| found["stale"].as_array().unwrap().len();
        assert_eq!((count(by("45")), count(by("20000")), count(by("0"))), (5, 1, 9), "{:?}", database.kind);
    }
    insta::assert_snapshot!(the_same(transcripts));
}

/// Replaces times with 0, except the fixed one.
fn without_days(text: &str) -> String {
    let shown = |word: &str| {
        let is_time = word.len() == 20 && word.ends_with('Z') && word != "2026-01-31T12:00:00Z";
        if is_time { "0000-00-00T00:00:00Z".to_owned() } else { word.to_owned() }
    };
    text.split(' ')
        .map(|word| word.split('\n').map(shown).collect::<Vec<_>>().join("\n"))
        .collect::<Vec<_>>()
        .join(" ")
}

#[tokio::test]
async fn server_records_usage() {
    for database in databases().await {
        let mut folder = Folder::of(&database);
        folder.set("NOVI_USAGE__INTERVAL", "100ms");
        folder.run(&["migrate"]).expect(0);
        folder.seed_demo();
        let server = Server::start(&folder, &[]);
        server.is_on("Combo AND", &json!({})).await;
        let started = Instant::now();
        loop {
            let found = folder.run(&["stale", "--days", "0", "--json"]).expect(1).json();
            let of = |flag: &str| {
                let found = found["stale"].as_array().unwrap().iter().find(|stale| stale["flag"] == flag);
                found.map(|stale| stale["why"].clone())
            };
            assert_eq!(of("Combo OR"), Some(json!("never_evaluated")));
            if of("Combo AND") == Some(json!("not_evaluated")) {
                break;
            }
            assert!(started.elapsed() < PATIENCE, "{found}");
        }
    }
}

#[tokio::test]
async fn server_with_expired_refuse_does_not_start() {
    let mut folder = Folder::demo();
    let mut raw = folder.raw().await;
    raw.run("update flag_metadata set owner = 'ada', expires_at = '2026-01-31' where flag_id = 3")
        .await
        .unwrap();
    let server = Server::start(&folder, &[]);
    let (_, _, err) = server.stop();
    assert_eq!(err.matches("has expired: remove it").count(), 1, "{err}");
    folder.set("NOVI_FLAGS__EXPIRED", "refuse");
    insta::assert_snapshot!(
        folder.transcript(&[&["serve", "--listen", "127.0.0.1:0"], &["eval", "Combo OR"]])
    );
}
