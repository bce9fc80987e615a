//! The config as a row has it, and what is wrong with it.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use schemars::JsonSchema;
use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, Visitor},
};

use crate::{
    activation::Compile,
    builtin::audience::{
        attribute::{
            condition::Condition,
            operand::Reader,
            operator::{Bound, Test},
            path::Path,
            search::{Place, Search},
        },
        scalar::Scalar,
        string_list::Texts,
    },
    context::value::Value,
};

/// On when an attribute of the caller is as its operators ask.
///
/// ```sql
/// INSERT INTO activations VALUES (1, 'Paying customers', 'novi.attribute', '{"attribute": "plan", "in": ["pro", "team"]}');
/// INSERT INTO activations VALUES (2, 'Staff', 'novi.attribute', '{"attribute": "email", "ends_with": "@example.com", "ignore_case": true}');
/// INSERT INTO activations VALUES (3, 'Grown up', 'novi.attribute', '{"attribute": "age", "greater_or_equal": 18, "less": 120}');
/// INSERT INTO activations VALUES (4, 'Recent app', 'novi.attribute', '{"attribute": "app.version", "semver": ">=1.2.3"}');
/// ```
///
/// A row has one operator or several, and then all must hold:
///
/// | operator | the attribute is |
/// |---|---|
/// | `equals`, `not_equals` | this text, number or truth value; another one of the same type |
/// | `in`, `not_in` | one of a list of such; another one, of a type that the list has |
/// | `contains`, `starts_with`, `ends_with` | a text with this part, or with one of a list of parts |
/// | `regex` | a text with a match of the expression, anywhere unless it says `^` and `$` |
/// | `less`, `less_or_equal`, `greater`, `greater_or_equal` | such a number |
/// | `before`, `after` | such a time, the limit excluded: an instant, or text in RFC 3339 or like `2026-01-01` (00:00 UTC) |
/// | `semver` | such a version: `1.2.3` or with `=`, `>`, `<`, `>=`, `<=`, `~`, `^`, or several with commas between them |
/// | `in_cidr` | an IP address in this network, or in one of a list of networks; an address is a network, too |
/// | `exists` | there (`true`), or missing (`false`) |
///
/// **What is missing** (R4). An attribute that is missing, null, or of another type than the operator asks for meets
/// nothing, `not_equals` and `not_in` neither: who is not known to be elsewhere is not taken to be. The ways to say
/// otherwise are `"exists": false` and `novi.not`.
///
/// **Names with dots.** `user.address.country` is the attribute that is called so; if there is none, it is the path
/// through the objects `user` and `address`.
///
/// **Lists.** Of an attribute that is a list, one value must meet all operators; for `not_equals` and `not_in` none may
/// equal, nor be of another type. A path goes on into each object of a list. Null in a list is passed over.
///
/// **Types.** Numbers are compared by value: 18 equals 18.0, and whole numbers of up to 64 bits are exact. In a row,
/// larger ones are rounded to a float. Text never equals a number, nor a truth value: `"18"` is not 18.
///
/// **Case.** `ignore_case` is for texts: of `equals`, `in` and their opposites, parts and expressions. It compares
/// character by character by Unicode's simple folding: `ς` is `σ`, `ẞ` is `ß` but not `ss`, and `İ` and `ı` are
/// themselves alone.
///
/// **Versions** are ordered as semver 2.0 says, versions before a release included: `<2.0.0` is met by 2.0.0-alpha. What
/// follows `+` is passed over. A leading `v` or `=` is, too, missing parts are zero, and leading zeros are nothing, so
/// that `v1.2` is 1.2.0, and 2026.01.05 can be compared. Four parts are no version. `~1.2.3` is from 1.2.3 up to before
/// 1.3.0, `~1` up to before 2.0.0; `^` goes up to the next change of the first part that is not zero; neither is met
/// by what leads to the release that ends it (2.0.0-alpha for `^1.2.3`).
///
/// **Networks.** An IPv4 address that is written as IPv6 (`::ffff:10.0.0.1`) is the IPv4 address.
///
/// **Limits.** Expressions take time linear in the text, have no look-around or back-references, and may be 1 MiB large
/// when compiled. Lists may be long: a million values are looked up as fast as ten.
#[derive(Default, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields, extend("required" = ["attribute"]))]
pub(super) struct Config {
    // Operands are read as they are, so that all that is wrong with them is told at once.
    /// The attribute's name, or a path to it through objects: user.address.country
    #[schemars(with = "String", length(min = 1))]
    attribute: Operand,
    /// The attribute is this
    #[schemars(with = "Option<Scalar>")]
    equals: Operand,
    /// The attribute is there, of the same type, and not this
    #[schemars(with = "Option<Scalar>")]
    not_equals: Operand,
    /// The attribute is one of these
    #[serde(rename = "in")]
    #[schemars(with = "Option<Vec<Scalar>>")]
    one_of: Operand,
    /// The attribute is there, of the type of one of these, and none of them
    #[schemars(with = "Option<Vec<Scalar>>")]
    not_in: Operand,
    /// The text contains this, or one of these
    #[schemars(with = "Option<Texts>")]
    contains: Operand,
    /// The text starts with this, or with one of these
    #[schemars(with = "Option<Texts>")]
    starts_with: Operand,
    /// The text ends with this, or with one of these
    #[schemars(with = "Option<Texts>")]
    ends_with: Operand,
    /// The text has a match of this regular expression
    #[schemars(with = "Option<String>")]
    regex: Operand,
    /// Texts are compared without regard to case
    #[schemars(with = "bool")]
    ignore_case: Operand,
    /// The number is less than this
    #[schemars(with = "Option<f64>")]
    less: Operand,
    /// The number is this or less
    #[schemars(with = "Option<f64>")]
    less_or_equal: Operand,
    /// The number is greater than this
    #[schemars(with = "Option<f64>")]
    greater: Operand,
    /// The number is this or greater
    #[schemars(with = "Option<f64>")]
    greater_or_equal: Operand,
    /// The time is before this: 2026-01-01 or 2026-01-01T00:00:00Z
    #[schemars(with = "Option<String>")]
    before: Operand,
    /// The time is after this: 2026-01-01 or 2026-01-01T00:00:00Z
    #[schemars(with = "Option<String>")]
    after: Operand,
    /// The version is such: 1.2.3, or with one of = > < >= <= ~ ^ before it, or several with commas between them
    #[schemars(with = "Option<String>")]
    semver: Operand,
    /// The IP address is in this network, or in one of these: 10.0.0.0/8
    #[schemars(with = "Option<Texts>")]
    in_cidr: Operand,
    /// true: the attribute is there and not null; false: it is not
    #[schemars(with = "Option<bool>")]
    exists: Operand,
    #[schemars(skip)]
    unknown: BTreeMap<String, Value<'static>>,
}

