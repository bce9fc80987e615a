//! Programs before and after a flag is taken out.

#![allow(clippy::unwrap_used, reason = "tests")]

use novi_refs::{Answer, Cleaner, cleanup};

/// Cleans a body of a function.
fn cleaned(body: &str, answer: &Answer) -> String {
    let source = format!("fn f(flags: &Flags, ctx: &Context) {{\n{body}\n}}\n");
    let cleaned = cleanup(&source, "new", answer).unwrap().source;
    syn::parse_file(&cleaned).unwrap_or_else(|error| panic!("{error} in {cleaned}"));
    let start = cleaned.find("{\n").map_or(0, |start| start + 2);
    cleaned[start..].strip_suffix("\n}\n").unwrap_or_default().to_owned()
}

#[track_caller]
fn assert_cleaned(before: &str, on: &str, off: &str) {
    assert_eq!(cleaned(before, &Answer::On), on, "on");
    assert_eq!(cleaned(before, &Answer::Off), off, "off");
}

const CALL: &str = r#"flags.is_enabled("new", ctx)"#;

#[test]
fn branches_become_what_they_do() {
    assert_cleaned(
        "    if flags.is_enabled(\"new\", ctx) {\n        a(); // why\n        b()\n    } else {\n        c();\n    }\n    d();",
        "    a(); // why\n    b();\n    d();",
        "    c();\n    d();",
    );
    assert_cleaned(
        "    if !flags.is_enabled(\"new\", ctx) {\n        a();\n    }\n    d();",
        "    d();",
        "    a();\n    d();",
    );
    // The last one is the value of the function.
    assert_cleaned("    if flags.is_enabled(\"new\", ctx) { 1 } else { 2 }", "    1", "    2");
    assert_cleaned(
        "    let x = if self.flags.is_enabled(\"new\", &ctx.with(\"a\", 1)) { 1 } else { let y = 2; y };",
        "    let x = 1;",
        "    let x = { let y = 2; y };",
    );
}

#[test]
fn else_ifs_keep_the_rest_of_the_chain() {
    assert_cleaned(
        "    if x { a() } else if flags.is_enabled(\"new\", ctx) { b() } else { c() }",
        "    if x { a() } else { b() }",
        "    if x { a() } else { c() }",
    );
    assert_cleaned(
        "    if x { a() } else if flags.is_enabled(\"new\", ctx) { b() }\n    d();",
        "    if x { a() } else { b() }\n    d();",
        "    if x { a() }\n    d();",
    );
    assert_cleaned(
        "    if flags.is_enabled(\"new\", ctx) { a() } else if x { b() } else { c() }\n    d();",
        "    a();\n    d();",
        "    if x { b() } else { c() }\n    d();",
    );
}

#[test]
fn conditions_keep_what_depends_on_more() {
    assert_cleaned(
        "    if x.is_admin() && flags.is_enabled(\"new\", ctx) { a(); }",
        "    if x.is_admin() { a(); }",
        // The call on the left may have an effect.
        "    if x.is_admin() && false { a(); }",
    );
    assert_cleaned(
        "    if x.y > 3 && flags.is_enabled(\"new\", ctx) { a(); }\n    d();",
        "    if x.y > 3 { a(); }\n    d();",
        "    d();",
    );
    assert_cleaned(
        "    if flags.is_enabled(\"new\", ctx) || go(x)? { a(); }\n    d();",
        "    a();\n    d();",
        "    if go(x)? { a(); }\n    d();",
    );
    assert_cleaned(
        "    if let Some(x) = y && flags.is_enabled(\"new\", ctx) { a(x); }",
        "    if let Some(x) = y { a(x); }",
        "    if let Some(x) = y && false { a(x); }",
    );
    assert_cleaned(
        "    call(flags.is_enabled(\"new\", ctx), !(flags.is_enabled(\"new\", ctx) || x));",
        "    call(true, false);",
        "    call(false, !(x));",
    );
}

