//! The config of a row, and its validation.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use schemars::JsonSchema;
use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, Visitor},
};

use crate::{
    activation::CompileContext,
    builtin::audience::{
        attribute::{
            condition::Condition,
            operand::Reader,
            operand_kind::Operand,
            operator::{Bound, Test},
            path::Path,
            search::{Place, Search},
        },
        scalar::Scalar,
        string_list::StringList,
    },
    context::value::Value,
};

/// On if an attribute of the caller matches.
///
/// ```sql
/// INSERT INTO flags (id, name, status) VALUES (100, 'New pricing', true);
/// INSERT INTO activations (id, name, class_name, config) VALUES
///     (100, 'Paying customers', 'novi.attribute', '{"attribute": "plan", "in": ["pro", "team"]}'),
///     (101, 'Staff', 'novi.attribute', '{"attribute": "email", "ends_with": "@example.com", "ignore_case": true}'),
///     (102, 'Adults', 'novi.attribute', '{"attribute": "age", "greater_or_equal": 18, "less": 120}'),
///     (103, 'Recent app', 'novi.attribute', '{"attribute": "app.version", "semver": ">=1.2.3"}');
/// INSERT INTO flags_activations (flag_id, activation_id) VALUES (100, 100);
/// ```
///
/// A row has one operator or several, which must all hold:
///
/// | operator | the attribute is |
/// |---|---|
/// | `equals`, `not_equals` | this string, number or boolean; another one of the same type |
/// | `in`, `not_in` | one of a list; another value, of a type in the list |
/// | `contains`, `starts_with`, `ends_with` | a string with this part, or with one of a list of parts |
/// | `regex` | a string with a match of the regular expression, anywhere unless it has `^` and `$` |
/// | `less`, `less_or_equal`, `greater`, `greater_or_equal` | such a number |
/// | `before`, `after` | such a time, the limit excluded: an instant, or a string in RFC 3339 or like `2026-01-01` (00:00 UTC) |
/// | `semver` | a version in this range: `1.2.3` or with `=`, `>`, `<`, `>=`, `<=`, `~`, `^`, or several separated by commas |
/// | `semver_strict` | the same, of versions exactly as semver 2.0 writes them; others never match |
/// | `growthbook_version` | a version in GrowthBook's order: with `=`, `>`, `<`, `>=`, `<=` or nothing before it |
/// | `in_cidr` | an IP address in this network, or in one of a list of networks; an address is a network, too |
/// | `exists` | present (`true`), or missing (`false`) |
///
/// **Missing attributes.** An attribute that is missing, null, or of another type than the operator requires
/// never matches, not even `not_equals` and `not_in`: a caller whose country is unknown is not known to be
/// elsewhere. To match it, use `"exists": false` or `novi.not`.
///
/// **Names with dots.** `user.address.country` is the attribute with this name, or else a path through the
/// objects `user` and `address`. A field may have dots in its name if it is the end of the path:
/// `traits.plan.name` also finds the field `plan.name` of `traits`, which takes precedence.
///
/// **Lists.** If the attribute is a list, one value must meet all operators. For `not_equals` and `not_in`,
/// no value may be equal or of another type. A path continues into each object of a list. Null in a list is
/// ignored.
///
/// **Types.** Numbers are compared by value: 18 equals 18.0. Integers of up to 64 bits are exact; larger ones
/// in a row are rounded to a float. A string never equals a number or a boolean: `"18"` is not 18.
///
/// **Case.** `ignore_case` applies to the operators for strings. It compares character by character by
/// Unicode's simple case folding: `ς` equals `σ`, `ẞ` equals `ß` but not `ss`, and `İ` and `ı` equal only
/// themselves.
///
/// **Versions** are ordered by semver 2.0, including pre-releases: 2.0.0-alpha is in `<2.0.0`. Text after `+`
/// is ignored. A leading `v` or `=` and leading zeros are ignored, and missing parts are zero, so `v1.2` is
/// 1.2.0 and 2026.01.05 can be compared. Four parts are not a version. `~1.2.3` means up to but not including
/// 1.3.0, and `~1` up to 2.0.0. `^` means up to the next change of the first part that is not zero. Neither
/// includes pre-releases of the upper limit (2.0.0-alpha for `^1.2.3`). For flags of another system,
/// `semver_strict` rejects what LaunchDarkly, ConfigCat and Unleash do: `v1.2.3`, `2.0`, `02.0.0`. In
/// `growthbook_version` any string or number is a version: its parts, separated by dots or hyphens, are
/// compared as text, with numbers padded to five places.
///
/// **Networks.** An IPv4 address that is written as IPv6 (`::ffff:10.0.0.1`) is the IPv4 address.
///
/// **Limits.** Regular expressions take linear time, have no look-around or back-references, and take at most
/// 1 MiB when compiled. A lookup in a list of a million values takes the same time as in a list of ten.
#[derive(Default, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields, extend("required" = ["attribute"]))]
pub(super) struct Config {
    // Operands are read later, so that all problems are reported at once.
    /// The name of the attribute, or a path to it through objects: user.address.country
    #[schemars(with = "String", length(min = 1))]
    pub(super) attribute: Operand,
    /// The attribute equals this
    #[schemars(with = "Option<Scalar>", extend("x-novi-order" = 4))]
    pub(super) equals: Operand,
    /// The attribute has the same type, and another value
    #[schemars(with = "Option<Scalar>")]
    pub(super) not_equals: Operand,
    /// The attribute is one of these
    #[serde(rename = "in")]
    #[schemars(with = "Option<Vec<Scalar>>", extend("x-novi-order" = 4))]
    pub(super) one_of: Operand,
    /// The attribute has the type of one of these, and another value
    #[schemars(with = "Option<Vec<Scalar>>", extend("x-novi-order" = 4))]
    pub(super) not_in: Operand,
    /// The string contains this, or one of these
    #[schemars(with = "Option<StringList>")]
    pub(super) contains: Operand,
    /// The string starts with this, or with one of these
    #[schemars(with = "Option<StringList>")]
    pub(super) starts_with: Operand,
    /// The string ends with this, or with one of these
    #[schemars(with = "Option<StringList>")]
    pub(super) ends_with: Operand,
    /// The string has a match of this regular expression
    #[schemars(with = "Option<String>")]
    pub(super) regex: Operand,
    /// Strings are compared without regard to case
    #[schemars(with = "bool")]
    pub(super) ignore_case: Operand,
    /// The number is less than this
    #[schemars(with = "Option<f64>")]
    pub(super) less: Operand,
    /// The number is this or less
    #[schemars(with = "Option<f64>")]
    pub(super) less_or_equal: Operand,
    /// The number is greater than this
    #[schemars(with = "Option<f64>")]
    pub(super) greater: Operand,
    /// The number is this or greater
    #[schemars(with = "Option<f64>")]
    pub(super) greater_or_equal: Operand,
    /// The time is before this: 2026-01-01 or 2026-01-01T00:00:00Z
    #[schemars(with = "Option<String>")]
    pub(super) before: Operand,
    /// The time is after this: 2026-01-01 or 2026-01-01T00:00:00Z
    #[schemars(with = "Option<String>")]
    pub(super) after: Operand,
    /// The version is in this range: 1.2.3, or with one of = > < >= <= ~ ^ before it, or several separated by
    /// commas
    #[schemars(with = "Option<String>")]
    pub(super) semver: Operand,
    /// As semver, and the version is written as in semver 2.0
    #[schemars(with = "Option<String>")]
    pub(super) semver_strict: Operand,
    /// The version is in this range, in GrowthBook's order
    #[schemars(with = "Option<String>")]
    pub(super) growthbook_version: Operand,
    /// The IP address is in this network, or in one of these: 10.0.0.0/8
    #[schemars(with = "Option<StringList>")]
    pub(super) in_cidr: Operand,
    /// true: the attribute is present and not null; false: it is missing or null
    #[schemars(with = "Option<bool>")]
    pub(super) exists: Operand,
    #[schemars(skip)]
    unknown: BTreeMap<String, Value<'static>>,
}