impl Config {
    /// The attribute's place and what is asked of it; what is wrong is noted with the row.
    pub(super) fn compile(self, row: &mut Compile<'_>) -> (Path, Condition) {
        let mut read = Reader::new(row);
        read.unknown(self.unknown.keys());
        let path = read.name("attribute", self.attribute);
        let whole = [&self.equals, &self.not_equals, &self.one_of, &self.not_in, &self.regex];
        let parts = [&self.contains, &self.starts_with, &self.ends_with];
        let has_texts = whole.into_iter().chain(parts).any(Operand::is_there);
        let case = read.case("ignore_case", self.ignore_case, has_texts);

        let mut tests = Vec::new();
        tests.extend(read.value("equals", self.equals, case).map(Test::OneOf));
        tests.extend(read.values("in", self.one_of, case).map(Test::OneOf));
        for (field, operand, place) in [
            ("contains", self.contains, Place::Anywhere),
            ("starts_with", self.starts_with, Place::Start),
            ("ends_with", self.ends_with, Place::End),
        ] {
            tests.extend(
                read.texts(field, operand)
                    .map(|parts| Test::Search(Box::new(Search::new(place, case, &parts)))),
            );
        }
        tests.extend(read.pattern("regex", self.regex, case).map(|pattern| Test::Pattern(Box::new(pattern))));
        for (field, operand, bound) in [
            ("less", self.less, Bound::Less),
            ("less_or_equal", self.less_or_equal, Bound::LessOrEqual),
            ("greater", self.greater, Bound::Greater),
            ("greater_or_equal", self.greater_or_equal, Bound::GreaterOrEqual),
        ] {
            tests.extend(read.number(field, operand).map(|number| Test::Number(Box::new((bound, number)))));
        }
        tests.extend(read.instant("before", self.before).map(Test::Before));
        tests.extend(read.instant("after", self.after).map(Test::After));
        tests.extend(read.version("semver", self.semver).map(|wanted| Test::Version(Box::new(wanted))));
        tests
            .extend(read.networks("in_cidr", self.in_cidr).map(|networks| Test::Network(Box::new(networks))));

        let mut none_of = Vec::new();
        none_of.extend(read.value("not_equals", self.not_equals, case));
        none_of.extend(read.values("not_in", self.not_in, case));
        let exists = read.exists("exists", self.exists);
        read.finish();
        (path, Condition::new(tests, none_of, exists))
    }

