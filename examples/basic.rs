//! Evaluate and explain flags from a SQL database.
//! cargo run --example basic

use novi::{
    Context, Flags,
    store::{self, DEMO_ROWS},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A real service has its tables already: `novi migrate` creates them, and SQL inserts the rows.
    let folder = tempfile::tempdir()?;
    let url = format!("sqlite://{}/novi.db", folder.path().display());
    let database = store::create(&url).await?;
    database.migrate().await?;
    database.run_script(DEMO_ROWS).await?;

    // Reads the rows, and follows them from then on.
    let flags = Flags::connect(&url).await?;

    // The attributes of the caller. An evaluation takes no lock, allocates nothing and waits for no I/O.
    let ctx =
        Context::new().with("currentDateTime", "11/26/2023 12:00 AM").with("seed", 90).with("variant", "A");
    println!("Combo AND is {}", if flags.is_enabled("Combo AND", &ctx) { "on" } else { "off" });

    // The decision, and an explanation of it.
    let decision = flags.evaluate("Random Variant Feature", &ctx)?;
    println!("{} gives variant {:?}: {}", decision.flag(), decision.variant(), decision.reason());
    println!("\n{}", flags.explain("Combo OR", &ctx)?);

    // One revision for a whole request, even if the rows change meanwhile.
    let snapshot = flags.snapshot();
    for decision in snapshot.evaluate_all(&Context::new()) {
        println!(
            "{} is {} without a context",
            decision.flag(),
            if decision.enabled() { "on" } else { "off" }
        );
    }
    Ok(())
}
