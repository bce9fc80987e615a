//! When decisions change by themselves, as each type with a clock reports it.

use chrono::{DateTime, TimeDelta, Utc};
use novi::{
    Context, Error, Flags,
    activation::{Activation, Evaluation, Verdict},
    rows::{ActivationRow, FlagRow, LinkRow, Rows},
};
use proptest::prelude::*;

use crate::common::rows::{one_flag, valid};

/// A flag "x" with one activation.
fn flags(class_name: &str, config: &str) -> Flags {
    valid(one_flag("x", class_name, config))
}

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// The next changes after a time, at most three.
fn changes(class_name: &str, config: &str, from: &str) -> Vec<String> {
    let flags = flags(class_name, config);
    let next = |at: &DateTime<Utc>| flags.next_change("x", *at).unwrap();
    let times = std::iter::successors(next(&time(from)), next);
    times.take(3).map(|time| time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)).collect()
}

#[test]
fn window_changes_when_it_opens_and_closes() {
    let window = r#"{"startDateTime": "2026-12-01T00:00:00Z", "endDateTime": "2027-01-01T00:00:00Z"}"#;
    let both = ["2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"];
    assert_eq!(changes("novi.date_time", window, "2026-11-25T00:00:00Z"), both);
    assert_eq!(changes("novi.date_time", window, "2026-11-30T23:59:59.999999999Z"), both);
    assert_eq!(changes("novi.date_time", window, "2026-12-01T00:00:00Z"), both[1..]);
    assert!(changes("novi.date_time", window, "2027-01-01T00:00:00Z").is_empty());
    let start = r#"{"startDateTime": "2026-12-01T00:00:00Z"}"#;
    assert_eq!(changes("novi.date_time", start, "2026-11-25T00:00:00Z"), both[..1]);
    let end = r#"{"endDateTime": "2027-01-01T00:00:00Z"}"#;
    assert_eq!(changes("novi.date_time", end, "2026-11-25T00:00:00Z"), both[1..]);
    assert!(changes("novi.date_time", "{}", "2026-11-25T00:00:00Z").is_empty());
    let never = r#"{"startDateTime": "2026-12-01T00:00:00Z", "endDateTime": "2026-12-01T00:00:00Z"}"#;
    assert!(changes("novi.date_time", never, "2026-11-25T00:00:00Z").is_empty());
}

#[test]
fn expiry_changes_once() {
    let config = r#"{"at": "2027-01-01", "timezone": "Europe/Berlin"}"#;
    assert_eq!(changes("novi.expires", config, "2026-11-25T00:00:00Z"), ["2026-12-31T23:00:00Z"]);
    assert!(changes("novi.expires", config, "2026-12-31T23:00:00Z").is_empty());
}

#[test]
fn running_experiments_change_at_their_start_and_end() {
    let config = |state: &str| {
        format!(
            r#"{{"variants": {{"a": 1, "b": 1}}, "control": "a", "state": "{state}", "start": "2026-12-01",
                "end": "2026-12-15", "timezone": "Europe/Berlin"}}"#
        )
    };
    let both = ["2026-11-30T23:00:00Z", "2026-12-14T23:00:00Z"];
    assert_eq!(changes("novi.experiment", &config("running"), "2026-11-25T00:00:00Z"), both);
    assert_eq!(changes("novi.experiment", &config("running"), "2026-11-30T23:00:00Z"), both[1..]);
    for state in ["draft", "stopped"] {
        assert!(changes("novi.experiment", &config(state), "2026-11-25T00:00:00Z").is_empty(), "{state}");
    }
}

