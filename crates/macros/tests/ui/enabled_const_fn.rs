//! A `const fn`.

#[novi::enabled("Banner", otherwise = 0)]
const fn banner() -> u8 {
    1
}

fn main() {
    banner();
}
