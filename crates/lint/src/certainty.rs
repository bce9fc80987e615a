//! Which activations are on, or off, for every caller.

use std::{cmp::Ordering, collections::HashMap};

use novi::{
    Context,
    builtin::window_is_empty,
    rows::{ActivationRow, FlagRow, LinkRow, Rows},
};
use serde_json::Value;

use crate::subject::Subject;

/// `novi check` reports it.
pub(crate) const EMPTY: &str = "its window of time is empty";

/// Deeper activations are taken to depend on the caller.
const MAX_DEPTH: usize = 32;

/// The same for every caller from now on.
#[derive(Clone, Debug)]
pub(crate) struct Certain {
    pub(crate) on: bool,
    pub(crate) why: String,
}

#[expect(clippy::unnecessary_wraps, reason = "most results are options")]
impl Certain {
    fn on(why: impl Into<String>) -> Option<Self> {
        Some(Self { on: true, why: why.into() })
    }

    fn off(why: impl Into<String>) -> Option<Self> {
        Some(Self { on: false, why: why.into() })
    }
}

/// Finds what is certain. Each row is looked at once.
pub(crate) struct Finder<'c> {
    subject: &'c Subject<'c>,
    rows: HashMap<i64, &'c ActivationRow>,
    flags: HashMap<&'c str, &'c FlagRow>,
    /// `None` also while a row is being looked at, as in a cycle.
    known: HashMap<i64, Option<Certain>>,
    known_flags: HashMap<i64, Option<Certain>>,
    depth: usize,
}

impl<'c> Finder<'c> {
    pub(crate) fn new(subject: &'c Subject<'c>) -> Self {
        Self {
            subject,
            rows: subject.rows.activations.iter().map(|row| (row.id, row)).collect(),
            flags: subject.rows.flags.iter().map(|row| (row.name.as_str(), row)).collect(),
            known: HashMap::new(),
            known_flags: HashMap::new(),
            depth: 0,
        }
    }

    /// A flag: its status, and all of its activations.
    pub(crate) fn of_flag(&mut self, row: &FlagRow) -> Option<Certain> {
        if !row.status {
            return Certain::off("its status is off");
        }
        if let Some(known) = self.known_flags.get(&row.id) {
            return known.clone();
        }
        self.known_flags.insert(row.id, None);
        let ids: Vec<i64> = self.subject.linked(row.id).collect();
        let all: Vec<_> = ids.into_iter().map(|id| self.of_row(id)).collect();
        let found = all_of(all);
        self.known_flags.insert(row.id, found.clone());
        found
    }

    pub(crate) fn of_row(&mut self, id: i64) -> Option<Certain> {
        if let Some(known) = self.known.get(&id) {
            return known.clone();
        }
        self.known.insert(id, None);
        let row = *self.rows.get(&id)?;
        let config = serde_json::from_str(row.config.as_deref().unwrap_or("null")).ok()?;
        let members = self.subject.rows.members_of(id).iter().filter(|member| !member.denied).count();
        let denied = self.subject.rows.members_of(id).len() - members;
        let found = self.of(&row.class_name, &config, (members, denied)).map(|found| {
            // What depends on other rows says which.
            let why = if found.why.contains('#') {
                found.why
            } else {
                format!("activations#{id} {:?}: {}", row.name, found.why)
            };
            Certain { on: found.on, why }
        });
        self.known.insert(id, found.clone());
        found
    }

    /// A child: an id, or an activation inline.
    pub(crate) fn of_child(&mut self, child: &Value) -> Option<Certain> {
        if let Some(id) = child.as_i64() {
            return self.of_row(id);
        }
        let class = child.get("class_name")?.as_str()?;
        let config = child.get("config").unwrap_or(&Value::Null);
        self.of(class, config, (0, 0))
    }

    /// An activation. `members` are the numbers of those that its table allows and denies.
    pub(crate) fn of(&mut self, class: &str, config: &Value, members: (usize, usize)) -> Option<Certain> {
        let class = self.subject.registry.find(class)?.class().to_owned();
        if self.depth >= MAX_DEPTH {
            return None;
        }
        self.depth += 1;
        let found = self.of_class(&class, config, members);
        self.depth -= 1;
        found
    }

