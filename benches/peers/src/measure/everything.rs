//! W7: all flags at once, half rollouts and half targeting.

use std::hint::black_box;

use super::{
    Effort,
    rounds::{Cell, Ring, measure},
};
use crate::{
    clock::Clock,
    definition::Definition,
    engine::{Engine, each_engine},
    results::{Everything, Time},
    users::User,
};

/// How many flags are evaluated.
pub const SIZES: [usize; 2] = [1_000, 10_000];

/// Measures W7.
pub fn run(clock: Clock, effort: Effort, users: &[User]) -> Vec<Everything> {
    let mut groups: Vec<Vec<_>> = Vec::new();
    let mut names = Vec::new();
    for size in SIZES {
        let engines: Vec<_> = each_engine!(all(users, size)).into_iter().flatten().collect();
        names = engines.iter().map(|(name, how, _)| (*name, *how)).collect();
        groups.push(engines.into_iter().map(|(_, _, cell)| cell).collect());
    }
    measure(clock, effort.rounds_of_all, &mut groups);
    let times = |index: usize| [0, 1].map(|size: usize| Time::of(groups[size][index].means()));
    let rows = names.into_iter().enumerate();
    rows.map(|(index, (engine, how))| Everything { engine, how, times: times(index) }).collect()
}

fn all<E: Engine>(users: &[User], size: usize) -> Option<(&'static str, &'static str, Cell<'_>)> {
    if !E::IN_BULK {
        return None;
    }
    let engine = E::load(E::document(&Definition::halves(size)));
    let contexts: Vec<_> = users.iter().map(E::context).collect();
    let mut next = 0;
    let cell = Cell::new(move |count| {
        let mut ring = Ring::starting(&contexts, next);
        for _ in 0..count {
            black_box(engine.all(black_box(ring.advance())));
        }
        next = ring.place();
    });
    Some((E::NAME, E::ALL, cell))
}
