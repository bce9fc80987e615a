//! Bandits: more units for the variants that are better, while the experiment runs.

use chacha20::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

use crate::{
    distribution::Normal,
    metric::Mean,
    problem::{Problem, finite, positive},
    summary::to_float,
};

/// What is known of an arm: a normal posterior of its mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Arm {
    mean: f64,
    deviation: f64,
}

impl Arm {
    /// An arm whose mean is believed to be this, with this standard deviation.
    ///
    /// # Errors
    ///
    /// [`Problem::NotFinite`]; [`Problem::OutOfRange`] if the deviation is not positive.
    pub fn new(mean: f64, deviation: f64) -> Result<Self, Problem> {
        let mean = finite("the mean of an arm", mean)?;
        Ok(Self { mean, deviation: positive("the standard deviation of an arm", deviation)? })
    }

    /// An arm of which only its units are known. `None` if fewer than two units, or values that do not vary,
    /// leave its mean unknown: then all arms should keep their weights.
    pub fn of(metric: &Mean) -> Option<Self> {
        let ([mean], [[variance]]) = (metric.0.means(), metric.0.covariances());
        Self::new(mean, (variance / to_float(metric.0.units()).max(1.0)).sqrt()).ok()
    }
}

/// Thompson sampling (W. R. Thompson, "On the likelihood that one unknown probability exceeds another in view
/// of the evidence of two samples", 1933): the weight of an arm is the probability that it is the best one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thompson {
    /// Equal seeds give equal weights, on every machine.
    pub seed: u64,
    /// The number of draws that probabilities are estimated from. Their error is at most `0.5 / sqrt(draws)`.
    pub draws: u32,
    /// The least weight of an arm, so that an arm that had bad luck is still tried.
    pub floor: f64,
    /// Less is better, as for load times.
    pub less_is_better: bool,
}

impl Default for Thompson {
    fn default() -> Self {
        Self { seed: 0, draws: 10_000, floor: 0.01, less_is_better: false }
    }
}

impl Thompson {
    /// The weights of arms, in their order. Their sum is 1.
    ///
    /// # Errors
    ///
    /// [`Problem::OutOfRange`] without arms or draws, and if the floors of all arms exceed 1.
    pub fn weights(&self, arms: &[Arm]) -> Result<Vec<f64>, Problem> {
        let count = to_float(u64::try_from(arms.len()).unwrap_or(u64::MAX));
        let out_of_range = |name, value, expected| Err(Problem::OutOfRange { name, value, expected });
        if arms.is_empty() {
            return out_of_range("the number of arms", 0.0, "at least 1");
        }
        if self.draws == 0 {
            return out_of_range("the number of draws", 0.0, "at least 1");
        }
        if !(self.floor >= 0.0 && self.floor * count <= 1.0) {
            return out_of_range("the floor", self.floor, "at least 0, and at most 1 divided by the arms");
        }
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        let mut wins = vec![0_u32; arms.len()];
        let sign = if self.less_is_better { -1.0 } else { 1.0 };
        for _ in 0..self.draws {
            let (mut best, mut highest) = (0, f64::NEG_INFINITY);
            for (place, arm) in arms.iter().enumerate() {
                let value = sign * (arm.mean + arm.deviation * Normal.ppf(uniform(&mut random)));
                if value > highest {
                    (best, highest) = (place, value);
                }
            }
            if let Some(wins) = wins.get_mut(best) {
                *wins += 1;
            }
        }
        let shares = wins.into_iter().map(|wins| f64::from(wins) / f64::from(self.draws)).collect();
        Ok(with_floor(shares, self.floor))
    }
}

/// A number between 0 and 1, and neither of both, of 53 bits.
fn uniform(random: &mut ChaCha8Rng) -> f64 {
    (to_float(random.next_u64() >> 11) + 0.5) / to_float(1 << 53)
}

/// Raises what is below the floor, and takes it from the rest in proportion to what is above the floor.
fn with_floor(mut shares: Vec<f64>, floor: f64) -> Vec<f64> {
    let above: f64 = shares.iter().map(|share| (share - floor).max(0.0)).sum();
    let lacking: f64 = shares.iter().map(|share| (floor - share).max(0.0)).sum();
    for share in &mut shares {
        let excess = (*share - floor).max(0.0);
        *share = floor + if above > 0.0 { excess * (1.0 - lacking / above) } else { 0.0 };
    }
    shares
}
