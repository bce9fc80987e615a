//! The service of the README's tour, over the database that the tour creates. Run it in the folder of `novi.db`:
//! cargo run --example tour

use novi::{Context, Flags};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let flags = Flags::connect("sqlite://novi.db").await?; // or postgres://... or mysql://...

    let user = Context::new().with("targetingKey", "user-2").with("plan", "pro");
    // Takes no lock, allocates nothing and waits for no I/O.
    println!("new-checkout is {}", if flags.is_enabled("new-checkout", &user) { "on" } else { "off" });
    let layout = flags.evaluate("page-layout", &user)?;
    println!("{} is {:?}: {}", layout.flag(), layout.variant(), layout.reason());

    flags.install().map_err(|_| "flags are already installed")?; // for guards, below
    Ok(())
}