    fn of_class(&mut self, class: &str, config: &Value, members: (usize, usize)) -> Option<Certain> {
        match class {
            "novi.and" => {
                let found = children(config).iter().map(|child| self.of_child(child)).collect();
                all_of(found)
            }
            "novi.or" => {
                let children = children(config);
                let found: Vec<_> = children.iter().map(|child| self.of_child(child)).collect();
                let on = found.iter().flatten().find(|found| found.on).cloned();
                let is_off = found.iter().all(|found| found.as_ref().is_some_and(|found| !found.on));
                let why = "none of its activations can be on";
                on.or_else(|| if is_off { Certain::off(why) } else { None })
            }
            "novi.not" => {
                let children = children(config);
                let found = self.of_child(children.first()?)?;
                Some(Certain { on: !found.on, why: found.why })
            }
            "novi.at_least" => {
                let wanted = usize::try_from(config.get("count")?.as_u64()?).ok()?;
                let found: Vec<_> = children(config).iter().map(|child| self.of_child(child)).collect();
                let on = found.iter().flatten().filter(|found| found.on).count();
                let off = found.iter().flatten().filter(|found| !found.on).count();
                if on >= wanted {
                    return Certain::on("enough of its activations are always on");
                }
                let why = "too few of its activations can be on";
                if found.len() - off < wanted { Certain::off(why) } else { None }
            }
            "novi.flag" => {
                let name = config.get("flag")?.as_str()?;
                let Some(row) = self.flags.get(name).copied() else {
                    return Certain::off(format!("flag {name:?} does not exist"));
                };
                let found = self.of_flag(row)?;
                let has_variant = config.get("variant").is_some_and(|variant| !variant.is_null());
                match (found.on, has_variant) {
                    (false, _) => Certain::off(format!("flags#{} {name:?} is off: {}", row.id, found.why)),
                    (true, false) => Certain::on(format!("flags#{} {name:?} is always on", row.id)),
                    (true, true) => None,
                }
            }
            "novi.static" => Certain::on("it is on for everybody"),
            "novi.percentage" if config.get("percentage")?.as_f64()? <= 0.0 => {
                Certain::off("its percentage is 0")
            }
            "novi.split" if config.get("coverage").and_then(Value::as_f64) == Some(0.0) => {
                Certain::off("its coverage is 0")
            }
            "novi.bucket" if config.get("ranges")?.as_array()?.is_empty() => {
                Certain::off("it has no buckets")
            }
            "novi.expression" => match config.get("expression")?.as_str()?.trim() {
                "true" => Certain::on("its expression is true"),
                "false" => Certain::off("its expression is false"),
                _ => None,
            },
            "novi.members" => of_members(config, members),
            "novi.date_time" | "novi.expires" => self.of_time(class, config),
            "novi.attribute" => contradiction(config).and_then(Certain::off),
            _ => None,
        }
    }

    /// A type that depends on the time alone is evaluated, and never changes again.
    fn of_time(&self, class: &str, config: &Value) -> Option<Certain> {
        let rows = Rows {
            flags: vec![FlagRow::new(1, "time", true)],
            activations: vec![ActivationRow::new(1, "time", class, config.to_string())],
            links: vec![LinkRow::new(1, 1)],
            ..Rows::default()
        };
        let snapshot = self.subject.flags.snapshot_of(rows);
        if snapshot.issue_count() > 0 || snapshot.next_change("time", self.subject.now).ok()?.is_some() {
            return None;
        }
        // Callers with a time of their own are for tests.
        if snapshot.is_enabled("time", &Context::new()) {
            Certain::on("its start has passed, and it has no end")
        } else {
            Certain::off(if window_is_empty(&config.to_string()) {
                EMPTY
            } else {
                "its window of time is over"
            })
        }
    }
}

fn all_of(found: Vec<Option<Certain>>) -> Option<Certain> {
    let is_on = found.iter().all(|found| found.as_ref().is_some_and(|found| found.on));
    let why = found.iter().flatten().map(|found| found.why.clone()).collect::<Vec<_>>().join("; ");
    let off = found.into_iter().flatten().find(|found| !found.on);
    off.or_else(|| if is_on { Certain::on(why) } else { None })
}

/// The activations of `novi.and` and the like: a list, or an object with one, or one alone.
pub(crate) fn children(config: &Value) -> Vec<Value> {
    match config {
        Value::Array(items) => items.clone(),
        Value::Object(fields) => match fields.get("activations") {
            Some(Value::Array(items)) => items.clone(),
            _ if fields.contains_key("class_name") => vec![config.clone()],
            _ => Vec::new(),
        },
        Value::Number(_) => vec![config.clone()],
        _ => Vec::new(),
    }
}

fn of_members(config: &Value, (allowed, denied): (usize, usize)) -> Option<Certain> {
    let list = |field: &str| config.get(field).and_then(Value::as_array).map(Vec::len);
    let (allow, deny) = (list("allow"), list("deny"));
    let has_lists = allow.is_some() || deny.is_some() || allowed + denied > 0;
    let has_allow = allow.is_some() || allowed > 0 || !has_lists;
    if has_allow && allow.unwrap_or_default() + allowed == 0 {
        return Certain::off("its list of allowed members is empty");
    }
    None
}

/// Why no value meets all operators of `novi.attribute`. One value must meet them all, also of a list.
pub(crate) fn contradiction(config: &Value) -> Option<String> {
    let number = |field: &str| config.get(field).and_then(Value::as_f64);
    let bounds = [("greater", number("greater")), ("greater_or_equal", number("greater_or_equal"))];
    let tops = [("less", number("less")), ("less_or_equal", number("less_or_equal"))];
    for (low, least) in bounds {
        for (high, most) in tops {
            let (Some(least), Some(most)) = (least, most) else { continue };
            let may_be_equal = low.ends_with("equal") && high.ends_with("equal");
            let order = least.partial_cmp(&most);
            if order == Some(Ordering::Greater) || order == Some(Ordering::Equal) && !may_be_equal {
                return Some(format!("no number is {low} {least} and {high} {most}"));
            }
        }
    }
    let is_folded = config.get("ignore_case").and_then(Value::as_bool).unwrap_or_default();
    let equals = config.get("equals").filter(|value| !value.is_null())?;
    if is_folded {
        return None;
    }
    let list = |field: &str| config.get(field).and_then(Value::as_array);
    let has = |values: &[Value]| values.iter().any(|value| is_same(value, equals));
    if list("in").is_some_and(|values| !has(values)) {
        return Some(format!("{equals} is not one of its list"));
    }
    let is_excluded = config.get("not_equals").is_some_and(|value| is_same(value, equals))
        || list("not_in").is_some_and(|values| has(values));
    is_excluded.then(|| format!("{equals} is required and excluded"))
}

/// Numbers are compared by value.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => one.partial_cmp(&other) == Some(Ordering::Equal),
        _ => one == other,
    }
}
