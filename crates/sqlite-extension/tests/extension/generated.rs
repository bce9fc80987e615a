//! Flags and callers that are generated, the same in each run.

use novi::rows::{ActivationRow, FailMode, FlagMetadata, FlagRow, LinkRow, MemberRow, Rows};
use serde_json::{Value, json};

/// SplitMix64.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below a limit.
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((bits ^ (bits >> 31)) % limit as u64).unwrap()
    }

    fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }
}

const COUNTRIES: [&str; 5] = ["US", "CA", "DE", "FR", "JP"];
const PLANS: [&str; 4] = ["free", "pro", "team", "Pro"];
const HASHES: [&str; 6] = ["murmur3", "md5", "sha1", "sha256", "crc32", "xxh3"];

/// One kind of activation: its class and a config.
type Kind = fn(&mut Random, usize) -> (&'static str, Value);

/// Every type of novi. The number is that of the flag: activations refer to earlier ones only.
const KINDS: [Kind; 25] = [
    |random, _| {
        let equal = random.one(&COUNTRIES);
        ("novi.attribute", json!({"attribute": "country", "equals": equal}))
    },
    |random, _| {
        let age = random.below(90);
        ("novi.attribute", json!({"attribute": "age", "greater_or_equal": age, "less": age + 30}))
    },
    |random, _| {
        ("novi.attribute", json!({"attribute": "plan", "in": [random.one(&PLANS), "x"], "ignore_case": true}))
    },
    |random, _| {
        ("novi.attribute", json!({"attribute": "app.version", "semver": format!(">={}.2", random.below(4))}))
    },
    |random, _| ("novi.attribute", json!({"attribute": "tags", "contains": format!("t{}", random.below(4))})),
    |random, _| ("novi.attribute", json!({"attribute": "beta", "equals": random.below(2) == 0})),
    |random, _| ("novi.percentage", json!({"percentage": random.below(101)})),
    |random, _| {
        (
            "novi.percentage",
            json!({"percentage": random.below(101), "hash": random.one(&HASHES), "salt": "s"}),
        )
    },
    |random, _| {
        let weights = json!({"A": random.below(9) + 1, "B": random.below(9), "C": 3});
        ("novi.split", json!({"variants": weights, "by": random.one(&["targetingKey", "country"])}))
    },
    |random, _| {
        let splits = [random.below(50) + 1, random.below(50) + 1];
        ("novi.weighted_random", json!({"splits": splits, "variations": ["A", "B"]}))
    },
    |random, _| ("novi.bucket", json!({"ranges": [[0, random.below(5000)], [7500, 10000]], "total": 10000})),
    |random, _| {
        let steps = json!([
            {"at": "2027-01-01T00:00:00Z", "percentage": 0},
            {"at": "2027-12-31T00:00:00Z", "percentage": random.below(100) + 1},
        ]);
        ("novi.ramp", json!({"linear": true, "steps": steps}))
    },
    |random, _| {
        ("novi.date_time", json!({"startDateTime": format!("2027-0{}-01T00:00:00Z", 1 + random.below(9))}))
    },
    |random, _| {
        ("novi.expires", json!({"at": format!("2027-0{}-01", 1 + random.below(9)), "timezone": "Asia/Tokyo"}))
    },
    |random, _| {
        let from = format!("0{}:00", random.below(9));
        let weekdays = ["mon", random.one(&["tue", "sat"])];
        (
            "novi.schedule",
            json!({"weekdays": weekdays, "from": from, "to": "17:00", "timezone": "Europe/Madrid"}),
        )
    },
    |random, _| {
        let cron = format!("0 {} * * *", random.below(24));
        ("novi.schedule", json!({"cron": cron, "duration": "8h", "timezone": "America/New_York"}))
    },
    |random, _| {
        let expression = format!("plan == 'pro' && age >= {} || size(tags) > 1", random.below(90));
        ("novi.expression", json!({"expression": expression}))
    },
    |random, _| {
        (
            "novi.members",
            json!({"allow": [format!("user-{}", random.below(50)), "user-7"], "deny": ["user-3"]}),
        )
    },
    |random, _| {
        ("novi.ip", json!({"networks": [format!("10.{}.0.0/14", random.below(16) * 4), "2001:db8::/32"]}))
    },
    |random, _| ("novi.environment", json!({"environments": [random.one(&["test", "production"])]})),
    |random, _| ("novi.host", json!({"hosts": [random.one(&["web-*", "db-1"])]})),
    |random, _| ("novi.static", json!({"variant": random.one(&["A", "B"])})),
    |random, _| {
        let by =
            json!({"by": "country", "cases": {"CA": "A", "US": {"split": {"variants": {"B": 5, "C": 95}}}}});
        (
            "novi.switch",
            if random.below(2) == 0 {
                by
            } else {
                json!({"by": "plan", "cases": {"pro": "A"}, "fallback": "B"})
            },
        )
    },
    |random, _| {
        let variants = json!({"A": random.below(9) + 1, "B": random.below(9) + 1});
        let layer = json!({"name": "checkout", "from": 0, "to": random.below(100) + 1});
        (
            "novi.experiment",
            json!({
                "state": random.one(&["draft", "running"]), "variants": variants, "control": "A",
                "hash": random.one(&["murmur3", "sha256", "ufc"]), "traffic": random.below(101), "layer": layer, "holdout": {"name": "2027", "percentage": 5},
            }),
        )
    },
    |random, flag| {
        let when = inline(random, flag);
        let rules = json!([{"when": when, "variant": "A"}, {"when": inline(random, flag), "off": true}]);
        ("novi.rules", json!({"rules": rules, "fallthrough": {"split": {"variants": {"A": 1, "B": 2}}}}))
    },
];

fn inline(random: &mut Random, flag: usize) -> Value {
    let kind = random.below(KINDS.len() - 1);
    let (class_name, config) = KINDS[kind](random, flag);
    json!({"class_name": class_name, "config": config})
}

/// A combination of others, by id or inline, or a condition on another flag.
fn combination(random: &mut Random, flag: usize) -> (&'static str, Value) {
    let children = |random: &mut Random| {
        let earlier = random.below(flag.max(2)).max(1);
        json!([inline(random, flag), earlier, inline(random, flag)])
    };
    match random.below(5) {
        0 => ("novi.and", children(random)),
        1 => ("novi.or", children(random)),
        2 => ("novi.at_least", json!({"count": 2, "activations": children(random)})),
        3 => ("novi.not", json!([inline(random, flag)])),
        _ => ("novi.flag", json!({"flag": format!("flag {}", random.below(flag.max(2)))})),
    }
}

/// Flags, some of them with invalid rows.
pub(crate) fn rows(random: &mut Random, count: usize) -> Rows {
    let mut rows = Rows::default();
    for number in 1..=count {
        let id = i64::try_from(number).unwrap();
        let mut flag = FlagRow::new(id, format!("flag {number}"), random.below(12) > 0);
        flag.metadata = FlagMetadata {
            fail_mode: random.one(&[FailMode::Off, FailMode::On, FailMode::LastKnown]),
            variants: random.one(&[None, None, Some(r#"{"A": 1, "B": 2.5, "C": [3], "D": "d"}"#.to_owned())]),
            off_variant: random.one(&[None, Some("D".to_owned())]),
            default_variant: random.one(&[None, None, Some("B".to_owned())]),
            ..FlagMetadata::default()
        };
        rows.flags.push(flag);
        let (class, config) = match random.below(40) {
            0..26 => {
                let kind = (number + random.below(2)) % KINDS.len();
                KINDS[kind](random, number)
            }
            26..38 => combination(random, number),
            38 => ("novi.no_such_type", json!({})),
            _ => ("novi.percentage", json!({"percentage": "many"})),
        };
        let name = format!("it's {number}");
        rows.activations.push(ActivationRow::new(id, name, class, config.to_string()));
        rows.links.push(LinkRow::new(id, id));
        if random.below(4) == 0 && number > 1 {
            let other = i64::try_from(random.below(number - 1) + 1).unwrap();
            rows.links.push(LinkRow::new(id, other));
        }
        if class == "novi.members" {
            rows.members.extend((0..40).map(|member| MemberRow {
                denied: member % 5 == 0,
                ..MemberRow::allowed(id, format!("user-{}", 100 + member))
            }));
        }
    }
    // Of two members with one name, the database takes none.
    rows.members
        .sort_by(|one, other| (one.activation_id, &one.member).cmp(&(other.activation_id, &other.member)));
    rows
}

/// A caller: a JSON object. Its time is its own, so that it is the same for all programs.
pub(crate) fn caller(random: &mut Random, number: usize) -> Value {
    let mut caller = json!({
        "targetingKey": format!("user-{number}"),
        "currentDateTime": format!("2027-{:02}-{:02}T{:02}:30:00Z", 1 + number % 12, 1 + number % 28, number % 24),
        "country": random.one(&COUNTRIES),
        "plan": random.one(&PLANS),
        "age": random.below(100),
        "score": f64::from(u8::try_from(random.below(200)).unwrap()) / 8.0,
        "beta": random.below(2) == 0,
        "tags": (0..random.below(4)).map(|tag| format!("t{tag}")).collect::<Vec<_>>(),
        "app": {"version": format!("{}.{}.0", random.below(4), random.below(5))},
        "ip": format!("10.{}.3.4", random.below(256)),
        "environment": random.one(&["test", "production"]),
        "host": random.one(&["web-1", "db-1"]),
        "name": "O'Neil \"\\ \u{1F600}",
    });
    if let Some(fields) = caller.as_object_mut() {
        // Many a caller lacks something, or has it in another type.
        for name in ["targetingKey", "country", "plan", "age", "beta", "tags", "ip"] {
            match random.below(12) {
                0 => drop(fields.remove(name)),
                1 => drop(fields.insert(name.to_owned(), Value::Null)),
                2 => drop(fields.insert(name.to_owned(), json!(number))),
                _ => (),
            }
        }
    }
    caller
}
