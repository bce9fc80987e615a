//! Types that are neither a context nor a value. Each use is reported.

use novi::ToContext;

#[derive(ToContext)]
struct Tuple(String);

#[derive(ToContext)]
struct Unit;

#[derive(ToContext)]
union Either {
    small: u8,
    large: u16,
}

#[derive(ToContext)]
enum Plan {
    Free,
    #[context(skip)]
    Paid { seats: u32 },
    Custom(String),
}

#[derive(ToContext)]
struct Uses {
    tuple: Tuple,
    plan: Plan,
}

fn main() {
    let _ = (Tuple(String::new()).to_context(), Unit.to_context());
}
