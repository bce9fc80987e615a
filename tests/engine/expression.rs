//! `novi.expression`: its limits, properties beyond vectors, and a comparison with another CEL.

use std::collections::HashMap;

use cel::objects::Value as CelValue;
use novi::{Context, Flags};
use proptest::prelude::*;

use crate::common::rows::one_flag;

fn flag_of(config: &serde_json::Value) -> Flags {
    Flags::from_rows(one_flag("flag", "novi.expression", config.to_string())).unwrap()
}

fn flag(expression: &str) -> Flags {
    flag_of(&serde_json::json!({"expression": expression}))
}

/// Whether the flag is on, or what its issues or its explanation say.
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

/// Runs on a thread with a small stack, as in services.
fn in_a_small_stack(run: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(256 * 1024).spawn(run).unwrap().join().unwrap();
}

#[test]
fn errors_of_types_are_explained_with_the_function_and_the_types() {
    let context = Context::new().with("n", 1);
    for (expression, expected) in [
        ("n.startsWith('x')", "`n.startsWith('x')`: `startsWith` is not defined for an int and a string"),
        ("size(1) == n", "line 1, column 1: `size` is not defined for an int"),
        ("max(1, n) == n", "line 1, column 1: unknown function `max`; did you mean `math.greatest`?"),
    ] {
        assert_eq!(answer(expression, &context), Err(expected.to_owned()));
    }
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
                let is_expected = told.contains("nested too deeply") || told.contains("the limit is 65536");
                assert!(is_expected, "{depth} x {open}..{close}: {found:?}");
            }
            // At the maximum depth: a decision or an issue, but no overflow.
            for depth in 1..60 {
                let text = nested(depth);
                std::hint::black_box(answer(&text, &none)).ok();
            }
        }
    });
}

#[test]
fn expressions_stop_at_their_step_limit() {
    let thousand: Vec<i64> = (0..1000).collect();
    let text = "x".repeat(1 << 20);
    let context = Context::new().with("xs", thousand).with("s", text.as_str()).with("p", "(a{100}){100}");
    for expression in [
        "xs.all(a, xs.all(b, xs.all(c, a + b + c >= 0)))",
        "xs.exists(a, xs.map(b, xs) == a)",
        // The other operand no longer counts.
        "xs.all(a, xs.all(b, b >= 0)) || true == s.contains(\"x\")",
        "xs.map(a, s + s).size() > 0",
        "xs.map(a, s.contains(\"y\")).size() > 0",
        "xs.exists(a, s.matches(p))",
        "xs.exists(a, s.matches(\"^(a|aa)+$\"))",
        "[xs, xs, xs].map(a, xs.map(b, xs + xs)) == []",
    ] {
        let told = answer(expression, &context).unwrap_err();
        assert!(told.ends_with("exceeds 100,000 steps"), "{expression}: {told}");
    }
    assert_eq!(answer("xs.all(a, xs.exists(b, b == 7))", &context), Ok(true));
}

#[test]
fn conditions_allocate_nothing() {
    let config = serde_json::json!({
        "expression": r#"plan == "pro" && age >= 18 && semver(app) >= semver("2.1") && country in config.countries
            && mail.matches("@example\\.com$") && inCidr(ip, "10.0.0.0/8") && user.name.startsWith("a") && !has(context.x)
            && (roles.size() > 1 ? "admin" in roles : false) && (missing == 1 || age % 2 == 0)"#,
        "config": {"countries": ["de", "fr"]},
    });
    let flags = flag_of(&config);
    let user: novi::Value<'_> = serde_json::json!({"name": "anna"}).into();
    let context = Context::new()
        .with("plan", "pro")
        .with("age", 42)
        .with("app", "2.10.3")
        .with("country", "fr")
        .with("mail", "a@example.com")
        .with("ip", "10.1.2.3")
        .with("user", user)
        .with("roles", ["user", "admin"]);
    assert!(flags.is_enabled("flag", &context), "{}", flags.explain("flag", &context).unwrap());
    let info = allocation_counter::measure(|| assert!(flags.is_enabled("flag", &context)));
    assert_eq!(info.count_total, 0);
}

