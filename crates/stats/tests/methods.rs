//! Every test against GrowthBook's `gbstats` 0.8.0, on cases that `oracles/methods.py` has recorded. The
//! script says where it computes what gbstats lacks or rounds.
//!
//! `NOVI_STATS_CASES` names another folder of cases, such as one with 2,000 cases of each method.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a file that cannot be read is a test that fails"
)]

use std::{fmt::Write as _, fs, path::PathBuf};

use novi_stats::{
    Summary,
    analysis::{
        Bayesian, Estimate, Lift, Posterior, Prior, PriorScale, Sequential, Welch, benjamini_hochberg, holm,
        sample_ratio,
    },
    metric::{AdjustedMean, AdjustedRatio, ClusteredQuantile, Comparison, Mean, Proportion, Quantile, Ratio},
};

/// The relative difference that is allowed.
const ALLOWED: f64 = 1e-9;

/// The numbers of a line, read from the left.
struct Numbers(std::vec::IntoIter<f64>);

impl Numbers {
    fn next(&mut self) -> f64 {
        self.0.next().unwrap()
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole numbers")]
    fn count(&mut self) -> u64 {
        self.next() as u64
    }

    fn list(&mut self, length: u64) -> Vec<f64> {
        (0..length).map(|_| self.next()).collect()
    }
}

fn cases(name: &str) -> Vec<(String, Numbers)> {
    let own = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let folder = std::env::var_os("NOVI_STATS_CASES").map_or_else(own, PathBuf::from);
    let text = fs::read_to_string(folder.join(name).with_extension("txt")).unwrap();
    let numbers = |line: &str| line.split(' ').map(|number| number.parse().unwrap()).collect::<Vec<f64>>();
    text.lines().map(|line| (line.to_owned(), Numbers(numbers(line).into_iter()))).collect()
}

/// Collects differences that are too large.
#[derive(Default)]
struct Report {
    faults: Vec<String>,
    worst: f64,
}

impl Report {
    /// Compares with the next number. What is small because large numbers cancel is compared with their
    /// `scale`.
    fn check(&mut self, what: &str, found: f64, numbers: &mut Numbers, scale: f64) {
        let expected = numbers.next();
        let difference = (found - expected).abs() / expected.abs().max(scale).max(f64::MIN_POSITIVE);
        self.worst = self.worst.max(difference);
        if difference > ALLOWED || difference.is_nan() {
            self.faults.push(format!("{what}: found {found:e}, expected {expected:e}"));
        }
    }

    /// Compares a p-value, if it is at least 1e-12.
    fn check_p(&mut self, what: &str, found: f64, numbers: &mut Numbers) {
        let mut expected = numbers.next();
        if expected < 1e-12 && found < 1.000_001e-12 {
            expected = found;
        }
        self.check(what, found, &mut Numbers(vec![expected].into_iter()), 0.0);
    }

