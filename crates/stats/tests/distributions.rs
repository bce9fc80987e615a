//! The distribution functions against SciPy and mpmath, on points that `oracles/distributions.py` has
//! recorded.
//!
//! `NOVI_STATS_CASES` names another folder of cases, such as one with 100,000 points of each function.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a file that cannot be read is a test that fails"
)]

use std::{fmt::Write as _, fs, path::PathBuf};

use novi_stats::distribution::{Beta, ChiSquared, Normal, StudentT, log_gamma};

/// Name of the file, function of the arguments.
type Function = (&'static str, fn(&[f64]) -> f64);

const FUNCTIONS: [Function; 11] = [
    ("normal_sf", |v| Normal.sf(v[0])),
    ("normal_ppf", |v| Normal.ppf(v[0])),
    ("t_sf", |v| StudentT::new(v[1]).sf(v[0])),
    ("t_ppf", |v| StudentT::new(v[1]).ppf(v[0])),
    ("chi2_cdf", |v| ChiSquared::new(v[1]).cdf(v[0])),
    ("chi2_sf", |v| ChiSquared::new(v[1]).sf(v[0])),
    ("chi2_isf", |v| ChiSquared::new(v[1]).isf(v[0])),
    ("beta_cdf", |v| Beta::new(v[1], v[2]).cdf(v[0])),
    ("beta_sf", |v| Beta::new(v[1], v[2]).sf(v[0])),
    ("beta_ppf", |v| Beta::new(v[1], v[2]).ppf(v[0])),
    ("log_gamma", |v| log_gamma(v[0])),
];

fn folder() -> PathBuf {
    let own = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    std::env::var_os("NOVI_STATS_CASES").map_or_else(own, PathBuf::from)
}

/// The differences of a function from its file that are too large, and the largest one.
fn differences((name, function): Function) -> (Vec<String>, f64) {
    let text = fs::read_to_string(folder().join(name).with_extension("txt")).unwrap();
    let (mut faults, mut worst) = (Vec::new(), 0.0_f64);
    for line in text.lines() {
        let mut numbers: Vec<f64> =
            line.trim_end_matches(" mp").split(' ').map(|n| n.parse().unwrap()).collect();
        let expected = numbers.pop().unwrap();
        let found = function(&numbers);
        let difference = (found / expected - 1.0).abs();
        let allowed = if expected.abs() < 1e-100 { 1e-10 } else { 1e-12 };
        if difference > allowed || difference.is_nan() {
            faults.push(format!("{name} {line}: {found:e}, off by {difference:.1e}"));
        }
        worst = worst.max(difference);
    }
    assert!(text.lines().count() > 30, "{name}");
    (faults, worst)
}

#[test]
fn distributions_agree_with_scipy_to_twelve_digits() {
    let mut report = String::new();
    let mut faults = Vec::new();
    for function in FUNCTIONS {
        let (found, worst) = differences(function);
        writeln!(report, "{}: off by at most {worst:.1e}, {} too far", function.0, found.len()).unwrap();
        faults.extend(found);
    }
    // Shown by `--nocapture`.
    println!("{report}");
    assert!(faults.is_empty(), "{report}{}", faults[..faults.len().min(100)].join("\n"));
}
