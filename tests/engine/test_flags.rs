//! `novi::testing::TestFlags`: rows in memory that a test changes.

use novi::{
    Context,
    overrides::{Off, On},
    rows::FlagMetadata,
    testing::{TestFlag, TestFlags},
};
use serde_json::json;

fn user() -> Context<'static> {
    Context::new().with("targetingKey", "user-7")
}

#[test]
fn built_flags_follow_changed_rows() {
    let half = |flag: TestFlag| flag.activation("novi.percentage", json!({"percentage": 0}));
    let mut test = TestFlags::new().flag("Beta", half).off("Refunds");
    let flags = test.build();
    let is_on = |name: &str| flags.is_enabled(name, &user());
    assert_eq!((is_on("Beta"), is_on("Refunds"), is_on("New")), (false, false, false));
    test.set("Refunds", On);
    test.set("New", "blue");
    test.set_flag("Beta", |flag| flag.activation("novi.percentage", json!({"percentage": 100})));
    assert_eq!((is_on("Beta"), is_on("Refunds"), is_on("New")), (true, true, true));
    assert_eq!(flags.evaluate("New", &user()).unwrap().variant(), Some("blue"));
    test.set("Beta", Off);
    test.set("Beta", On);
    assert_eq!(flags.explain("Beta", &user()).unwrap().activations.len(), 1, "they are kept");
    assert_eq!(flags.snapshot().revision().number(), 5);
}

#[test]
fn values_and_metadata_come_from_the_rows() {
    let sizes = |flag: TestFlag| {
        let metadata = FlagMetadata { owner: Some("shop".to_owned()), ..FlagMetadata::default() };
        flag.metadata(metadata).variants(&json!({"small": 10, "large": 50})).default_variant("large")
    };
    let flags = TestFlags::new().flag("Page size", sizes).build();
    assert_eq!(flags.int("Page size", &user(), 0), 50);
}

#[test]
#[should_panic(expected = "the flags of this test are broken:\nactivations#1 \"of Beta\": config")]
fn broken_flags_are_reported() {
    TestFlags::new().flag("Beta", |flag| flag.activation("novi.percentage", json!({}))).build();
}
