//! Asks novi a number of times, for valgrind to count instructions; see `scripts/instructions`.

use std::{hint::black_box, process::ExitCode};

use novi_peers::{
    definition::{Definition, Kind},
    engine::Engine,
    engines::novi::Novi,
    users::users,
};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let kind = arguments.next().and_then(|number| Kind::ALL.into_iter().find(|kind| kind.is(&number)));
    let count = arguments.next().and_then(|count| count.parse().ok());
    let (Some(kind), Some(count)) = (kind, count) else {
        eprintln!("usage: instructions W1|W2|W3|W4|W5|W6 COUNT");
        return ExitCode::from(2);
    };
    let engine = Novi::<false>::load(Novi::<false>::document(&Definition::six()));
    let flag = engine.flag(kind.name());
    let users = users();
    let contexts: Vec<_> = users.iter().map(Novi::<false>::context).collect();
    for ctx in contexts.iter().cycle().take(count) {
        if kind == Kind::Split {
            black_box(engine.variant(black_box(&flag), black_box(ctx)));
        } else {
            black_box(engine.ask(black_box(&flag), black_box(ctx)));
        }
    }
    ExitCode::SUCCESS
}
