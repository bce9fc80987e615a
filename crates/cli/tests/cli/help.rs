//! Help, completions and `novi types`.

use serde_json::Value;

use crate::support::Folder;

pub(crate) const COMMANDS: [&str; 50] = [
    "serve",
    "migrate",
    "seed",
    "check",
    "list",
    "show",
    "enable",
    "disable",
    "rollout",
    "target",
    "variants",
    "schedule",
    "flag",
    "activation",
    "link",
    "unlink",
    "members",
    "reweight",
    "audience",
    "sql",
    "experiment",
    "metric",
    "impact",
    "eval",
    "explain",
    "history",
    "diff",
    "rollback",
    "watch",
    "export",
    "plan",
    "apply",
    "drift",
    "pull",
    "promote",
    "test",
    "import",
    "follow-legacy",
    "assignments",
    "stale",
    "timeline",
    "lint",
    "refs",
    "cleanup",
    "token",
    "health",
    "sign",
    "types",
    "completions",
    "man",
];

/// The commands of groups.
pub(crate) const GROUPS: [(&str, &[&str]); 7] = [
    ("flag", &["create", "list", "show", "set", "rename", "delete"]),
    ("activation", &["create", "list", "show", "edit", "delete"]),
    ("members", &["add", "remove", "list"]),
    ("assignments", &["list", "forget"]),
    (
        "experiment",
        &["create", "start", "stop", "decide", "list", "show", "report", "power", "guard", "reweigh"],
    ),
    ("metric", &["create", "edit", "list", "show", "delete"]),
    ("token", &["create", "list", "rotate", "revoke"]),
];

#[test]
fn help() {
    let folder = Folder::empty();
    let mut transcript = folder.transcript(&[&["--help"]]);
    for command in COMMANDS {
        transcript.push('\n');
        transcript += &folder.run(&[command, "--help"]).expect(0).transcript();
    }
    for (group, commands) in GROUPS {
        for command in commands {
            transcript.push('\n');
            transcript += &folder.run(&[group, command, "--help"]).expect(0).transcript();
        }
    }
    insta::assert_snapshot!(transcript);
}

