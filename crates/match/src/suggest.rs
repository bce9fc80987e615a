//! "Did you mean …?" for names.

/// Returns the known name that is most like `name`, or `None` if none is similar enough.
#[must_use]
pub fn most_similar<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // Longer names are not typed by hand, and comparing many of them is slow.
    const LONGEST: usize = 300;
    // Below this a suggestion confuses more than it helps; clap has the same threshold.
    const SIMILAR: f64 = 0.7;
    if name.len() > LONGEST {
        return None;
    }
    known
        // A single letter is like every short word that contains it.
        .filter(|candidate| (2..=LONGEST).contains(&candidate.len()))
        .map(|candidate| (strsim::jaro_winkler(&name.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|(likeness, _)| *likeness > SIMILAR)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}
