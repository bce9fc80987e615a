//! Guards, features and handles without the option `flags` use the installed flags. A program of its own,
//! because flags are installed once in a process.

#![allow(clippy::unwrap_used, reason = "tests, and their helpers")]

use std::sync::LazyLock;

use novi::{
    Context, Feature, Flags,
    overrides::{self, Override},
    testing::TestFlags,
};
use serde_json::json;

#[allow(dead_code, reason = "shared with other programs")]
#[path = "common/log.rs"]
mod log;

#[novi::enabled("Banner")]
fn banner() -> Option<u8> {
    Some(1)
}

#[novi::enabled("Other")]
fn other() -> Option<u8> {
    Some(1)
}

#[novi::enabled("layout", variant = "grid", key = key)]
fn grid(key: &str) -> Option<&str> {
    Some(key)
}

#[novi::enabled("vip", key = key)]
fn vip(key: u32) -> Option<u32> {
    Some(key)
}

#[novi::enabled("no row has it", variant = "grid")]
fn unknown() -> Option<u8> {
    Some(1)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Feature)]
enum PaymentProcessor {
    Aperture,
    #[default]
    Acme,
    Premium,
}

/// The grid for user-7, a list for others with a key; Premium for the user `vip`, Aperture for other users.
fn flags() -> Flags {
    let on = |attribute: &str, values: serde_json::Value| json!({"class_name": "novi.attribute", "config": {"attribute": attribute, "in": values}});
    let draw = |variant: &str, by: &str| json!({"class_name": "novi.split", "config": {"variants": {variant: 1}, "by": by}});
    let first = |condition, variant: &str, by: &str| json!({"class_name": "novi.and", "config": [condition, draw(variant, by)]});
    let layout = json!([
        first(on("targetingKey", json!(["user-7"])), "grid", "targetingKey"),
        draw("list", "targetingKey")
    ]);
    let processor = json!([first(on("user", json!(["vip"])), "Premium", "user"), draw("Aperture", "user")]);
    let mut test = TestFlags::new()
        .on("Banner")
        .flag("vip", |flag| {
            flag.activation("novi.attribute", json!({"attribute": "targetingKey", "in": ["user-7", 7]}))
        })
        .flag("layout", |flag| flag.activation("novi.or", layout))
        .flag("PaymentProcessor", |flag| flag.activation("novi.or", processor));
    test.build()
}

/// Installs the flags once. Holds what was logged before that, when nothing was installed.
static LOGGED_BEFORE: LazyLock<String> = LazyLock::new(|| {
    let (log, guard) = log::start();
    assert_eq!((banner(), other(), banner()), (None, None, None), "nothing is installed");
    assert_eq!((grid("user-7"), vip(7)), (None, None), "nothing is installed");
    assert_eq!(novi::choose::<PaymentProcessor>(), PaymentProcessor::Acme, "nothing is installed");
    drop(guard);
    flags().install().unwrap();
    log.text()
});

#[test]
fn guards_are_off_and_log_once_until_flags_are_installed() {
    let text = &*LOGGED_BEFORE;
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.contains("ERROR") && text.contains("flag.name=\"Banner\""), "{text}");
    assert!(text.contains("call `install()` on the `Flags` when the program starts"), "{text}");
    assert_eq!((banner(), other()), (Some(1), None));
}

#[tokio::test]
async fn installed_flags_choose_features_for_the_current_caller() {
    LazyLock::force(&LOGGED_BEFORE);
    let vip = Context::new().with("user", "vip");
    let chosen: PaymentProcessor = novi::context::sync_scope(vip.clone(), novi::choose);
    assert_eq!(chosen, PaymentProcessor::Premium);
    let later = async {
        tokio::task::yield_now().await;
        novi::choose::<PaymentProcessor>()
    };
    assert_eq!(novi::context::scope(vip, later).await, PaymentProcessor::Premium);
    assert_eq!(novi::choose::<PaymentProcessor>(), PaymentProcessor::Acme, "no caller");
}

#[test]
fn installed_flags_guard_functions_with_a_key() {
    LazyLock::force(&LOGGED_BEFORE);
    for _ in 0..3 {
        assert_eq!((grid("user-7"), grid("user-8")), (Some("user-7"), None));
        assert_eq!((vip(7), vip(8), unknown()), (Some(7), None, None));
    }
    assert_eq!(Flags::global().unwrap().unknown_flags()["no row has it"], 3);
    assert_eq!(overrides::sync_scope([("no row has it", Override::variant("grid"))], unknown), Some(1));
}
