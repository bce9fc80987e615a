//! Evaluation allocates nothing, whatever the flag asks. (One test a process: the counter counts its thread alone.)

#![allow(clippy::unwrap_used, reason = "a test, and its helper")]

use allocation_counter::measure;
use novi::{
    Context, Flags,
    rows::{ActivationRow, FlagRow, LinkRow, Rows},
};

fn flags() -> Flags {
    let window = r#"{"startDateTime": "11/26/2023 12:00 AM", "endDateTime": "11/28/2023 12:00 AM", "format": "%m/%d/%Y %I:%M %p"}"#;
    let split = r#"{"splits": [50, 30, 20], "variations": ["A", "B", "C"]}"#;
    let python = "novi.client.activations.weighted_random_activation.WeightedRandomActivation";
    let names =
        ["plain", "off", "window", "draw", "drawn by Python", "Combo AND", "Combo OR", "diamond", "broken"];
    let mut rows = Rows {
        flags: names.into_iter().zip(1..).map(|(name, id)| FlagRow::new(id, name, name != "off")).collect(),
        activations: vec![
            ActivationRow::new(3, "window", "novi.date_time", window),
            ActivationRow::new(4, "draw", "novi.weighted_random", split),
            ActivationRow::new(5, "python", python, split),
            ActivationRow::new(6, "and", "novi.and", "[3,4]"),
            ActivationRow::new(7, "or", "novi.or", "[3,4]"),
            ActivationRow::new(8, "diamond", "novi.and", "[6,7]"),
            ActivationRow::new(9, "broken", "novi.and", "{"),
        ],
        ..Rows::default()
    };
    rows.links = (3..=9).map(|id| LinkRow::new(id, id)).collect();
    Flags::from_rows(rows).unwrap()
}

#[test]
fn evaluation_allocates_nothing() {
    let flags = flags();
    let seeded = Context::new().with("currentDateTime", "11/26/2023 12:00 AM").with("seed", 90);
    let sticky = Context::new().with("currentDateTime", "11/26/2023 12:00 AM").with("targetingKey", "user-7");
    let clock = Context::new().with("targetingKey", "user-7").with("variant", "B");
    for ctx in [&seeded, &sticky, &clock] {
        for name in flags.snapshot().flag_names() {
            let ask = || {
                std::hint::black_box(flags.is_enabled(name, ctx));
                std::hint::black_box(flags.evaluate(name, ctx).is_ok_and(|decision| decision.enabled()));
            };
            // The first evaluation on a thread makes room for remembered answers.
            ask();
            let counted = measure(ask);
            assert_eq!(counted.count_total, 0, "{name}");
        }
    }
    // The counter does count.
    assert_ne!(measure(|| drop(std::hint::black_box(vec![1_u8]))).count_total, 0);
}
