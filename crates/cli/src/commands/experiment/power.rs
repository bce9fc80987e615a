//! `novi experiment power`.

use std::process::ExitCode;

use clap::Args;
use novi_stats::{
    Problem,
    analysis::Sequential,
    power::{Baseline, Plan},
};
use serde_json::json;

use super::report::{probability, share};
use crate::{
    commands::value_parser::positive,
    output::{Failure, print, print_json},
    session::Session,
};

const EXAMPLES: &str = "\
Examples:
  novi experiment power --rate 4% --effect 10%
  novi experiment power --mean 12.5 --deviation 40 --effect 5% --units-a-day 2000
  novi experiment power --rate 4% --units 20000

An effect is relative: 10% of a rate of 4% is 4.4%. The plan is that of one variant and the control, with as many units
each, and a two-sided test. With --sequential, the experiment may be read each day, for which it needs more units.";

/// Compute how many units an experiment needs, or which effect it can show
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_field_names, reason = "`--power` is an option of `novi experiment power`")]
pub(crate) struct Power {
    /// Share of units with the outcome before the experiment, of a metric of the kind proportion
    #[arg(long, value_name = "SHARE", value_parser = share, conflicts_with = "mean", required_unless_present = "mean")]
    rate: Option<f64>,

    /// Value per unit before the experiment, of a metric of the kind mean
    #[arg(long, value_name = "NUMBER", requires = "deviation")]
    mean: Option<f64>,

    /// Standard deviation of the value
    #[arg(long, value_name = "NUMBER", requires = "mean")]
    deviation: Option<f64>,

    /// Relative effect that should be shown
    #[arg(long, value_name = "SHARE", value_parser = share, allow_hyphen_values = true, required_unless_present = "units")]
    effect: Option<f64>,

    /// Units of both groups together
    #[arg(long, value_name = "NUMBER", value_parser = positive)]
    units: Option<u32>,

    /// New units a day, to see how long it takes
    #[arg(long, value_name = "NUMBER", value_parser = positive)]
    units_a_day: Option<u32>,

    /// Probability that the effect is shown
    #[arg(long, default_value_t = 0.8, value_parser = probability)]
    power: f64,

    /// Probability that an effect is shown that does not exist
    #[arg(long, default_value_t = 0.05, value_parser = probability)]
    alpha: f64,

    /// Plan for an experiment that is read more often than once
    #[arg(long)]
    sequential: bool,
}

impl Power {
    pub(super) fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let invalid = |problem: Problem| Failure::usage(problem.to_string());
        let baseline = match (self.rate, self.mean, self.deviation) {
            (Some(rate), ..) => Baseline::proportion(rate),
            (None, mean, deviation) => {
                Baseline::mean(mean.unwrap_or_default(), deviation.unwrap_or_default())
            }
        };
        let baseline = baseline.map_err(invalid)?;
        let sequential = self.sequential.then(Sequential::default);
        let plan = Plan { alpha: self.alpha, sequential, ..Plan::default() };
        let days = |units: f64| self.units_a_day.map(|a_day| (units / f64::from(a_day)).ceil());
        let (json, text) = match (self.effect, self.units) {
            (Some(effect), Some(units)) => {
                let power = plan.power(&baseline, effect, f64::from(units)).map_err(invalid)?;
                let text = format!(
                    "{units} units show an effect of {} with a probability of {:.1} %",
                    relative(effect),
                    100.0 * power
                );
                (json!({"power": power, "effect": effect, "units": units}), text)
            }
            (Some(effect), None) => {
                let units = plan.units(&baseline, effect, self.power).map_err(invalid)?;
                #[expect(clippy::cast_precision_loss, reason = "the number of days is a whole number")]
                let days = days(units as f64);
                let text = format!(
                    "{units} units, half of them with the variant, show an effect of {} with a probability of {:.0} %{}",
                    relative(effect),
                    100.0 * self.power,
                    days.map(|days| format!(": {days} days")).unwrap_or_default()
                );
                (json!({"power": self.power, "effect": effect, "units": units, "days": days}), text)
            }
            (None, units) => {
                let units = units.unwrap_or_default();
                let effect = plan.effect(&baseline, f64::from(units), self.power).map_err(invalid)?;
                let text = format!(
                    "{units} units show an effect of {} or more with a probability of {:.0} %",
                    relative(effect),
                    100.0 * self.power
                );
                (json!({"power": self.power, "effect": effect, "units": units}), text)
            }
        };
        if session.json {
            print_json(&json)?;
        } else {
            print(text)?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn relative(effect: f64) -> String {
    format!("{:+.2} %", 100.0 * effect)
}
