//! Measures novi beside other engines, and prints tables. See the crate's documentation.

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;
use novi_peers::{
    clock::Clock,
    counts,
    measure::{Effort, Wanted, answers, everything, load, threads},
    oracle, page,
    results::Results,
    users::users,
};

/// Measures novi beside other feature-flag engines, and prints tables in Markdown.
#[derive(Parser)]
struct Arguments {
    /// Only these workloads, such as W1,W2
    #[arg(long, value_delimiter = ',', value_parser = workload)]
    only: Vec<usize>,
    /// Fewer rounds: under a minute instead of several
    #[arg(long)]
    quick: bool,
    /// Writes performance.md and performance.svg into this folder as well
    #[arg(long, value_name = "FOLDER", conflicts_with = "only")]
    write: Option<PathBuf>,
}

fn workload(text: &str) -> Result<usize, String> {
    let number = text.strip_prefix(['W', 'w']).and_then(|number| number.parse().ok());
    number.filter(|number| (1..=10).contains(number)).ok_or_else(|| "expected W1 to W10".to_owned())
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("novi-peers: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> std::io::Result<()> {
    let effort = if arguments.quick { Effort::QUICK } else { Effort::FULL };
    let wanted = Wanted::new(arguments.only.clone());
    let users = users();
    let clock = Clock::choose();
    let any = |numbers: &[usize]| numbers.iter().any(|number| wanted.has(*number));

    // A build takes both cores, so it comes before anything is timed.
    let counts = if any(&[8, 9]) { step("counting allocations", counts::run)? } else { Vec::new() };
    step("checking every engine's answers", || oracle::check_engines(&users));
    let results = Results {
        quick: arguments.quick,
        clock,
        counts,
        answers: if any(&[1, 2, 3, 4, 5, 6]) {
            step("W1 to W6: single questions", || answers::run(clock, effort, &wanted, &users))
        } else {
            Vec::new()
        },
        everything: if any(&[7]) {
            step("W7: all flags", || everything::run(clock, effort, &users))
        } else {
            Vec::new()
        },
        load: if any(&[8]) { step("W8: loading", || load::run(clock, effort)) } else { Vec::new() },
        threads: if any(&[10]) { step("W10: threads", || threads::run(effort, &users)) } else { Vec::new() },
    };
    println!("{}", page::report(&results));
    arguments.write.as_ref().map_or(Ok(()), |folder| page::write(&results, folder))
}

/// Says what takes its time.
fn step<R>(what: &str, run: impl FnOnce() -> R) -> R {
    eprintln!("{what} ...");
    run()
}
