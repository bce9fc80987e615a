//! What the outcomes that a metric selects lack.

use crate::{
    read::{Outcomes, Sums},
    report::StepReport,
};

/// Why there are no numbers, if no unit has an outcome.
pub(crate) fn without_outcomes(outcomes: &Outcomes, sums: &[Sums]) -> Option<String> {
    if sums.iter().any(|sums| sums.with_outcome > 0) {
        return None;
    }
    let total = outcomes.total;
    Some(match total {
        0 => "its SQL selects no outcomes in the time of the experiment".to_owned(),
        _ if outcomes.unreadable_times == total => {
            format!("{total} of {total} outcomes have a `ts` that is no time: convert it in the SQL")
        }
        _ => format!(
            "none of the {total} outcomes belongs to a unit of the experiment, after its exposure and within the window: \
             compare `unit` with the column `unit` of novi_assignments"
        ),
    })
}

/// Outcomes that the database cannot read, which count as nothing.
pub(crate) fn unreadable(outcomes: &Outcomes) -> Vec<String> {
    let Outcomes { total, unreadable_times, unreadable_values } = outcomes;
    let mut warnings = Vec::new();
    for (count, column, what) in [
        (unreadable_times, "ts", "no time, and do not count"),
        (unreadable_values, "value", "no number; those of units in their windows count as 0"),
    ] {
        if *count > 0 {
            warnings.push(format!(
                "{count} of the {total} outcomes that the SQL selects have a `{column}` that is {what}: convert it in the SQL"
            ));
        }
    }
    warnings
}

/// A step of a funnel that no unit reaches although some reach the one before.
pub(crate) fn unreached(steps: &[StepReport]) -> Option<String> {
    let step = steps.iter().find(|step| step.units.values().all(|units| *units == 0))?;
    Some(format!(
        "no unit reaches the step {:?} after the steps before it: compare its name with the column `step`, letter by letter",
        step.step
    ))
}
