//! Many flags, activations, attributes and values: the decisions are right, and memory grows linearly with
//! the rows. `cargo bench --bench scale` measures the time.

use std::collections::BTreeSet;

use allocation_counter::measure;
use novi::{
    Context, Flags,
    rows::{ActivationRow, FlagRow, LinkRow, Rows},
};

use large::Rule;
use murmur3::Salt;
use workloads::{Builder, User};

#[path = "../../benches/workloads/large.rs"]
mod large;
/// Independent of novi's own implementation.
#[allow(dead_code, reason = "nobody draws variants here")]
#[path = "../../benches/floor/murmur3.rs"]
mod murmur3;
#[allow(dead_code, reason = "each takes what it needs")]
#[path = "../../benches/workloads/mod.rs"]
mod workloads;

fn load(rows: Rows) -> Flags {
    let flags = Flags::from_rows(rows).unwrap();
    assert_eq!(flags.issues(), []);
    flags
}

#[test]
fn a_hundred_thousand_flags_follow_their_rules() {
    const COUNT: usize = 100_000;
    let rows = large::differing(COUNT);
    assert_eq!(rows.activations.len(), 2 * COUNT);
    let flags = load(rows);
    let expected = |number: usize, user: &User| {
        let bucket = || Salt::new(&format!("flag-{number}")).bucket(&user.id);
        Rule::of(number).answer(user, bucket)
    };
    // Every flag for a few callers at once.
    let mut on = 0;
    for user in User::some(9).iter().step_by(4) {
        let snapshot = flags.snapshot();
        let context = user.context();
        let decisions = snapshot.evaluate_all(&context);
        assert_eq!(decisions.len(), COUNT);
        for (number, decision) in decisions.iter().enumerate() {
            assert_eq!(decision.flag(), format!("flag-{number}"));
            assert_eq!(decision.enabled(), expected(number, user), "{} for {}", decision.flag(), user.id);
            on += usize::from(decision.enabled());
        }
    }
    // Both decisions occur.
    assert!((COUNT / 2..5 * COUNT / 2).contains(&on), "{on}");
    // Some flags by name, each for another caller.
    for (user, number) in User::some(1000).iter().zip((0..COUNT).step_by(97)) {
        let name = format!("flag-{number}");
        assert_eq!(flags.is_enabled(&name, &user.context()), expected(number, user), "{name}, {}", user.id);
    }
    assert!(!flags.is_enabled(&format!("flag-{COUNT}"), &Context::new()));
}

