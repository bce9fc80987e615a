//! Flags in a program without tokio, which starts without its database, too. Run it with: cargo run --example blocking

use std::{thread, time::Duration};

use novi::{
    Context, Flags,
    store::{self, DEMO_ROWS},
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let url = format!("sqlite://{}/novi.db", folder.path().display());
    make_tables(&url)?;

    // A thread of novi's own follows the rows, for as long as somebody holds the flags. It keeps them in a file as well.
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

    // The database is gone: the next start answers from the file, and follows the database again once it is back.
    std::fs::rename(folder.path().join("novi.db"), folder.path().join("gone.db"))?;
    let flags = connect()?;
    println!("from {}: Combo OR is {}", flags.status().origin, state(flags.is_enabled("Combo OR", &ctx)));
    Ok(())
}

fn state(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

/// A service would have its tables already: `novi migrate` makes them, and SQL fills them.
fn make_tables(url: &str) -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let database = store::create(url).await?;
        database.migrate().await?;
        database.run_script(DEMO_ROWS).await?;
        Ok(())
    })
}
