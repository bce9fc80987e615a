//! `#[novi::enabled]` by a variant, and by a key of the arguments.

// The tests need shapes that lints reject.
#![allow(
    clippy::needless_pass_by_value,
    clippy::redundant_allocation,
    clippy::unnecessary_wraps,
    clippy::unused_async
)]

use std::{error::Error, sync::Arc};

use novi::{
    Context, FlagDisabled, Flags,
    overrides::{self, On},
    rows::{ActivationRow, FlagRow, LinkRow, Rows},
};

const GRID: &str = "grid";

/// `vip` is on for user-7 and for 7, `vip of plan` for them if their plan is pro. `layout` is the grid for
/// user-7, a list for others with a key; `plain` is on without a variant.
fn flags() -> Flags {
    let vip = r#"{"attribute": "targetingKey", "in": ["user-7", 7]}"#;
    let weights = |grid: u8, list: u8| format!(r#"{{"variants": {{"grid": {grid}, "list": {list}}}}}"#);
    let and = |weights: String| format!(r#"[1, {{"class_name": "novi.split", "config": {weights}}}]"#);
    let rows = Rows {
        flags: ["vip", "vip of plan", "layout", "plain"]
            .into_iter()
            .zip(1..)
            .map(|(name, id)| FlagRow::new(id, name, true))
            .collect(),
        activations: vec![
            ActivationRow::new(1, "vip", "novi.attribute", vip),
            ActivationRow::new(2, "pro", "novi.attribute", r#"{"attribute": "plan", "equals": "pro"}"#),
            ActivationRow::new(3, "grid for the vip", "novi.and", and(weights(1, 0))),
            ActivationRow::new(4, "list", "novi.split", weights(0, 1)),
            ActivationRow::new(5, "layout", "novi.or", "[3, 4]"),
        ],
        links: vec![LinkRow::new(1, 1), LinkRow::new(2, 1), LinkRow::new(2, 2), LinkRow::new(3, 5)],
        ..Rows::default()
    };
    Flags::from_rows(rows).unwrap()
}

fn user(key: &'static str) -> Context<'static> {
    Context::new().with("targetingKey", key)
}

mod keys {
    use super::*;

    struct User {
        id: String,
        number: Option<u64>,
    }

    #[novi::enabled("vip", flags = flags(), key = user.id)]
    fn field(user: &User) -> Option<&str> {
        Some(&user.id)
    }

    #[novi::enabled("vip", flags = flags(), key = user.number)]
    fn optional(user: &User) -> Option<u64> {
        user.number
    }

    #[novi::enabled("vip", flags = flags(), key = id)]
    fn moved(id: String) -> Option<String> {
        Some(id)
    }

    #[novi::enabled("vip", flags = flags(), key = *id, otherwise = "none")]
    fn shared<'a>(id: &'a Arc<&'a str>) -> &'a str {
        id
    }

    #[novi::enabled("vip of plan", flags = flags(), key = id, ctx = ctx)]
    fn beside_a_context(id: u64, ctx: &Context<'_>) -> Option<u64> {
        assert_eq!(ctx.targeting_key(), Some("somebody else"), "the caller's context stays as it is");
        Some(id)
    }

    #[novi::enabled("vip of plan", flags = flags(), key = id)]
    async fn in_the_current_context(id: &str) -> Result<usize, FlagDisabled> {
        tokio::task::yield_now().await;
        Ok(id.len())
    }

    #[novi::enabled("vip", flags = flags(), key = key_of(id).await)]
    async fn awaited(id: &'static str) -> Option<&'static str> {
        Some(id)
    }

    async fn key_of(id: &'static str) -> String {
        tokio::task::yield_now().await;
        format!("user-{id}")
    }

    #[tokio::test]
    async fn come_from_the_arguments() {
        let (seven, eight) = (
            User { id: "user-7".to_owned(), number: Some(7) },
            User { id: "user-8".to_owned(), number: None },
        );
        assert_eq!((field(&seven), field(&eight)), (Some("user-7"), None));
        assert_eq!((optional(&seven), optional(&eight)), (Some(7), None));
        assert_eq!((moved(seven.id), moved(eight.id)), (Some("user-7".to_owned()), None));
        assert_eq!((shared(&Arc::new("user-7")), shared(&Arc::new("user-8"))), ("user-7", "none"));
        let pro = user("somebody else").with("plan", "pro");
        assert_eq!((beside_a_context(7, &pro), beside_a_context(8, &pro)), (Some(7), None));
        assert_eq!(beside_a_context(7, &user("somebody else")), None);
        assert_eq!((awaited("7").await, awaited("8").await), (Some("7"), None));
    }

    #[tokio::test]
    async fn are_set_in_the_current_context() {
        let pro = user("somebody else").with("plan", "pro");
        assert_eq!(novi::context::scope(pro.clone(), in_the_current_context("user-7")).await, Ok(6));
        novi::context::scope(pro, in_the_current_context("user-8")).await.unwrap_err();
        in_the_current_context("user-7").await.unwrap_err();
    }
}

mod variants {
    use super::*;

    #[novi::enabled("layout", variant = "grid", flags = flags(), key = key)]
    fn grid(key: &str) -> Option<&str> {
        Some(key)
    }

    #[novi::enabled("layout", variant = GRID, flags = flags(), ctx = ctx, otherwise = "another")]
    fn by_constant(ctx: &Context<'_>) -> &'static str {
        "grid"
    }

    #[novi::enabled("plain", variant = "grid", flags = flags())]
    async fn never() -> Result<(), Box<dyn Error + Send + Sync>> {
        Ok(())
    }

    #[test]
    fn other_variants_count_as_off() {
        assert_eq!((grid("user-7"), grid("user-8")), (Some("user-7"), None));
        assert_eq!((by_constant(&user("user-7")), by_constant(&user("user-8"))), ("grid", "another"));
        assert_eq!(by_constant(&Context::new()), "another");
        assert_eq!(overrides::sync_scope([("layout", "grid")], || grid("user-8")), Some("user-8"));
        assert_eq!(overrides::sync_scope([("layout", On)], || grid("user-7")), None, "on, without a variant");
    }

    #[tokio::test]
    async fn error_names_the_variant() {
        let error = never().await.unwrap_err();
        assert_eq!(error.to_string(), "flag \"plain\" is off, or on without the variant \"grid\"");
    }
}
