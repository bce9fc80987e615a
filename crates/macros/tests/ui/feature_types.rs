//! Types without the traits of a feature. The message points at the type.

use novi::{Context, Feature, Flags, rows::Rows};

#[derive(Feature)]
struct NoTraits {
    rows: u32,
}

#[derive(Default, serde::Deserialize, Feature)]
struct Borrowed<'a> {
    title: &'a str,
}

enum NoFeature {
    One,
}

fn main() {
    let flags = Flags::from_rows(Rows::default()).unwrap();
    let _ = flags.choose::<NoFeature>(&Context::new());
    let _ = NoFeature::One;
}
