//! The cost of flags as their number grows: a table in Markdown, in about a minute.
//!
//!   cargo bench --bench scale
//!
//! Times are the best of several rounds. Figures per flag or per value should hardly grow from column to
//! column, except for effects of the processor's caches. The last line needs the program: cargo build
//! --release -p novi-cli

#![allow(clippy::expect_used, missing_docs, reason = "a bench")]

use std::{
    env, fmt,
    hint::black_box,
    iter,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use allocation_counter::measure;
use novi::{
    Context, Flags,
    rows::Rows,
    store::{self, ReadStore as _, SqliteStore},
};

use workloads::User;

#[allow(dead_code, reason = "the test asks more of it")]
#[path = "workloads/large.rs"]
mod large;
#[allow(dead_code, reason = "each bench takes what it needs")]
mod workloads;

/// A line of the table: what is measured, and what came out at some of the sizes.
struct Line {
    what: String,
    cells: [Option<String>; Self::SIZES.len()],
}

impl Line {
    const SIZES: [usize; 5] = [100, 1000, 10_000, 100_000, 1_000_000];

    fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), cells: Default::default() }
    }

    fn set(&mut self, size: usize, cell: impl Into<String>) {
        let place = Self::SIZES.iter().position(|known| *known == size).expect("a size with a column");
        self.cells[place] = Some(cell.into());
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cells = self.cells.each_ref().map(|cell| cell.as_deref().unwrap_or_default());
        write!(f, "| {} | {} |", self.what, cells.join(" | "))
    }
}

/// The least time that the work took; to prepare it does not count, nor to drop what it gives.
fn best<I, T>(rounds: usize, mut prepare: impl FnMut() -> I, mut work: impl FnMut(I) -> T) -> Duration {
    let round = |_| {
        let input = prepare();
        let start = Instant::now();
        let result = black_box(work(input));
        let time = start.elapsed();
        drop(result);
        time
    };
    (0..rounds).map(round).min().unwrap_or_default()
}

