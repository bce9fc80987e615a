//! Items that cannot be features. All errors of a type are reported at once.

use novi::Feature;

#[derive(Feature)]
enum NoDefault {
    Acme,
    Premium,
}

#[derive(Feature)]
enum TwoDefaults {
    #[default]
    Acme,
    #[default]
    Premium,
    #[default(1)]
    #[default]
    Aperture(u8),
}

#[derive(Feature)]
enum Empty {}

#[derive(Feature)]
enum Twins {
    #[default]
    Acme,
    #[flag(rename = "Acme")]
    Premium,
}

#[derive(Feature)]
#[flag("Page", rename_all = "lower")]
enum Generic<T> {
    #[default]
    One { value: T },
}

#[derive(Feature)]
struct Tuple(u8);

#[derive(Feature)]
struct Unit;

#[derive(Feature)]
union Union {
    a: u8,
}

fn main() {
    let _ = novi::choose::<NoDefault>();
}
