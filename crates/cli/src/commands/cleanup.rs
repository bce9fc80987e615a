//! `novi cleanup`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use novi_refs::{Answer, Cleaner, Leftover, rust_files};
use serde::Serialize;
use serde_json::json;
use similar::TextDiff;

use crate::{
    output::{DRY_RUN, Failure, count, print, print_json, print_note, replace_file},
    session::Session,
};

const EXAMPLES: &str = "\
Examples:
  novi cleanup new-checkout --answer on --dry-run
  novi cleanup \"Page layout\" --answer wide-grid src
  novi cleanup old-search --answer off

Calls of `is_enabled` become what they return, and the `if`, `match`, `!`, `&&` and `||` around them are simplified; guards \
(#[novi::enabled]) are removed, or the functions return their fallback; a `match` over `choose()` becomes its arm. The rest of \
each file stays to the letter. What is left to do by hand is listed: look at that, run `cargo fmt` and `cargo check`, and then \
delete the flag. No database is needed.
";

/// Take a finished flag out of Rust code
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Cleanup {
    /// Flag by name
    flag: String,

    /// What the flag decides from now on: on, off, or the name of a variant
    #[arg(long, value_name = "on|off|VARIANT")]
    answer: String,

    /// Folder with the source code
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,

    /// Print the changes as a diff, without writing
    #[arg(long)]
    dry_run: bool,
}

/// A file before and after.
struct Change {
    path: PathBuf,
    before: String,
    after: String,
}

/// A place that people have to look at.
#[derive(Serialize)]
struct ByHand {
    path: PathBuf,
    line: usize,
    why: String,
}

impl Cleanup {
    pub(crate) fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let Self { flag, answer, folder, dry_run } = self;
        let answer = match answer.as_str() {
            "on" => Answer::On,
            "off" => Answer::Off,
            _ => Answer::Variant(answer),
        };
        let (changes, leftovers) = clean(&folder, &flag, answer)?;
        if !dry_run {
            for change in &changes {
                replace_file(&change.path, &change.after)?;
            }
        }
        if session.json {
            let files: Vec<_> = changes.iter().map(|change| &change.path).collect();
            print_json(
                &json!({"written": !dry_run && !changes.is_empty(), "files": files, "leftovers": leftovers}),
            )?;
            return Ok(ExitCode::SUCCESS);
        }
        for change in &changes {
            if dry_run {
                let path = change.path.display().to_string();
                let diff = TextDiff::from_lines(&change.before, &change.after);
                print(diff.unified_diff().header(&path, &path).to_string().trim_end())?;
            } else {
                print(format_args!("cleaned {}", change.path.display()))?;
            }
        }
        for leftover in &leftovers {
            let ByHand { path, line, why } = leftover;
            print_note(format_args!("by hand: {}:{line}: {why}", path.display()))?;
        }
        let files = count(changes.len(), "file");
        match (changes.is_empty(), dry_run) {
            (true, _) if leftovers.is_empty() => {
                print(format_args!("No Rust file uses {flag:?} in a way that can be cleaned."))
            }
            (true, _) => print("Nothing could be changed."),
            (_, true) => print(DRY_RUN),
            (_, false) => print(format_args!("Changed {files}.")),
        }?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The files that change, and what is left in which file.
fn clean(folder: &Path, flag: &str, answer: Answer) -> Result<(Vec<Change>, Vec<ByHand>), Failure> {
    let failed = |path: &Path, error: &dyn std::fmt::Display| {
        Failure::system(format!("could not read {}: {error}", path.display()))
    };
    let mut files = Vec::new();
    for path in rust_files(folder).map_err(|error| failed(folder, &error))? {
        let path = path.strip_prefix(".").map_or_else(|_| path.clone(), Path::to_owned);
        files.push((fs::read_to_string(&path).map_err(|error| failed(&path, &error))?, path));
    }
    let mut cleaner = Cleaner::new(flag, answer);
    let (mut changes, mut leftovers) = (Vec::new(), Vec::new());
    files.retain(|(source, path)| match cleaner.learn(source) {
        Ok(()) => true,
        Err(error) => {
            // Only of a file that might name the flag.
            if source.contains(flag) {
                let why = format!("not Rust: {}", error.message);
                leftovers.push(ByHand { path: path.clone(), line: error.line, why });
            }
            false
        }
    });
    cleaner.check().map_err(|error| Failure::rejected(error.to_string()))?;
    for (before, path) in files {
        let Ok(result) = cleaner.clean(&before) else { continue };
        let by_hand = |left: Leftover| ByHand { path: path.clone(), line: left.line, why: left.why };
        leftovers.extend(result.leftovers.into_iter().map(by_hand));
        if result.source != before {
            changes.push(Change { path, before, after: result.source });
        }
    }
    Ok((changes, leftovers))
}
