//! The options that all short ways have, and values of theirs.

use clap::Args;

use crate::commands::change::ChangeOptions;

/// How a flag's activation of a kind is found.
pub(super) const HOW: &str = "\
The flag's activation of this kind is changed, at any depth; if there is none, one is created and linked. A flag is on if \
all of its activations are. An activation that other flags use as well is changed only with --shared; if the flag has \
several, --activation says which.";

// No doc comment: clap would take it for the help of the commands that flatten it.
#[derive(Debug, Args)]
pub(super) struct ShortcutOptions {
    /// Activation to change, by id or name, if the flag has several
    #[arg(long, value_name = "ACTIVATION", conflicts_with = "new")]
    pub(super) activation: Option<String>,

    /// Change an activation although other flags use it
    #[arg(long)]
    pub(super) shared: bool,

    /// Create an activation, even if the flag has one
    #[arg(long)]
    pub(super) new: bool,

    #[command(flatten)]
    pub(super) options: ChangeOptions,
}

/// `25%` or `25`, from 0 to 100.
pub(super) fn percent(text: &str) -> Result<f64, &'static str> {
    let number = text.trim().strip_suffix('%').unwrap_or(text).trim_end().parse().ok();
    number.filter(|number| (0.0..=100.0).contains(number)).ok_or("expected 0% to 100%, such as 25%")
}

/// A number as JSON has it, without a fraction of 0.
pub(super) fn number(number: f64) -> String {
    // Displayed without exponent, and without a fraction if there is none.
    format!("{number}")
}