/// What one of so many took.
#[expect(clippy::cast_precision_loss, reason = "for people")]
fn each(time: Duration, count: usize) -> String {
    let nanoseconds = time.as_secs_f64() * 1e9 / count as f64;
    format!("{nanoseconds:.*} ns", usize::from(nanoseconds < 100.0))
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

/// The bytes that stay allocated for each of so many, once the rows are dropped.
fn bytes(rows: &Rows, count: usize) -> (Flags, String) {
    let mut flags = None;
    let counted = measure(|| flags = Some(load(rows.clone())));
    let each = counted.bytes_current / i64::try_from(count).expect("a count");
    (flags.expect("flags"), format!("{each} B"))
}

fn load(rows: Rows) -> Flags {
    Flags::from_rows(rows).expect("no type is registered twice")
}

/// Rounds for work on so many rows: about as many rows in all.
fn rounds(count: usize) -> usize {
    (300_000 / count).clamp(3, 50)
}

/// Load, memory, swap and questions.
fn flags(rows: &str, make: impl Fn(usize) -> Rows) -> Vec<Line> {
    let users = User::some(64);
    let contexts: Vec<Context<'_>> = users.iter().map(User::context).collect();
    let mut lines = [
        "load, a flag",
        "memory, a flag",
        "swap, in all",
        "evaluate_all, a flag",
        "is_enabled by name, names in turn",
    ]
    .map(|what| Line::new(format!("{what}; {rows}")));
    for size in [1000, 10_000, 100_000] {
        let rows = make(size);
        let time = best(rounds(size), || rows.clone(), load);
        lines[0].set(size, each(time, size));
        let (flags, memory) = bytes(&rows, size);
        assert!(flags.issues().is_empty());
        lines[1].set(size, memory);
        let time = best(rounds(size), || rows.clone(), |rows| flags.replace_rows(rows));
        lines[2].set(size, milliseconds(time));

        let mut callers = contexts.iter().cycle();
        let caller = || callers.next().expect("there are callers");
        let count = |context| {
            flags.snapshot().evaluate_all(context).iter().filter(|decision| decision.enabled()).count()
        };
        lines[3].set(size, each(best(4 * rounds(size), caller, count), size));

        // Names far from one another, so that no flag lies where the one before it did.
        let names: Vec<String> = (0..size).map(|turn| format!("flag-{}", turn * 7919 % size)).collect();
        let ask = |()| {
            let pairs = names.iter().zip(contexts.iter().cycle());
            pairs.filter(|(name, context)| flags.is_enabled(name, context)).count()
        };
        lines[4].set(size, each(best(4 * rounds(size), || (), ask), size));
    }
    lines.into()
}

/// One flag with many activations, all of them on.
fn activations() -> Line {
    let mut line = Line::new("is_enabled of a flag with so many conditions, a condition");
    for size in [100, 1000, 10_000] {
        let flags = load(large::one_flag_of(size));
        let context = Context::new().with("country", "US");
        assert!(flags.is_enabled("flag", &context));
        let ask = |()| flags.is_enabled("flag", black_box(&context));
        line.set(size, each(best(rounds(size).max(100), || (), ask), size));
    }
    line
}

/// A caller of whom much is known.
fn attributes() -> Line {
    const ASKS: usize = 1000;
    let mut line = Line::new("is_enabled with so many attributes, one near the end is asked");
    for size in [100, 1000] {
        let names: Vec<String> = (0..size).map(|number| format!("attribute-{number:04}")).collect();
        let context = names
            .iter()
            .fold(Context::new().with("targetingKey", "user-7"), |context, name| context.with(name, "yes"));
        let mut rows = workloads::Builder::default();
        let config = format!(r#"{{"attribute": "{}", "equals": "yes"}}"#, names[size - 3]);
        let id = rows.activation("novi.attribute", &config);
        rows.flag("flag", &[id]);
        let flags = load(rows.rows);
        let ask = |()| (0..ASKS).filter(|_| flags.is_enabled("flag", black_box(&context))).count();
        line.set(size, each(best(20, || (), ask), ASKS));
    }
    line
}

/// One condition with a list of many values.
fn lists() -> Vec<Line> {
    const ASKS: usize = 20_000;
    let mut lines = [
        "load of a list of so many texts, in all",
        "the same, a text",
        "memory, a text (of 16 characters)",
        "is_enabled, for one of the list",
        "is_enabled, for none of them",
    ]
    .map(Line::new);
    let id = |number: usize| format!("user-{number:011}");
    for size in [1000, 10_000, 100_000, 1_000_000] {
        let rows = large::one_list_of((0..size).map(id));
        let time = best(rounds(size), || rows.clone(), load);
        lines[0].set(size, milliseconds(time));
        lines[1].set(size, each(time, size));
        let (flags, memory) = bytes(&rows, size);
        assert!(flags.issues().is_empty());
        lines[2].set(size, memory);
        for (line, first) in [(3, 0), (4, size)] {
            let callers = (0..ASKS).map(|turn| first + turn * 7919 % size);
            let contexts: Vec<_> = callers.map(|caller| Context::new().with("id", id(caller))).collect();
            let expected = if first == 0 { ASKS } else { 0 };
            let ask = |()| contexts.iter().filter(|context| flags.is_enabled("flag", context)).count();
            assert_eq!(ask(()), expected);
            lines[line].set(size, each(best(20, || (), ask), ASKS));
        }
    }
    lines.into()
}

/// The rows in a SQLite file, as a script writes them.
async fn write(rows: &Rows, url: &str) -> Result<(), novi::Error> {
    let database = store::create(url).await?;
    database.migrate().await?;
    let insert =
        |table: &str, values: Vec<String>| format!("insert into {table} values {};", values.join(", "));
    let flags = rows.flags.iter().map(|row| format!("({}, '{}', true)", row.id, row.name));
    let activations = rows.activations.iter().map(|row| {
        let config = row.config.as_deref().unwrap_or_default();
        format!("({}, '{}', '{}', '{config}')", row.id, row.name, row.class_name)
    });
    let ends = |link: &novi::rows::LinkRow| link.flag_id.zip(link.activation_id);
    let links =
        rows.links.iter().filter_map(ends).map(|(flag, activation)| format!("({flag}, {activation})"));
    let script = [
        insert("flags", flags.collect()),
        insert("activations", activations.collect()),
        insert("flags_activations", links.collect()),
    ];
    database.run_script(&script.concat()).await
}

/// The way from a file to answers.
fn database(folder: &Path) -> Result<Vec<Line>, novi::Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut lines = ["SQLite: load of the rows, in all", "SQLite: Flags::connect, in all"].map(Line::new);
    for size in [1000, 10_000] {
        let url = format!("sqlite://{}", folder.join(format!("{size}.db")).display());
        runtime.block_on(write(&large::differing(size), &url))?;
        let store = runtime.block_on(SqliteStore::connect(&url))?;
        let time = best(20, || (), |()| runtime.block_on(store.load()).map(|rows| rows.flags.len()));
        lines[0].set(size, milliseconds(time));
        let time = best(20, || (), |()| runtime.block_on(Flags::connect(&url)));
        lines[1].set(size, milliseconds(time));
    }
    let mut first = Line::new("from the start of `novi eval` to its end, best and median");
    first.set(1000, first_answer(&folder.join("1000.db")));
    Ok(lines.into_iter().chain([first]).collect())
}

/// A list whose members are rows of `activation_members`.
fn members(folder: &Path) -> Result<Vec<Line>, novi::Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut lines = [
        "SQLite: an insert of so many members, in all",
        "SQLite: Flags::connect with so many members, in all",
        "memory, a member (of 16 characters)",
    ]
    .map(Line::new);
    for size in [1000, 10_000, 100_000, 1_000_000] {
        let url = format!("sqlite://{}", folder.join(format!("members-{size}.db")).display());
        let database = runtime.block_on(store::create(&url))?;
        runtime.block_on(database.migrate())?;
        let list = r#"insert into flags values (1, 'flag', true);
            insert into activations values (9, 'list', 'novi.members', '{"allow": []}');
            insert into flags_activations values (1, 9);"#;
        let insert = format!(
            "with recursive ids (n) as (select 0 union all select n + 1 from ids where n < {size} - 1)
             insert into activation_members select 9, printf('user-%011d', n), false from ids"
        );
        runtime.block_on(database.run_script(list))?;
        let time = best(1, || (), |()| runtime.block_on(database.run_script(&insert)));
        lines[0].set(size, milliseconds(time));
        let time = best(rounds(size), || (), |()| runtime.block_on(Flags::connect(&url)));
        lines[1].set(size, milliseconds(time));
        let rows = runtime.block_on(database.load())?;
        let (flags, memory) = bytes(&rows, size);
        assert!(flags.is_enabled("flag", &Context::new().with("targetingKey", "user-00000000000")));
        lines[2].set(size, memory);
    }
    Ok(lines.into())
}

