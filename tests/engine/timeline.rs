//! What the time will do to flags.

use chrono::{DateTime, TimeDelta, Utc};
use novi::{
    Flags,
    activation::Span,
    rows::{ActivationRow, FlagMetadata, FlagRow, LinkRow, Rows},
    snapshot::FlagTimeline,
};
use proptest::prelude::*;

use crate::common::rows::{one_flag, valid};

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn timeline(flags: &Flags, from: &str, to: &str) -> Vec<FlagTimeline> {
    flags.snapshot().timeline(time(from), time(to))
}

/// The spans of an activation in December 2026.
fn december(class_name: &str, config: &str) -> Vec<String> {
    let found =
        timeline(&valid(one_flag("x", class_name, config)), "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z");
    let spans = found.iter().flat_map(|flag| &flag.activations).flat_map(|activation| &activation.spans);
    let text = |span: &Span| {
        let at = |time: DateTime<Utc>| time.format("%d %H:%M").to_string();
        let percentages = (span.from_percentage, span.to_percentage);
        format!("{} - {}: {} - {} %", at(span.from), at(span.to), percentages.0, percentages.1)
    };
    spans.map(text).collect()
}

#[test]
fn windows_and_expiries_are_clipped_to_the_period() {
    let window = r#"{"startDateTime": "2026-12-05", "endDateTime": "2026-12-10"}"#;
    assert_eq!(december("novi.date_time", window), ["05 00:00 - 10 00:00: 100 - 100 %"]);
    let open = r#"{"startDateTime": "2026-12-05"}"#;
    assert_eq!(december("novi.date_time", open), ["05 00:00 - 01 00:00: 100 - 100 %"]);
    assert_eq!(december("novi.expires", r#"{"at": "2026-12-24"}"#), ["01 00:00 - 24 00:00: 100 - 100 %"]);
    // Nothing changes in the period.
    let around = r#"{"startDateTime": "2026-11-05", "endDateTime": "2027-02-01"}"#;
    for (class_name, config) in [
        ("novi.date_time", around),
        ("novi.date_time", "{}"),
        ("novi.date_time", r#"{"startDateTime": "2026-12-10", "endDateTime": "2026-12-05"}"#),
        ("novi.expires", r#"{"at": "2026-11-24"}"#),
        ("novi.percentage", r#"{"percentage": 30}"#),
    ] {
        assert!(december(class_name, config).is_empty(), "{config}");
    }
}

#[test]
fn ramps_have_their_percentages() {
    let steps = r#""steps": [{"at": "2026-11-21", "percentage": 0}, {"at": "2026-12-11", "percentage": 40},
        {"at": "2026-12-21", "percentage": 100}]"#;
    assert_eq!(
        december("novi.ramp", &format!("{{{steps}}}")),
        ["11 00:00 - 21 00:00: 40 - 40 %", "21 00:00 - 01 00:00: 100 - 100 %"]
    );
    assert_eq!(
        december("novi.ramp", &format!("{{{steps}, \"linear\": true}}")),
        [
            "01 00:00 - 11 00:00: 20 - 40 %",
            "11 00:00 - 21 00:00: 40 - 100 %",
            "21 00:00 - 01 00:00: 100 - 100 %"
        ]
    );
}

#[test]
fn schedules_have_each_window_up_to_a_limit() {
    let nights = r#"{"weekdays": ["mon"], "from": "22:00", "to": "06:00"}"#;
    // The first one began in November.
    let expected = [
        "01 00:00 - 01 06:00",
        "07 22:00 - 08 06:00",
        "14 22:00 - 15 06:00",
        "21 22:00 - 22 06:00",
        "28 22:00 - 29 06:00",
    ];
    assert_eq!(december("novi.schedule", nights), expected.map(|window| format!("{window}: 100 - 100 %")));
    // Days that touch are one window.
    assert_eq!(december("novi.schedule", r#"{"weekdays": ["sat", "sun"]}"#).len(), 4);
    let minutes = valid(one_flag("x", "novi.schedule", r#"{"cron": "* * * * *", "duration": "30s"}"#));
    let found = timeline(&minutes, "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z");
    let activation = &found[0].activations[0];
    assert!(activation.truncated && activation.spans.len() == 200, "{}", activation.spans.len());
}

#[test]
fn flags_are_sorted_by_their_next_change_and_include_nested_activations() {
    let window = |from: &str, to: &str| {
        format!(
            r#"{{"class_name": "novi.date_time", "config": {{"startDateTime": "{from}", "endDateTime": "{to}"}}}}"#
        )
    };
    let nested = format!(r#"{{"activations": [{}]}}"#, window("2026-12-20", "2026-12-22"));
    let expires = FlagMetadata { expires_at: Some(time("2026-12-10T00:00:00Z")), ..FlagMetadata::default() };
    let rows = Rows {
        flags: vec![
            FlagRow::new(1, "nested", true),
            FlagRow { metadata: expires, ..FlagRow::new(2, "expires", true) },
            FlagRow::new(3, "needs it", true),
            FlagRow::new(4, "plain", true),
            FlagRow::new(5, "off", false),
        ],
        activations: vec![
            ActivationRow::new(1, "Nested", "novi.and", nested),
            ActivationRow::new(2, "Nested in a flag", "novi.flag", r#"{"flag": "nested"}"#),
        ],
        links: vec![LinkRow::new(1, 1), LinkRow::new(3, 2), LinkRow::new(5, 1)],
        ..Rows::default()
    };
    let found = timeline(&valid(rows), "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z");
    let names: Vec<_> = found.iter().map(|flag| flag.flag.as_str()).collect();
    assert_eq!(names, ["expires", "needs it", "nested"]);
    assert_eq!(found[0].expires_at, Some(time("2026-12-10T00:00:00Z")));
    for flag in &found[1..] {
        let [activation] = flag.activations.as_slice() else { panic!("{flag:?}") };
        assert_eq!((activation.id, activation.name.as_deref()), (Some(1), Some("Nested")));
        assert_eq!((activation.class_name.as_str(), activation.spans.len()), ("novi.date_time", 1));
    }
}

proptest! {
    /// Within a span the next change is not before its end, and a span is where the condition is met.
    #[test]
    fn spans_agree_with_evaluations(day in 1_u32..28, minutes in 0_i64..40_000, from in 0_u32..24, to in 1_u32..25) {
        let configs = [
            ("novi.date_time", format!(r#"{{"startDateTime": "2026-12-{day:02}", "endDateTime": "2026-12-28"}}"#)),
            ("novi.expires", format!(r#"{{"at": "2026-12-{day:02}"}}"#)),
            ("novi.schedule", format!(r#"{{"from": "{from:02}:00", "to": "{to:02}:00", "weekdays": ["mon", "tue", "fri"], "timezone": "Asia/Tokyo"}}"#)),
        ];
        for (class_name, config) in configs {
            let flags = valid(one_flag("x", class_name, &config));
            let at = time("2026-12-01T00:00:00Z") + TimeDelta::minutes(minutes);
            let found = timeline(&flags, "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z");
            let mut spans = found.iter().flat_map(|flag| &flag.activations).flat_map(|one| &one.spans);
            let is_in = spans.any(|span| span.from <= at && at < span.to);
            let context = novi::Context::new().with("currentDateTime", at);
            if !found.is_empty() {
                prop_assert_eq!(flags.is_enabled("x", &context), is_in, "{} at {}", config, at);
            }
        }
    }
}
