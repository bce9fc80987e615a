//! Callers by name: who is in, and who is not.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    activation::{Activation, Compile, Configured, Verdict, evaluation::Check},
    builtin::{
        audience::{
            attribute_names::By, member_set::MemberSet, phrasing as words, scalar::with_key,
            string_set::TooLarge,
        },
        register,
    },
    context::value::Value,
};

/// Of the values of a list so many are told if they are wrong. It may have a million.
const MOST: usize = 8;

/// [`Config`] tells all of it.
struct Members {
    /// Nothing: the targeting key.
    by: Option<By>,
    /// Nothing: whoever is not denied is in.
    allow: Option<MemberSet>,
    deny: MemberSet,
}

/// On for the callers in a list, or for all but those in another one.
///
/// ```sql
/// INSERT INTO activations VALUES (9, 'Testers', 'novi.members', '{"allow": ["user-1", "user-2"], "deny": ["user-3"]}');
/// ```
///
/// A caller is in if it is not in `deny`, and in `allow`; without an allow list, if it is not in `deny`. Members are texts
/// or whole numbers: 7 and "7" are one member, 7.5 is none. Case counts. Of an attribute that is a list, no value may be
/// denied, and one must be allowed.
///
/// **Members of the table.** Those of `activation_members` count as those of the config do:
///
/// ```sql
/// INSERT INTO activation_members VALUES (9, 'user-7', false);
/// INSERT INTO activation_members VALUES (9, 'user-8', true); -- denied
/// DELETE FROM activation_members WHERE activation_id = 9 AND member = 'user-7';
/// ```
///
/// There is an allow list if the config has `allow`, be it empty, or if the table has a member that is not denied. So write
/// `{"allow": []}` where all members are in the table: then nobody is in once the last of them is gone. A row with
/// neither list nor member lets nobody in.
///
/// **What is missing** (R4). A caller without the attribute, or with one of another type, is in no allow list. Where there
/// is a deny list alone it is in, which inverts knowingly: who is not known is not denied.
///
/// **Size.** A list may have a million members: a question takes the same time, and a member at most 24 bytes of memory.
/// To that end members longer than 16 bytes are known by 128 bits of a keyed hash.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The attribute that callers are known by, or several of which the first counts; the targeting key if not given
    #[serde(default)]
    by: Option<By>,
    /// Who is in; if not given, and the table has none either: all that are not denied
    #[serde(default)]
    #[schemars(with = "Option<Vec<Member>>")]
    allow: Option<Vec<Value<'static>>>,
    /// Who is not, even if it is in `allow`
    #[serde(default)]
    #[schemars(with = "Option<Vec<Member>>")]
    deny: Option<Vec<Value<'static>>>,
}

/// A text or a whole number.
#[derive(JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
#[expect(dead_code, reason = "its schema alone is used")]
enum Member {
    #[schemars(title = "string")]
    Text(String),
    #[schemars(title = "integer")]
    Number(i64),
}

register!(Members, "novi.members", [], "On for the callers in a list, or for all but those in another one");

impl Activation for Members {
    fn evaluate(&self, check: &Check<'_>) -> Verdict {
        let value = match &self.by {
            None => check.targeting_value(),
            Some(by) => by.find(check),
        };
        let is_in = match value {
            Some(Value::List(values)) => self.lets_in(values, check),
            value => self.lets_in(value.map_or(&[], std::slice::from_ref), check),
        };
        is_in.into()
    }
}

impl Members {
    fn lets_in(&self, values: &[Value<'_>], check: &Check<'_>) -> bool {
        if values.iter().any(|value| holds(&self.deny, value)) {
            check.note(|| format!("expected none of the {} that are denied, found one", self.deny.len()));
            return false;
        }
        let Some(allow) = &self.allow else {
            check.note(|| format!("expected none of the {} that are denied, found none", self.deny.len()));
            return true;
        };
        let is_in = values.iter().any(|value| holds(allow, value));
        check.note(|| {
            let found = if is_in { "one" } else { "none" };
            format!("expected one of the {} that are allowed, found {found}", allow.len())
        });
        is_in
    }
}

/// Whether a value is a member. A number is the text of its digits.
fn holds(members: &MemberSet, value: &Value<'_>) -> bool {
    with_key(value, |key| members.contains(key)).unwrap_or_default()
}

impl Configured for Members {
    type Config = Config;

    const TAKES_MEMBERS: bool = true;

    fn configure(config: Config, row: &mut Compile<'_>) -> Option<Self> {
        let by = config.by.and_then(|by| by.checked(".by", row));
        let (has_allow, has_deny) = (config.allow.is_some(), config.deny.is_some());
        let allow = texts(".allow", config.allow, row);
        let deny = texts(".deny", config.deny, row);
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
            row.problem("", "expected texts of at most 4 GiB together, found more");
            return None;
        };
        Some(Self { by, allow, deny })
    }
}

/// The members of a list as texts; those that are none are noted with the row.
fn texts(path: &str, list: Option<Vec<Value<'static>>>, row: &mut Compile<'_>) -> Vec<Cow<'static, str>> {
    let mut wrong = 0;
    let text = |(index, value): (usize, Value<'static>)| match value {
        Value::Str(text) => Some(text),
        Value::Int(number) => Some(number.to_string().into()),
        Value::UInt(number) => Some(number.to_string().into()),
        value => {
            wrong += 1;
            if wrong <= MOST {
                let message = format!("expected a text or a whole number, {}", words::found(&value));
                row.problem(&format!("{path}[{index}]"), message);
            }
            None
        }
    };
    let texts = list.into_iter().flatten().enumerate().filter_map(text).collect();
    if wrong > MOST {
        let message = format!("expected texts or whole numbers, found {} more that are none", wrong - MOST);
        row.problem(path, message);
    }
    texts
}
