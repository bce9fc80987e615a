//! Windows of time, as novi itself understands their configs.

use chrono::{DateTime, Utc};
use novi::{
    Context, Flags,
    activation::Registry,
    rows::{ActivationRow, FlagRow, LinkRow, Rows},
};
use novi_files::Tree;

use super::condition::{Condition, Test};

/// More changes than this are a schedule that repeats.
const MOST_CHANGES: usize = 16;

/// The windows in which an activation is on that depends on the time alone.
pub(super) fn windows(class: &str, config: &Tree, registry: &Registry) -> Result<Condition, String> {
    const NAME: &str = "window";
    let rows = Rows {
        flags: vec![FlagRow::new(1, NAME, true)],
        activations: vec![ActivationRow::new(1, NAME, class, config.to_json())],
        links: vec![LinkRow::new(1, 1)],
        ..Rows::default()
    };
    let flags =
        Flags::builder().registry(registry.clone()).from_rows(rows).map_err(|error| error.to_string())?;
    if let Some(issue) = flags.issues().iter().find(|issue| !issue.warning) {
        return Err(format!("{}: {}", issue.path, issue.message));
    }
    let begin =
        DateTime::parse_from_rfc3339("0001-01-01T00:00:00Z").map_err(|error| error.to_string())?.to_utc();
    let is_on = |at: DateTime<Utc>| flags.is_enabled(NAME, &Context::new().with("currentDateTime", at));
    let mut start = is_on(begin).then_some(None);
    let (mut found, mut at) = (Vec::new(), begin);
    for _ in 0..MOST_CHANGES {
        let next = flags.snapshot().next_change(NAME, at).map_err(|error| error.to_string())?;
        let Some(next) = next else {
            found.extend(start.map(|start| (start, None)));
            let window = |(start, end)| match (start, end) {
                (None, None) => Condition::Const(true),
                (start, end) => Condition::Test(Test::Clock(start, end)),
            };
            return Ok(Condition::any(found.into_iter().map(window)));
        };
        at = next;
        match (start, is_on(at)) {
            (None, true) => start = Some(Some(at)),
            (Some(from), false) => {
                found.push((from, Some(at)));
                start = None;
            }
            _ => (),
        }
    }
    Err(format!("`{class}` repeats, which has no equivalent"))
}
