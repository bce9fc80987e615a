//! Puts `novi serve` under load and prints the cost of a request: requests per CPU-second of the server, latencies at a
//! constant 1,000 requests per second, compared with a server that does nothing, and memory. Run it with
//!
//!   ./scripts/bench-http [--quick]
//!
//! which builds everything first. Servers run on core 0 and the load on core 1, so it needs an idle machine with two
//! cores. Figures are medians.

mod closed;
mod database;
mod open;
mod request;
mod server;
mod streams;

use std::{path::PathBuf, time::Duration};

use clap::Parser;

use crate::{
    closed::Throughput,
    request::{context, post},
    server::Server,
};

#[derive(Parser)]
#[command(about = "Loads `novi serve` beside a server that does nothing")]
struct Arguments {
    /// The program `novi`, built for release
    #[arg(long, value_name = "FILE")]
    novi: PathBuf,
    /// Less exact, in less than a minute
    #[arg(long)]
    quick: bool,
    /// Only requests per second of the processor, no latencies
    #[arg(long)]
    throughput: bool,
}

/// How much time is taken.
struct Effort {
    runs: usize,
    run: Duration,
    pairs: usize,
    turn: Duration,
}

const FULL: Effort = Effort { runs: 7, run: Duration::from_secs(4), pairs: 7, turn: Duration::from_secs(6) };
const QUICK: Effort =
    Effort { runs: 3, run: Duration::from_millis(1500), pairs: 3, turn: Duration::from_secs(2) };

/// Requests a second where latencies are measured.
const RATE: u32 = 1_000;

/// Streams that are open beside the load.
const STREAMS: usize = 1_000;

fn single(caller: usize) -> Vec<u8> {
    post(&format!("/ofrep/v1/evaluate/flags/flag-{:04}", caller * 7 % 200), &context(caller))
}

fn bulk(caller: usize) -> Vec<u8> {
    post("/ofrep/v1/evaluate/flags", &context(caller))
}

fn main() {
    let arguments = Arguments::parse();
    let effort = if arguments.quick { QUICK } else { FULL };
    let folder = tempfile::tempdir().expect("a folder for databases");
    let url =
        |flags: usize| database::make(&arguments.novi, &folder.path().join(format!("{flags}.db")), flags);
    let (many, few) = (url(1_000), url(200));
    let novi = |url: &str| {
        let arguments_of_novi = ["--json", "--database", url, "serve", "--listen", "127.0.0.1:0"];
        Server::start(&arguments.novi, &arguments_of_novi)
    };
    let naive = std::env::current_exe().expect("this program").with_file_name("naive");
    let naive = Server::start(&naive, &[]);
    let (many, few) = (novi(&many), novi(&few));

    println!(
        "{:<44}{:>16}{:>12}{:>12}{:>12}{:>12}",
        "", "per CPU second", "own, µs", "kernel, µs", "per second", "RSS, MiB"
    );
    throughput("naive handler", &naive, &single, &effort);
    throughput("OFREP, one of 1,000 flags", &many, &single, &effort);
    throughput("OFREP, all of 200 flags", &few, &bulk, &effort);
    let streams_of_many = streams::open(many.address, STREAMS);
    throughput("one of 1,000 flags, 1,000 event streams", &many, &single, &effort);
    let streams_of_few = streams::open(few.address, STREAMS);
    throughput("all of 200 flags, 1,000 event streams", &few, &bulk, &effort);
    if arguments.throughput {
        return;
    }

    println!("\nAt {RATE} requests a second, in turns with the naive handler:");
    println!("{:<44}{:>10}{:>10}{:>14}", "", "p50, ms", "p99, ms", "p99 / naive");
    latency("one of 1,000 flags, 1,000 event streams", &many, &naive, &effort);
    drop((streams_of_many, streams_of_few));
    latency("one of 1,000 flags", &many, &naive, &effort);
}

fn throughput(name: &str, server: &Server, question: &dyn Fn(usize) -> Vec<u8>, effort: &Effort) {
    let runs: Vec<Throughput> =
        (0..effort.runs).map(|_| closed::load(server, question, effort.run)).collect();
    let of = |what: fn(&Throughput) -> f64| median(runs.iter().map(what).collect());
    #[expect(clippy::cast_precision_loss, reason = "memory is not that large")]
    let resident = server.resident() as f64 / 1024.0;
    println!(
        "{name:<44}{:>16.0}{:>12.2}{:>12.2}{:>12.0}{resident:>12.1}",
        of(|run| run.per_cpu_second),
        of(|run| run.user * 1e6),
        of(|run| run.kernel * 1e6),
        of(|run| run.per_second)
    );
}

fn latency(name: &str, server: &Server, naive: &Server, effort: &Effort) {
    let mut rows = [Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new()];
    for pair in 0..effort.pairs {
        // Who is first changes, so that neither always meets the colder machine.
        let ask = |server: &Server| {
            let latencies = open::load(server.address, &single, RATE, effort.turn);
            [0.5, 0.99].map(|share| latencies.quantile(share).as_secs_f64() * 1e3)
        };
        let ([p50, p99], [naive_p50, naive_p99]) = if pair % 2 == 0 {
            let of_naive = ask(naive);
            (ask(server), of_naive)
        } else {
            let of_server = ask(server);
            (of_server, ask(naive))
        };
        for (row, value) in rows.iter_mut().zip([p50, p99, p99 / naive_p99, naive_p50, naive_p99]) {
            row.push(value);
        }
    }
    let [p50, p99, ratio, naive_p50, naive_p99] = rows.map(median);
    println!("{name:<44}{p50:>10.3}{p99:>10.3}{ratio:>14.2}");
    println!("{:<44}{naive_p50:>10.3}{naive_p99:>10.3}", "  the naive handler, in between");
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
