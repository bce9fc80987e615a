//! The machine that a process runs on.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    activation::{Activation, Compile, Configured, Verdict, evaluation::Check},
    builtin::{
        audience::{phrasing as words, string_list::Texts},
        register,
    },
    context::value::Value,
};

/// [`Config`] tells all of it.
struct Host {
    patterns: Box<[Box<str>]>,
    /// The name that the system tells.
    system: Box<str>,
    /// Whether that name fits.
    fits: bool,
}

/// On on some machines, by the name of the host.
///
/// ```sql
/// INSERT INTO activations VALUES (14, 'First of the web hosts', 'novi.host', '{"hosts": ["web-1", "canary-*"]}');
/// ```
///
/// `*` is any number of characters, none included. Case does not count in the letters a to z. The name is the attribute
/// `host` of the static context, which the process gives; if there is none, the name that the system tells when the row is
/// compiled. That may be a short name or a whole one (`web-1.example.com`): `["web-1", "web-1.*"]` fits both. A host that a
/// caller claims is not looked at.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// One name or several, in which * is any number of characters
    hosts: Texts,
}

register!(Host, "novi.host", [], "On on some machines, by the name of the host");

impl Activation for Host {
    fn evaluate(&self, check: &Check<'_>) -> Verdict {
        let given = check.get_static("host");
        let fits = match given {
            None => self.fits,
            Some(Value::Str(name)) => fits_one(&self.patterns, name),
            Some(_) => false,
        };
        check.note(|| {
            let system = if given.is_none() { format!(", found {:?}", self.system) } else { String::new() };
            format!("host: expected {}{system}", words::list(&self.patterns))
        });
        fits.into()
    }
}

impl Configured for Host {
    type Config = Config;

    fn configure(config: Config, row: &mut Compile<'_>) -> Option<Self> {
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
        let system: Box<str> = gethostname::gethostname().to_string_lossy().into();
        Some(Self { fits: fits_one(&patterns, &system), patterns, system })
    }
}

fn fits_one(patterns: &[Box<str>], name: &str) -> bool {
    patterns.iter().any(|pattern| fits(pattern.as_bytes(), name.as_bytes()))
}

/// Whether a name fits a pattern. Where it does not, the last `*` is tried with a character more: an earlier one need not
/// be, since what follows it has been found as early as it can be.
fn fits(mut pattern: &[u8], mut name: &[u8]) -> bool {
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
        fn patterns_are_those_of_an_expression(pattern in "[abA*]{0,8}", name in "[abB*\n]{0,8}") {
            let expression = format!("(?is)^{}$", pattern.replace('*', ".*"));
            let expected = regex::Regex::new(&expression).unwrap().is_match(&name);
            prop_assert_eq!(fits(pattern.as_bytes(), name.as_bytes()), expected);
        }
    }

    #[test]
    fn a_pattern_of_many_stars_takes_no_long_time() {
        let pattern = "*a".repeat(500) + "*b";
        assert!(!fits(pattern.as_bytes(), "a".repeat(10_000).as_bytes()));
    }
}
