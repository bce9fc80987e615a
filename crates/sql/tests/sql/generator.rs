//! Generated flags and callers.

use chrono::{DateTime, TimeDelta, Utc};
use novi::{
    Context,
    rows::{ActivationRow, FlagRow, LinkRow, MemberRow, Rows},
};
use serde_json::{Value, json};

/// Reproducible random numbers.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    pub(crate) fn pick<T: Clone>(&mut self, list: &[T]) -> T {
        list[self.roll(list.len())].clone()
    }

    fn one_of(&mut self, sides: usize) -> bool {
        self.roll(sides) == 0
    }
}

/// Values that databases compare in ways of their own.
const TEXTS: [&str; 26] = [
    "pro",
    "Pro",
    "PRO",
    "pro ",
    " pro",
    "",
    " ",
    "team",
    "Team",
    "ünï",
    "ÜNÏ",
    "日本",
    "it's",
    "back\\slash",
    "a\"b",
    "\u{212a}",
    "k",
    "ſ",
    "s",
    "İ",
    "i",
    "%",
    "_",
    "7",
    "7.0",
    "true",
];
const INTEGERS: [i64; 14] = [
    0,
    1,
    -1,
    7,
    17,
    18,
    19,
    120,
    9_007_199_254_740_992,
    9_007_199_254_740_993,
    i64::MAX,
    i64::MIN,
    -18,
    2_147_483_648,
];
const NUMBERS: [f64; 12] =
    [0.0, 0.1, 0.5, -0.5, 7.0, 7.5, 18.0, 1e15, 1e-7, -1e300, 1e300, 0.300_000_000_000_000_04];

/// The time that flags are evaluated at.
pub(crate) fn now() -> DateTime<Utc> {
    "2026-11-28T12:00:00Z".parse().unwrap()
}

/// A caller, whose attributes may be missing.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) id: Option<String>,
    pub(crate) number: Option<i64>,
    pub(crate) plan: Option<String>,
    pub(crate) country: Option<String>,
    pub(crate) age: Option<i64>,
    pub(crate) score: Option<f64>,
    pub(crate) beta: Option<bool>,
    pub(crate) seen: Option<DateTime<Utc>>,
    pub(crate) joined: Option<DateTime<Utc>>,
    pub(crate) clock: Option<DateTime<Utc>>,
}

/// The columns of the table of callers, with the type of each.
pub(crate) const COLUMNS: &str = r#"{"targetingKey": "id:text", "number": "number:integer", "plan": "plan:text",
    "country": "odd \"`name:text", "age": "age:integer", "score": "score:number", "beta": "beta:boolean",
    "seen": "seen:instant", "user.joined": "joined:datetime"}"#;

pub(crate) fn callers(dice: &mut Dice, count: usize) -> Vec<Caller> {
    let caller = |index: usize| Caller {
        id: match dice.roll(20) {
            0 => None,
            1 => Some(String::new()),
            2 => Some(dice.pick(&TEXTS).to_owned()),
            _ => Some(format!("user-{index}")),
        },
        number: (!dice.one_of(8))
            .then(|| if dice.one_of(3) { dice.pick(&INTEGERS) } else { i64::try_from(index).unwrap() }),
        plan: (!dice.one_of(8)).then(|| dice.pick(&TEXTS).to_owned()),
        country: (!dice.one_of(8)).then(|| dice.pick(&TEXTS).to_owned()),
        age: (!dice.one_of(8)).then(|| dice.pick(&INTEGERS)),
        score: (!dice.one_of(8)).then(|| dice.pick(&NUMBERS)),
        beta: (!dice.one_of(4)).then(|| dice.one_of(2)),
        seen: (!dice.one_of(8)).then(|| time(dice)),
        joined: (!dice.one_of(8)).then(|| time(dice)),
        clock: (!dice.one_of(4)).then(|| if dice.one_of(3) { soon(dice) } else { time(dice) }),
    };
    (0..count).map(caller).collect()
}

/// A time near the one that flags are evaluated at, with microseconds.
fn time(dice: &mut Dice) -> DateTime<Utc> {
    let hours = i64::try_from(dice.roll(200)).unwrap() - 100;
    let micros = [0, 0, 1, 500_000, 999_999];
    now() + TimeDelta::hours(hours) + TimeDelta::microseconds(dice.pick(&micros))
}

