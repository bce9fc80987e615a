//! Flags in a program without tokio, which can also start without its database.
//! cargo run --example blocking

use std::{thread, time::Duration};

use novi::{
    Context, Flags,
    store::{self, DEMO_ROWS},
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let url = format!("sqlite://{}/novi.db", folder.path().display());
    create_tables(&url)?;

    // A background thread follows the rows until the flags are dropped, and writes them to a file.
    let file = folder.path().join("flags.novi");
    let connect = || Flags::builder().snapshot_file(&file).connect_blocking(&url);
    let flags = connect()?;
    let ctx = Context::new().with("seed", 90);
    println!("from {}: Combo OR is {}", flags.status().origin, state(flags.is_enabled("Combo OR", &ctx)));

    // The file is written in the background.
    while !file.exists() {
        thread::sleep(Duration::from_millis(10));
    }
    drop(flags);

    // Without its database, the next start uses the file, and follows the database again once it is back.
    std::fs::rename(folder.path().join("novi.db"), folder.path().join("gone.db"))?;
    let flags = connect()?;
    println!("from {}: Combo OR is {}", flags.status().origin, state(flags.is_enabled("Combo OR", &ctx)));
    Ok(())
}

fn state(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

/// A real service has its tables already: `novi migrate` creates them, and SQL inserts the rows.
fn create_tables(url: &str) -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let database = store::create(url).await?;
        database.migrate().await?;
        database.run_script(DEMO_ROWS).await?;
        Ok(())
    })
}
