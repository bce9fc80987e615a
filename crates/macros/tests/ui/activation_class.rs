//! Invalid class names and aliases.

#[novi::activation]
struct Bare;

#[novi::activation(alias = "acme.other")]
struct OnlyAlias;

#[novi::activation("")]
struct Empty;

#[novi::activation("acme office hours")]
struct Blank;

#[novi::activation(acme.office_hours)]
struct Unquoted;

#[novi::activation("acme.a", alias = "acme.a", alias = "acme.b", alias = "acme.b", alias = " ")]
struct Aliases;

fn main() {}