/// How long a process takes that asks one flag.
fn first_answer(file: &Path) -> String {
    let program = env::current_exe().ok();
    let program = program.as_deref().and_then(Path::parent).and_then(Path::parent);
    let Some(program) = program.map(|folder| folder.join(format!("novi{}", env::consts::EXE_SUFFIX))) else {
        return "(no folder)".to_owned();
    };
    let url = format!("sqlite://{}", file.display());
    let ask = || {
        let mut command: Command = Command::new::<&PathBuf>(&program);
        command.args(["--database", &url, "eval", "flag-500", "--context", r#"{"targetingKey": "user-7"}"#]);
        let start = Instant::now();
        let status = command.stdout(Stdio::null()).status();
        status.is_ok_and(|status| status.success()).then(|| start.elapsed())
    };
    let mut times: Vec<Duration> = iter::repeat_with(ask).take(20).map_while(|time| time).collect();
    times.sort_unstable();
    match times.as_slice() {
        [] => "(not built)".to_owned(),
        times => format!("{}, {}", milliseconds(times[0]), milliseconds(times[times.len() / 2])),
    }
}

fn main() {
    // `cargo test --all-targets` would run this as well, without optimization.
    if !env::args().any(|argument| argument == "--bench") {
        println!("cargo bench --bench scale");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let lines = flags("rows alike", |size| workloads::many(size, false))
        .into_iter()
        .chain(flags("rows that differ", large::differing))
        .chain([activations(), attributes()])
        .chain(lists())
        .chain(database(folder.path()).expect("a database"))
        .chain(members(folder.path()).expect("a database"));
    println!("| what | 100 | 1,000 | 10,000 | 100,000 | 1,000,000 |");
    println!("|---|---:|---:|---:|---:|---:|");
    for line in lines {
        println!("{line}");
    }
}
