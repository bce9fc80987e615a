//! Environment variables that look like settings.

use novi_match::suggest::most_similar;

use crate::session::Config;

const PREFIX: &str = "NOVI_";

/// The variables that are not a key of a section. The guides use `NOVI_TOKEN` for clients.
const SINGLE: [&str; 7] = ["COMPLETE", "CONFIG", "CONTEXT", "LOG", "LOG_FORMAT", "OVERRIDES", "TOKEN"];

/// A warning for each variable that nothing reads and whose name is like that of a setting. A wrong name with
/// `__` is an error of the configuration.
pub(crate) fn unknown_variables(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut names: Vec<_> = names.filter_map(|name| Some(name.strip_prefix(PREFIX)?.to_owned())).collect();
    names.retain(|name| !name.contains("__") && !SINGLE.iter().any(|known| known.eq_ignore_ascii_case(name)));
    names.sort_unstable();
    let known = if names.is_empty() { Vec::new() } else { settings() };
    let warning = |name: &String| {
        let similar = most_similar(name, SINGLE.into_iter().chain(known.iter().map(String::as_str)))?;
        Some(format!("environment variable {PREFIX}{name} has no effect; did you mean {PREFIX}{similar}?"))
    };
    names.iter().filter_map(warning).collect()
}

/// `SECTION__KEY` of every setting.
fn settings() -> Vec<String> {
    let config = serde_json::to_value(Config::default()).unwrap_or_default();
    let sections = config.as_object().into_iter().flatten();
    let keys = sections.flat_map(|(section, keys)| {
        let keys = keys.as_object().into_iter().flatten();
        keys.map(move |(key, _)| format!("{section}__{key}").to_uppercase())
    });
    keys.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_that_are_no_settings_are_reported_with_the_likely_name() {
        let warnings = |names: &[&str]| unknown_variables(names.iter().map(|name| (*name).to_owned()));
        let names = ["PATH", "NOVI_LOG", "NOVI_overrides", "NOVI_DATABSE__URL", "NOVI_TOKEN", "NOVI_XYZZY"];
        assert_eq!(warnings(&names), Vec::<String>::new());
        assert_eq!(
            warnings(&["NOVI_DATABASE_URL", "NOVI_LOG_FROMAT", "NOVI_SERVER_LISTEN"]),
            [
                "environment variable NOVI_DATABASE_URL has no effect; did you mean NOVI_DATABASE__URL?",
                "environment variable NOVI_LOG_FROMAT has no effect; did you mean NOVI_LOG_FORMAT?",
                "environment variable NOVI_SERVER_LISTEN has no effect; did you mean NOVI_SERVER__LISTEN?",
            ]
        );
    }
}
