//! What makes an estimate impossible, and plans and bandits by known numbers.

#![allow(clippy::float_cmp, reason = "of numbers that are exact")]

use novi_stats::{
    Problem, Side, Summary,
    analysis::{Bayesian, Prior, PriorScale, Sequential, Welch, benjamini_hochberg, holm, sample_ratio},
    bandit::{Arm, Thompson},
    metric::{AdjustedMean, ClusteredQuantile, Mean, Proportion, Quantile, QuantileRanks, Ratio},
    power::{Baseline, Plan},
};

fn mean(values: &[f64]) -> Result<Mean, Problem> {
    let mut summary = Summary::default();
    values.iter().try_for_each(|value| summary.add([*value]))?;
    Ok(Mean(summary))
}

#[test]
fn groups_without_units_or_variance_have_no_estimate() -> Result<(), Problem> {
    let good = mean(&[1.0, 2.0, 4.0])?;
    let welch = |control, variant| Welch::default().compare(&control, &variant);
    let problem = welch(good, mean(&[1.0])?).unwrap_err();
    assert_eq!(problem, Problem::TooFewUnits { side: Side::Variant, units: 1, needed: 2 });
    assert_eq!(problem.to_string(), "the variant has 1 units, expected at least 2; wait for more");
    assert_eq!(welch(mean(&[3.0, 3.0])?, good), Err(Problem::ZeroVariance(Side::Control)));
    let none = Proportion::new(10, 0)?;
    let some = Proportion::new(10, 4)?;
    assert_eq!(Welch::default().compare(&some, &none), Err(Problem::ZeroVariance(Side::Variant)));
    assert!(matches!(Proportion::new(3, 4), Err(Problem::OutOfRange { .. })));
    Ok(())
}

#[test]
fn control_of_zero_leaves_the_absolute_lift() -> Result<(), Problem> {
    let estimate = Welch::default().compare(&mean(&[-1.0, 1.0])?, &mean(&[1.0, 3.0])?)?;
    assert_eq!(estimate.absolute.estimate, 2.0);
    assert_eq!(estimate.relative, Err(Problem::ZeroControl));
    Ok(())
}

#[test]
fn sums_that_have_lost_the_variance_are_rejected_and_a_pivot_keeps_it() -> Result<(), Problem> {
    // Unix times in seconds that differ by a few seconds.
    let values: Vec<f64> = (0..1_000).map(|n| 1.79e9 + f64::from(n % 7)).collect();
    let sum = |pivot: f64, power: i32| values.iter().map(|value| (value - pivot).powi(power)).sum::<f64>();
    assert_eq!(Summary::from_sum(1_000, sum(0.0, 1), sum(0.0, 2)), Err(Problem::LostDigits));
    let shifted = Summary::from_sums(1_000, [1.79e9], [sum(1.79e9, 1)], [[sum(1.79e9, 2)]])?;
    let Mean(whole) = mean(&values)?;
    assert!((shifted.covariances()[0][0] / whole.covariances()[0][0] - 1.0).abs() < 1e-6);
    // Whole numbers that are equal have lost nothing.
    assert_eq!(Summary::from_sum(100, 500.0, 2_500.0)?.covariances(), [[0.0]]);
    assert_eq!(Summary::from_sum(2, f64::NAN, 1.0), Err(Problem::NotFinite("a sum")));
    assert!(matches!(Summary::from_sum(u64::MAX, 1.0, 1.0), Err(Problem::OutOfRange { .. })));
    Ok(())
}

#[test]
fn merging_keeps_the_variance_of_a_hundred_million_large_values() -> Result<(), Problem> {
    // Values of 10^9 and 10^9 + 2, doubled until there are more than 10^8 of them.
    let Mean(mut summary) = mean(&[1e9, 1e9 + 2.0])?;
    for _ in 0..26 {
        summary = summary.merged(&summary)?;
    }
    assert_eq!(summary.units(), 134_217_728);
    assert!((summary.covariances()[0][0] - 1.0).abs() < 1e-7, "{summary:?}");
    Ok(())
}

#[test]
fn numbers_that_are_not_finite_leave_a_summary_as_it_was() -> Result<(), Problem> {
    let Mean(mut summary) = mean(&[1.0, 2.0])?;
    let before = summary;
    assert_eq!(summary.add([f64::INFINITY]), Err(Problem::NotFinite("a sum")));
    assert_eq!(summary, before);
    Ok(())
}

