//! What an exposure records: the experiment, the unit and the variant of a decision.

use crate::{
    activation::{Draws, evaluation::Evaluation, key::with_key},
    context::Context,
    snapshot::{
        Flag, Snapshot,
        decision::{Decision, Evaluated, Reason},
    },
};

/// The variants of flags that have none.
const ON: &str = "on";
const OFF: &str = "off";

/// A unit that saw a variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exposure<'a> {
    /// The name of the experiment: that of the flag, unless its draw has another one.
    pub(crate) experiment: &'a str,
    pub(crate) unit: &'a str,
    pub(crate) variant: &'a str,
    /// Whether the unit keeps its variant.
    pub(crate) is_remembered: bool,
}

/// Whether an evaluation is an exposure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exposed {
    Yes,
    /// The experiment did not decide: the flag is disabled, broken, overridden, off for a caller whom it assigns no
    /// variant, or the caller is not enrolled in the experiment.
    NotInExperiment,
    /// The caller has no key to be drawn by.
    NoUnit,
}

impl<S: AsRef<Snapshot>> Decision<S> {
    /// Calls `read` with the exposure of this decision, if it is one.
    pub(crate) fn exposure(&self, context: &Context<'_>, read: impl FnOnce(&Exposure<'_>)) -> Exposed {
        self.snapshot.as_ref().exposure(&self.evaluated, context, read)
    }
}

impl Snapshot {
    /// Calls `read` with the exposure of an evaluation, if it is one.
    fn exposure(
        &self,
        evaluated: &Evaluated,
        context: &Context<'_>,
        read: impl FnOnce(&Exposure<'_>),
    ) -> Exposed {
        let Evaluated::Flag(index, outcome) = evaluated else { return Exposed::NotInExperiment };
        let Some((home, flag)) = self.locate(*index) else { return Exposed::NotInExperiment };
        let is_decided = !flag.overridden && !matches!(outcome.reason(), Reason::Disabled | Reason::Error);
        let variant = match outcome.variant {
            _ if !is_decided => None,
            Some(variant) if outcome.enabled => Some(home.name_of_variant(variant)),
            _ if !flag.variants().is_empty() => None,
            _ => Some(if outcome.enabled { ON } else { OFF }),
        };
        let Some(variant) = variant else { return Exposed::NotInExperiment };
        let draws = home.draws(flag);
        let experiment = draws.and_then(|draws| draws.experiment()).unwrap_or_else(|| home.name(flag));
        let is_remembered = draws.is_some_and(Draws::remembers);
        let evaluation = Evaluation::new(&home.around, context, &flag.named);
        if draws.is_some_and(|draws| !draws.enrolls(&evaluation, outcome.variant)) {
            return Exposed::NotInExperiment;
        }
        let mut read = Some(read);
        let mut expose = |unit: &str| {
            if let Some(read) = read.take() {
                read(&Exposure { experiment, unit, variant, is_remembered });
            }
        };
        match draws {
            Some(draws) => draws.with_unit(&evaluation, &mut expose),
            None => {
                evaluation.identity().and_then(|value| with_key(value, expose));
            }
        }
        if read.is_none() { Exposed::Yes } else { Exposed::NoUnit }
    }

    /// The draw whose settings exposures of a flag need.
    fn draws(&self, flag: &Flag) -> Option<&dyn Draws> {
        let node = flag.extras.as_ref()?.draw?;
        self.around.nodes.get(node as usize)?.activation.draws()
    }

    /// The names of the experiments whose units keep their variant.
    #[cfg(feature = "sql")]
    pub(crate) fn remembering_experiments(&self) -> impl Iterator<Item = &str> {
        self.indices().filter_map(|index| {
            let (home, flag) = self.locate(index)?;
            let draws = home.draws(flag).filter(|draws| draws.remembers())?;
            Some(draws.experiment().unwrap_or_else(|| home.name(flag)))
        })
    }
}
