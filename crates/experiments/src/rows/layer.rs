//! The ranges of a layer that experiments have.

use novi::{
    builtin::{ExperimentConfig, ExperimentState, Layer},
    rows::Rows,
};

use super::{error::PlanError, list::experiments};

/// The first free range of a layer with so many percent. Experiments that are decided leave theirs.
pub(super) fn free_range(rows: &Rows, name: &str, wanted: f64) -> Result<Layer, PlanError> {
    if !(wanted > 0.0 && wanted <= 100.0) {
        return Err(PlanError::Percentage { field: "layer", found: wanted });
    }
    let mut taken: Vec<(f64, f64)> = experiments(rows)
        .iter()
        .filter_map(|found| found.config.as_ref().ok())
        .filter(|config| config.state() != ExperimentState::Decided)
        .filter_map(|config| config.layer().filter(|layer| layer.name == name))
        .map(|layer| (layer.from, layer.to))
        .collect();
    taken.sort_by(|one, other| one.0.total_cmp(&other.0));
    let (mut from, mut largest) = (0.0_f64, 0.0_f64);
    for (start, end) in taken.into_iter().chain([(100.0, 100.0)]) {
        if start - from >= wanted {
            return Ok(Layer::new(name, rounded(from), rounded(from + wanted)));
        }
        largest = largest.max(start - from);
        from = from.max(end);
    }
    Err(PlanError::LayerFull { layer: name.to_owned(), wanted, free: rounded(largest) })
}

/// A bucket is a thousandth of a percent.
fn rounded(percent: f64) -> f64 {
    (percent * 1000.0).round() / 1000.0
}

/// Another experiment that runs in the same range of the layer.
pub(super) fn overlapping(rows: &Rows, id: i64, layer: &Layer) -> Option<String> {
    experiments(rows).into_iter().filter(|other| other.row.id != id).find_map(|other| {
        let config =
            other.config.as_ref().ok().filter(|config| config.state() == ExperimentState::Running)?;
        let theirs = config.layer()?;
        let overlaps = theirs.name == layer.name && theirs.from < layer.to && layer.from < theirs.to;
        overlaps.then(|| other.row.name.clone())
    })
}

/// The error of an experiment whose layer or holdout another one that is not decided draws by another hash: they would
/// enroll the same units. `id` is that of its row.
pub(super) fn drawn_otherwise(rows: &Rows, id: Option<i64>, config: &ExperimentConfig) -> Option<PlanError> {
    let others = experiments(rows).into_iter().filter(|other| Some(other.row.id) != id);
    others.into_iter().find_map(|other| {
        let theirs = other.config.as_ref().ok()?;
        if theirs.state() == ExperimentState::Decided || theirs.enrollment_hash() == config.enrollment_hash()
        {
            return None;
        }
        let layer = config.layer().zip(theirs.layer()).filter(|(one, other)| one.name == other.name);
        let holdout = config.holdout().zip(theirs.holdout()).filter(|(one, other)| one.name == other.name);
        let shared = layer.map(|(layer, _)| format!("layer {:?}", layer.name));
        let shared = shared.or_else(|| holdout.map(|(holdout, _)| format!("holdout {:?}", holdout.name)))?;
        let (other, hash) = (other.row.name.clone(), theirs.enrollment_hash());
        Some(PlanError::OtherHash { shared, other, hash })
    })
}
