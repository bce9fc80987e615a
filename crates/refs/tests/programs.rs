//! Programs compile after a flag is taken out, and do the same.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::{env, fmt::Write as _, fs, process::Command};

use novi_refs::{Answer, cleanup};

/// What a program is made of. `COND` is one of the conditions.
const SHAPES: [&str; 26] = [
    "if COND {\n        log.push(1);\n    }\n    log.push(2);\n    x",
    "if COND {\n        log.push(1); // why\n    } else {\n        log.push(2);\n        log.push(3);\n    }\n    x",
    "if COND { x + 1 } else { x - 1 }",
    "if COND {\n        let x = 7;\n        log.push(x);\n    }\n    log.push(x);\n    x",
    "let y = if COND { 10 } else { let z = x * 2; z + 1 };\n    y + x",
    "if x == 3 {\n        log.push(1)\n    } else if COND {\n        log.push(2)\n    } else {\n        log.push(3)\n    }\n    x",
    "if COND {\n        log.push(1)\n    } else if x == 3 {\n        log.push(2)\n    } else {\n        log.push(3)\n    }\n    x",
    "if x == 0 { log.push(1) } else if COND { log.push(2) }\n    x",
    "match COND {\n        true => log.push(1),\n        false => {\n            log.push(2);\n            log.push(3)\n        }\n    }\n    x",
    "let is_on = COND;\n    log.push(i32::from(is_on));\n    i32::from(!is_on) + x",
    "for n in 0..x {\n        if COND {\n            continue;\n        }\n        log.push(n);\n    }\n    x",
    "if COND {\n        return 9;\n    }\n    x",
    "let f = |y: i32| if COND { y } else { -y };\n    f(x) + f(1)",
    "if COND {\n        if x > 1 || COND {\n            log.push(4);\n        } else {\n            log.push(5);\n        }\n    } else {\n        log.push(i32::from(COND));\n    }\n    x",
    "2 * if COND { x + 1 } else { 0 }",
    "let y = -if COND { x + 1 } else { 1 };\n    y",
    "let y = x > 0 && if COND { even(x) || x == 1 } else { false };\n    i32::from(y)",
    "x - if COND { x - 1 } else { 2 }",
    "let y = if COND { x + 1 } else { x } as i64;\n    y as i32",
    "let y = if COND { 1..4 } else { 0..2 }.contains(&x);\n    i32::from(y)",
    "for n in if COND { 0..x } else { 0..1 } {\n        log.push(n);\n    }\n    x",
    "match if COND { x + 1 } else { x } {\n        1 => 5,\n        n => n,\n    }",
    "i32::from(COND && { log.push(1); true } || even(x))",
    "let y = &if COND { [x, x + 1] } else { [1, 2] }[1];\n    *y",
    "#[allow(unused)]\n    if COND {\n        log.push(1);\n    }\n    x",
    "let y = x == 2 || match COND {\n        true => x == 1 || even(x),\n        false => false,\n    };\n    i32::from(y)",
];

const CONDITIONS: [&str; 12] = [
    "CALL",
    "!CALL",
    "CALL && x > 1",
    "x > 1 && CALL",
    "CALL || x > 1",
    "x > 1 || CALL",
    "!(CALL || x > 2)",
    "(CALL && x > 1) || x == 0",
    "x != 2 && (CALL || even(x))",
    "even(x) && CALL",
    "even(x) || !CALL",
    "CALL && even(x) && !CALL",
];

const STUBS: &str = "\
struct Context;
struct Flags(bool);
impl Flags {
    fn is_enabled(&self, _: &str, _: &Context) -> bool {
        self.0
    }
}
fn even(x: i32) -> bool {
    x % 2 == 0
}
";

fn function(name: &str, body: &str) -> String {
    format!("fn {name}(flags: &Flags, ctx: &Context, x: i32, log: &mut Vec<i32>) -> i32 {{\n    {body}\n}}\n")
}

#[test]
fn programs_do_the_same_without_the_flag() {
    let mut source = format!("#![allow(warnings)]\n{STUBS}");
    let mut calls = String::new();
    let mut number = 0;
    for shape in SHAPES {
        for condition in CONDITIONS {
            let condition = condition.replace("CALL", "flags.is_enabled(\"new\", ctx)");
            let body = shape.replace("COND", &condition);
            let before = format!("before_{number}");
            source.push_str(&function(&before, &body));
            for (answer, is_on) in [(Answer::On, true), (Answer::Off, false)] {
                let after = format!("after_{number}_{is_on}");
                let cleaned = cleanup(&function(&after, &body), "new", &answer).unwrap();
                let is_open = |leftover: &novi_refs::Leftover| !leftover.why.contains("by hand");
                assert!(!cleaned.leftovers.iter().any(is_open), "{cleaned:?}");
                let is_open = ["&& false", "|| true", "if true", "if false"]
                    .iter()
                    .any(|rest| cleaned.source.contains(rest));
                assert_eq!(cleaned.leftovers.is_empty(), !is_open, "{cleaned:?}");
                source.push_str(&cleaned.source);
                writeln!(calls, "    compare(\"{after}\", {before}, {after}, {is_on});").unwrap();
            }
            number += 1;
        }
    }
    source.push_str(
        "type Program = fn(&Flags, &Context, i32, &mut Vec<i32>) -> i32;
fn compare(name: &str, before: Program, after: Program, is_on: bool) {
    for x in 0..5 {
        let run = |program: Program| {
            let mut log = Vec::new();
            (program(&Flags(is_on), &Context, x, &mut log), log)
        };
        // What is left of a flag may not be asked.
        let expected = run(before);
        assert_eq!(run(after), expected, \"{name} with {x}\");
    }
}
",
    );
    write!(source, "fn main() {{\n{calls}}}\n").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (file, program) = (folder.path().join("main.rs"), folder.path().join("program"));
    fs::write(&file, &source).unwrap();
    let rustc = env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let compiled =
        Command::new(rustc).args(["--edition", "2024", "-o"]).arg(&program).arg(&file).output().unwrap();
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    let run = Command::new(&program).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
}