/// A time within a second of the one that flags are evaluated at, in which short ramps rise.
pub(crate) fn soon(dice: &mut Dice) -> DateTime<Utc> {
    now() + TimeDelta::microseconds(i64::try_from(dice.roll(1_000_000)).unwrap())
}

impl Caller {
    /// The caller as an evaluation sees it. Without a clock of its own, it has the time that flags are evaluated at.
    pub(crate) fn context(&self, has_clock: bool) -> Context<'static> {
        let clock = self.clock.filter(|_| has_clock).unwrap_or_else(now);
        Context::new()
            .with("targetingKey", self.id.clone())
            .with("number", self.number)
            .with("plan", self.plan.clone())
            .with("country", self.country.clone())
            .with("age", self.age)
            .with("score", self.score)
            .with("beta", self.beta)
            .with("seen", self.seen)
            .with("user.joined", self.joined)
            .with("currentDateTime", clock)
    }
}

/// Rows with a number of flags, which use one another.
pub(crate) fn rows(dice: &mut Dice, flags: usize) -> Rows {
    let mut rows = Rows::default();
    for index in 0..flags {
        let id = i64::try_from(index).unwrap() + 1;
        let name =
            if dice.one_of(10) { format!("flag '{}' {id}", dice.pick(&TEXTS)) } else { format!("flag {id}") };
        let mut flag = FlagRow::new(id, name, !dice.one_of(12));
        flag.metadata.default_variant = dice.one_of(6).then(|| "fallback".to_owned());
        flag.metadata.off_variant = dice.one_of(6).then(|| "off".to_owned());
        let known: Vec<String> = rows.flags.iter().map(|row| row.name.clone()).collect();
        for _ in 0..dice.roll(4) {
            let shared = rows.activations.len();
            if shared > 0 && dice.one_of(6) {
                rows.links.push(LinkRow::new(id, i64::try_from(dice.roll(shared)).unwrap() + 1));
                continue;
            }
            let (class, config) = activation(dice, &known, shared, 0);
            let activation = i64::try_from(shared).unwrap() + 1;
            if class == "novi.members" {
                let member = |dice: &mut Dice, denied| MemberRow {
                    denied,
                    ..MemberRow::allowed(activation, format!("user-{}", dice.roll(500)))
                };
                let count = dice.roll(3);
                for _ in 0..count {
                    let denied = dice.one_of(3);
                    let member = member(dice, denied);
                    if rows
                        .members
                        .iter()
                        .all(|known| (known.activation_id, &known.member) != (activation, &member.member))
                    {
                        rows.members.push(member);
                    }
                }
            }
            rows.activations.push(ActivationRow::new(
                activation,
                format!("row {activation}"),
                class,
                config.to_string(),
            ));
            rows.links.push(LinkRow::new(id, activation));
        }
        rows.links.sort_by_key(|link| (link.flag_id, link.activation_id));
        rows.links.dedup();
        rows.flags.push(flag);
    }
    rows
}

