//! Which units an experiment enrolls.

use crate::{
    activation::{
        CompileContext, Draws,
        bucket::{Hash, Salted},
        evaluation::Evaluation,
        sql::{Expression, SqlContext},
    },
    builtin::rollout::{
        experiment::config::{Config, Holdout, Layer},
        sticky::{self, HashName, Purpose},
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
    salt: Salt,
    from: u32,
    to: u32,
}

enum Salt {
    Murmur3(Salted),
    Sha256(Box<str>),
}

impl Salt {
    fn new(config: &Config, text: &str) -> Self {
        if config.enrolls_by_sha256() { Self::Sha256(text.into()) } else { Self::Murmur3(Salted::new(text)) }
    }
}

impl Part {
    fn bucket(&self, unit: &str) -> u32 {
        match &self.salt {
            Salt::Murmur3(salt) => salt.hash(unit.as_bytes()).bucket(),
            Salt::Sha256(salt) => HashName::Sha256.place(salt, unit, Purpose::Share),
        }
    }

    fn has(&self, unit: &str) -> bool {
        (self.from..self.to).contains(&self.bucket(unit))
    }
}

impl Gate {
    /// Compiles the gate; `Some(None)` if it is open to all.
    #[expect(clippy::option_option, reason = "invalid, open or closed to some")]
    pub(super) fn compile(
        config: &Config,
        name: &str,
        row: &mut CompileContext<'_>,
    ) -> Option<Option<Box<Self>>> {
        // All are compiled, so that all problems are reported.
        let holdout = config.holdout.as_ref().map(|holdout| holdout_part(config, holdout, row));
        let layer = config.layer.as_ref().map(|layer| layer_part(config, layer, row));
        let traffic = config.traffic.map(|traffic| {
            let to = percentage(".traffic", traffic, row)?;
            Some(Part { salt: Salt::new(config, traffic_salt(config, name)), from: 0, to })
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
        let mut admitted = None;
        draws.with_unit(evaluation, &mut |unit| admitted = Some(self.admits_unit(unit, evaluation)));
        if admitted.is_none() {
            note_no_unit(evaluation);
        }
        admitted.unwrap_or_default()
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

fn holdout_salt(holdout: &Holdout) -> String {
    format!("novi.holdout:{}", holdout.name)
}

fn layer_salt(layer: &Layer) -> String {
    format!("novi.layer:{}", layer.name)
}

fn traffic_salt<'c>(config: &'c Config, name: &'c str) -> &'c str {
    config.salt.as_deref().unwrap_or(name)
}

/// Whether an experiment that does not enroll by murmur3 enrolls a caller with a unit, as SQL. `name` is that of the row.
pub(super) fn to_sql(config: &Config, name: &str, sql: &mut SqlContext<'_>) -> Expression {
    let mut within = |salt: &str, from: f64, to: f64| {
        let draw = sticky::sql::draw(config.unit.as_ref(), Some(salt), HashName::Sha256, Purpose::Share, sql);
        let range = (HashName::Sha256.share(from), HashName::Sha256.share(to));
        sticky::sql::within(draw, [range]).on
    };
    let holdout = config.holdout.as_ref();
    let holdout = holdout.map(|it| within(&holdout_salt(it), 0.0, it.percentage).negated());
    let layer = config.layer.as_ref().map(|layer| within(&layer_salt(layer), layer.from, layer.to));
    let traffic = config.traffic.filter(|traffic| HashName::Sha256.share(*traffic) < Hash::BUCKETS);
    let traffic = traffic.map(|traffic| within(traffic_salt(config, name), 0.0, traffic));
    Expression::all([holdout, layer, traffic].into_iter().flatten())
}

/// Notes for an explanation that a caller has no unit.
pub(super) fn note_no_unit(evaluation: &Evaluation<'_>) {
    evaluation.note(|| "not enrolled, since the caller has no unit".to_owned());
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

fn holdout_part(config: &Config, holdout: &Holdout, row: &mut CompileContext<'_>) -> Option<Part> {
    let is_named = named(".holdout.name", &holdout.name, row);
    let to = percentage(".holdout.percentage", holdout.percentage, row)?;
    is_named.then(|| Part { salt: Salt::new(config, &holdout_salt(holdout)), from: 0, to })
}

fn layer_part(config: &Config, layer: &Layer, row: &mut CompileContext<'_>) -> Option<Part> {
    let is_named = named(".layer.name", &layer.name, row);
    let (from, to) = (percentage(".layer.from", layer.from, row), percentage(".layer.to", layer.to, row));
    let (from, to) = (from?, to?);
    if from >= to {
        let (start, end) = (layer.from, layer.to);
        row.problem(".layer.to", format!("expected more than `from`, which is {start}, found {end}"));
        return None;
    }
    is_named.then(|| Part { salt: Salt::new(config, &layer_salt(layer)), from, to })
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
