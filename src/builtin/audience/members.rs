//! Lists of allowed and denied callers.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    activation::{
        Activation, CompileContext, Configured, Phrase, Phrasing, Verdict, evaluation::Evaluation,
        phrase::grouped_digits, sql, value_text,
    },
    builtin::{
        audience::{
            attribute_names::{AttributeNames, by_words},
            member_set::MemberSet,
            phrasing,
            scalar::with_key,
            string_set::TooLarge,
        },
        register::register,
    },
    context::value::Value,
    rows::MemberRow,
};

/// The most invalid values of a list that are reported. A list may have a million.
const MAX_REPORTED: usize = 8;

const EMPTY_MEMBER: &str =
    "ignored: the member \"\" is nobody, since an empty key counts as a missing one; remove it";

/// See [`Config`].
struct Members {
    /// `None` is the targeting key.
    by: Option<AttributeNames>,
    /// `None` allows everybody who is not denied.
    allow: Option<MemberSet>,
    deny: MemberSet,
}

/// On for the callers in a list, or for all callers except those in another list.
///
/// ```sql
/// INSERT INTO flags (id, name, status) VALUES (200, 'Beta', true);
/// INSERT INTO activations (id, name, class_name, config) VALUES
///     (200, 'Testers', 'novi.members', '{"allow": ["user-1", "user-2"], "deny": ["user-3"]}');
/// INSERT INTO flags_activations (flag_id, activation_id) VALUES (200, 200);
/// ```
///
/// A caller is in if it is in `allow` and not in `deny`; without an allow list, if it is not in `deny`.
/// Members are strings or whole numbers: 7, 7.0 and "7" are the same member; 7.5 and the empty string are none.
/// Case matters. If the attribute is a list, no value may be denied, and one must be allowed.
///
/// **Members of the table.** Rows of `activation_members` count like the members of the config:
///
/// ```sql
/// INSERT INTO activation_members (activation_id, member, denied) VALUES (200, 'user-7', false), (200, 'user-8', true);
/// DELETE FROM activation_members WHERE activation_id = 200 AND member = 'user-7';
/// ```
///
/// There is an allow list if the config has `allow`, even an empty one, or if the table has a member that is
/// not denied. If all members are in the table, write `{"allow": []}`, so that nobody is in after the last
/// one is deleted. A row without lists and members is off for everybody.
///
/// **Missing attributes.** A caller without the attribute, or with a value of another type, is in no allow
/// list. With only a deny list, a caller without the attribute is allowed.
///
/// **Size.** A list may have a million members: the time of an evaluation does not change, and a member takes
/// at most 24 bytes of memory. Members longer than 16 bytes are stored as 128 bits of a keyed hash.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The attribute that identifies callers. A list is tried in order. Default: `targetingKey`
    #[serde(default)]
    by: Option<AttributeNames>,
    /// Allowed callers. Default: all that are not denied, unless the table has members
    #[serde(default)]
    #[schemars(with = "Option<Vec<Member>>")]
    allow: Option<Vec<Value<'static>>>,
    /// Denied callers, even if they are in `allow`
    #[serde(default)]
    #[schemars(with = "Option<Vec<Member>>")]
    deny: Option<Vec<Value<'static>>>,
}

/// A string or a whole number.
#[derive(JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
#[expect(dead_code, reason = "only for its schema")]
enum Member {
    #[schemars(title = "string")]
    Text(String),
    #[schemars(title = "integer")]
    Number(i64),
}

register!(
    Members,
    "novi.members",
    [],
    "On for the callers in a list, or for all except those in another list"
);

impl Activation for Members {
    fn evaluate(&self, evaluation: &Evaluation<'_>) -> Verdict {
        let value = match &self.by {
            None => evaluation.identity(),
            Some(by) => by.find(evaluation),
        };
        let is_in = match value {
            Some(Value::List(values)) => self.allows(values, evaluation),
            value => self.allows(value.map_or(&[], std::slice::from_ref), evaluation),
        };
        is_in.into()
    }
}

