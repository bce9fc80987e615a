//! Simulated experiments whose truth is known: shares of errors, coverage, variance, regret.
//!
//! With `NOVI_TEST_LONG=1`, 10,000 experiments each, within the bounds that novi promises; else 500, within
//! four standard deviations of chance. Seeds are fixed, so that a run that passes always passes.

#![allow(clippy::unwrap_used, reason = "a simulation that fails is a test that fails")]

use chacha20::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};
use novi_stats::{
    Summary,
    analysis::{Sequential, Welch},
    bandit::{Arm, Thompson},
    metric::{AdjustedMean, Mean},
};

struct Simulation {
    random: ChaCha8Rng,
    /// The second number of a pair that has not been used yet.
    spare: Option<f64>,
}

impl Simulation {
    fn new(seed: u64) -> Self {
        Self { random: ChaCha8Rng::seed_from_u64(seed), spare: None }
    }

    /// A number between 0 and 1.
    fn uniform(&mut self) -> f64 {
        (f64::from(self.random.next_u32()) + 0.5) / 4_294_967_296.0
    }

    /// A normal number by Box and Muller, which shares no code with the crate.
    fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        let (radius, angle) = ((-2.0 * self.uniform().ln()).sqrt(), std::f64::consts::TAU * self.uniform());
        self.spare = Some(radius * angle.sin());
        radius * angle.cos()
    }

    fn mean(&mut self, units: u32, mean: f64) -> Mean {
        let (mut sum, mut squares) = (0.0, 0.0);
        for _ in 0..units {
            let value = self.normal();
            sum += value;
            squares += value * value;
        }
        Mean(Summary::from_sums(units.into(), [mean], [sum], [[squares]]).unwrap())
    }
}

fn is_long() -> bool {
    std::env::var_os("NOVI_TEST_LONG").is_some_and(|value| value == "1")
}

fn runs() -> u32 {
    if is_long() { 10_000 } else { 500 }
}

/// Checks a share of all runs: within a promise in long versions, and within chance in short ones.
fn check_share(what: &str, count: u32, share: f64, promise: f64) {
    let found = f64::from(count) / f64::from(runs());
    let chance = 4.0 * (share * (1.0 - share) / f64::from(runs())).sqrt();
    let allowed = if is_long() { promise } else { chance };
    println!("{what}: {found} of {} runs", runs());
    assert!((found - share).abs() <= allowed, "{what}: {found}, expected {share} within {allowed}");
}

#[test]
fn welch_finds_an_effect_in_five_percent_of_experiments_without_one() {
    let mut simulation = Simulation::new(1);
    let (mut alarms, mut one_sided) = (0, 0);
    for _ in 0..runs() {
        let (control, variant) = (simulation.mean(200, 10.0), simulation.mean(150, 10.0));
        let estimate = Welch::default().compare(&control, &variant).unwrap();
        alarms += u32::from(estimate.absolute.p < 0.05);
        one_sided += u32::from(estimate.absolute.at_least > 0.0);
    }
    check_share("alarms", alarms, 0.05, 0.006);
    check_share("one-sided alarms", one_sided, 0.05, 0.006);
}

#[test]
fn intervals_cover_the_planted_lift_in_ninety_five_percent_of_experiments() {
    let mut simulation = Simulation::new(2);
    let (mut absolute, mut relative) = (0, 0);
    for _ in 0..runs() {
        let (control, variant) = (simulation.mean(300, 5.0), simulation.mean(300, 5.5));
        let estimate = Welch::default().compare(&control, &variant).unwrap();
        absolute += u32::from(estimate.absolute.lower <= 0.5 && 0.5 <= estimate.absolute.upper);
        let lift = estimate.relative.unwrap();
        relative += u32::from(lift.lower <= 0.1 && 0.1 <= lift.upper);
    }
    check_share("absolute coverage", absolute, 0.95, 0.006);
    check_share("relative coverage", relative, 0.95, 0.006);
}

