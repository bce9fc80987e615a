//! rollout, a gem for Ruby: its keys in Redis.
//!
//! A value is `percentage|users|groups|data`. Groups are blocks in the program, of which Redis has the names.

use novi_files::{Flag, Tree};

use crate::{
    collector::{Collector, Draft, Imported},
    config::{DEFAULT_KEY, always, attribute, fields, inline, number, or, text},
    error::parse_json,
    members::Members,
    options::Options,
    redis::Keys,
    report::Outcome,
};

/// The keys to read, as patterns.
pub const KEYS: [&str; 1] = ["feature:*"];

const PREFIX: &str = "feature:";

/// The list of all features.
const LIST: &str = "__features__";

/// The group that the gem defines itself: every user.
const ALL: &str = "all";

/// Reads the keys of the gem.
#[must_use]
pub fn read(keys: &Keys, options: &Options) -> Imported {
    let mut collector = Collector::default();
    for (key, value) in keys.texts() {
        let Some(name) = key.strip_prefix(PREFIX).filter(|name| *name != LIST) else { continue };
        let draft = Feature::parse(value).map(|feature| feature.draft(&mut collector, name, options));
        collector.add(key, name, draft);
    }
    for (key, name) in keys.unreadable(PREFIX) {
        // The gem's log of changes is in sorted sets.
        let why = if name.contains(":logging:") {
            "the log of the gem is not imported: novi's history begins with the import"
        } else {
            "expected a string of text"
        };
        collector.note(key, None, Outcome::NotMapped { why: why.to_owned() });
    }
    collector.finish()
}

struct Feature {
    percentage: f64,
    users: Vec<String>,
    groups: Vec<String>,
    data: Vec<(String, Tree)>,
}

impl Feature {
    fn parse(value: &str) -> Result<Self, String> {
        let mut parts = value.splitn(4, '|');
        let mut part = || parts.next().unwrap_or_default();
        let (percentage, users, groups, data) = (part(), part(), part(), part());
        let list = |text: &str| text.split(',').filter(|item| !item.is_empty()).map(str::to_owned).collect();
        // Ruby takes a text without a number for 0, and reads a number up to where it ends.
        let found: Option<f64> =
            if percentage.is_empty() { Some(0.0) } else { percentage.trim().parse().ok() };
        let Some(percentage) = found.filter(|percentage| percentage.is_finite()) else {
            return Err(format!("expected a percentage, found {percentage:?}"));
        };
        let data = match data.trim() {
            "" => Vec::new(),
            data => match parse_json(data) {
                Ok(Tree::Fields(data)) => data,
                _ => return Err("expected a JSON object as the data of the feature".to_owned()),
            },
        };
        Ok(Self { percentage, users: list(users), groups: list(groups), data })
    }

    /// A flag that lets in the users, and the share.
    fn draft(self, collector: &mut Collector, name: &str, options: &Options) -> Draft {
        let Self { percentage, users, groups, data } = self;
        let by = options.by.as_str();
        let (mut differences, mut conditions) = (Vec::new(), Vec::new());
        let is_for_all = is_all(percentage);
        let (all, blocks): (Vec<_>, Vec<_>) = groups.into_iter().partition(|group| group == ALL);
        // As `deactivate` leaves a feature.
        let is_cleared = percentage <= 0.0 && users.is_empty() && all.is_empty();
        if is_for_all && !users.is_empty() {
            differences
                .push(format!("on for everybody: the users of its list ({}) are not kept", users.len()));
        }
        if !blocks.is_empty() && !is_for_all {
            differences.push(format!(
                "the groups {} are blocks in the program: users that only they let in are out; add an activation for \
                 each",
                blocks.join(", ")
            ));
        }
        if !all.is_empty() && !is_for_all {
            conditions.push(attribute(by, "exists", Tree::Bool(true)));
        }
        if percentage > 0.0 || (conditions.is_empty() && users.is_empty()) {
            conditions.push(share(percentage, name, options));
        }
        let mut flag = Flag { status: Some(!is_cleared), ..Flag::default() };
        if !is_cleared {
            let list = Members { what: "users", callers: users, by };
            list.or(or(conditions), "callers", name, collector, &mut flag);
        }
        add_data(&mut flag, data, &mut differences);
        Draft { flag, differences }
    }
}

/// Exactly 100 is also for callers without a user, and more than that is not.
fn is_all(percentage: f64) -> bool {
    percentage.total_cmp(&100.0).is_eq()
}

fn share(percentage: f64, name: &str, options: &Options) -> Tree {
    if is_all(percentage) {
        return always(true);
    }
    let mut config = vec![("percentage", number(percentage.clamp(0.0, 100.0))), ("hash", text("rollout"))];
    if options.randomize_percentage {
        config.push(("salt", text(name)));
    }
    if options.by != DEFAULT_KEY {
        config.push(("by", text(options.by.as_str())));
    }
    inline("novi.percentage", fields(config))
}

/// The data that the program stored with the feature, as metadata.
fn add_data(flag: &mut Flag, data: Vec<(String, Tree)>, differences: &mut Vec<String>) {
    let is_plain = |value: &Tree| matches!(value, Tree::String(_) | Tree::Number(_) | Tree::Bool(_));
    let (plain, nested): (Vec<_>, Vec<_>) = data.into_iter().partition(|(_, value)| is_plain(value));
    if !nested.is_empty() {
        let names: Vec<String> = nested.into_iter().map(|(name, _)| name).collect();
        let names = names.join(", ");
        differences.push(format!(
            "of its data, {names} are not imported: metadata are strings, numbers and booleans"
        ));
    }
    if !plain.is_empty() {
        flag.metadata = Some(Tree::Fields(plain));
    }
}
