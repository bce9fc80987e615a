//! W1 to W6: single questions, with a context that is there and with one that is made in the call.

use std::hint::black_box;

use super::{
    Effort, Wanted,
    rounds::{Cell, Ring, measure},
};
use crate::{
    clock::Clock,
    definition::{Definition, Kind},
    engine::{Engine, each_engine},
    results::{Answers, Time},
    users::User,
};

/// An engine at all workloads, twice each.
struct Asked<'a> {
    name: &'static str,
    prebuilt: Vec<Cell<'a>>,
    fresh: Vec<Cell<'a>>,
}

/// Measures W1 to W6.
pub fn run(clock: Clock, effort: Effort, wanted: &Wanted, users: &[User]) -> Vec<Answers> {
    let kinds: Vec<_> = Kind::ALL.into_iter().filter(|kind| wanted.has(kind.number())).collect();
    let engines: Vec<_> = each_engine!(asked(users, &kinds)).into_iter().flatten().collect();
    let mut answers: Vec<_> = engines.iter().map(|engine| Answers::new(engine.name)).collect();
    // From cells by engine to cells by workload, which are what is compared.
    let mut groups: Vec<Vec<Cell<'_>>> = (0..2 * kinds.len()).map(|_| Vec::new()).collect();
    for engine in engines {
        for (group, cell) in groups.iter_mut().zip(engine.prebuilt.into_iter().chain(engine.fresh)) {
            group.push(cell);
        }
    }
    measure(clock, effort.rounds, &mut groups);
    for (index, group) in groups.iter().enumerate() {
        let kind = kinds[index % kinds.len()];
        for (answer, cell) in answers.iter_mut().zip(group) {
            let times = if index < kinds.len() { &mut answer.prebuilt } else { &mut answer.fresh };
            times[kind.number() - 1] = Some(Time::of(cell.means()));
        }
    }
    answers
}

fn asked<'a, E: Engine>(users: &'a [User], kinds: &[Kind]) -> Option<Asked<'a>> {
    if !E::IN_CALLS {
        return None;
    }
    let prebuilt = kinds.iter().map(|kind| prebuilt::<E>(users, *kind)).collect();
    let fresh = kinds.iter().map(|kind| fresh::<E>(users, *kind)).collect();
    Some(Asked { name: E::NAME, prebuilt, fresh })
}

fn prebuilt<E: Engine>(users: &[User], kind: Kind) -> Cell<'_> {
    let engine = E::load(E::document(&Definition::six()));
    let flag = engine.flag(kind.name());
    let contexts: Vec<_> = users.iter().map(E::context).collect();
    let mut next = 0;
    Cell::new(move |count| {
        let mut ring = Ring::starting(&contexts, next);
        if kind == Kind::Split {
            for _ in 0..count {
                black_box(engine.variant(black_box(&flag), black_box(ring.advance())));
            }
        } else {
            for _ in 0..count {
                black_box(engine.ask(black_box(&flag), black_box(ring.advance())));
            }
        }
        next = ring.place();
    })
}

fn fresh<E: Engine>(users: &[User], kind: Kind) -> Cell<'_> {
    let engine = E::load(E::document(&Definition::six()));
    let flag = engine.flag(kind.name());
    let mut ring = Ring::new(users);
    Cell::new(move |count| {
        if kind == Kind::Split {
            for _ in 0..count {
                black_box(engine.variant_anew(black_box(&flag), black_box(ring.advance())));
            }
        } else {
            for _ in 0..count {
                black_box(engine.ask_anew(black_box(&flag), black_box(ring.advance())));
            }
        }
    })
}
