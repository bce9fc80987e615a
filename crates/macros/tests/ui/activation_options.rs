//! Unknown, duplicate and invalid options.

#[novi::activation("acme.a", name = "A", description = "one", description = "two")]
struct Unknown;

#[novi::activation("acme.b", alias = 5, description, crate = "novi")]
struct Unreadable;

#[novi::activation("", aliases = ["acme.c"])]
union Everything {
    small: u8,
}

fn main() {}
