//! Unknown, duplicate and invalid options.

use novi::Feature;

#[derive(Feature)]
#[flag]
#[flag = "Page"]
enum NoParentheses {
    #[default]
    One,
}

#[derive(Feature)]
#[flag("", rename = "x", rename_all = "kebab-case", rename_all = "kebab-case", crate = "novi")]
enum Unknown {
    #[default]
    #[flag("One", rename)]
    One,
    #[flag(rename = "", skip)]
    Two,
}

#[derive(Feature)]
#[flag(rename_all = "snake_case", "Page")]
enum NameComesLater {
    #[default]
    One,
}

#[derive(Feature)]
#[flag("Page", "Layout" crate = novi)]
enum TwoNames {
    #[default]
    One,
}

#[derive(Default, serde::Deserialize, Feature)]
#[flag("Page", rename_all = "kebab-case")]
struct Fields {
    #[flag(rename = "x")]
    field: u8,
}

#[derive(Feature)]
#[feature("Page")]
enum NotTheAttributeOfRustc {
    #[default]
    One,
}

fn main() {}