#[test]
fn schedules_follow_local_time() {
    let office = r#"{"from": "01:30", "to": "02:30", "timezone": "Europe/Berlin"}"#;
    // Summer time begins: 02:30 does not exist, and the window ends at the next valid instant.
    assert_eq!(
        changes("novi.schedule", office, "2026-03-28T12:00:00Z"),
        ["2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z", "2026-03-29T23:30:00Z"]
    );
    // Summer time ends: 02:30 occurs twice, and the window ends with the second one.
    assert_eq!(
        changes("novi.schedule", office, "2026-10-24T12:00:00Z"),
        ["2026-10-24T23:30:00Z", "2026-10-25T01:30:00Z", "2026-10-26T00:30:00Z"]
    );
    let nights = r#"{"cron": "0 22 1 * *", "duration": "8h", "timezone": "America/New_York"}"#;
    assert_eq!(
        changes("novi.schedule", nights, "2026-10-25T00:00:00Z"),
        ["2026-11-02T03:00:00Z", "2026-11-02T11:00:00Z", "2026-12-02T03:00:00Z"]
    );
    let days = r#"{"weekdays": ["mon", "tue"], "timezone": "UTC"}"#;
    // Monday and Tuesday are one interval, without a change between them.
    assert_eq!(
        changes("novi.schedule", days, "2026-11-25T00:00:00Z"),
        ["2026-11-30T00:00:00Z", "2026-12-02T00:00:00Z", "2026-12-07T00:00:00Z"]
    );
    let always = r#"{"from": "00:00", "to": "24:00"}"#;
    assert!(changes("novi.schedule", always, "2026-11-25T00:00:00Z").is_empty());
}

#[test]
fn ramp_changes_at_steps_and_at_callers() {
    let steps = r#"{"steps": [{"at": "2026-12-01T08:00:00Z", "percentage": 1},
        {"at": "2026-12-02T08:00:00Z", "percentage": 100}]}"#;
    let both = ["2026-12-01T08:00:00Z", "2026-12-02T08:00:00Z"];
    assert_eq!(changes("novi.ramp", steps, "2026-11-25T00:00:00Z"), both);
    assert!(changes("novi.ramp", steps, "2026-12-02T08:00:00Z").is_empty());
    // 100,000 places in 100,000 seconds.
    let linear = r#"{"linear": true, "steps": [{"at": "2026-12-01T00:00:00Z", "percentage": 0},
        {"at": "2026-12-02T03:46:40Z", "percentage": 100}]}"#;
    let flags = flags("novi.ramp", linear);
    let start = time("2026-12-01T00:00:00Z");
    assert_eq!(flags.next_change("x", start - TimeDelta::days(1)).unwrap(), Some(start));
    let mut at = start;
    for _ in 0..5 {
        let next = flags.next_change("x", at).unwrap().unwrap();
        let apart = next - at;
        assert!(TimeDelta::milliseconds(400) < apart && apart < TimeDelta::milliseconds(1600), "{apart}");
        at = next;
    }
    let end = time("2026-12-02T03:46:40Z");
    assert_eq!(flags.next_change("x", end).unwrap(), None);
    assert!(flags.next_change("x", end - TimeDelta::milliseconds(10)).unwrap().unwrap() <= end);
}

