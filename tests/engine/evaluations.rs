//! Counts of each decision of each flag, which continue when the rows change.

use std::thread;

use novi::{
    Context, Flags,
    rows::{ActivationRow, FailMode, FlagMetadata, FlagRow, LinkRow, Rows},
    snapshot::Evaluations,
};

/// A plain flag, one with a window in the past, and one with two variants of which the first has all weight.
fn rows() -> Rows {
    Rows {
        flags: vec![
            FlagRow::new(1, "plain", true),
            FlagRow::new(2, "closed", true),
            FlagRow::new(3, "layouts", true),
        ],
        activations: vec![
            ActivationRow::new(1, "window", "novi.date_time", r#"{"endDateTime": "2020-01-01T00:00:00Z"}"#),
            ActivationRow::new(2, "split", "novi.split", r#"{"variants": {"grid": 1, "list": 0}}"#),
        ],
        links: vec![LinkRow::new(2, 1), LinkRow::new(3, 2)],
        ..Rows::default()
    }
}

/// One line per counter: `flag state variant reason count`.
fn told(flags: &Flags) -> Vec<String> {
    let line = |counted: Evaluations| {
        let Evaluations { flag, enabled, variant, reason, count, .. } = counted;
        let variant = variant.unwrap_or_else(|| "-".to_owned());
        format!("{flag} {} {variant} {reason} {count}", if enabled { "on" } else { "off" })
    };
    let all = flags.evaluations();
    for counted in &all {
        let of_flag: Vec<_> = all.iter().filter(|other| other.flag == counted.flag).cloned().collect();
        assert_eq!(flags.evaluations_of(&counted.flag), of_flag);
    }
    assert!(flags.evaluations_of("nobody's").is_empty());
    all.into_iter().map(line).collect()
}

#[test]
fn every_kind_of_evaluation_counts() {
    let flags = Flags::from_rows(rows()).unwrap();
    let ctx = Context::new().with("targetingKey", "user-7");
    assert_eq!(told(&flags), Vec::<String>::new());
    for name in ["plain", "closed", "layouts", "nobody's"] {
        let handle = flags.flag(name);
        for _ in 0..2 {
            let answers = [
                flags.is_enabled(name, &ctx),
                handle.is_enabled(&ctx),
                flags.snapshot().is_enabled(name, &ctx),
                flags.bool(name, &ctx, false),
            ];
            assert!(answers.iter().all(|answer| *answer == answers[0]), "{name}");
            assert_eq!(flags.evaluate(name, &ctx).is_ok(), handle.evaluate(&ctx).is_ok());
            assert_eq!(flags.snapshot().evaluate(name, &ctx).is_ok(), name != "nobody's");
        }
    }
    // Explanations are not counted.
    flags.explain("plain", &ctx).unwrap();
    assert_eq!(told(&flags), ["closed off - DEFAULT 14", "layouts on grid SPLIT 14", "plain on - STATIC 14"]);
    flags.snapshot().evaluate_all(&ctx);
    assert_eq!(told(&flags), ["closed off - DEFAULT 15", "layouts on grid SPLIT 15", "plain on - STATIC 15"]);
}

#[test]
fn counts_continue_when_the_rows_change() {
    let flags = Flags::from_rows(rows()).unwrap();
    let ctx = Context::new().with("targetingKey", "user-7");
    let handle = flags.flag("plain");
    let old = flags.snapshot();
    let off = || {
        let mut rows = rows();
        rows.flags[0].status = false;
        // An inserted row moves other rows, but not their counts.
        rows.flags.insert(0, FlagRow::new(0, "new", true));
        rows.activations[1].config = Some(r#"{"variants": {"map": 1}}"#.to_owned());
        rows
    };
    for _ in 0..3 {
        assert!(handle.is_enabled(&ctx) && flags.is_enabled("layouts", &ctx));
        flags.replace_rows(off());
        assert!(!handle.is_enabled(&ctx) && flags.is_enabled("layouts", &ctx));
        // Decisions of an earlier snapshot are counted as well.
        assert!(old.is_enabled("plain", &ctx));
        flags.replace_rows(rows());
    }
    flags.replace_rows(Rows::default());
    let told = told(&flags);
    assert_eq!(
        told,
        [
            "layouts on grid SPLIT 3",
            "layouts on map SPLIT 3",
            "plain off - DISABLED 3",
            "plain on - STATIC 6"
        ]
    );
}

#[test]
fn broken_flags_count_as_errors() {
    let with = |config: &str| {
        let mut rows = rows();
        rows.activations[1].config = Some(config.to_owned());
        rows.flags[2].metadata = FlagMetadata { fail_mode: FailMode::LastKnown, ..FlagMetadata::default() };
        rows
    };
    let flags = Flags::from_rows(with(r#"{"variants": {"grid": 1}}"#)).unwrap();
    let ctx = Context::new().with("targetingKey", "user-7");
    assert!(flags.is_enabled("layouts", &ctx));
    flags.replace_rows(with("{"));
    assert!(flags.is_enabled("layouts", &ctx));
    assert!(!flags.is_enabled("layouts", &Context::new()));
    assert_eq!(told(&flags), ["layouts off - ERROR 1", "layouts on grid SPLIT 1", "layouts on grid ERROR 1"]);
}

#[test]
fn no_thread_loses_a_count() {
    let flags = Flags::from_rows(rows()).unwrap();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..1000 {
                    assert!(flags.is_enabled("plain", &Context::new()));
                }
            });
        }
        // Meanwhile the rows are replaced by equal ones.
        for _ in 0..50 {
            flags.replace_rows(rows());
        }
    });
    assert_eq!(told(&flags), ["plain on - STATIC 4000"]);
}

#[test]
fn counts_of_deleted_flags_are_forgotten_and_their_numbers_used_again() {
    const FLAGS: i64 = 4000;
    let named = |round: i64| {
        let flag = |id| FlagRow::new(round * FLAGS + id, format!("f{round}-{id}"), true);
        Rows { flags: (1..=FLAGS).map(flag).collect(), ..Rows::default() }
    };
    let flags = Flags::from_rows(named(0)).unwrap();
    for round in 0..8 {
        flags.replace_rows(named(round));
        // Each round counts differently, so that a number that is used again shows what it had counted before.
        for _ in 0..=round {
            flags.snapshot().evaluate_all(&Context::new());
        }
        let counts = flags.evaluations();
        let current: Vec<_> =
            counts.iter().filter(|counted| counted.flag.starts_with(&format!("f{round}-"))).collect();
        assert_eq!(current.len(), 4000);
        assert!(current.iter().all(|counted| counted.count == 1 + u64::try_from(round).unwrap()), "{round}");
        // Of eight times as many.
        assert!(counts.len() <= 22_000, "{}", counts.len());
    }
}
