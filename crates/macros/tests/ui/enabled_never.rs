//! Functions that never return.

#[novi::enabled("Serve")]
fn serve() -> ! {
    loop {}
}

#[novi::enabled("Serve", otherwise = panic!())]
async fn serve_async() -> ! {
    loop {}
}

fn main() {
    serve();
}
