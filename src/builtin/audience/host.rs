//! The host of a process.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    activation::{
        Activation, CompileContext, Configured, Phrase, Phrasing, Verdict, evaluation::Evaluation,
        phrase::alternatives, sql, value_text,
    },
    builtin::{
        audience::{phrasing, string_list::StringList},
        register::register,
    },
    context::value::Value,
};

/// See [`Config`].
struct Host {
    patterns: Box<[Box<str>]>,
    /// The host name of the system.
    system: Box<str>,
    /// Whether that name matches.
    system_matches: bool,
}

/// On if the name of the host matches.
///
/// ```sql
/// INSERT INTO flags (id, name, status) VALUES (180, 'New cache', true);
/// INSERT INTO activations (id, name, class_name, config) VALUES
///     (180, 'First of the web hosts', 'novi.host', '{"hosts": ["web-1", "canary-*"]}');
/// INSERT INTO flags_activations (flag_id, activation_id) VALUES (180, 180);
/// ```
///
/// `*` is any number of characters, including none. The case of ASCII letters does not matter. The name is
/// the attribute `host` of the static context, or else the name of the system when the row is compiled, which
/// may be short or qualified (`web-1.example.com`): `["web-1", "web-1.*"]` matches both. Callers cannot
/// override it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// One name or several, in which * is any number of characters
    hosts: StringList,
}

register!(Host, "novi.host", [], "On if the name of the host matches");

impl Activation for Host {
    fn evaluate(&self, evaluation: &Evaluation<'_>) -> Verdict {
        let given = evaluation.get_static("host");
        let is_match = match given {
            None => self.system_matches,
            Some(Value::Str(name)) => matches_any(&self.patterns, name),
            Some(_) => false,
        };
        evaluation.note(|| {
            let system = if given.is_none() { format!(", found {:?}", self.system) } else { String::new() };
            format!("host: expected {}{system}", phrasing::list(&self.patterns))
        });
        is_match.into()
    }
}

impl Configured for Host {
    type Config = Config;

    fn configure(config: Config, row: &mut CompileContext<'_>) -> Option<Self> {
        if config.hosts.iter().len() == 0 {
            row.problem(".hosts", "expected at least one host, found none");
        }
        for (index, name) in config.hosts.iter().enumerate().filter(|(_, name)| name.is_empty()) {
            row.problem(
                &config.hosts.path(".hosts", index),
                format!("expected the name of a host, found {name:?}"),
            );
        }
        let patterns = config.hosts.into_boxed();
        let system: Box<str> = hostname::get().unwrap_or_default().to_string_lossy().into();
        Some(Self { system_matches: matches_any(&patterns, &system), patterns, system })
    }

    fn words(config: &Config, _: &mut Phrasing<'_>) -> Phrase {
        Phrase::condition(format!("host is {}", alternatives("hosts", config.hosts.iter().map(value_text))))
    }

    fn config_to_sql(config: &Config, sql: &mut sql::SqlContext<'_>) -> sql::Condition {
        match sql.base.get("host") {
            None => sql.refuse(
                ".hosts",
                "the database does not know on which host the flag is evaluated; set `host` in [context]",
            ),
            Some(Value::Str(name)) => {
                let matches = |pattern: &str| matches(pattern.as_bytes(), name.as_bytes());
                sql::Condition::always(config.hosts.iter().any(matches))
            }
            Some(_) => sql::Condition::always(false),
        }
    }
}

fn matches_any(patterns: &[Box<str>], name: &str) -> bool {
    patterns.iter().any(|pattern| matches(pattern.as_bytes(), name.as_bytes()))
}

/// Returns `true` if a name matches a pattern. On a mismatch only the last `*` is extended: earlier ones need
/// not be, since the text after them was found at the earliest position.
fn matches(mut pattern: &[u8], mut name: &[u8]) -> bool {
    let mut star: Option<(&[u8], &[u8])> = None;
    loop {
        match (pattern, name) {
            ([b'*', rest @ ..], _) => {
                star = Some((rest, name));
                pattern = rest;
            }
            ([wanted, rest @ ..], [found, after @ ..]) if wanted.eq_ignore_ascii_case(found) => {
                (pattern, name) = (rest, after);
            }
            ([], []) => return true,
            _ => {
                let Some((rest, [_, after @ ..])) = star else { return false };
                star = Some((rest, after));
                (pattern, name) = (rest, after);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn patterns_agree_with_regular_expressions(pattern in "[abA*]{0,8}", name in "[abB*\n]{0,8}") {
            let expression = format!("(?is)^{}$", pattern.replace('*', ".*"));
            let expected = regex::Regex::new(&expression).unwrap().is_match(&name);
            prop_assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), expected);
        }
    }

    #[test]
    fn many_stars_do_not_take_exponential_time() {
        let pattern = "*a".repeat(500) + "*b";
        assert!(!matches(pattern.as_bytes(), "a".repeat(10_000).as_bytes()));
    }
}
