//! Functions that run only while a flag is on.
//! cargo run --example guard

use novi::{
    Context, FlagDisabled, Flags,
    rows::{ActivationRow, FlagRow, LinkRow, Rows},
};

const NOVEMBER: &str = r#"{"startDateTime": "2026-11-01T00:00:00Z", "endDateTime": "2026-12-01T00:00:00Z"}"#;

/// Does nothing while the flag is off.
#[novi::enabled("Date Activated Feature")]
fn banner() {
    println!("Half the price until the end of November");
}

/// The context is an argument; `otherwise` is returned while the flag is off.
#[novi::enabled("Date Activated Feature", ctx = ctx, otherwise = price)]
fn discounted(price: u32, ctx: &Context<'_>) -> u32 {
    println!("A discount for {:?}", ctx.targeting_key());
    price / 2
}

/// Returns an error while the flag is off. A function that returns an `Option` returns `None`.
#[novi::enabled("New checkout")]
async fn checkout(order: u32) -> Result<String, FlagDisabled> {
    tokio::task::yield_now().await;
    Ok(format!("order {order} is paid"))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let flags = Flags::from_rows(Rows {
        flags: vec![FlagRow::new(1, "Date Activated Feature", true), FlagRow::new(2, "New checkout", false)],
        activations: vec![ActivationRow::new(1, "November", "novi.date_time", NOVEMBER)],
        links: vec![LinkRow::new(1, 1)],
        ..Rows::default()
    })?;
    // Guards evaluate the flags of the process. Before this line, every guarded function is off.
    flags.install().map_err(|_| "flags are already installed")?;

    let november =
        Context::new().with("targetingKey", "user-7").with("currentDateTime", "2026-11-20T12:00:00Z");
    let december = november.clone().with("currentDateTime", "2026-12-20T12:00:00Z");

    // Without an argument, the context is the current one of the thread or task.
    novi::context::sync_scope(november.clone(), banner);
    novi::context::sync_scope(december.clone(), banner);

    assert_eq!(discounted(100, &november), 50);
    assert_eq!(discounted(100, &december), 100);

    let refused = novi::context::scope(november, checkout(7)).await;
    if let Err(off) = refused {
        println!("{off}");
    }
    Ok(())
}
