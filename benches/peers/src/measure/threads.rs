//! W10: rollouts among 1,000 flags, asked by one and by two threads, with and without a swap ten times a second.

use std::{
    hint::black_box,
    sync::{
        Barrier,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use cpu_time::ThreadTime;

use super::{Effort, rounds::Ring};
use crate::{
    clock::Samples,
    definition::Definition,
    engine::{Engine, each_engine},
    results::{Latency, Threads},
    users::User,
};

const FLAGS: usize = 1_000;
const SWAP_EVERY: Duration = Duration::from_millis(100);

/// An engine with what its threads need.
struct Subject<'a, E: Engine> {
    engine: E,
    flags: Vec<E::Flag>,
    contexts: Vec<E::Context<'a>>,
    document: E::Document,
}

/// Millions of evaluations a second, summed over the threads.
#[derive(Clone, Copy)]
struct Speed {
    wall: f64,
    cpu: f64,
    swaps: usize,
}

/// Measures W10, one engine after the other: with both cores taken there is nothing to interleave.
pub fn run(effort: Effort, users: &[User]) -> Vec<Threads> {
    each_engine!(threads(effort, users)).into_iter().flatten().collect()
}

fn threads<E: Engine>(effort: Effort, users: &[User]) -> Option<Threads> {
    if !E::IN_CALLS {
        return None;
    }
    let definition = Definition::rollouts(FLAGS);
    let document = E::document(&definition);
    let engine = E::load(document.clone());
    // Names live as long as the program, as they do in code.
    let flags = definition.flags.into_iter().map(|flag| engine.flag(flag.name.leak())).collect();
    let subject = Subject { engine, flags, contexts: users.iter().map(E::context).collect(), document };
    let runs = |count: usize, swaps: bool| -> Vec<Speed> {
        (0..effort.runs).map(|_| subject.speed(count, effort.run, swaps)).collect()
    };
    let (one, two, swapped) = (runs(1, false), runs(2, false), runs(2, true));
    Some(Threads {
        engine: E::NAME,
        wall: [best(&one), best(&two)],
        cpu: [middle(&one), middle(&two)],
        swapped: middle(&swapped),
        swaps: swapped.iter().map(|speed| speed.swaps).sum(),
        latency: [subject.latency(effort.calls, false), subject.latency(effort.calls, true)],
    })
}

impl<E: Engine> Subject<'_, E> {
    /// How fast so many threads ask for so long.
    fn speed(&self, count: usize, time: Duration, swaps: bool) -> Speed {
        let (barrier, stop) = (Barrier::new(count + 1), AtomicBool::new(false));
        thread::scope(|scope| {
            let workers: Vec<_> = (0..count)
                .map(|worker| {
                    let (barrier, stop) = (&barrier, &stop);
                    scope.spawn(move || {
                        barrier.wait();
                        self.ask_until(stop, worker * FLAGS / 2)
                    })
                })
                .collect();
            barrier.wait();
            let swaps = self.swap_until(Instant::now() + time, swaps);
            stop.store(true, Ordering::Relaxed);
            let mut speed = Speed { wall: 0.0, cpu: 0.0, swaps };
            for worker in workers {
                let (wall, cpu) = worker.join().expect("a worker does not panic");
                speed.wall += wall;
                speed.cpu += cpu;
            }
            speed
        })
    }

    /// Asks all flags for all callers in turn. Gives millions a second of the wall clock and of the thread's CPU time.
    fn ask_until(&self, stop: &AtomicBool, start: usize) -> (f64, f64) {
        const CHUNK: u32 = 500;
        let mut flags = Ring::starting(&self.flags, start);
        let mut contexts = Ring::starting(&self.contexts, start / 2);
        let (wall, cpu) = (Instant::now(), ThreadTime::now());
        let mut chunks = 0_u32;
        while !stop.load(Ordering::Relaxed) {
            for _ in 0..CHUNK {
                black_box(self.engine.ask(black_box(flags.advance()), black_box(contexts.advance())));
            }
            // Without a step aside each flag would always meet the same callers.
            contexts.advance();
            chunks += 1;
        }
        let millions = f64::from(chunks) * f64::from(CHUNK) / 1e6;
        (millions / wall.elapsed().as_secs_f64(), millions / cpu.elapsed().as_secs_f64())
    }

    /// Waits until the end, and swaps meanwhile. Gives how often it did.
    fn swap_until(&self, end: Instant, swaps: bool) -> usize {
        let mut count = 0;
        let mut next = Instant::now() + SWAP_EVERY / 2;
        while swaps && next < end {
            thread::sleep(next.saturating_duration_since(Instant::now()));
            self.engine.replace(self.document.clone());
            count += 1;
            // An engine that takes longer to load than there is time between swaps gets fewer of them.
            next = (next + SWAP_EVERY).max(Instant::now());
        }
        thread::sleep(end.saturating_duration_since(Instant::now()));
        count
    }

    /// Single calls by the wall clock, which is read twice for each.
    fn latency(&self, calls: usize, swaps: bool) -> Latency {
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            if swaps {
                scope.spawn(|| {
                    while !done.load(Ordering::Relaxed) {
                        self.engine.replace(self.document.clone());
                        thread::sleep(SWAP_EVERY);
                    }
                });
            }
            let (mut flags, mut contexts) = (Ring::new(&self.flags), Ring::new(&self.contexts));
            let mut samples = Samples::default();
            for call in 0..calls {
                let (flag, ctx) = (flags.advance(), contexts.advance());
                let start = Instant::now();
                black_box(self.engine.ask(black_box(flag), black_box(ctx)));
                samples.push(start.elapsed().as_secs_f64() * 1e9);
                if call % FLAGS == 0 {
                    contexts.advance();
                }
            }
            done.store(true, Ordering::Relaxed);
            Latency { p50: samples.quantile(0.5), p99: samples.quantile(0.99), p999: samples.quantile(0.999) }
        })
    }
}

fn best(runs: &[Speed]) -> f64 {
    runs.iter().map(|speed| speed.wall).fold(0.0, f64::max)
}

fn middle(runs: &[Speed]) -> f64 {
    let mut samples = Samples::default();
    for speed in runs {
        samples.push(speed.cpu);
    }
    samples.median()
}
