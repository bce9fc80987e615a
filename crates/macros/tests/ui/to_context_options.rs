//! Unknown, duplicate and conflicting options. All errors are reported at once.

use novi::ToContext;

#[derive(ToContext)]
#[context(rename_all = "Camel", skip)]
struct Cases {
    #[context(id)]
    unknown: u8,
    #[context(skip = true, skip, display, display)]
    flags: u8,
    #[context(rename)]
    no_name: u8,
    #[context(rename = "")]
    empty: u8,
    #[context(rename = 5, "text")]
    number: u8,
    #[context]
    bare: u8,
    #[context = "key"]
    equal: u8,
}

#[derive(ToContext)]
#[context(rename_all = 1, crate = "novi")]
struct Senseless {
    #[context(skip, key, rename = "x")]
    skipped: u8,
    #[context(flatten, display)]
    flattened: u8,
    #[context(key, rename = "user")]
    key: String,
}

#[derive(ToContext)]
struct Twins {
    #[context(key)]
    id: String,
    #[context(key)]
    name: String,
    plan: u8,
    #[context(rename = "plan")]
    tier: u8,
    #[context(rename = "targetingKey")]
    user: String,
}

#[derive(ToContext)]
#[context(rename_all = "PascalCase")]
struct NothingLeft {
    __: u8,
}

#[derive(ToContext)]
#[context(rename_all = "snake")]
enum Plan {
    #[context(key)]
    Free,
    #[context(rename = 1)]
    Paid,
}

fn main() {}