#[test]
fn flag_evaluates_a_thousand_activations() {
    const COUNT: usize = 1000;
    let flags = load(large::one_flag_of(COUNT));
    let from = |country: &str| flags.is_enabled("flag", &Context::new().with("country", country.to_owned()));
    assert!(from("US"));
    assert!(!from("DE"));
    // Meets one condition of a thousand.
    assert!(!from("country-0") && !from("country-999"));

    // One unmet condition, at the start, in the middle or at the end, turns the flag off.
    for place in [0, COUNT / 2, COUNT - 1] {
        let mut rows = large::one_flag_of(COUNT);
        rows.activations[place].config = Some(r#"{"attribute": "country", "in": ["DE"]}"#.to_owned());
        assert!(!load(rows).is_enabled("flag", &Context::new().with("country", "US")), "{place}");
    }
}

#[test]
fn each_of_a_hundred_attributes_is_found() {
    const COUNT: usize = 100;
    let name = |number: usize| format!("attribute-{number}");
    let mut rows = Builder::default();
    for number in 0..=COUNT {
        let config = format!(r#"{{"attribute": "{}", "equals": {number}}}"#, name(number));
        let id = rows.activation("novi.attribute", &config);
        rows.flag(format!("flag-{number}"), &[id]);
    }
    let flags = load(rows.rows);
    let values = 0..i64::try_from(COUNT).unwrap();
    let context = values
        .clone()
        .fold(Context::new(), |context, value| context.with(format!("attribute-{value}"), value));
    let others = values.fold(Context::new(), |context, value| {
        context.with(format!("attribute-{value}"), if value % 2 == 0 { value } else { -1 })
    });
    for number in 0..=COUNT {
        let flag = format!("flag-{number}");
        assert_eq!(flags.is_enabled(&flag, &context), number < COUNT, "{flag}");
        assert_eq!(flags.is_enabled(&flag, &others), number < COUNT && number % 2 == 0, "{flag}");
    }
}

#[test]
fn a_list_of_a_million_values_is_exact() {
    const COUNT: usize = 1_000_000;
    let id = |number: usize| format!("user-{number:011}");
    let flags = load(large::one_list_of((0..COUNT).map(id)));
    let is_in = |id: String| flags.is_enabled("flag", &Context::new().with("id", id));
    for number in
        [0, 1, COUNT / 2 - 1, COUNT / 2, COUNT - 2, COUNT - 1].into_iter().chain((0..COUNT).step_by(997))
    {
        let text = id(number);
        assert!(is_in(text.clone()), "{text}");
        // Near misses: a character less, more, or in another case.
        for other in [&text[1..], &text[..text.len() - 1], &format!("{text} "), &text.to_uppercase()] {
            assert!(!is_in(other.to_owned()), "{other:?}");
        }
        assert!(!is_in(id(COUNT + number)), "{}", id(COUNT + number));
    }
    for other in ["", "user-", "user-99999999999", "user-0000000000a"] {
        assert!(!is_in(other.to_owned()), "{other:?}");
    }
    assert!(!flags.is_enabled("flag", &Context::new().with("id", 7)));
}

/// The memory of each flag after the rows were compiled and dropped.
fn bytes_a_flag(rows: &Rows) -> i64 {
    let mut flags = None;
    let counted = measure(|| flags = Some(load(rows.clone())));
    drop(flags);
    counted.bytes_current / i64::try_from(rows.flags.len()).unwrap()
}

#[test]
fn flags_take_a_few_hundred_bytes() {
    const COUNT: usize = 10_000;
    // Two activations per flag on average.
    let alike = bytes_a_flag(&workloads::many(COUNT, false));
    assert!((100..=400).contains(&alike), "{alike} bytes a flag where activations are alike");
    // Only different activations take memory each; one with three conditions takes the most.
    let differing = bytes_a_flag(&large::differing(COUNT));
    assert!((100..=480).contains(&differing), "{differing} bytes a flag where all activations differ");
}

/// Each depends on the first one and on its predecessor, so that two circles end in each.
#[test]
fn memory_of_circles_grows_with_their_edges() {
    const COUNT: i64 = 3_000;
    let config = |id: i64| match id {
        COUNT => format!("[1, {}]", id - 1),
        _ => format!("[{}, 1, {}]", id + 1, (id - 1).max(1)),
    };
    let row = |id| ActivationRow::new(id, format!("activation {id}"), "novi.and", config(id));
    let rows = Rows {
        flags: vec![FlagRow::new(1, "flag", true)],
        activations: (1..=COUNT).map(row).collect(),
        links: vec![LinkRow::new(1, 1)],
        ..Rows::default()
    };
    let mut flags = None;
    let counted = measure(|| flags = Some(Flags::from_rows(rows).unwrap()));
    let flags = flags.unwrap();
    assert!(counted.bytes_max < 5000 * u64::try_from(COUNT).unwrap(), "{} bytes", counted.bytes_max);
    let issues = flags.issues();
    assert!(issues.len() > usize::try_from(COUNT).unwrap());
    assert!(!flags.is_enabled("flag", &Context::new()));
    let longest = issues.iter().find(|issue| issue.id == Some(COUNT) && issue.path == "config[0]").unwrap();
    assert_eq!(
        longest.message,
        "activations form a cycle: 1 -> 2 -> 3 -> 4 -> (2993 more) -> 2998 -> 2999 -> 3000 -> 1"
    );
}

/// As many issues as flags, and every flag depends on the row of every issue.
#[test]
fn names_in_issues_of_circles_grow_with_their_flags() {
    const COUNT: i64 = 3_000;
    let config = |id: i64| format!("[{}, 1]", id % COUNT + 1);
    let row = |id| ActivationRow::new(id, format!("activation {id}"), "novi.and", config(id));
    let rows = Rows {
        flags: (1..=COUNT).map(|id| FlagRow::new(id, format!("flag {id}"), true)).collect(),
        activations: (1..=COUNT).map(row).collect(),
        links: (1..=COUNT).map(|id| LinkRow::new(id, id)).collect(),
        ..Rows::default()
    };
    let issues = Flags::from_rows(rows).unwrap().issues();
    let count = usize::try_from(COUNT).unwrap();
    assert!(issues.len() >= count);
    let first = issues.first().unwrap();
    assert_eq!(first.flags.len(), count, "an issue names all of its flags while there are few names");
    let total: usize = issues.iter().map(|issue| issue.flags.len()).sum();
    assert!(total < 2_000_000, "{total} names");
    let different: BTreeSet<&String> = issues.iter().flat_map(|issue| &issue.flags).collect();
    assert_eq!(different.len(), count, "every broken flag is named");
}
