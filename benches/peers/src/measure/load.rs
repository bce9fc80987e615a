//! W8: from text to a state that answers.

use super::Effort;
use crate::{
    clock::{Clock, Samples},
    definition::Definition,
    engine::{Engine, each_engine},
    results::{Load, Time},
};

/// How many flags are loaded.
pub const FLAGS: usize = 10_000;

/// An engine, loaded again and again.
struct Loaded {
    name: &'static str,
    load: Box<dyn FnMut(Clock) -> f64>,
    samples: Samples,
}

/// Measures the time of W8.
pub fn run(clock: Clock, effort: Effort) -> Vec<Load> {
    let mut engines: Vec<_> = each_engine!(loaded()).into_iter().flatten().collect();
    // The first load of each warms up and does not count.
    for round in 0..=effort.loads {
        let start = round % engines.len();
        let (before, from) = engines.split_at_mut(start);
        for engine in from.iter_mut().chain(before) {
            let time = (engine.load)(clock);
            if round > 0 {
                engine.samples.push(time);
            }
        }
    }
    engines.iter().map(|engine| Load { engine: engine.name, time: Time::of(&engine.samples) }).collect()
}

fn loaded<E: Engine>() -> Option<Loaded> {
    if !E::IN_BULK {
        return None;
    }
    let document = E::document(&Definition::halves(FLAGS));
    let load = move |clock: Clock| {
        let document = document.clone();
        let (engine, time) = clock.time(|| E::load(document));
        drop(engine);
        time.as_secs_f64() * 1e9
    };
    Some(Loaded { name: E::NAME, load: Box::new(load), samples: Samples::default() })
}
