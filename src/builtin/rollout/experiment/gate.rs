//! Which units an experiment enrolls.

use crate::{
    activation::{
        CompileContext, Draws,
        bucket::{Hash, Salted},
        evaluation::Evaluation,
    },
    builtin::rollout::{
        experiment::config::{Config, Holdout, Layer},
        sticky::HashName,
    },
};

/// The draws that decide about enrollment, in their order.
#[derive(Default)]
pub(super) struct Gate {
    holdout: Option<Part>,
    layer: Option<Part>,
    traffic: Option<Part>,
}

/// A range of buckets.
struct Part {
    salt: Salted,
    from: u32,
    to: u32,
}

impl Part {
    fn bucket(&self, unit: &str) -> u32 {
        self.salt.hash(unit.as_bytes()).bucket()
    }

    fn has(&self, unit: &str) -> bool {
        (self.from..self.to).contains(&self.bucket(unit))
    }
}

impl Gate {
    /// Compiles the gate; `Some(None)` if it is open to all.
    pub(super) fn compile(
        config: &Config,
        salt: &str,
        row: &mut CompileContext<'_>,
    ) -> Option<Option<Box<Self>>> {
        // All are compiled, so that all problems are reported.
        let holdout = config.holdout.as_ref().map(|holdout| holdout_part(holdout, row));
        let layer = config.layer.as_ref().map(|layer| layer_part(layer, row));
        let traffic = config.traffic.map(|traffic| {
            let to = percentage(".traffic", traffic, row)?;
            Some(Part { salt: Salted::new(salt), from: 0, to })
        });
        let (holdout, layer, traffic) = (
            transposed(holdout)?,
            transposed(layer)?,
            transposed(traffic)?.filter(|part| part.to < Hash::BUCKETS),
        );
        let gate = Self { holdout, layer, traffic };
        let is_open = gate.holdout.is_none() && gate.layer.is_none() && gate.traffic.is_none();
        Some((!is_open).then(|| Box::new(gate)))
    }

    /// Whether a caller is enrolled; one without a unit is not.
    #[inline(never)]
    pub(super) fn admits(&self, draws: &dyn Draws, evaluation: &Evaluation<'_>) -> bool {
        let mut admitted = false;
        draws.with_unit(evaluation, &mut |unit| admitted = self.admits_unit(unit, evaluation));
        admitted
    }

    fn admits_unit(&self, unit: &str, evaluation: &Evaluation<'_>) -> bool {
        if let Some(part) = self.holdout.as_ref().filter(|part| part.has(unit)) {
            let (bucket, to) = (part.bucket(unit), part.to);
            evaluation
                .note(|| format!("not enrolled: bucket {bucket} of the holdout, which has those below {to}"));
            return false;
        }
        if let Some(part) = self.layer.as_ref().filter(|part| !part.has(unit)) {
            let (bucket, from, to) = (part.bucket(unit), part.from, part.to);
            evaluation.note(|| {
                format!("not enrolled: bucket {bucket} of the layer, enrolled from {from} to before {to}")
            });
            return false;
        }
        if let Some(part) = self.traffic.as_ref().filter(|part| !part.has(unit)) {
            let (bucket, to) = (part.bucket(unit), part.to);
            evaluation
                .note(|| format!("not enrolled: bucket {bucket} of the traffic, enrolled if below {to}"));
            return false;
        }
        true
    }
}

/// The inner `None` is an invalid part.
#[expect(clippy::option_option, reason = "missing, invalid or valid")]
fn transposed(part: Option<Option<Part>>) -> Option<Option<Part>> {
    match part {
        None => Some(None),
        Some(None) => None,
        Some(part) => Some(part),
    }
}

fn holdout_part(holdout: &Holdout, row: &mut CompileContext<'_>) -> Option<Part> {
    let is_named = named(".holdout.name", &holdout.name, row);
    let to = percentage(".holdout.percentage", holdout.percentage, row)?;
    is_named.then(|| Part { salt: Salted::new(&format!("novi.holdout:{}", holdout.name)), from: 0, to })
}

fn layer_part(layer: &Layer, row: &mut CompileContext<'_>) -> Option<Part> {
    let is_named = named(".layer.name", &layer.name, row);
    let (from, to) = (percentage(".layer.from", layer.from, row), percentage(".layer.to", layer.to, row));
    let (from, to) = (from?, to?);
    if from >= to {
        let (start, end) = (layer.from, layer.to);
        row.problem(".layer.to", format!("expected more than `from`, which is {start}, found {end}"));
        return None;
    }
    is_named.then(|| Part { salt: Salted::new(&format!("novi.layer:{}", layer.name)), from, to })
}

fn named(path: &str, name: &str, row: &mut CompileContext<'_>) -> bool {
    if name.is_empty() {
        row.problem(path, "expected a name, found an empty string");
    }
    !name.is_empty()
}

/// The number of buckets of a percentage.
fn percentage(path: &str, percentage: f64, row: &mut CompileContext<'_>) -> Option<u32> {
    if !(0.0..=100.0).contains(&percentage) {
        row.problem(path, format!("expected 0 to 100, found {percentage}"));
        return None;
    }
    Some(HashName::Murmur3.share(percentage))
}