#[test]
fn no_command_prints_help_and_fails() {
    let folder = Folder::empty();
    let bare = folder.run(&[]);
    assert_eq!((bare.code, bare.out.as_str()), (2, ""));
    assert_eq!(bare.err, folder.run(&["--help"]).out);
    assert_eq!(folder.run(&["help", "eval"]).expect(0).out, folder.run(&["eval", "--help"]).out);
    assert_eq!(folder.run(&["--version"]).expect(0).out, format!("novi {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn help_snapshot_covers_every_command() {
    let listed = |arguments: &[&str]| commands_of(&Folder::empty().run(arguments).out);
    assert_eq!(listed(&["--help"]), COMMANDS.iter().copied().chain(["help"]).collect::<Vec<_>>());
    for (group, commands) in GROUPS {
        assert_eq!(listed(&[group, "--help"]), commands.iter().copied().chain(["help"]).collect::<Vec<_>>());
    }
}

/// The commands that a help lists.
fn commands_of(help: &str) -> Vec<String> {
    let listed = help.split("Commands:\n").nth(1).and_then(|rest| rest.split("\n\n").next()).unwrap();
    let is_name = |line: &&str| line.starts_with("  ") && !line.starts_with("   ");
    let names = listed.lines().filter(is_name).filter_map(|line| line.split_whitespace().next());
    names.map(str::to_owned).collect()
}

#[test]
fn completions_work_for_each_shell() {
    let folder = Folder::empty();
    for (shell, mark) in [
        ("bash", "complete -o nospace -o bashdefault"),
        ("elvish", "edit:completion:arg-completer[novi]"),
        ("fish", "complete --keep-order --exclusive --command novi"),
        ("powershell", "Register-ArgumentCompleter -Native -CommandName novi"),
        ("zsh", "#compdef novi"),
    ] {
        let script = folder.run(&["completions", shell]).expect(0);
        assert_eq!(script.err, "");
        assert!(script.out.contains(mark) && script.out.contains("NOVI_COMPLETE"), "{shell}: {}", script.out);
    }
    // A shell's startup file runs it, possibly without a database or next to an invalid configuration.
    folder.write("novi.toml", "broken");
    folder.run(&["completions", "bash"]).expect(0);
}

#[test]
fn names_are_completed_from_the_database() {
    let folder = Folder::demo();
    let complete = |folder: &Folder, shell: &str, words: &[&str]| -> Vec<String> {
        let mut command = folder.command(&[&["--", "novi"], words].concat());
        command.env("NOVI_COMPLETE", shell).env("_CLAP_COMPLETE_INDEX", words.len().to_string());
        let output = command.env("_CLAP_IFS", "\n").output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
    };
    assert_eq!(complete(&folder, "zsh", &["enable", "Combo"]), ["Combo AND", "Combo OR"]);
    assert_eq!(complete(&folder, "bash", &["enable", "Combo\\ A"]), ["Combo\\ AND"]);
    assert_eq!(complete(&folder, "bash", &["flag", "set", "\"Combo A"]), ["Combo\\ AND"]);
    assert_eq!(complete(&folder, "fish", &["link", "Combo OR", "Date"]), ["Date Activated"]);
    assert_eq!(complete(&folder, "zsh", &["types", "novi.perc"]), ["novi.percentage"]);
    assert!(
        complete(&folder, "zsh", &["activation", "create", "x", "novi.sp"])
            .contains(&"novi.split".to_owned())
    );
    let commands = complete(&folder, "fish", &["roll"]);
    assert!(commands.len() == 2 && commands[0].starts_with("rollout"), "{commands:?}");
    // Neither an unknown database nor an invalid configuration is an error at a prompt.
    assert_eq!(complete(&folder, "zsh", &["--database", "sqlite://none.db", "enable", "C"]), [""; 0]);
    folder.write("novi.toml", "broken");
    assert_eq!(complete(&folder, "zsh", &["enable", "C"]), [""; 0]);
}

#[test]
fn man_pages_are_written_for_every_command() {
    let folder = Folder::empty();
    let run = folder.run(&["man", "pages"]).expect(0);
    let pages: Vec<_> = std::fs::read_dir(folder.path("pages")).unwrap().collect();
    let inner: usize = GROUPS.iter().map(|(_, commands)| commands.len()).sum();
    assert_eq!(pages.len(), 1 + COMMANDS.len() + inner);
    assert_eq!(run.out, format!("{} pages in pages\n", pages.len()));
    let page = std::fs::read_to_string(folder.path("pages/novi-flag-create.1")).unwrap();
    assert!(page.contains("Create flags") && page.contains("\\-\\-dry\\-run"), "{page}");
    folder.write("file", "");
    assert!(folder.run(&["man", "file"]).expect(4).err.contains("could not write to file"));
}

#[test]
fn types() {
    insta::assert_snapshot!(Folder::empty().run(&["types"]).expect(0).transcript());
}

#[test]
fn types_have_valid_json_schemas() {
    let types = Folder::empty().run(&["types", "--json"]).expect(0).json();
    let types = types.as_array().unwrap();
    let classes: Vec<_> = types.iter().map(|kind| kind["class_name"].as_str().unwrap()).collect();
    assert!(classes.is_sorted() && classes.contains(&"novi.date_time"), "{classes:?}");
    for kind in types {
        let schema = &kind["schema"];
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema", "{kind}");
        assert!(!kind["description"].as_str().unwrap().is_empty(), "{kind}");
        assert!(kind["aliases"].is_array(), "{kind}");
        assert_schema(schema);
    }
}

/// Asserts that the value is a schema by the specification, with the keywords that novi uses.
fn assert_schema(schema: &Value) {
    if schema.is_boolean() {
        return;
    }
    let words = schema.as_object().unwrap_or_else(|| panic!("no schema: {schema}"));
    for (word, value) in words {
        match word.as_str() {
            "type" => {
                let names = value.as_array().map_or_else(|| vec![value], |names| names.iter().collect());
                let known = ["null", "boolean", "object", "array", "number", "string", "integer"];
                assert!(!names.is_empty(), "{schema}");
                assert!(names.iter().all(|name| known.iter().any(|known| *name == known)), "{schema}");
            }
            "properties" | "$defs" => value.as_object().unwrap().values().for_each(assert_schema),
            "items" | "additionalProperties" => assert_schema(value),
            "anyOf" | "oneOf" | "allOf" | "prefixItems" => {
                assert!(!value.as_array().unwrap().is_empty(), "{schema}");
                value.as_array().unwrap().iter().for_each(assert_schema);
            }
            "required" => {
                let fields = words["properties"].as_object().unwrap();
                let required = value.as_array().unwrap();
                assert!(required.iter().all(|name| fields.contains_key(name.as_str().unwrap())), "{schema}");
            }
            "minimum" | "maximum" | "exclusiveMinimum" => assert!(value.is_number(), "{schema}"),
            "minItems" | "maxItems" | "minLength" | "maxLength" | "minProperties" | "maxProperties" => {
                assert!(value.is_u64(), "{schema}");
            }
            "$schema" | "title" | "description" | "format" | "$ref" => assert!(value.is_string(), "{schema}"),
            "default" | "examples" | "enum" | "const" => {}
            // For the forms of the admin page.
            other if other.starts_with("x-novi-") => {}
            other => panic!("is {other:?} a word of JSON Schema? {schema}"),
        }
    }
}

#[test]
fn type_is_shown_with_its_fields_their_values_and_an_example() {
    let folder = Folder::empty();
    let shown = folder.run(&["types", "novi.percentage"]).expect(0).out;
    for expected in [
        "novi.percentage\n  On for a share of the callers",
        "config.hash (\"murmur3\" or \"md5\" or ",
        "config.percentage (number from 0 to 100): From 0 to 100",
        "Example:\n\nINSERT INTO flags (id, name, status) VALUES",
        "The JSON Schema of the config: novi types novi.percentage --json",
    ] {
        assert!(shown.contains(expected), "{expected}: {shown}");
    }
    assert!(!shown.contains("```") && !shown.contains("novi.split"), "{shown}");
    let error = folder.run(&["types", "novi.percentag"]).expect(3).err;
    assert!(
        error.contains(
            "no activation type has the class name \"novi.percentag\"; did you mean \"novi.percentage\"?"
        ),
        "{error}"
    );
    let error = folder.run(&["types", "xyzzy"]).expect(3).err;
    assert!(error.contains("`novi types` lists all types"), "{error}");
}