#[test]
fn names_that_a_branch_binds_replace_no_others() {
    assert_cleaned(
        "    let x = 1;\n    if flags.is_enabled(\"new\", ctx) {\n        let x = 2;\n        a(x);\n    }\n    b(x);",
        "    let x = 1;\n    {\n        let x = 2;\n        a(x);\n    }\n    b(x);",
        "    let x = 1;\n    b(x);",
    );
    assert_cleaned(
        "    if flags.is_enabled(\"new\", ctx) {\n        let x = 2;\n        a(x)\n    } else {\n        b()\n    }",
        "    let x = 2;\n    a(x)",
        "    b()",
    );
}

#[test]
fn matches_become_an_arm() {
    assert_cleaned(
        "    match flags.is_enabled(\"new\", ctx) {\n        true => a(),\n        false => {\n            b();\n            c()\n        }\n    }",
        "    a()",
        "    b();\n    c()",
    );
    let guarded = format!("    match {CALL} {{ true if x => a(), _ => b() }}");
    assert_cleaned(&guarded, "    match true { true if x => a(), _ => b() }", "    b()");
}

#[test]
fn texts_keep_their_indentation() {
    assert_cleaned(
        "    if flags.is_enabled(\"new\", ctx) {\n        a(\n            \"one\n        two\",\n        );\n    }\n    d();",
        "    a(\n        \"one\n        two\",\n    );\n    d();",
        "    d();",
    );
}

#[test]
fn nested_uses_are_all_taken_out() {
    assert_cleaned(
        "    if flags.is_enabled(\"new\", ctx) {\n        if flags.is_enabled(\"new\", ctx) && x {\n            a();\n        }\n    } else {\n        b(flags.is_enabled(\"new\", ctx));\n    }",
        "    if x {\n        a();\n    }",
        "    b(false);",
    );
}

#[test]
fn guards_are_removed_or_their_functions_return_the_fallback() {
    let clean = |source: &str, answer| cleanup(source, "new", &answer).unwrap();
    let plain = "/// Doc\n#[novi::enabled(\"new\", ctx = ctx)]\nfn f(ctx: &Context) {\n    a();\n}\n";
    assert_eq!(clean(plain, Answer::On).source, "/// Doc\nfn f(ctx: &Context) {\n    a();\n}\n");
    assert_eq!(clean(plain, Answer::Off).source, "/// Doc\nfn f(ctx: &Context) {}\n");
    let value = "#[enabled(\"new\", otherwise = old(x), variant = \"b\")]\nfn f(x: u8) -> u8 { x }\n";
    assert_eq!(clean(value, Answer::Variant("b".into())).source, "fn f(x: u8) -> u8 { x }\n");
    assert_eq!(clean(value, Answer::Variant("c".into())).source, "fn f(x: u8) -> u8 { old(x) }\n");
    let method =
        "impl A {\n    #[enabled(\"new\")]\n    async fn f(&self) -> Option<u8> {\n        None\n    }\n}\n";
    assert_eq!(
        clean(method, Answer::Off).source,
        "impl A {\n    async fn f(&self) -> Option<u8> { None }\n}\n"
    );
    let result = "#[enabled(\"new\")]\nfn f() -> Result<(), E> { Ok(()) }\n";
    let left = clean(result, Answer::Off);
    assert_eq!(left.source, result);
    assert_eq!(left.leftovers[0].line, 1);
    assert!(left.leftovers[0].why.contains("remove the function"), "{left:?}");
}