#[test]
fn ratios_and_quantiles_name_what_they_lack() -> Result<(), Problem> {
    let mut empty = Summary::default();
    empty.add([1.0, 0.0])?;
    empty.add([2.0, 0.0])?;
    let ratio = Welch::default().compare(&Ratio(empty), &Ratio(empty));
    assert_eq!(ratio, Err(Problem::ZeroDenominator(Side::Control)));

    let quantile =
        Quantile { events: 72, ranked_events: 72, level: 0.95, value: 5.0, lower: 4.0, upper: 7.0 };
    let problem = Welch::default().compare(&quantile, &quantile).unwrap_err();
    assert_eq!(problem, Problem::TooFewUnits { side: Side::Control, units: 72, needed: 73 });
    let enough = Quantile { events: 73, ranked_events: 73, ..quantile };
    assert!(Welch::default().compare(&enough, &enough).is_ok());
    let turned = Quantile { lower: 7.0, upper: 4.0, ..enough };
    assert!(matches!(Welch::default().compare(&turned, &enough), Err(Problem::OutOfRange { .. })));
    let clustered = ClusteredQuantile { quantile: enough, units: empty };
    assert_eq!(
        Welch::default().compare(&clustered, &clustered),
        Err(Problem::ZeroDenominator(Side::Control))
    );

    let ranks = QuantileRanks::new(0.9, 1_000)?;
    assert!((ranks.lower - 0.881_406).abs() < 1e-6 && (ranks.upper - 0.918_594).abs() < 1e-6, "{ranks:?}");
    assert!(matches!(QuantileRanks::new(0.9, 30), Err(Problem::TooFewUnits { .. })));
    assert!(matches!(QuantileRanks::new(1.0, 30), Err(Problem::OutOfRange { .. })));
    Ok(())
}

#[test]
fn adjustment_without_variance_before_the_experiment_changes_nothing() -> Result<(), Problem> {
    let group = |values: &[f64]| {
        let mut summary = Summary::default();
        values.iter().try_for_each(|value| summary.add([*value, 3.0])).map(|()| AdjustedMean(summary))
    };
    let adjusted = Welch::default().compare(&group(&[1.0, 2.0, 4.0])?, &group(&[2.0, 5.0, 6.0])?)?;
    let plain = Welch::default().compare(&mean(&[1.0, 2.0, 4.0])?, &mean(&[2.0, 5.0, 6.0])?)?;
    assert!((adjusted.absolute.p / plain.absolute.p - 1.0).abs() < 1e-12);
    assert!((adjusted.relative?.p / plain.relative?.p - 1.0).abs() < 1e-12);
    Ok(())
}

#[test]
fn settings_outside_of_their_range_are_rejected() -> Result<(), Problem> {
    let (control, variant) = (mean(&[1.0, 2.0, 4.0])?, mean(&[2.0, 5.0, 6.0])?);
    let rejected = |result: Result<(), Problem>| {
        assert!(matches!(result, Err(Problem::OutOfRange { .. })), "{result:?}");
    };
    for alpha in [0.0, 1.0, -0.1, f64::NAN] {
        rejected(Welch { alpha }.compare(&control, &variant).map(drop));
        rejected(Sequential { alpha, ..Sequential::default() }.compare(&control, &variant).map(drop));
        rejected(Bayesian { alpha, ..Bayesian::default() }.absolute(&control, &variant).map(drop));
    }
    rejected(Sequential { tuned_for: 0.0, ..Sequential::default() }.compare(&control, &variant).map(drop));
    let prior = Some(Prior { mean: 0.0, deviation: 0.0, scale: PriorScale::Relative });
    rejected(Bayesian { prior, ..Bayesian::default() }.relative(&control, &variant).map(drop));
    rejected(holm(&[0.5, 1.5]).map(drop));
    rejected(benjamini_hochberg(&[f64::NAN]).map(drop));
    rejected(sample_ratio(&[5, 5], &[1.0, 0.0]).map(drop));
    rejected(sample_ratio(&[0, 0], &[1.0, 1.0]).map(drop));
    rejected(sample_ratio(&[5, 5], &[1.0, f64::INFINITY]).map(drop));
    let problem = sample_ratio(&[5], &[1.0, 1.0]).unwrap_err();
    assert_eq!(problem.to_string(), "1 group sizes and 2 weights, expected as many");
    Ok(())
}

#[test]
fn groups_without_a_weight_do_not_count_in_the_sample_ratio() -> Result<(), Problem> {
    let with = sample_ratio(&[1_000, 1_100, 7], &[0.5, 0.5, 0.0])?;
    assert_eq!(with, sample_ratio(&[1_000, 1_100], &[1.0, 1.0])?);
    // GrowthBook's own example.
    assert!((with.p - 0.029_096).abs() < 1e-6, "{with:?}");
    Ok(())
}

#[test]
fn posterior_of_less_is_better_turns_the_chance_and_the_risks() -> Result<(), Problem> {
    let (control, variant) = (mean(&[1.0, 2.0, 4.0])?, mean(&[2.0, 5.0, 6.0])?);
    let more = Bayesian::default().absolute(&control, &variant)?;
    let less = Bayesian { less_is_better: true, ..Bayesian::default() }.absolute(&control, &variant)?;
    assert!((more.chance_to_win + less.chance_to_win - 1.0).abs() < 1e-15 && more.chance_to_win > 0.9);
    assert_eq!((more.risk, more.risk_of_control), (less.risk_of_control, less.risk));
    Ok(())
}

