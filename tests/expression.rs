//! `novi.expression`: its limits, what no vector can show, and CEL's own semantics.

#![allow(clippy::unwrap_used, reason = "tests, and their helpers")]

use novi::{
    Context, Flags,
    rows::{ActivationRow, FlagRow, LinkRow, Rows},
};

fn flag_of(config: &serde_json::Value) -> Flags {
    Flags::from_rows(Rows {
        flags: vec![FlagRow::new(1, "flag", true)],
        activations: vec![ActivationRow::new(1, "row", "novi.expression", config.to_string())],
        links: vec![LinkRow::new(1, 1)],
        ..Rows::default()
    })
    .unwrap()
}

fn flag(expression: &str) -> Flags {
    flag_of(&serde_json::json!({"expression": expression}))
}

/// Whether it is on; else what its row or its explanation says.
fn answer(expression: &str, context: &Context<'_>) -> Result<bool, String> {
    let flags = flag(expression);
    if let Some(issue) = flags.issues().first() {
        return Err(issue.message.clone());
    }
    let trace = flags.explain("flag", context).unwrap();
    assert_eq!(flags.is_enabled("flag", context), trace.enabled, "{expression}");
    let note = trace.activations[0].notes.join("; ");
    if note.starts_with("the expression is") || note.ends_with("is false") {
        Ok(trace.enabled)
    } else {
        Err(note)
    }
}

/// Runs in a thread with as little stack as any service's has.
fn in_a_small_stack(run: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(256 * 1024).spawn(run).unwrap().join().unwrap();
}

#[test]
fn deep_nesting_is_an_issue_and_never_an_overflow() {
    in_a_small_stack(|| {
        let none = Context::new().with("a", true).with("n", 1);
        for (open, middle, close) in [
            ("(", "a", ")"),
            ("!(", "a", ")"),
            ("[", "a", "]"),
            ("{1: ", "a", "}"),
            ("size([", "a", "])"),
            ("-(", "1", ")"),
            ("a ? a : (", "a", ")"),
            ("a ? ", "a", " : a"),
            ("a && (a || ", "a", ")"),
            ("[a].all(x, ", "a", ")"),
            ("n == (n + ", "n", ")"),
            ("", "a", "[0]"),
            ("", "a", ".b"),
            ("", "a", " == a"),
            ("\"a\".contains(", "\"a\"", ")"),
        ] {
            let nested = |depth: usize| format!("{}{middle}{}", open.repeat(depth), close.repeat(depth));
            for depth in [100, 10_000] {
                let text = nested(depth);
                let found = answer(&text, &none);
                let told = found.clone().unwrap_err();
                let is_expected = told.contains("levels inside one another") || told.contains("65536 bytes");
                assert!(is_expected, "{depth} x {open}..{close}: {found:?}");
            }
            // As deep as one may: an answer or an issue, but no overflow.
            for depth in 1..60 {
                let text = nested(depth);
                std::hint::black_box(answer(&text, &none)).ok();
            }
        }
    });
}
