//! Reports for people, as text.

use std::{collections::BTreeMap, fmt};

use chrono::{DateTime, Utc};

use crate::{
    metric::{Better, Kind, Metric},
    report::{Breakdown, Comparison, Interval, MetricReport, Report, VariantReport, Verdict},
};

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}: exposures from {} until {}",
            self.experiment,
            moment(self.from),
            moment(self.until)
        )?;
        let ratio = match &self.sample_ratio {
            Some(ratio) if !ratio.periods.is_empty() => {
                let periods = ratio.periods.len();
                format!(" (sample ratio p = {}, over {periods} periods of weights)", number(ratio.p))
            }
            Some(ratio) => format!(" (sample ratio p = {})", number(ratio.p)),
            None => String::new(),
        };
        writeln!(f, "units: {}{ratio}", units_of(&self.units))?;
        for warning in &self.warnings {
            writeln!(f, "warning: {warning}")?;
        }
        for metric in &self.metrics {
            writeln!(f, "\n{}", heading(&metric.metric))?;
            write_metric(f, metric, &self.control)?;
        }
        for breakdown in &self.breakdowns {
            write_breakdown(f, self, breakdown)?;
        }
        Ok(())
    }
}

fn units_of(units: &BTreeMap<String, u64>) -> String {
    let units: Vec<String> = units.iter().map(|(variant, units)| format!("{variant} {units}")).collect();
    units.join(", ")
}

fn write_breakdown(f: &mut fmt::Formatter<'_>, report: &Report, breakdown: &Breakdown) -> fmt::Result {
    writeln!(f, "\nby {}", breakdown.by)?;
    if let Some(problem) = &breakdown.problem {
        return writeln!(f, "  no numbers: {problem}");
    }
    for warning in &breakdown.warnings {
        writeln!(f, "  warning: {warning}")?;
    }
    for segment in &breakdown.segments {
        writeln!(f, "  {}: {}", segment.value, units_of(&segment.units))?;
        for (metric, found) in report.metrics.iter().zip(&segment.metrics) {
            match &found.problem {
                Some(problem) => writeln!(f, "    {}: no numbers: {problem}", found.name)?,
                None => writeln!(f, "    {}", found.name)?,
            }
            let value = |variant: &str| Some(value_of(&metric.metric, *found.values.get(variant)?));
            // The last step is what is compared.
            let before = found.steps.split_last().map_or(&[][..], |(_, before)| before);
            for (number, step) in (1..).zip(before) {
                let shares =
                    step.values.iter().map(|(variant, share)| format!("{variant} {:.2} %", 100.0 * share));
                let shares: Vec<String> = shares.collect();
                writeln!(f, "      step {number}, {}: {}", step.step, shares.join(", "))?;
            }
            write_variants(f, ("      ", &report.control), &found.variants, value)?;
        }
    }
    Ok(())
}

fn write_metric(f: &mut fmt::Formatter<'_>, metric: &MetricReport, control: &str) -> fmt::Result {
    if let Some(problem) = &metric.problem {
        return writeln!(f, "  no numbers: {problem}");
    }
    for warning in &metric.warnings {
        writeln!(f, "  warning: {warning}")?;
    }
    let value = |variant: &str| Some(value_of(&metric.metric, *metric.values.get(variant)?));
    if metric.steps.is_empty() {
        return write_variants(f, ("  ", control), &metric.variants, value);
    }
    let mut previous: Option<&str> = None;
    for (number, step) in (1..).zip(&metric.steps) {
        writeln!(f, "  step {number}, {}", step.step)?;
        let value = |variant: &str| {
            let share = value_of(&metric.metric, *step.values.get(variant)?);
            let of_previous = previous.zip(step.of_previous.get(variant));
            let of_previous =
                of_previous.map(|(previous, share)| format!(", {:.2} % of {previous}", 100.0 * share));
            Some(format!("{share}{}", of_previous.unwrap_or_default()))
        };
        write_variants(f, ("    ", control), &step.variants, value)?;
        previous = Some(&step.step);
    }
    Ok(())
}

fn write_variants(
    f: &mut fmt::Formatter<'_>,
    (indent, control): (&str, &str),
    variants: &[VariantReport],
    value: impl Fn(&str) -> Option<String>,
) -> fmt::Result {
    if let Some(value) = value(control) {
        writeln!(f, "{indent}{control}: {value}")?;
    }
    for variant in variants {
        let name = &variant.variant;
        let value = value(name).map(|value| format!("{value}, ")).unwrap_or_default();
        match &variant.result {
            Some(result) if !value.is_empty() => {
                writeln!(f, "{indent}{name}: {value}{}", comparison(result))?;
            }
            _ => {
                writeln!(f, "{indent}{name}: {value}{}", variant.problem.as_deref().unwrap_or("no numbers"))?;
            }
        }
    }
    Ok(())
}

/// What a metric is, in one line.
pub(crate) fn heading(metric: &Metric) -> String {
    let guardrail = if metric.guardrail { ", guardrail" } else { "" };
    let kind = match metric.kind {
        Kind::Unknown => return format!("{}{guardrail}", metric.name),
        Kind::Mean => "mean per unit".to_owned(),
        Kind::Proportion => "share of units".to_owned(),
        Kind::Ratio => "ratio".to_owned(),
        Kind::Retention { day } => format!("share of units with an outcome on day {day}"),
        Kind::Funnel => format!("funnel, share of units that reach each of {}", metric.steps.join(", ")),
        Kind::Quantile { level } => format!("quantile {level} of units with an outcome"),
    };
    let better = match metric.better {
        Better::More => "more is better",
        Better::Less => "less is better",
    };
    format!("{} ({kind}, {better}{guardrail})", metric.name)
}

fn comparison(result: &Comparison) -> String {
    let (what, [low, high], [low_always, high_always]) = if let Some(lift) = &result.lift {
        (percent(lift.estimate), lift.interval.map(percent), lift.interval_at_any_time.map(percent))
    } else {
        let Interval { estimate, interval, interval_at_any_time } = result.difference;
        (signed(estimate), interval.map(signed), interval_at_any_time.map(signed))
    };
    let adjusted = result.p_adjusted.map(|p| format!(", adjusted {}", number(p))).unwrap_or_default();
    format!(
        "{what} [{low} to {high}; at any time {low_always} to {high_always}], p = {}{adjusted}, chance to win {:.1} %: {}",
        number(result.p),
        100.0 * result.chance_to_win,
        verdict(result.verdict)
    )
}

/// What can be said of a variant, in words.
pub(crate) const fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Better => "better",
        Verdict::Worse => "worse",
        Verdict::Open => "not decided yet",
    }
}

pub(crate) fn value_of(metric: &Metric, value: f64) -> String {
    match metric.kind {
        Kind::Proportion | Kind::Retention { .. } | Kind::Funnel => format!("{:.2} %", 100.0 * value),
        _ => number(value),
    }
}

/// A share of the control, as in `+4.52 %`.
pub(crate) fn percent(value: f64) -> String {
    format!("{:+.2} %", 100.0 * value)
}

pub(crate) fn signed(value: f64) -> String {
    if value < 0.0 { number(value) } else { format!("+{}", number(value)) }
}

/// A number with four digits that count.
pub(crate) fn number(value: f64) -> String {
    let size = value.abs();
    match value {
        _ if value == 0.0 => "0".to_owned(),
        _ if !(0.001..1e9).contains(&size) => format!("{value:.2e}"),
        _ if size >= 1000.0 => format!("{value:.0}"),
        _ if size >= 10.0 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}

pub(crate) fn moment(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M UTC").to_string()
}
