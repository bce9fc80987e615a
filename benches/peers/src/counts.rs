//! W8's bytes and W9's allocations, counted in a program of its own: an allocator that counts would slow down the engines that
//! allocate, and those alone.

use std::{
    env,
    hint::black_box,
    io,
    process::{Command, Stdio},
};

use crate::{
    definition::{Definition, Kind},
    engine::{Engine, each_engine},
    measure::load::FLAGS,
    results::Counts,
    users::User,
};

/// What an allocator counted while something ran.
#[derive(Clone, Copy, Debug)]
pub struct Counted {
    /// How often memory was allocated.
    pub allocations: u64,
    /// How many bytes more are allocated than before.
    pub live: i64,
}

/// Counts, with a function that counts what a closure allocates.
pub fn count(counted: impl Fn(&mut dyn FnMut()) -> Counted + Copy, users: &[User]) -> Vec<Counts> {
    each_engine!(of(&counted, users)).to_vec()
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
fn of<E: Engine>(counted: &dyn Fn(&mut dyn FnMut()) -> Counted, users: &[User]) -> Counts {
    let mut counts =
        Counts { engine: E::NAME.to_owned(), live: None, text: None, allocations: None, fresh: None };
    if E::IN_BULK {
        let document = E::document(&Definition::halves(FLAGS));
        let mut engine = None;
        // The document is cloned inside: an engine that keeps it has it counted, and one that drops it has not.
        let live = counted(&mut || engine = Some(E::load(document.clone()))).live;
        drop(engine);
        counts.live = Some(live as f64 / FLAGS as f64);
        counts.text = Some(E::length(&document) as f64 / FLAGS as f64);
    }
    if E::IN_CALLS {
        let engine = E::load(E::document(&Definition::six()));
        let mean = |ask: &mut dyn FnMut()| {
            // What is made once a thread is not a call's.
            ask();
            counted(ask).allocations as f64 / users.len() as f64
        };
        let contexts: Vec<_> = users.iter().map(E::context).collect();
        counts.allocations = Some(Kind::ALL.map(|kind| {
            let flag = engine.flag(kind.name());
            mean(&mut || {
                for ctx in &contexts {
                    if kind == Kind::Split {
                        black_box(engine.variant(&flag, ctx));
                    } else {
                        black_box(engine.ask(&flag, ctx));
                    }
                }
            })
        }));
        counts.fresh = Some(Kind::ALL.map(|kind| {
            let flag = engine.flag(kind.name());
            mean(&mut || {
                for user in users {
                    if kind == Kind::Split {
                        black_box(engine.variant_anew(&flag, user));
                    } else {
                        black_box(engine.ask_anew(&flag, user));
                    }
                }
            })
        }));
    }
    counts
}

/// Runs the program that counts, building it first if need be.
///
/// # Errors
/// Cargo or the program can't be run, or fails.
pub fn run() -> io::Result<Vec<Counts>> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["run", "--release", "--quiet", "--locked", "--bin", "counts", "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(io::Error::other(format!("the program that counts allocations: {}", output.status)));
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