    fn finish(self, name: &str, count: usize) {
        let mut text = String::new();
        writeln!(text, "{name}: {count} cases, off by at most {:.1e}", self.worst).unwrap();
        // Shown by `--nocapture`.
        println!("{text}");
        assert!(self.faults.is_empty(), "{text}{}", self.faults[..self.faults.len().min(30)].join("\n"));
    }
}

fn check_welch(report: &mut Report, lift: &Lift, numbers: &mut Numbers) {
    // An estimate is the difference of two values: its digits end where those of its error do.
    let scale = lift.standard_error;
    report.check("estimate", lift.estimate, numbers, scale);
    report.check("standard error", lift.standard_error, numbers, 0.0);
    report.check("lower", lift.lower, numbers, scale);
    report.check("upper", lift.upper, numbers, scale);
    report.check_p("p", lift.p, numbers);
    report.check_p("p greater", lift.p_greater, numbers);
    report.check_p("p less", lift.p_less, numbers);
    report.check("at least", lift.at_least, numbers, scale);
    report.check("at most", lift.at_most, numbers, scale);
}

fn check_sequential(report: &mut Report, lift: &Lift, numbers: &mut Numbers) {
    let scale = lift.standard_error;
    report.check("sequential lower", lift.lower, numbers, scale);
    report.check("sequential upper", lift.upper, numbers, scale);
    report.check_p("sequential p", lift.p, numbers);
    report.check("sequential at least", lift.at_least, numbers, scale);
    report.check("sequential at most", lift.at_most, numbers, scale);
    report.check_p("sequential p greater", lift.p_greater, numbers);
    report.check_p("sequential p less", lift.p_less, numbers);
}

fn check_posterior(report: &mut Report, posterior: &Posterior, numbers: &mut Numbers) {
    let scale = posterior.deviation;
    report.check("mean", posterior.mean, numbers, scale);
    report.check("deviation", posterior.deviation, numbers, 0.0);
    report.check("credible lower", posterior.lower, numbers, scale);
    report.check("credible upper", posterior.upper, numbers, scale);
    report.check_p("chance to win", posterior.chance_to_win, numbers);
    // The expected losses have the unit of the lift, and are as small as a p-value.
    report.check("risk", posterior.risk, numbers, scale * 1e-12);
    report.check("risk of the control", posterior.risk_of_control, numbers, scale * 1e-12);
}

fn check_all<M: Comparison>(name: &str, read: impl Fn(&mut Numbers) -> M, with_posterior: bool) {
    let mut report = Report::default();
    let cases = cases(name);
    let count = cases.len();
    for (line, mut numbers) in cases {
        let before = report.faults.len();
        let (control, variant) = (read(&mut numbers), read(&mut numbers));
        let (alpha, tuned_for) = (numbers.next(), numbers.next());
        let estimate: Estimate = Welch { alpha }.compare(&control, &variant).expect(&line);
        check_welch(&mut report, &estimate.absolute, &mut numbers);
        check_welch(&mut report, &estimate.relative.unwrap(), &mut numbers);
        report.check("degrees of freedom", estimate.degrees_of_freedom.unwrap(), &mut numbers, 0.0);
        let estimate = Sequential { alpha, tuned_for }.compare(&control, &variant).unwrap();
        check_sequential(&mut report, &estimate.absolute, &mut numbers);
        check_sequential(&mut report, &estimate.relative.unwrap(), &mut numbers);
        if with_posterior {
            let prior = Some(Prior { mean: 0.02, deviation: 0.3, scale: PriorScale::Relative });
            let posterior =
                Bayesian { alpha, prior, ..Bayesian::default() }.relative(&control, &variant).unwrap();
            check_posterior(&mut report, &posterior, &mut numbers);
            let posterior = Bayesian { alpha, ..Bayesian::default() }.absolute(&control, &variant).unwrap();
            check_posterior(&mut report, &posterior, &mut numbers);
        }
        assert_eq!(numbers.0.next(), None, "{line}");
        if report.faults.len() > before {
            report.faults.push(format!("in: {line}"));
        }
    }
    report.finish(name, count);
}

/// Count, sum and sum of squares of two values, and the sum of their products.
fn pair(numbers: &mut Numbers) -> Summary<2> {
    let units = numbers.count();
    let [x, xx, y, yy, xy] = [(); 5].map(|()| numbers.next());
    Summary::from_sums(units, [0.0; 2], [x, y], [[xx, xy], [xy, yy]]).unwrap()
}

fn quantile(numbers: &mut Numbers) -> Quantile {
    Quantile {
        events: numbers.count(),
        ranked_events: numbers.count(),
        level: numbers.next(),
        value: numbers.next(),
        lower: numbers.next(),
        upper: numbers.next(),
    }
}

#[test]
fn means_agree_with_gbstats() {
    let read = |n: &mut Numbers| Mean(Summary::from_sum(n.count(), n.next(), n.next()).unwrap());
    check_all("mean", read, true);
}

#[test]
fn proportions_agree_with_gbstats() {
    check_all("proportion", |n| Proportion::new(n.count(), n.count()).unwrap(), true);
}

#[test]
fn ratios_agree_with_gbstats() {
    check_all("ratio", |n| Ratio(pair(n)), true);
}

#[test]
fn adjusted_means_agree_with_gbstats() {
    check_all("cuped", |n| AdjustedMean(pair(n)), false);
}

#[test]
fn adjusted_ratios_agree_with_the_delta_method_by_numerical_derivatives() {
    let read = |n: &mut Numbers| {
        let (units, sums) = (n.count(), [(); 4].map(|()| n.next()));
        let mut products = [[0.0; 4]; 4];
        for (i, row) in products.iter_mut().enumerate() {
            row[i..].iter_mut().for_each(|product| *product = n.next());
        }
        AdjustedRatio(Summary::from_sums(units, [0.0; 4], sums, products).unwrap())
    };
    check_all("cuped_ratio", read, false);
}

#[test]
fn quantiles_agree_with_gbstats() {
    check_all("quantile", quantile, true);
}

#[test]
fn clustered_quantiles_agree_with_gbstats() {
    check_all("clustered_quantile", |n| ClusteredQuantile { quantile: quantile(n), units: pair(n) }, true);
}

#[test]
fn sample_ratios_agree_with_gbstats() {
    let mut report = Report::default();
    let cases = cases("sample_ratio");
    let count = cases.len();
    for (_, mut numbers) in cases {
        let groups = numbers.count();
        let units: Vec<u64> = (0..groups).map(|_| numbers.count()).collect();
        let weights = numbers.list(groups);
        report.check_p("p", sample_ratio(&units, &weights).unwrap().p, &mut numbers);
    }
    report.finish("sample_ratio", count);
}

#[test]
fn adjusted_p_values_agree_with_scipy() {
    let mut report = Report::default();
    let cases = cases("adjusted");
    let count = cases.len();
    for (_, mut numbers) in cases {
        let length = numbers.count();
        let values = numbers.list(length);
        for adjusted in [holm(&values).unwrap(), benjamini_hochberg(&values).unwrap()] {
            for value in adjusted {
                report.check("adjusted p", value, &mut numbers, 0.0);
            }
        }
    }
    report.finish("adjusted", count);
}
