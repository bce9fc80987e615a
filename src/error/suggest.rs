//! "Did you mean" for names.

/// The name most like `name`, if one is like it at all.
pub(crate) fn most_similar<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // Names may be long and many: past this length nobody has mistyped one letter.
    const LONGEST: usize = 300;
    // Below this a suggestion confuses more than it helps; clap uses the same bar.
    const SIMILAR: f64 = 0.7;
    if name.len() > LONGEST {
        return None;
    }
    known
        .filter(|candidate| candidate.len() <= LONGEST)
        .map(|candidate| (strsim::jaro_winkler(&name.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|(likeness, _)| *likeness > SIMILAR)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}
