//! Variants and their shares in words.

use crate::activation::{Share, phrase::shown, value_text};

/// "variants grid 50 %, list 25 %, map 25 %".
pub(in crate::builtin) fn variants_words<'n>(
    shares: impl Iterator<Item = (&'n str, f64)>,
    total: f64,
) -> String {
    let share = |(name, weight): (&str, f64)| format!("{} {}", value_text(name), percent(weight, total));
    format!("variants {}", shown(&shares.map(share).collect::<Vec<_>>(), ", "))
}

/// The shares of the variants, of which `covered` percent are in.
pub(in crate::builtin) fn variant_shares(shares: &[(&str, f64)], total: f64, covered: f64) -> Vec<Share> {
    let share = |(name, weight): &(&str, f64)| {
        let percent = weight / total * covered;
        percent.is_finite().then(|| Share { variant: Some((*name).to_owned()), percent })
    };
    shares.iter().filter_map(share).collect()
}

/// A share of a total with at most two decimals: "33.33 %".
fn percent(weight: f64, total: f64) -> String {
    let percent = weight / total * 100.0;
    if !percent.is_finite() {
        return "? %".to_owned();
    }
    format!("{} %", (percent * 100.0).round() / 100.0)
}
