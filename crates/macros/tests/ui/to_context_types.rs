//! Fields of unsupported types. The message is novi's and points at the type.

use novi::ToContext;

struct Opaque;

#[derive(ToContext)]
struct Caller {
    #[context(key)]
    id: f64,
    opaque: Opaque,
    list: Option<Vec<Opaque>>,
    #[context(display)]
    shown: Opaque,
    #[context(flatten)]
    flat: u8,
}

#[derive(ToContext)]
struct Generic<T> {
    field: Vec<T>,
}

fn main() {
    let _ = Generic { field: vec![Opaque] }.to_context();
}