#[test]
fn plans_have_the_units_of_textbooks() -> Result<(), Problem> {
    let (plan, baseline) = (Plan::default(), Baseline::mean(10.0, 5.0)?);
    // 4 (1.95996 + 0.84162)^2 5^2 / 0.5^2
    assert_eq!(plan.units(&baseline, 0.05, 0.8)?, 3_140);
    assert!((plan.effect(&baseline, 3_140.0, 0.8)? - 0.05).abs() < 1e-5);
    assert!((plan.power(&baseline, 0.05, 3_140.0)? - 0.8).abs() < 1e-4);
    assert!((plan.power(&baseline, -0.05, 3_140.0)? - 0.8).abs() < 1e-4);
    assert_eq!(plan.days(&baseline, 0.05, 0.8, 1_000.0)?, 4);
    // 2 (1.95996 + 0.84162)^2 (0.1 0.9 + 0.12 0.88) / 0.02^2
    let proportion = Baseline::proportion(0.1)?;
    assert_eq!(plan.units(&proportion, 0.2, 0.8)?, 7_677);
    // A tenth of the units in the variant take more of them.
    assert_eq!(Plan { variant_share: 0.1, ..plan }.units(&baseline, 0.05, 0.8)?, 8_721);
    let sequential = Plan { sequential: Some(Sequential::default()), ..plan };
    let units = sequential.units(&baseline, 0.05, 0.8)?;
    assert!((5_500..9_000).contains(&units), "{units}");
    Ok(())
}

#[test]
fn impossible_plans_are_errors() -> Result<(), Problem> {
    let (plan, baseline) = (Plan::default(), Baseline::mean(10.0, 5.0)?);
    let proportion = Baseline::proportion(0.9)?;
    let rejected = |result: Result<f64, Problem>| {
        assert!(matches!(result, Err(Problem::OutOfRange { .. })), "{result:?}");
    };
    rejected(plan.power(&proportion, 0.2, 1e4));
    rejected(plan.power(&baseline, 0.0, 1e4));
    rejected(plan.power(&baseline, 0.1, 0.0));
    rejected(plan.effect(&proportion, 5.0, 0.9));
    assert!(matches!(plan.units(&baseline, 1e-12, 0.8), Err(Problem::OutOfRange { .. })));
    assert!(matches!(plan.units(&baseline, 0.1, 1.0), Err(Problem::OutOfRange { .. })));
    assert!(matches!(plan.days(&baseline, 0.1, 0.8, 0.0), Err(Problem::OutOfRange { .. })));
    assert_eq!(Baseline::mean(0.0, 1.0), Err(Problem::ZeroControl));
    Ok(())
}

#[test]
fn weights_of_a_bandit_are_chances_to_be_the_best_and_repeat_with_the_seed() -> Result<(), Problem> {
    let arms = [Arm::new(1.0, 0.1)?, Arm::new(1.1, 0.1)?];
    let bandit = Thompson { seed: 7, ..Thompson::default() };
    let weights = bandit.weights(&arms)?;
    // P(X > Y) = Φ(0.1 / √0.02) = 0.760
    assert!((weights[1] - 0.760).abs() < 0.02, "{weights:?}");
    assert_eq!(weights, bandit.weights(&arms)?);
    assert_ne!(weights, Thompson { seed: 8, ..bandit }.weights(&arms)?);
    let less = Thompson { less_is_better: true, ..bandit }.weights(&arms)?;
    assert!((less[0] - 0.760).abs() < 0.02, "{less:?}");
    // A hopeless arm keeps the floor.
    let weights = bandit.weights(&[Arm::new(1.0, 0.1)?, Arm::new(9.0, 0.1)?])?;
    assert!((weights[0] - 0.01).abs() < 1e-12 && (weights[1] - 0.99).abs() < 1e-12, "{weights:?}");
    assert_eq!(Thompson { floor: 0.5, ..bandit }.weights(&arms)?, [0.5, 0.5]);
    Ok(())
}

#[test]
fn bandits_without_arms_draws_or_room_for_the_floor_are_errors() -> Result<(), Problem> {
    let arms = [Arm::new(1.0, 0.1)?, Arm::new(1.1, 0.1)?];
    let rejected = |result: Result<Vec<f64>, Problem>| {
        assert!(matches!(result, Err(Problem::OutOfRange { .. })), "{result:?}");
    };
    rejected(Thompson::default().weights(&[]));
    rejected(Thompson { draws: 0, ..Thompson::default() }.weights(&arms));
    rejected(Thompson { floor: 0.51, ..Thompson::default() }.weights(&arms));
    rejected(Thompson { floor: f64::NAN, ..Thompson::default() }.weights(&arms));
    assert!(Arm::new(1.0, 0.0).is_err() && Arm::new(f64::NAN, 1.0).is_err());
    assert_eq!(Arm::of(&mean(&[1.0])?), None);
    assert!(Arm::of(&mean(&[1.0, 2.0])?).is_some());
    Ok(())
}