/// The first value of the caller that is in the list, for explanations.
fn matched(list: &MemberSet, values: &[Value<'_>]) -> Vec<Value<'static>> {
    let found = values.iter().find(|value| contains(list, value));
    found.map(|value| value.clone().into_owned()).into_iter().collect()
}

impl Members {
    fn allows(&self, values: &[Value<'_>], evaluation: &Evaluation<'_>) -> bool {
        if values.iter().any(|value| contains(&self.deny, value)) {
            evaluation.note(|| {
                evaluation.note_match(|| matched(&self.deny, values));
                format!("expected none of {} denied members, found one", self.deny.len())
            });
            return false;
        }
        let Some(allow) = &self.allow else {
            evaluation.note(|| format!("expected none of {} denied members, found none", self.deny.len()));
            return true;
        };
        let is_in = values.iter().any(|value| contains(allow, value));
        evaluation.note(|| {
            evaluation.note_match(|| matched(allow, values));
            let found = if is_in { "one" } else { "none" };
            format!("expected one of {} allowed members, found {found}", allow.len())
        });
        is_in
    }
}

/// Returns `true` if a value is a member. A whole number is the string of its digits.
fn contains(members: &MemberSet, value: &Value<'_>) -> bool {
    with_key(value, |key| members.contains(key)).unwrap_or_default()
}

impl Configured for Members {
    type Config = Config;

    const TAKES_MEMBERS: bool = true;

    fn configure(config: Config, row: &mut CompileContext<'_>) -> Option<Self> {
        let by = config.by.and_then(|by| by.validate(".by", row));
        let (has_allow, has_deny) = (config.allow.is_some(), config.deny.is_some());
        let allow = strings(".allow", config.allow, row);
        let deny = strings(".deny", config.deny, row);
        if row.members().iter().any(|row| row.member.is_empty() && row.fault.is_none()) {
            row.warning("activation_members", EMPTY_MEMBER);
        }
        let rows = |denied| {
            let rows = row.members().iter().filter(move |row| row.denied == denied);
            rows.map(|row| row.member.as_str())
        };
        let has_lists = has_allow || has_deny || !row.members().is_empty();
        let sets = || -> Result<_, TooLarge> {
            let (allowed, denied) = (rows(false), rows(true));
            let has_allow = has_allow || !has_lists || allowed.clone().next().is_some();
            let allow = MemberSet::new(allow.iter().map(|text| &**text).chain(allowed));
            let deny = MemberSet::new(deny.iter().map(|text| &**text).chain(denied))?;
            Ok((if has_allow { Some(allow?) } else { None }, deny))
        };
        let Ok((allow, deny)) = sets() else {
            row.problem("", "expected strings of at most 4 GiB in total, found more");
            return None;
        };
        Some(Self { by, allow, deny })
    }

    fn words(config: &Config, phrasing: &mut Phrasing<'_>) -> Phrase {
        let rows = phrasing.members;
        let listed = |list: &Option<Vec<Value<'static>>>, denied: bool| {
            let rows: Vec<&MemberRow> = rows.iter().filter(|row| row.denied == denied).collect();
            let list = list.as_deref().unwrap_or_default();
            let count = list.len() + rows.len();
            let first = list.iter().map(member).chain(rows.iter().map(|row| value_text(&row.member)));
            let first: Vec<String> = first.take(4).collect();
            (count, first)
        };
        let (allowed, denied) = (listed(&config.allow, false), listed(&config.deny, true));
        let by = config.by.as_ref().map_or_else(String::new, |by| format!(" {}", by_words(Some(by))));
        // An empty deny list is a list: everybody is in.
        let has_deny = config.deny.is_some() || denied.0 > 0;
        let has_allow = config.allow.is_some() || allowed.0 > 0 || !has_deny;
        let text = if has_allow {
            format!("{}{by}", members_words("one of ", &allowed))
        } else {
            "all callers".to_owned()
        };
        if denied.0 == 0 {
            return Phrase::callers(text);
        }
        let by = if has_allow { "" } else { &by };
        Phrase::callers(format!("{text} except {}{by}", members_words("", &denied)))
    }

    fn config_to_sql(config: &Config, sql: &mut sql::SqlContext<'_>) -> sql::Condition {
        let key = sql.key(config.by.as_ref().map(AttributeNames::names));
        let rows = sql.members;
        let members = |list: &Option<Vec<Value<'static>>>, denied: bool| -> Vec<String> {
            let list = list.iter().flatten().filter_map(|value| with_key(value, str::to_owned));
            let rows = rows.iter().filter(|row| row.denied == denied).map(|row| row.member.clone());
            list.chain(rows).filter(|member| !member.is_empty()).collect()
        };
        let has_rows = |denied: bool| rows.iter().any(|row| row.denied == denied);
        let has_lists = config.allow.is_some() || config.deny.is_some() || !rows.is_empty();
        let has_allow = config.allow.is_some() || !has_lists || has_rows(false);
        let allowed = if has_allow {
            sql::Expression::member(key.clone(), members(&config.allow, false))
        } else {
            sql::Expression::always(true)
        };
        let denied = sql::Expression::member(key, members(&config.deny, true));
        sql::Expression::all([denied.negated(), allowed]).into()
    }
}

/// A member in words.
fn member(value: &Value<'_>) -> String {
    value.as_str().map_or_else(|| value.to_string(), value_text)
}

/// "one of 10,000 members (a, b, c, …)".
fn members_words(before: &str, (count, first): &(usize, Vec<String>)) -> String {
    match count {
        0 => "0 members".to_owned(),
        1 => format!("1 member ({})", first.join(", ")),
        2..=4 => format!("{before}{count} members ({})", first.join(", ")),
        _ => {
            let first = first.get(..3).unwrap_or(first);
            format!("{before}{} members ({}, …)", grouped_digits(count), first.join(", "))
        }
    }
}

/// The members of a list as strings. Invalid members are reported.
fn strings(
    path: &str,
    list: Option<Vec<Value<'static>>>,
    row: &mut CompileContext<'_>,
) -> Vec<Cow<'static, str>> {
    let list = list.unwrap_or_default();
    if let Some(index) = list.iter().position(|value| value.as_str() == Some("")) {
        row.warning(&format!("config{path}[{index}]"), EMPTY_MEMBER);
    }
    let mut invalid = 0;
    let text = |(index, value): (usize, Value<'static>)| {
        if let Value::Str(text) = value {
            return Some(text);
        }
        let key = with_key(&value, |key| Cow::Owned(key.to_owned()));
        if key.is_none() {
            invalid += 1;
            if invalid <= MAX_REPORTED {
                let message = format!("expected a string or a whole number, {}", phrasing::found(&value));
                row.problem(&format!("{path}[{index}]"), message);
            }
        }
        key
    };
    let strings = list.into_iter().enumerate().filter_map(text).collect();
    if invalid > MAX_REPORTED {
        let message =
            format!("expected strings or whole numbers, found {} more that are not", invalid - MAX_REPORTED);
        row.problem(path, message);
    }
    strings
}