#[test]
fn hundred_looks_raise_errors_of_welch_but_not_of_the_sequential_test() {
    let mut simulation = Simulation::new(3);
    let (mut sequential, mut welch) = (0, 0);
    for run in 0..runs() {
        let (mut control, mut variant) = (Mean(Summary::default()), Mean(Summary::default()));
        let (mut sequential_alarm, mut welch_alarm) = (false, false);
        for _ in 0..100 {
            control.0 = control.0.merged(&simulation.mean(50, 10.0).0).unwrap();
            variant.0 = variant.0.merged(&simulation.mean(50, 10.0).0).unwrap();
            let lift = Sequential::default().compare(&control, &variant).unwrap().absolute;
            sequential_alarm |= lift.p < 0.05;
            assert_eq!(lift.p < 0.05, lift.lower > 0.0 || lift.upper < 0.0);
            // It takes most of the time, and is only the contrast.
            if run < 500 {
                welch_alarm |= Welch::default().compare(&control, &variant).unwrap().absolute.p < 0.05;
            }
        }
        sequential += u32::from(sequential_alarm);
        welch += u32::from(welch_alarm);
    }
    println!("alarms of 100 looks: sequential {sequential} of {} runs, Welch {welch} of 500", runs());
    // Less than 5 %, since the test holds for any number of looks.
    assert!(f64::from(sequential) <= 0.05 * f64::from(runs()), "{sequential}");
    assert!(welch > 125, "{welch}");
}

#[test]
fn adjustment_cuts_the_variance_by_the_square_of_the_correlation() {
    let mut simulation = Simulation::new(4);
    let (correlation, lift) = (0.7_f64, 0.3);
    let (mut plain, mut adjusted, mut covered) = (Summary::default(), Summary::default(), 0);
    for _ in 0..runs() {
        let mut group = |mean: f64| {
            let mut summary = Summary::default();
            for _ in 0..200 {
                let before = simulation.normal();
                let after =
                    correlation * before + (1.0 - correlation * correlation).sqrt() * simulation.normal();
                summary.add([mean + after, 5.0 + before]).unwrap();
            }
            summary
        };
        let (control, variant) = (group(10.0), group(10.0 + lift));
        plain.add([variant.means()[0] - control.means()[0]]).unwrap();
        let estimate = Welch::default().compare(&AdjustedMean(control), &AdjustedMean(variant)).unwrap();
        adjusted.add([estimate.absolute.estimate]).unwrap();
        covered += u32::from(estimate.absolute.lower <= lift && lift <= estimate.absolute.upper);
    }
    let remaining = adjusted.covariances()[0][0] / plain.covariances()[0][0];
    let expected = 1.0 - correlation * correlation;
    // The standard deviation of a ratio of correlated variances.
    let chance = 4.0 * expected * (4.0 * (1.0 - expected) / f64::from(runs())).sqrt();
    let allowed = if is_long() { 0.02 } else { chance };
    println!("remaining variance: {remaining}, expected {expected}");
    assert!((remaining - expected).abs() <= allowed, "{remaining}, expected {expected} within {allowed}");
    // Nor does the adjustment bias the lift.
    assert!((adjusted.means()[0] - lift).abs() < 0.02, "{:?}", adjusted.means());
    check_share("coverage", covered, 0.95, 0.006);
}

#[test]
fn bandit_has_less_regret_than_a_fixed_split_in_ninety_five_percent_of_experiments() {
    let mut simulation = Simulation::new(5);
    let (means, rounds, units) = ([1.0, 1.1, 1.3], 20_u32, 300.0);
    let runs = if is_long() { 400 } else { 50 };
    let fixed: f64 = means.iter().map(|mean| (1.3 - mean) * f64::from(rounds) * units / 3.0).sum();
    let mut better = 0;
    for run in 0..runs {
        let mut groups = [Mean(Summary::default()); 3];
        let (mut weights, mut regret) = (vec![1.0 / 3.0; 3], 0.0);
        for round in 0..rounds {
            for ((group, mean), weight) in groups.iter_mut().zip(means).zip(&weights) {
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 300")]
                let count = (weight * units).round() as u32;
                group.0 = group.0.merged(&simulation.mean(count, mean).0).unwrap();
                regret += (1.3 - mean) * f64::from(count);
            }
            let arms: Option<Vec<Arm>> = groups.iter().map(Arm::of).collect();
            let seed = u64::from(run * 1_000 + round);
            weights = Thompson { seed, draws: 1_000, ..Thompson::default() }.weights(&arms.unwrap()).unwrap();
        }
        better += u32::from(regret < fixed);
    }
    println!("less regret in {better} of {runs} runs");
    assert!(f64::from(better) >= 0.95 * f64::from(runs), "{better} of {runs}");
}