/// The class and the config of an activation. `shared` is the number of rows that it may refer to.
fn activation(dice: &mut Dice, flags: &[String], shared: usize, depth: usize) -> (&'static str, Value) {
    let combines = depth < 3 && dice.one_of(3);
    let child = |dice: &mut Dice| {
        if shared > 0 && dice.one_of(4) {
            return json!(dice.roll(shared) + 1);
        }
        let (class, config) = activation(dice, flags, shared, depth + 1);
        json!({"class_name": class, "config": config})
    };
    let children = |dice: &mut Dice| -> Vec<Value> { (0..dice.roll(4)).map(|_| child(dice)).collect() };
    if combines {
        return match dice.roll(7) {
            0 => ("novi.and", children(dice).into()),
            1 => ("novi.or", children(dice).into()),
            2 => ("novi.not", json!([child(dice)])),
            3 => {
                let list = children(dice);
                ("novi.at_least", json!({"count": dice.roll(list.len() + 1), "activations": list}))
            }
            4 if !flags.is_empty() => {
                let mut config = json!({"flag": dice.pick(flags)});
                if dice.one_of(2) {
                    config["variant"] = json!(["a", "b", "fallback"]);
                }
                ("novi.flag", config)
            }
            5 => switch(dice, flags, shared, depth),
            _ => {
                let rule = |dice: &mut Dice| {
                    let mut rule = json!({"when": child(dice)});
                    match dice.roll(5) {
                        0 => rule["variant"] = json!(dice.pick(&["a", "b", "A"])),
                        1 => rule["on"] = json!(dice.one_of(2)),
                        2 => rule["split"] = split(dice),
                        3 => rule["then"] = child(dice),
                        _ => {}
                    }
                    rule
                };
                let rules: Vec<Value> = (0..dice.roll(4)).map(|_| rule(dice)).collect();
                let fallthrough = assignment(dice, flags, shared, depth);
                ("novi.rules", json!({"rules": rules, "fallthrough": fallthrough}))
            }
        };
    }
    match dice.roll(14) {
        0 | 1 => draw(dice),
        2 => ("novi.split", split(dice)),
        3 => {
            let members = |dice: &mut Dice| -> Vec<Value> {
                let one = |dice: &mut Dice| match dice.roll(3) {
                    0 => json!(dice.pick(&TEXTS[6..])),
                    1 => json!(dice.roll(500)),
                    _ => json!(format!("user-{}", dice.roll(500))),
                };
                (0..dice.roll(40)).map(|_| one(dice)).collect()
            };
            let mut config = json!({});
            if dice.one_of(2) {
                config["allow"] = members(dice).into();
            }
            if dice.one_of(2) {
                config["deny"] = members(dice).into();
            }
            if dice.one_of(2) {
                config["by"] = by(dice);
            }
            ("novi.members", config)
        }
        4 => ("novi.static", json!({"variant": dice.pick(&["a", "b", "ü'\\"])})),
        5 => {
            let (start, end) = (time(dice), time(dice));
            let mut config = json!({});
            if !dice.one_of(4) {
                config["startDateTime"] = json!(start.to_rfc3339());
            }
            if !dice.one_of(4) {
                config["endDateTime"] = json!(end.to_rfc3339());
            }
            ("novi.date_time", config)
        }
        6 => (
            "novi.expires",
            json!({"at": time(dice).format("%Y-%m-%d").to_string(), "timezone": "Europe/Berlin"}),
        ),
        7 => ("novi.schedule", schedule(dice)),
        8 => ("novi.experiment", experiment(dice)),
        _ => ("novi.attribute", attribute(dice)),
    }
}

fn schedule(dice: &mut Dice) -> Value {
    const HOURS: [&str; 7] = ["00:00", "06:30", "11:59:59", "12:00", "12:00:01", "17:00", "23:59:59"];
    if dice.one_of(10) {
        return json!({"cron": "0 9 * * MON-FRI", "duration": "8h"});
    }
    let mut config = json!({"from": dice.pick(&HOURS), "to": dice.pick(&HOURS)});
    if dice.one_of(2) {
        let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
        config["weekdays"] = (0..=dice.roll(5)).map(|_| json!(dice.pick(&days))).collect();
    }
    if dice.one_of(4) {
        config["timezone"] = json!(dice.pick(&["UTC", "Etc/UTC", "Europe/Berlin"]));
    }
    config
}

fn experiment(dice: &mut Dice) -> Value {
    let mut config = json!({"variants": {"a": 1, "b": 1}, "control": "a", "hypothesis": "it's better"});
    config["state"] = json!(dice.pick(&["draft", "stopped", "decided", "running", "running", "running"]));
    if config["state"] == "decided" {
        config["decision"] =
            if dice.one_of(3) { json!({"off": true}) } else { json!({"variant": dice.pick(&["a", "b"])}) };
    }
    if config["state"] == "running" {
        enrollment(dice, &mut config);
    }
    config
}