    /// The field of this name.
    fn field(&mut self, name: &str) -> Option<&mut Operand> {
        Some(match name {
            "attribute" => &mut self.attribute,
            "equals" => &mut self.equals,
            "not_equals" => &mut self.not_equals,
            "in" => &mut self.one_of,
            "not_in" => &mut self.not_in,
            "contains" => &mut self.contains,
            "starts_with" => &mut self.starts_with,
            "ends_with" => &mut self.ends_with,
            "regex" => &mut self.regex,
            "ignore_case" => &mut self.ignore_case,
            "less" => &mut self.less,
            "less_or_equal" => &mut self.less_or_equal,
            "greater" => &mut self.greater,
            "greater_or_equal" => &mut self.greater_or_equal,
            "before" => &mut self.before,
            "after" => &mut self.after,
            "semver" => &mut self.semver,
            "in_cidr" => &mut self.in_cidr,
            "exists" => &mut self.exists,
            _ => return None,
        })
    }
}

/// By hand, since serde's own way to collect unknown fields reads all fields twice.
impl<'de> Deserialize<'de> for Config {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ConfigVisitor;

        impl<'de> Visitor<'de> for ConfigVisitor {
            type Value = Config;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(r#"an object like {"attribute": "plan", "equals": "pro"}"#)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Config, A::Error> {
                #[derive(Deserialize)]
                #[serde(transparent)]
                struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

                let mut config = Config::default();
                while let Some(Name(name)) = map.next_key()? {
                    let value = map.next_value()?;
                    match config.field(&name) {
                        Some(Operand(Some(_))) => {
                            return Err(de::Error::custom(format_args!("duplicate field `{name}`")));
                        }
                        Some(operand) => *operand = Operand(Some(value)),
                        None => drop(config.unknown.insert(name.into_owned(), value)),
                    }
                }
                Ok(config)
            }
        }

        deserializer.deserialize_map(ConfigVisitor)
    }
}

/// What a field holds; nothing if it is not there, which is not the same as null.
#[derive(Debug, Default)]
pub(super) struct Operand(pub(super) Option<Value<'static>>);

impl Operand {
    fn is_there(&self) -> bool {
        self.0.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::{super::operand::OPERATORS, *};

    #[test]
    fn messages_name_the_fields_that_there_are() {
        let schema = schemars::schema_for!(Config);
        let fields = schema.get("properties").and_then(|fields| fields.as_object()).unwrap();
        let mut known: Vec<_> = OPERATORS.into_iter().chain(["attribute", "ignore_case"]).collect();
        known.sort_unstable();
        let mut fields: Vec<_> = fields.keys().map(String::as_str).collect();
        fields.sort_unstable();
        assert_eq!(fields, known);
        assert_eq!(schema.get("required"), Some(&serde_json::json!(["attribute"])));
        assert_eq!(schema.get("additionalProperties"), Some(&serde_json::json!(false)));
    }
}