#[test]
fn chosen_variants_become_their_arm() {
    let source = "\
#[derive(Feature)]
#[flag(\"new\", rename_all = \"kebab-case\")]
enum Layout { #[default] List, WideGrid, #[flag(rename = \"x\")] Other }

fn f() -> u8 {
    match novi::choose() {
        Layout::List => 1,
        Layout::WideGrid | Layout::Other => 2,
    }
}
";
    let of = |answer: Answer| {
        let cleaned = cleanup(source, "new", &answer).unwrap();
        assert_eq!(cleaned.leftovers.len(), 1, "{cleaned:?}");
        cleaned.source.split("fn f() -> u8 ").nth(1).unwrap().to_owned()
    };
    assert_eq!(of(Answer::Variant("wide-grid".into())), "{\n    2\n}\n");
    assert_eq!(of(Answer::Variant("x".into())), "{\n    2\n}\n");
    assert_eq!(of(Answer::Off), "{\n    1\n}\n");
    assert_eq!(of(Answer::On), "{\n    1\n}\n");
}

#[test]
fn constants_stand_for_the_flag_and_the_rest_is_reported() {
    let source = "const NEW: &str = \"new\";\nfn f() {\n    if flags.is_enabled(NEW, &ctx) { a(); }\n    b(flags.string(\"new\", &ctx, \"\"));\n    log!(\"new\");\n}\n";
    let cleaned = cleanup(source, "new", &Answer::On).unwrap();
    assert!(cleaned.source.contains("    a();\n"), "{cleaned:?}");
    let lines: Vec<_> = cleaned.leftovers.iter().map(|leftover| leftover.line).collect();
    assert_eq!(lines, [1, 4, 5]);
    assert!(cleaned.leftovers[2].why.contains("macro"));
}

#[test]
fn other_flags_and_other_functions_stay() {
    let source =
        "fn f() {\n    if flags.is_enabled(\"old\", &ctx) { a(); }\n    if is_enabled(\"new\") { b(); }\n}\n";
    assert_eq!(cleanup(source, "new", &Answer::On).unwrap().source, source);
    let error = cleanup("fn f( {\n", "new", &Answer::On).unwrap_err();
    assert_eq!(error.line, 1);
}

#[test]
fn attributes_still_decide_what_is_there() {
    let source = "fn f() {\n    #[cfg(debug_assertions)]\n    if flags.is_enabled(\"new\", &c) {\n        a();\n    }\n    let x = match flags.is_enabled(\"new\", &c) {\n        #[cfg(a)]\n        true => 1,\n        #[cfg(not(a))]\n        true => 2,\n        false => 3,\n    };\n}\n";
    let cleaned = cleanup(source, "new", &Answer::On).unwrap();
    assert_eq!(cleaned.source, source.replace("flags.is_enabled(\"new\", &c)", "true"));
    let lines: Vec<_> = cleaned.leftovers.iter().map(|leftover| leftover.line).collect();
    assert_eq!(lines, [2, 6]);
}

#[test]
fn places_that_need_parentheses_get_them() {
    let of = |body: &str| cleaned(&format!("    {body}"), &Answer::On).trim().to_owned();
    let cond = CALL;
    for (before, after) in [
        (format!("let y = 2 * if {cond} {{ a + b }} else {{ 0 }};"), "let y = 2 * (a + b);"),
        (format!("let y = !if {cond} {{ a == b }} else {{ a }};"), "let y = !(a == b);"),
        (
            format!("let y = if {cond} {{ &v.name }} else {{ &w }}.to_uppercase();"),
            "let y = (&v.name).to_uppercase();",
        ),
        (format!("let y = (if {cond} {{ |x| x }} else {{ g }})(a);"), "let y = (|x| x)(a);"),
        (format!("for i in if {cond} {{ S {{ a: 1 }} }} else {{ T }} {{}}"), "for i in (S { a: 1 }) {}"),
        (format!("let y = x == if {cond} {{ a == b }} else {{ false }};"), "let y = x == (a == b);"),
        (format!("f(if {cond} {{ a + b }} else {{ c }}, 1);"), "f(a + b, 1);"),
    ] {
        assert_eq!(of(&before), after);
    }
}

#[test]
fn choices_that_are_left_are_listed() {
    let source = "\
#[derive(Feature)]
#[flag(\"new\")]
enum Layout { #[default] List, Grid }
fn f() {
    a(matches!(flags.choose::<Layout>(c), Layout::Grid));
    if let Layout::Grid = flags.choose(c) {}
    match flags.choose::<Layout>(c) { Layout::List if x => 1, _ => 2 };
    flags.choose::<Other>(c);
}
";
    let cleaned = cleanup(source, "new", &Answer::Variant("Grid".into())).unwrap();
    let lines: Vec<_> = cleaned.leftovers.iter().map(|leftover| leftover.line).collect();
    assert_eq!(lines, [2, 5, 6], "{cleaned:?}");
    assert!(cleaned.source.contains("    2;\n"), "{}", cleaned.source);
    let mut misspelled = Cleaner::new("new", Answer::Variant("grdi".into()));
    misspelled.learn(source).unwrap();
    assert_eq!(
        misspelled.check().unwrap_err().to_string(),
        "Layout has no variant \"grdi\"; it has List, Grid"
    );
}
