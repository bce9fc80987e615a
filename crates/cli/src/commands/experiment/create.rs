//! `novi experiment create`.

use std::process::ExitCode;

use clap::Args;
use novi::builtin::{ExperimentMetrics, Holdout};
use novi_experiments::{LayerShare, NewExperiment, Weights};

use super::{failure::failure, guard::warnings};
use crate::{
    commands::{
        change::{ChangeOptions, Current, Draft, Fields, Operation, perform, raw},
        reweight::weight,
    },
    output::Failure,
    session::Session,
};

const EXAMPLES: &str = "\
Examples:
  novi experiment create \"One page\" --flag checkout --variants pages=50,one-page=50 --control pages
  novi experiment create Prices --flag prices --variants old=1,new=1 --control old --traffic 20% \\
    --layer checkout:30% --holdout 2026:5% --primary revenue --guardrail errors

The experiment is a draft, with the control for all callers, until `novi experiment start`. Experiments of a
layer never enroll the same unit: each takes a free range of it. The units of a holdout are in no experiment that
names it.";

/// Create an experiment of a flag, as a draft
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Create {
    /// Name of the experiment, in records of exposures as well
    name: String,

    /// Flag: its name, or #ID
    #[arg(long)]
    flag: String,

    /// Variants with their weights
    #[arg(long, required = true, value_name = "VARIANT=WEIGHT,..", value_delimiter = ',', value_parser = weight)]
    variants: Vec<(String, f64)>,

    /// Variant that the others are compared with
    #[arg(long, value_name = "VARIANT")]
    control: String,

    /// What it is expected to show
    #[arg(long, value_name = "TEXT")]
    hypothesis: Option<String>,

    /// Who answers questions about it
    #[arg(long, value_name = "NAME")]
    owner: Option<String>,

    /// Attribute that identifies the units [default: targetingKey]
    #[arg(long, value_name = "ATTRIBUTE")]
    unit: Option<String>,

    /// Hash that variants are drawn by; `novi sql` states a running experiment with sha256 [default: murmur3]
    #[arg(long, value_name = "HASH")]
    hash: Option<String>,

    /// Percentage of units that are enrolled [default: 100%]
    #[arg(long, value_name = "PERCENTAGE", value_parser = percentage)]
    traffic: Option<f64>,

    /// Layer, with the percentage of its units that the experiment takes
    #[arg(long, value_name = "NAME:PERCENTAGE", value_parser = named_percentage)]
    layer: Option<(String, f64)>,

    /// Holdout, with the percentage of units that it keeps out
    #[arg(long, value_name = "NAME:PERCENTAGE", value_parser = named_percentage)]
    holdout: Option<(String, f64)>,

    /// Metrics that it should improve
    #[arg(long, value_name = "METRIC,..", value_delimiter = ',')]
    primary: Vec<String>,

    /// Metrics that must not get worse
    #[arg(long, value_name = "METRIC,..", value_delimiter = ',')]
    guardrail: Vec<String>,

    /// Date or time from which on units are enrolled [default: when it is started]
    #[arg(long, value_name = "TIME")]
    start: Option<String>,

    /// Date or time at which it ends [default: when it is stopped]
    #[arg(long, value_name = "TIME")]
    end: Option<String>,

    /// IANA time zone of times without an offset [default: UTC]
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,

    #[command(flatten)]
    options: ChangeOptions,
}

impl Create {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let Self { flag, options, .. } = self;
        let new = NewExperiment {
            name: self.name,
            flag: String::new(),
            variants: Weights(self.variants),
            control: self.control,
            hypothesis: self.hypothesis,
            owner: self.owner,
            unit: self.unit,
            hash: self.hash,
            traffic: self.traffic,
            layer: self.layer.map(|(name, percentage)| LayerShare { name, percentage }),
            holdout: self.holdout.map(|(name, percentage)| Holdout::new(name, percentage)),
            metrics: Some(ExperimentMetrics::new(self.primary, self.guardrail)),
            start: self.start,
            end: self.end,
            timezone: self.timezone,
        };
        let version = options.if_version;
        perform(session, options, |current: &Current| {
            let flag = current.flag(&flag)?;
            let new = NewExperiment { flag: flag.name.clone(), ..new.clone() };
            let (_, config) = new.plan(&current.rows).map_err(|error| failure(&error))?;
            let id = current.next_activation_id()?;
            let fields = Fields::new().with("id", &id).with("name", &new.name);
            let fields =
                fields.with("class_name", &NewExperiment::CLASS).with("config", &raw(config.clone())?);
            let operations = [Operation::create_activation(fields), Operation::link(flag.id, id, version)];
            let mut draft = Draft::new(operations);
            draft.notes = warnings(session, current, &config);
            if !flag.status {
                draft.notes.push(format!("{} is off; `novi enable` turns it on", flag.name));
            }
            Ok(draft)
        })
        .await
    }
}

/// A percentage, as `20%` or `20`.
fn percentage(text: &str) -> Result<f64, &'static str> {
    let number = text.strip_suffix('%').unwrap_or(text).trim_end().parse::<f64>().ok();
    number.filter(|number| number.is_finite()).ok_or("expected a percentage such as 20%")
}

/// A name with a percentage, as `checkout:30%`.
fn named_percentage(text: &str) -> Result<(String, f64), &'static str> {
    let expected = "expected a name and a percentage such as checkout:30%";
    let (name, number) = text.rsplit_once(':').filter(|(name, _)| !name.is_empty()).ok_or(expected)?;
    Ok((name.to_owned(), percentage(number).map_err(|_| expected)?))
}