/// Integers as signed ones: serde would make positive ones unsigned.
fn cel_value(json: &serde_json::Value) -> CelValue {
    use serde_json::Value as Json;
    match json {
        Json::Null => CelValue::Null,
        Json::Bool(value) => CelValue::Bool(*value),
        Json::Number(number) => {
            number.as_i64().map_or_else(|| CelValue::Float(number.as_f64().unwrap()), CelValue::Int)
        }
        Json::String(text) => text.as_str().into(),
        Json::Array(values) => values.iter().map(cel_value).collect::<Vec<_>>().into(),
        Json::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), cel_value(value)))
            .collect::<HashMap<_, _>>()
            .into(),
    }
}

/// The result of the crate `cel`: `None` if it is an error or not a boolean.
fn cel_answer(expression: &str, variables: &serde_json::Value) -> Option<bool> {
    let program = cel::Program::compile(expression).ok()?;
    let mut context = cel::Context::default();
    for (name, value) in variables.as_object().unwrap() {
        context.add_variable_from_value(name.as_str(), cel_value(value));
    }
    match program.execute(&context) {
        Ok(CelValue::Bool(value)) => Some(value),
        _ => None,
    }
}

fn variables() -> serde_json::Value {
    serde_json::json!({
        "i": 3, "j": -7, "zero": 0, "least": i64::MIN, "most": i64::MAX, "d": 2.5, "e": 3.0, "s": "abc", "t": "größe", "u": "",
        "yes": true, "no": false, "xs": [1, 2, 3], "ys": [3.0, "a", true], "none": [], "m": {"a": 1, "b": "x"},
        "at": "2026-02-03T04:05:06Z", "n": "12",
    })
}

type Part = BoxedStrategy<String>;

fn one_of(parts: &'static [&'static str]) -> Part {
    prop::sample::select(parts).prop_map(str::to_owned).boxed()
}

fn number() -> Part {
    let whole = one_of(&[
        "i", "j", "zero", "least", "most", "1", "3", "-1", "2u", "size(xs)", "int(n)", "m.a", "xs[0]", "x",
    ]);
    let other = one_of(&["d", "e", "1.5", "3.0", "double(i)", "missing"]);
    prop_oneof![3 => whole, 1 => other].boxed()
}

fn text() -> Part {
    one_of(&["s", "t", "u", "\"abc\"", "'b'", "m.b", "string(i)", "s + t", "n", "missing"])
}

fn list() -> Part {
    one_of(&[
        "xs",
        "ys",
        "none",
        "[1, i, d]",
        "[s, \"b\"]",
        "xs + ys",
        "xs.filter(x, x > i)",
        "xs.map(x, x * 2)",
        "m",
        "[[1], [s]]",
    ])
}

fn comparison() -> Part {
    one_of(&["==", "!=", "<", "<=", ">", ">="])
}

/// Expressions without operands; mostly conversions and times.
fn alone() -> Part {
    one_of(&[
        "yes",
        "no",
        "missing",
        "has(m.a)",
        "has(m.c)",
        "has(missing.a)",
        "1",
        "s",
        "type(i) == int",
        "timestamp(at) < timestamp(\"2027-01-01T00:00:00Z\")",
        "timestamp(at).getDayOfWeek() == 2",
        "timestamp(s) < timestamp(at)",
        "timestamp(at).getHours(\"Europe/Berlin\") == 5",
        "timestamp(at) + duration(\"90m\") == timestamp(\"2026-02-03T05:35:06Z\")",
        "timestamp(at) - timestamp(\"2026-02-03T04:05:05.5Z\") == duration(\"500ms\")",
        "duration(\"1.5h\") > duration(\"89m59s\")",
        "type(d) == double",
        "type(s) == string",
        "int(d) == 2",
        "int(s) == 1",
        "uint(j) == 1u",
        "int(\"-5\") == -5",
        "double(n) == 12.0",
        "string(d) == \"2.5\"",
        "{s: 1}[\"abc\"] == 1",
        "xs[3] == 1",
        "m[\"c\"] == 1",
        "xs[1] == 2",
        "-least > 0",
    ])
}

