//! The types for time and place: their explanations, and that they allocate nothing.

use allocation_counter::measure;
use novi::{
    Context, Flags,
    rows::{ActivationRow, FlagRow, LinkRow, Rows},
};

/// A flag for each row, named after the row's class and number.
fn flags(context: Context<'static>, configs: &[(&str, &str)]) -> Flags {
    let rows = (1..).zip(configs).map(|(id, (class, config))| ActivationRow::new(id, "row", *class, *config));
    let activations: Vec<_> = rows.collect();
    let flag = |row: &ActivationRow| FlagRow::new(row.id, format!("{} {}", row.class_name, row.id), true);
    let rows = Rows {
        flags: activations.iter().map(flag).collect(),
        links: activations.iter().map(|row| LinkRow::new(row.id, row.id)).collect(),
        activations,
        ..Rows::default()
    };
    let flags = Flags::builder().context(context).from_rows(rows).unwrap();
    assert_eq!(flags.issues(), []);
    flags
}

const ROWS: [(&str, &str); 9] = [
    ("novi.members", r#"{"allow": ["user-7", 8], "deny": ["a member of more than sixteen bytes"]}"#),
    ("novi.expires", r#"{"at": "2026-12-31", "timezone": "Europe/Madrid"}"#),
    ("novi.schedule", r#"{"cron": "0 9 * * MON-FRI", "duration": "8h", "timezone": "Europe/Madrid"}"#),
    ("novi.schedule", r#"{"cron": "*/10 * * * *", "duration": "5m", "timezone": "Europe/Berlin"}"#),
    ("novi.schedule", r#"{"weekdays": ["mon", "fri"], "from": "22:00", "to": "06:00"}"#),
    ("novi.environment", r#"{"environments": ["production", "staging"]}"#),
    ("novi.host", r#"{"hosts": ["web-1", "db-*"]}"#),
    ("novi.ip", r#"{"networks": ["10.0.0.0/8", "::1"]}"#),
    ("novi.host", r#"{"hosts": "*.example.com"}"#),
];

#[test]
fn evaluation_allocates_nothing() {
    let context = Context::new().with("environment", "staging").with("host", "web-1.example.com");
    let flags = flags(context, &ROWS);
    let known = Context::new().with("targetingKey", "user-7").with("ip", "10.1.2.3");
    let others = [
        Context::new(),
        Context::new().with("targetingKey", 8).with("ip", "::2"),
        Context::new().with("targetingKey", "a member of more than sixteen bytes").with("ip", "x"),
    ];
    // In each window of a schedule, between them, and at clock changes, so that no cached window applies.
    let times = (0..2000_i64).map(|step| {
        let time = chrono::DateTime::from_timestamp(1_790_000_000 + step * 9000, 0).unwrap();
        known.clone().with("currentDateTime", time)
    });
    for ctx in others.into_iter().chain([known.clone()]).chain(times) {
        for name in flags.snapshot().flag_names() {
            let ask = |ctx| {
                std::hint::black_box(flags.is_enabled(name, ctx));
            };
            // The first evaluation of a thread may allocate. At another time, so that the schedule has not
            // cached this one.
            ask(&known);
            assert_eq!(measure(|| ask(&ctx)).count_total, 0, "{name}");
        }
    }
}

#[test]
fn schedules_do_not_depend_on_the_order_of_evaluations() {
    let flags = flags(Context::new(), &ROWS[2..5]);
    let time = |step: i64| chrono::DateTime::from_timestamp(1_790_000_000 + step * 601, 0).unwrap();
    let ask = |name: &str, step| flags.is_enabled(name, &Context::new().with("currentDateTime", time(step)));
    for name in flags.snapshot().flag_names() {
        let one_by_one: Vec<bool> = (0..3000).map(|step| ask(name, step)).collect();
        for step in (0..3000).map(|step| step * 7919 % 3000) {
            assert_eq!(ask(name, step), one_by_one[usize::try_from(step).unwrap()], "{name}");
        }
        let on = one_by_one.iter().filter(|on| **on).count();
        assert!((100..2900).contains(&on), "{name}: {on}");
    }
}

#[test]
fn host_defaults_to_the_system_name() {
    let name = hostname::get().unwrap().into_string().unwrap();
    let config = serde_json::json!({"hosts": [name.to_uppercase()]}).to_string();
    let other = serde_json::json!({"hosts": [format!("{name}?")]}).to_string();
    let flags = flags(Context::new(), &[("novi.host", &config), ("novi.host", &other)]);
    assert!(flags.is_enabled("novi.host 1", &Context::new()));
    assert!(!flags.is_enabled("novi.host 2", &Context::new()));
    let trace = flags.explain("novi.host 2", &Context::new()).unwrap().to_string();
    assert!(trace.contains(&format!("found {name:?}")), "{trace}");
}

#[test]
fn answers_are_explained() {
    let context = Context::new().with("environment", "test").with("host", "mail");
    let flags = flags(context, &ROWS);
    let caller = Context::new()
        .with("targetingKey", "user-1")
        .with("ip", "192.0.2.1")
        .with("environment", "production")
        .with("currentDateTime", "2026-11-20T18:00:00Z");
    let snapshot = flags.snapshot();
    let traces = snapshot.flag_names().map(|name| snapshot.explain(name, &caller).unwrap().to_string());
    insta::assert_snapshot!(traces.collect::<Vec<_>>().join("\n"));
}