impl Config {
    /// Compiles the path and the condition. Problems are reported.
    pub(super) fn compile(self, row: &mut CompileContext<'_>) -> (Path, Condition) {
        let mut read = Reader::new(row);
        read.unknown(self.unknown.keys());
        let path = read.name("attribute", self.attribute);
        let whole = [&self.equals, &self.not_equals, &self.one_of, &self.not_in, &self.regex];
        let parts = [&self.contains, &self.starts_with, &self.ends_with];
        let has_strings = whole.into_iter().chain(parts).any(Operand::is_present);
        let case = read.case("ignore_case", self.ignore_case, has_strings);

        let mut tests = Vec::new();
        tests.extend(read.value("equals", self.equals, case).map(Test::OneOf));
        tests.extend(read.values("in", self.one_of, case).map(Test::OneOf));
        for (field, operand, place) in [
            ("contains", self.contains, Place::Anywhere),
            ("starts_with", self.starts_with, Place::Start),
            ("ends_with", self.ends_with, Place::End),
        ] {
            tests.extend(
                read.strings(field, operand)
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
        let strict = read.strict_version("semver_strict", self.semver_strict);
        tests.extend(strict.map(|wanted| Test::StrictVersion(Box::new(wanted))));
        let padded = read.padded_version("growthbook_version", self.growthbook_version);
        tests.extend(padded.map(|wanted| Test::PaddedVersion(Box::new(wanted))));
        tests
            .extend(read.networks("in_cidr", self.in_cidr).map(|networks| Test::Network(Box::new(networks))));

        let mut none_of = Vec::new();
        none_of.extend(read.value("not_equals", self.not_equals, case));
        none_of.extend(read.values("not_in", self.not_in, case));
        let exists = read.exists("exists", self.exists);
        read.finish();
        (path, Condition::new(tests, none_of, exists))
    }

    /// The field with this name.
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
            "semver_strict" => &mut self.semver_strict,
            "growthbook_version" => &mut self.growthbook_version,
            "in_cidr" => &mut self.in_cidr,
            "exists" => &mut self.exists,
            _ => return None,
        })
    }
}

/// Written by hand, since `#[serde(flatten)]` would buffer all fields.
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

#[cfg(test)]
mod tests {
    use super::{super::operand::OPERATORS, *};

    #[test]
    fn operators_are_the_fields_of_the_schema() {
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
