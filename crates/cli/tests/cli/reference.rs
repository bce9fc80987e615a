//! The reference of all commands in `docs/cli.md`, which is made from their help.

use crate::{
    help::{COMMANDS, GROUPS},
    support::Folder,
};

const PAGE: &str = "../../docs/cli.md";

#[test]
fn reference_is_the_help_of_all_commands() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let page = page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap();
    assert_eq!(found, page, "run `UPDATE_DOCS=1 cargo test -p novi-cli --test cli reference`");
}

fn page() -> String {
    let folder = Folder::empty();
    let help = |arguments: &[&str]| folder.run(arguments).expect(0).out;
    let all = help(&["--help"]);
    let mut page = format!("{HEAD}\n## novi\n\n```text\n{}```\n", ended(&all));
    let mut add = |arguments: &[&str]| {
        let help = help(&[arguments, &["--help"]].concat());
        let (name, help) = (arguments.join(" "), ended(&without_globals(&help)));
        page.extend([format!("\n## novi {name}\n\n```text\n{help}```\n")]);
    };
    for command in COMMANDS {
        add(&[command]);
        for (_, commands) in GROUPS.iter().filter(|(group, _)| *group == command) {
            commands.iter().for_each(|inner| add(&[command, inner]));
        }
    }
    page
}

/// The help without the options that all commands have.
fn without_globals(help: &str) -> String {
    let paragraphs = help.split("\n\n").filter(|paragraph| !paragraph.starts_with("Global options:"));
    paragraphs.collect::<Vec<_>>().join("\n\n")
}

fn ended(text: &str) -> String {
    format!("{}\n", text.trim_end())
}

const HEAD: &str = "\
<!-- made by `UPDATE_DOCS=1 cargo test -p novi-cli --test cli reference` -->
# The command line

`novi` finds its database in `--database`, `NOVI_DATABASE__URL` or `novi.toml`, in this order.

**Names.** Flags are named by name, or by id as `#3`; activations by id (`3` or `#3`), or by a name that only one has.

**Changes** are validated as those of the API are: what would break a valid flag is rejected with exit code 5 and all
its problems. Every change takes `--dry-run`, which prints what would change and which other flags it affects,
`--reason` and `--actor` for the history, and `--if-version`, which fails if the row was modified since you read it.
Several flags are changed in one transaction. In a plan, `+` is a new row, `-` a deleted one, `~` a changed one, and
`!` a flag that depends on one of them.

**Output** is for people. With `--json` it is one JSON value, with the field names of the API, and so are errors, on
standard error: `{\"error\": {\"code\", \"message\", \"problems\"}}`. Colors and questions are for terminals only;
`NO_COLOR` turns colors off. Notes and warnings go to standard error.

**Completions** of commands, options, flags, activations and class names: `novi completions SHELL`. Man pages: `novi man
DIR`.
";
