//! The README and the pages of the documentation that have commands, as a newcomer types them: a page's files are
//! written and its commands run, in order, in an empty folder. `UPDATE_DOCS=1 cargo test --test project tour` writes
//! the output into the pages.

use std::{
    env, fs,
    io::{BufRead as _, BufReader},
    ops::Range,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// The address in the README, which another program can have taken.
const ADDRESS: &str = "127.0.0.1:6684";

/// A fenced block.
struct Block<'a> {
    language: &'a str,
    text: &'a str,
    /// The text since the block before.
    intro: &'a str,
    range: Range<usize>,
}

fn blocks(readme: &str) -> Vec<Block<'_>> {
    let (mut blocks, mut end) = (Vec::new(), 0);
    while let Some(start) = readme[end..].find("\n```").map(|at| end + at + 4) {
        let line = start + readme[start..].find('\n').unwrap() + 1;
        let close = line + readme[line - 1..].find("\n```").unwrap();
        let (intro, language, text) = (&readme[end..start], &readme[start..line - 1], &readme[line..close]);
        blocks.push(Block { language, text, intro, range: line..close });
        end = close + 3;
    }
    blocks
}

/// The folder of the newcomer, with the server that runs there.
struct Tour {
    folder: tempfile::TempDir,
    programs: PathBuf,
    server: Option<Server>,
    address: String,
}

impl Tour {
    fn new() -> Self {
        let test = env::current_exe().unwrap();
        let programs = test.parent().unwrap().parent().unwrap().to_owned();
        build(&programs.join("novi"), &["--package", "novi-cli"]);
        build(&programs.join("examples/tour"), &["--example", "tour"]);
        Self { folder: tempfile::tempdir().unwrap(), programs, server: None, address: ADDRESS.to_owned() }
    }

    /// `bash` with `novi` in its path, listening on any port.
    fn shell(&self, script: &str) -> Command {
        let script = script.replace("cargo run -- ", "novi ").replace(ADDRESS, &self.address);
        let path = format!("{}:{}", self.programs.display(), env::var("PATH").unwrap());
        let mut command = Command::new("bash");
        command.args(["-euo", "pipefail", "-c", &script]).current_dir(self.folder.path());
        command.env("PATH", path).env("NOVI_SERVER__LISTEN", "127.0.0.1:0").env_remove("NOVI_DATABASE__URL");
        command
    }

    /// What the commands print, without the times of `--explain`.
    fn run(&self, script: &str) -> String {
        let output = self.shell(script).output().unwrap();
        assert!(output.status.success(), "{script}{}", String::from_utf8_lossy(&output.stderr));
        let output = String::from_utf8(output.stdout).unwrap();
        output.lines().map(|line| line.split(" · ").next().unwrap().to_owned() + "\n").collect()
    }

    /// Starts a server in place of the one before, and waits until it says where it listens.
    fn serve(&mut self, script: &str) {
        let mut shell = self.shell(&format!("exec {script}"));
        let server = shell.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let stdout = self.server.insert(Server(server)).0.stdout.as_mut().unwrap();
        let line = BufReader::new(stdout).lines().map(Result::unwrap).find(|line| line.contains("http://"));
        let (_, rest) = line.as_deref().unwrap().split_once("http://").unwrap();
        rest.split([' ', ';', '/']).next().unwrap().clone_into(&mut self.address);
    }
}

/// Runs until it is dropped.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        self.0.kill().and_then(|()| self.0.wait()).unwrap();
    }
}

/// Builds a program if it is not there. `cargo test --workspace` has built them all.
fn build(program: &Path, arguments: &[&str]) {
    if !program.exists() {
        let built = Command::new(env!("CARGO")).args(["build", "--locked"]).args(arguments).status().unwrap();
        assert!(built.success(), "{} does not build", program.display());
    }
}

/// Follows a page, and returns what its commands print, for the blocks that show it.
fn follow(page: &str) -> Vec<(Range<usize>, String)> {
    let (mut tour, mut output, mut printed) = (Tour::new(), String::new(), Vec::new());
    let mut opening = None::<Block<'_>>;
    for block in blocks(page) {
        match block.language {
            "sh" if block.text.starts_with("cargo add") => {}
            "sh" if block.text.contains("serve\n") || block.text.contains(" serve --demo\n") => {
                let (before, serve) = block.text.trim_end().rsplit_once('\n').unwrap_or(("", block.text));
                tour.run(before);
                tour.serve(serve);
            }
            "sh" => {
                output = tour.run(block.text);
                if let Some(opening) = opening.take_if(|_| block.text.contains("shop.sql")) {
                    let command = opening.text.lines().next().unwrap();
                    let explanation = tour.run(command.strip_prefix("$ ").unwrap());
                    printed.push((opening.range, format!("{command}\n{explanation}")));
                }
            }
            _ if block.intro.contains("Save this as") => {
                let (_, name) = block.intro.rsplit_once("Save this as").unwrap();
                let file = tour.folder.path().join(name.split('`').nth(1).unwrap());
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                fs::write(file, block.text).unwrap();
            }
            "rust,no_run" if block.text.contains("async fn main") => {
                let example = include_str!("../../examples/tour.rs");
                assert!(example.ends_with(block.text), "examples/tour.rs differs from:\n{}", block.text);
                output = tour.run(&format!("'{}'", tour.programs.join("examples/tour").display()));
            }
            // It opens the README, before the block that creates its rows.
            "console" => opening = Some(block),
            "text" | "json" => printed.push((block.range, output.clone())),
            _ => {}
        }
    }
    printed
}

/// Follows a page, and compares or updates what it shows. Returns how many blocks show something.
fn compare(path: &Path) -> usize {
    let page = fs::read_to_string(path).unwrap();
    let mut printed = follow(&page);
    let (update, mut updated) = (env::var_os("UPDATE_DOCS").is_some(), page.clone());
    let count = printed.len();
    printed.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
    for (range, output) in printed {
        let hint = "run `UPDATE_DOCS=1 cargo test --test project tour`";
        assert!(
            update || page[range.clone()] == output,
            "{}: {hint}: {}{output}",
            path.display(),
            &page[range]
        );
        updated.replace_range(range, &output);
    }
    if update {
        fs::write(path, updated).unwrap();
    }
    count
}

#[test]
fn readme_commands_print_what_the_readme_shows() {
    assert_eq!(compare(&Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")), 6);
}

#[test]
fn tutorial_commands_print_what_the_tutorial_shows() {
    assert_eq!(compare(&Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/tutorial.md")), 1);
}

#[test]
fn how_to_commands_print_what_the_pages_show() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/how-to");
    let pages = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    assert!(pages.map(|page| compare(&page)).sum::<usize>() >= 4);
}