#[test]
fn earliest_change_counts() {
    let row =
        |id, class_name: &str, config: &str| ActivationRow::new(id, format!("a{id}"), class_name, config);
    let flags = Flags::from_rows(Rows {
        flags: vec![
            FlagRow::new(1, "asks", true),
            FlagRow::new(2, "is asked", true),
            FlagRow::new(3, "off", false),
            FlagRow::new(4, "plain", true),
        ],
        activations: vec![
            row(1, "novi.expires", r#"{"at": "2027-06-01"}"#),
            row(2, "novi.not", r#"{"class_name": "novi.expires", "config": {"at": "2027-03-01"}}"#),
            row(3, "novi.or", "[1, 2]"),
            row(4, "novi.flag", r#"{"flag": "is asked"}"#),
            row(5, "novi.expires", r#"{"at": "2027-01-01"}"#),
        ],
        links: vec![LinkRow::new(1, 3), LinkRow::new(1, 4), LinkRow::new(2, 5), LinkRow::new(3, 1)],
        ..Rows::default()
    });
    let flags = flags.unwrap();
    assert_eq!(flags.issues(), []);
    let next = |flag, after| flags.next_change(flag, time(after)).unwrap();
    assert_eq!(next("asks", "2026-11-25T00:00:00Z"), Some(time("2027-01-01T00:00:00Z")));
    assert_eq!(next("asks", "2027-01-01T00:00:00Z"), Some(time("2027-03-01T00:00:00Z")));
    assert_eq!(next("asks", "2027-03-01T00:00:00Z"), Some(time("2027-06-01T00:00:00Z")));
    assert_eq!(next("asks", "2027-06-01T00:00:00Z"), None);
    assert_eq!((next("off", "2026-11-25T00:00:00Z"), next("plain", "2026-11-25T00:00:00Z")), (None, None));
    assert!(matches!(flags.next_change("plane", Utc::now()), Err(Error::FlagNotFound { .. })));
}

#[test]
fn next_change_is_found_at_any_depth() {
    const DEPTH: i64 = 50_000;
    let mut activations = vec![ActivationRow::new(1, "end", "novi.expires", r#"{"at": "2027-01-01"}"#)];
    activations.extend((2..=DEPTH).map(|id| ActivationRow::new(id, "not", "novi.not", (id - 1).to_string())));
    let flags = Flags::from_rows(Rows {
        flags: vec![FlagRow::new(1, "x", true)],
        activations,
        links: vec![LinkRow::new(1, DEPTH)],
        ..Rows::default()
    });
    let asked = move || flags.unwrap().next_change("x", time("2026-11-25T00:00:00Z")).unwrap();
    let thread = std::thread::Builder::new().stack_size(256 * 1024).spawn(asked).unwrap();
    assert_eq!(thread.join().unwrap(), Some(time("2027-01-01T00:00:00Z")));
}

/// On in even minutes. Reports its next change correctly, or not.
#[novi::activation("acme.minutes")]
#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Tells {
    how: String,
}

impl Activation for Tells {
    fn evaluate(&self, evaluation: &Evaluation<'_>) -> Verdict {
        (evaluation.now().timestamp() / 60 % 2 == 0).into()
    }

    fn next_change(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self.how.as_str() {
            "right" => DateTime::from_timestamp((after.timestamp().div_euclid(60) + 1) * 60, 0),
            "the past" => Some(after),
            _ => panic!("a defect"),
        }
    }
}

#[test]
fn custom_types_can_report_their_next_change() {
    for (how, expected) in
        [("right", Some(time("2026-11-25T00:01:00Z"))), ("the past", None), ("panics", None)]
    {
        let flags = Flags::from_rows(one_flag("x", "acme.minutes", format!(r#"{{"how": "{how}"}}"#)));
        let flags = flags.unwrap();
        assert_eq!(flags.issues(), []);
        assert_eq!(flags.next_change("x", time("2026-11-25T00:00:30Z")).unwrap(), expected, "{how}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// The decision stays the same up to the next change, and differs at it.
    #[test]
    fn nothing_changes_before_the_next_change(
        config in prop::sample::select(vec![
            ("novi.schedule", r#"{"weekdays": ["sun", "mon"], "from": "01:30", "to": "02:30", "timezone": "Europe/Berlin"}"#),
            ("novi.schedule", r#"{"cron": "*/45 1-3 * * *", "duration": "20m", "timezone": "America/New_York"}"#),
            ("novi.schedule", r#"{"cron": "0 2 * * *", "duration": "30h", "weekdays": ["sun"], "timezone": "Australia/Lord_Howe"}"#),
            ("novi.date_time", r#"{"startDateTime": "2026-03-29T01:00:00Z", "endDateTime": "2026-10-25T01:00:00Z"}"#),
            ("novi.expires", r#"{"at": "2026-10-25", "timezone": "Europe/Berlin"}"#),
        ]),
        near in prop::sample::select(vec!["2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z", "2026-03-08T07:00:00Z", "2026-11-01T06:00:00Z", "2026-04-04T15:00:00Z"]),
        by in -200_000_000..200_000_000_i64,
        part in 0.0..1.0_f64,
    ) {
        let flags = flags(config.0, config.1);
        let is_on = |at: DateTime<Utc>| flags.is_enabled("x", &Context::new().with("currentDateTime", at));
        let after = time(near) + TimeDelta::milliseconds(by);
        match flags.next_change("x", after).unwrap() {
            None => {
                prop_assert!(config.0 != "novi.schedule");
                prop_assert_eq!(is_on(after), is_on(after + TimeDelta::days(10_000)));
            }
            Some(next) => {
                prop_assert!(next > after);
                #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "anywhere before it")]
                let before = after + TimeDelta::milliseconds(((next - after).num_milliseconds() as f64 * part) as i64);
                prop_assert_eq!(is_on(before), is_on(after));
                prop_assert_eq!(is_on(next - TimeDelta::milliseconds(1).min(next - after)), is_on(after));
                prop_assert_ne!(is_on(next), is_on(after));
            }
        }
    }
}
