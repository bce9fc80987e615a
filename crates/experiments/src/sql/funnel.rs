//! The SQL of funnels.

use chrono::{DateTime, Utc};

use super::Scope;
use crate::metric::Metric;

impl Scope {
    /// When each unit with an outcome reached the steps `t1`, `t2`, and so on. The earliest outcome of a step that is not
    /// before that of the previous step counts: a unit that reaches a step by any of its outcomes reaches it by this one.
    ///
    /// Each step is a window function over the one below, so that outcomes are read and joined once.
    pub(super) fn per_unit_of_funnel(&self, metric: &Metric, first: DateTime<Utc>) -> String {
        let mut statement = format!(
            "novi_outcomes as (\n{}\n), novi_steps0 as (select a.variant as variant, a.id as id, {} as ts, {} as step {} \
             and {})",
            self.outcomes(metric, first),
            self.dialect.time("o.ts"),
            self.step_number(metric),
            self.joined(),
            self.within(metric)
        );
        let mut times = String::new();
        for step in 1..=metric.steps.len() {
            let previous = step - 1;
            let follows = if previous > 0 { format!(" and ts >= t{previous}") } else { String::new() };
            statement = format!(
                "{statement}, novi_steps{step} as (select novi_steps{previous}.*, \
                 min(case when step = {step}{follows} then ts end) over (partition by id) as t{step} \
                 from novi_steps{previous})"
            );
            times = format!("{times}, min(t{step}) as t{step}");
        }
        format!(
            "{statement}, novi_values as (select variant, id{times} from novi_steps{} where step > 0 group by variant, id)",
            metric.steps.len()
        )
    }

    /// The number of the step of an outcome `o`, from 1; 0 if it is none.
    pub(super) fn step_number(&self, metric: &Metric) -> String {
        let step = self.dialect.exact_text("o.step");
        let cases = (1..).zip(&metric.steps).map(|(number, name)| {
            let name = self.dialect.exact_text(&self.dialect.string(name));
            format!(" when {step} = {name} then {number}")
        });
        format!("case{} else 0 end", cases.collect::<String>())
    }
}