/// Whom an experiment enrolls, and how it draws their variants.
fn enrollment(dice: &mut Dice, config: &mut Value) {
    config["hash"] = json!(dice.pick(&["sha256", "sha256", "sha256", "md5", "crc32", "ufc", "murmur3"]));
    if dice.one_of(2) {
        config["variants"] = json!({"A": 3, "a": 1, "none": 0, "b": 6});
    }
    if dice.one_of(3) {
        config["salt"] = json!(dice.pick(&TEXTS));
    }
    if dice.one_of(2) {
        config["unit"] = by(dice);
    }
    if dice.one_of(2) {
        config["traffic"] = json!(dice.pick(&[0.0, 20.0, 66.667, 99.9999, 100.0]));
    }
    if dice.one_of(3) {
        config["layer"] =
            json!({"name": dice.pick(&["l", "it's"]), "from": 0.5, "to": dice.pick(&[30.0, 100.0])});
    }
    if dice.one_of(3) {
        config["holdout"] = json!({"name": "2027", "percentage": dice.pick(&[0.0, 5.0, 33.3])});
    }
    if dice.one_of(3) {
        let at = |dice: &mut Dice, hours: i64| {
            let from = TimeDelta::hours(hours + i64::try_from(dice.roll(60)).unwrap());
            json!((now() - from).to_rfc3339())
        };
        config["start"] = at(dice, 0);
        if dice.one_of(2) {
            config["end"] = at(dice, -60);
        }
    }
}

fn by(dice: &mut Dice) -> Value {
    dice.pick(&[json!("number"), json!(["plan", "targetingKey"]), json!("targetingKey"), json!("plan")])
}

fn draw_settings(dice: &mut Dice, config: &mut Value) {
    config["hash"] = json!(
        dice.pick(&["sha256", "sha256", "sha256", "sha256", "md5", "crc32", "ufc", "flipper", "murmur3"])
    );
    if dice.one_of(3) {
        config["salt"] = json!(dice.pick(&TEXTS));
    }
    if dice.one_of(2) {
        config["by"] = by(dice);
    }
}

fn draw(dice: &mut Dice) -> (&'static str, Value) {
    let share = |dice: &mut Dice| dice.pick(&[0.0, 0.5, 12.5, 25.0, 50.0, 99.999, 100.0]);
    let (class, mut config) = match dice.roll(3) {
        0 => ("novi.percentage", json!({"percentage": share(dice)})),
        1 => ("novi.bucket", json!({"ranges": [[0, 10], [20, 21], [50, 75]], "total": 100})),
        _ => {
            // A position is in within some microseconds of the next one, or within some seconds.
            let (first, unit) = if dice.one_of(3) {
                (soon(dice) - TimeDelta::milliseconds(300), TimeDelta::milliseconds(10))
            } else {
                (now() - TimeDelta::hours(i64::try_from(dice.roll(60)).unwrap()), TimeDelta::hours(1))
            };
            let nanos = TimeDelta::nanoseconds(dice.pick(&[0, 0, 1, 999_999_999, 123_456_789]));
            let top = dice.pick(&[25.0, 75.1, 100.0]);
            let steps = [(0, dice.pick(&[0.0, 10.0, 0.3])), (24, 25.0), (48, top)].map(|(hours, percentage)| {
                json!({"at": (first + unit * hours + nanos).to_rfc3339(), "percentage": percentage})
            });
            ("novi.ramp", json!({"steps": steps, "linear": dice.one_of(2)}))
        }
    };
    draw_settings(dice, &mut config);
    (class, config)
}

fn split(dice: &mut Dice) -> Value {
    let mut config = match dice.roll(3) {
        0 => json!({"variants": {"a": 1, "b": 1}}),
        1 => json!({"variants": {"b": 5, "a": 3, "A": 2, "none": 0}, "coverage": 60}),
        _ => json!({"ranges": {"a": [[0, 10], [40, 60]], "b": [[20, 40]]}, "total": 100}),
    };
    draw_settings(dice, &mut config);
    if config["hash"] == "flipper" {
        config["hash"] = json!("sha256");
    }
    config
}

fn assignment(dice: &mut Dice, flags: &[String], shared: usize, depth: usize) -> Value {
    match dice.roll(5) {
        0 => json!(dice.one_of(2)),
        1 => json!(dice.pick(&["a", "b", "A"])),
        2 => json!({"split": split(dice)}),
        3 => {
            let (class, config) = activation(dice, flags, shared, depth + 1);
            json!({"then": {"class_name": class, "config": config}})
        }
        _ => json!({}),
    }
}