/// A condition. Most operands have the expected type, so that not all results are errors.
fn condition() -> Part {
    let operand = prop_oneof![4 => number(), 3 => text(), 1 => list(), 1 => one_of(&["null", "yes"])];
    let sum = (number(), one_of(&["+", "-", "*", "/", "%"]), number())
        .prop_map(|(one, operator, other)| format!("({one} {operator} {other})"));
    let sum = prop_oneof![sum, number()];
    let between = |(one, operator, other)| format!("{one} {operator} {other}");
    prop_oneof![
        (sum.clone(), comparison(), sum).prop_map(between),
        (operand.clone(), comparison(), operand.clone()).prop_map(between),
        (text(), one_of(&["contains", "startsWith", "endsWith", "matches"]), text())
            .prop_map(|(one, function, other)| format!("{one}.{function}({other})")),
        (operand, one_of(&["in"]), list()).prop_map(between),
        (list(), comparison(), list()).prop_map(between),
        (text(), comparison(), -2..9_i64)
            .prop_map(|(text, operator, size)| format!("size({text}) {operator} {size}")),
        alone(),
    ]
    .boxed()
}

fn expression() -> Part {
    let nested = |inner: Part| {
        let several = prop::collection::vec(inner.clone(), 2..4);
        let three = (inner.clone(), inner.clone(), inner.clone());
        prop_oneof![
            several.clone().prop_map(|parts| format!("({})", parts.join(" && "))),
            several.prop_map(|parts| format!("({})", parts.join(" || "))),
            inner.clone().prop_map(|part| format!("!({part})")),
            three.prop_map(|(when, then, other)| format!("(({when}) ? ({then}) : ({other}))")),
            (list(), one_of(&["all", "exists", "exists_one"]), inner)
                .prop_map(|(list, kind, part)| format!("{list}.{kind}(x, ({part}))")),
        ]
    };
    condition().prop_recursive(4, 24, 3, nested).boxed()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn answers_equal_those_of_another_cel(expression in expression()) {
        let variables = variables();
        let context = Context::try_from(variables.clone()).unwrap();
        let flags = flag(&expression);
        // An expression that always fails is an issue in novi; in `cel` it fails when it is evaluated.
        if flags.issues().is_empty() {
            let own = answer(&expression, &context).ok();
            // Its parser recurses without a limit and needs more stack than a test thread has.
            let other = std::thread::scope(|scope| {
                let asked = std::thread::Builder::new().stack_size(256 << 20).spawn_scoped(scope, || cel_answer(&expression, &variables));
                asked.unwrap().join().unwrap()
            });
            prop_assert_eq!(own, other, "{}", expression);
        }
    }

    #[test]
    fn arbitrary_text_is_compiled_without_a_panic(text in "\\PC{0,60}", json in "[\\[\\]{}(),.:?!&|=<>+*/%\"'a-c0-9 \n-]{0,60}") {
        for text in [text, json] {
            let context = Context::new().with("a", 1).with("b", "x").with("c", true);
            answer(&text, &context).ok();
        }
    }

    #[test]
    fn arbitrary_values_are_evaluated_without_a_panic(expression in expression(), values in prop::collection::vec("null|true|-?[0-9]{1,25}|[0-9]\\.[0-9]e[0-9]{1,2}|\"[a-z0-9:.T-]{0,8}\"|\\[1,\"a\"\\]|\\{\"a\":1\\}", 6)) {
        let names = ["i", "d", "s", "xs", "m", "at"];
        let fields: Vec<_> = names.iter().zip(&values).map(|(name, value)| format!("\"{name}\":{value}")).collect();
        let context = Context::from_json(&format!("{{{}}}", fields.join(",")));
        if let Ok(context) = context {
            answer(&expression, &context).ok();
        }
    }
}