fn switch(dice: &mut Dice, flags: &[String], shared: usize, depth: usize) -> (&'static str, Value) {
    let fallback = assignment(dice, flags, shared, depth);
    if dice.one_of(2) {
        let mut cases = json!({});
        for _ in 0..dice.roll(4) {
            // "7" is that number as well, so that "7.0" would be a duplicate.
            cases[dice.pick(&TEXTS).trim_end_matches(".0")] = assignment(dice, flags, shared, depth);
        }
        if dice.one_of(3) {
            cases["*"] = assignment(dice, flags, shared, depth);
        }
        return ("novi.switch", json!({"by": "plan", "cases": cases, "fallback": fallback}));
    }
    let cases = [
        json!([dice.pick(&TEXTS[..10]), dice.pick(&INTEGERS[..8])]),
        json!([dice.pick(&TEXTS[10..]), "*"]),
        json!(["*", dice.pick(&INTEGERS[..8])]),
    ]
    .map(|values| json!({"values": values, "gives": assignment(dice, flags, shared, depth)}));
    ("novi.switch", json!({"by": ["plan", "age"], "cases": cases, "fallback": fallback}))
}

fn attribute(dice: &mut Dice) -> Value {
    let texts = |dice: &mut Dice| -> Vec<&str> { (0..dice.roll(5)).map(|_| dice.pick(&TEXTS)).collect() };
    // A test of an attribute by an operator. The operand is picked last.
    let test = |name: &str, operator: &str, operand: Value| json!({"attribute": name, operator: operand});
    match dice.roll(12) {
        0 => {
            let (name, operator) = (dice.pick(&["age", "number"]), dice.pick(&["less", "less_or_equal"]));
            test(name, operator, dice.pick(&INTEGERS).into())
        }
        1 => {
            let operator = dice.pick(&["greater", "greater_or_equal", "less"]);
            test("age", operator, dice.pick(&NUMBERS).into())
        }
        2 => {
            let all = ["greater", "greater_or_equal", "less", "less_or_equal", "equals", "not_equals"];
            let operator = dice.pick(&all);
            test("score", operator, dice.pick(&NUMBERS).into())
        }
        3 => {
            let operator = dice.pick(&["equals", "not_equals"]);
            test("beta", operator, dice.one_of(2).into())
        }
        4 => {
            let operator = dice.pick(&["in", "not_in"]);
            test("beta", operator, json!([dice.one_of(2), dice.one_of(2), 7]))
        }
        5 => {
            let (name, operator) = (dice.pick(&["seen", "user.joined"]), dice.pick(&["before", "after"]));
            test(name, operator, time(dice).to_rfc3339().into())
        }
        6 => {
            let name = dice.pick(&["plan", "beta", "age", "user.joined", "seen"]);
            test(name, "exists", dice.one_of(2).into())
        }
        7 => {
            let (name, operator) = (dice.pick(&["age", "score"]), dice.pick(&["in", "not_in"]));
            test(name, operator, json!([dice.pick(&INTEGERS), dice.pick(&NUMBERS), "x"]))
        }
        8 => {
            let operator = dice.pick(&["contains", "starts_with", "ends_with"]);
            test("plan", operator, json!(["p", dice.pick(&TEXTS)]))
        }
        9 => {
            let name = dice.pick(&["plan", "country"]);
            let operator = dice.pick(&["in", "equals", "contains", "starts_with", "ends_with", "not_equals"]);
            let wanted = dice.pick(&["pro", "K", "s", "I", "team", "PRO "]);
            // `in` takes lists.
            let operand = if operator == "in" { json!([wanted]) } else { json!(wanted) };
            let mut config = test(name, operator, operand);
            config["ignore_case"] = true.into();
            config
        }
        10 => match dice.roll(3) {
            0 => json!({"attribute": "plan", "regex": "^p"}),
            1 => json!({"attribute": "country", "semver": ">1.2"}),
            _ => json!({"attribute": "country", "in_cidr": "10.0.0.0/8"}),
        },
        _ => {
            json!({"attribute": dice.pick(&["plan", "country", "age"]), dice.pick(&["in", "not_in"]): texts(dice)})
        }
    }
}
