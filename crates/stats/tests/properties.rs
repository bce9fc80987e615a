//! Properties of all inputs: merging, symmetry, and no number that is none.

#![allow(clippy::unwrap_used, clippy::float_cmp, reason = "only in tests, of numbers that are exact")]

use novi_stats::{
    Problem, Summary,
    analysis::{Bayesian, Estimate, Lift, Prior, PriorScale, Sequential, Welch, holm, sample_ratio},
    bandit::{Arm, Thompson},
    distribution::{Beta, ChiSquared, Normal, StudentT},
    metric::{
        AdjustedMean, AdjustedRatio, ClusteredQuantile, Comparison, Mean, Proportion, Quantile,
        QuantileRanks, Ratio,
    },
    power::{Baseline, Plan},
};
use proptest::prelude::*;

fn summary<const K: usize>(values: &[[f64; K]]) -> Summary<K> {
    let mut summary = Summary::default();
    for value in values {
        summary.add(*value).unwrap();
    }
    summary
}

/// The numbers of an estimate.
fn numbers(estimate: &Estimate) -> Vec<f64> {
    let lift = |lift: &Lift| {
        let Lift { estimate, standard_error, lower, upper, at_least, at_most, p, p_greater, p_less } = *lift;
        [estimate, standard_error, lower, upper, at_least, at_most, p, p_greater, p_less]
    };
    let mut numbers = vec![estimate.control, estimate.variant, estimate.degrees_of_freedom.unwrap_or(1.0)];
    numbers.extend(lift(&estimate.absolute));
    numbers.extend(estimate.relative.iter().flat_map(lift));
    numbers
}

/// Every test of two groups is an error, or has finite numbers only.
fn check_finite<M: Comparison>(control: &M, variant: &M, alpha: f64) {
    let welch = Welch { alpha }.compare(control, variant);
    let sequential = Sequential { alpha, tuned_for: 5_000.0 }.compare(control, variant);
    for estimate in [welch, sequential].into_iter().flatten() {
        for number in numbers(&estimate) {
            assert!(number.is_finite(), "{estimate:?}");
        }
        for lift in [Some(estimate.absolute), estimate.relative.clone().ok()].into_iter().flatten() {
            assert!((0.0..=1.0).contains(&lift.p) && (0.0..=1.0).contains(&lift.p_greater), "{lift:?}");
            assert!(lift.lower <= lift.estimate && lift.estimate <= lift.upper, "{lift:?}");
        }
    }
    for scale in [PriorScale::Relative, PriorScale::Absolute] {
        let bayesian =
            Bayesian { alpha, prior: Some(Prior { mean: 0.1, deviation: 0.3, scale }), less_is_better: true };
        for posterior in
            [bayesian.relative(control, variant), bayesian.absolute(control, variant)].into_iter().flatten()
        {
            let found =
                [posterior.mean, posterior.deviation, posterior.lower, posterior.upper, posterior.risk];
            assert!(found.iter().all(|number| number.is_finite()), "{posterior:?}");
            assert!((0.0..=1.0).contains(&posterior.chance_to_win), "{posterior:?}");
        }
    }
}

/// Finite numbers of every size.
fn any_finite() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>().prop_filter("finite", |number| number.is_finite()),
        -1e3..1e3,
        Just(0.0),
        Just(f64::MAX),
        Just(f64::MIN_POSITIVE),
    ]
}

fn close(left: f64, right: f64, scale: f64) -> bool {
    (left - right).abs() <= 1e-9 * (left.abs() + right.abs() + scale)
}

proptest! {
    #[test]
    fn merging_in_any_order_equals_the_whole(
        values in prop::collection::vec(prop::array::uniform2(-1e4..1e4_f64), 2..60),
        cut in any::<prop::sample::Index>(),
        second in any::<prop::sample::Index>(),
        offset in prop_oneof![Just(0.0), Just(1e9)],
    ) {
        let values: Vec<[f64; 2]> = values.into_iter().map(|[x, y]| [x + offset, y]).collect();
        let whole = summary(&values);
        let (left, right) = values.split_at(cut.index(values.len()));
        let (middle, end) = right.split_at(second.index(right.len() + 1).min(right.len()));
        let [left, middle, end] = [left, middle, end].map(summary);
        let merged = [
            left.merged(&middle).unwrap().merged(&end).unwrap(),
            end.merged(&left).unwrap().merged(&middle).unwrap(),
            middle.merged(&end.merged(&left).unwrap()).unwrap(),
        ];
        for merged in merged {
            prop_assert_eq!(merged.units(), whole.units());
            for (i, row) in merged.covariances().iter().enumerate() {
                prop_assert!(close(merged.means()[i], whole.means()[i], 1.0));
                for (j, covariance) in row.iter().enumerate() {
                    let scale = (whole.covariances()[i][i] * whole.covariances()[j][j]).sqrt() + 1e-2;
                    prop_assert!(close(*covariance, whole.covariances()[i][j], scale), "{merged:?} {whole:?}");
                }
            }
        }
    }

    #[test]
    fn sums_around_a_pivot_equal_the_units(
        values in prop::collection::vec(-1e3..1e3_f64, 2..50),
        offset in prop_oneof![Just(0.0), Just(1.7e9)],
    ) {
        let values: Vec<f64> = values.into_iter().map(|value| value + offset).collect();
        let whole = summary(&values.iter().map(|value| [*value]).collect::<Vec<_>>());
        let sum = |power: i32| values.iter().map(|value| (value - offset).powi(power)).sum::<f64>();
        let sums = Summary::from_sums(whole.units(), [offset], [sum(1)], [[sum(2)]]);
        if let Ok(sums) = sums {
            let variance = whole.covariances()[0][0];
            prop_assert!(close(sums.covariances()[0][0], variance, 1e-3), "{sums:?} {whole:?}");
        } else {
            prop_assert!(whole.covariances()[0][0] < 1e-2);
        }
    }

    #[test]
    fn exchanged_groups_have_the_opposite_lift(
        left in prop::collection::vec(-1e3..1e3_f64, 3..30),
        right in prop::collection::vec(-1e3..1e3_f64, 3..30),
    ) {
        let [left, right] = [left, right].map(|values| Mean(summary(&values.iter().map(|v| [*v]).collect::<Vec<_>>())));
        let welch = |a, b| Welch::default().compare(a, b).map(|estimate| estimate.absolute);
        let sequential = |a, b| Sequential::default().compare(a, b).map(|estimate| estimate.absolute);
        for (there, back) in
            [(welch(&left, &right), welch(&right, &left)), (sequential(&left, &right), sequential(&right, &left))]
        {
            let (Ok(there), Ok(back)) = (there, back) else { continue };
            let scale = there.standard_error;
            prop_assert!(close(there.estimate, -back.estimate, scale) && close(there.lower, -back.upper, scale));
            prop_assert!(close(there.at_least, -back.at_most, scale));
            prop_assert!(close(there.p, back.p, 0.0) && close(there.p_greater, back.p_less, 0.0), "{there:?} {back:?}");
        }
        // The same group twice has no lift.
        if let Ok(none) = welch(&left, &left) {
            prop_assert!(none.estimate == 0.0 && none.p == 1.0 && none.p_less == 0.5, "{none:?}");
        }
    }

    #[test]
    fn finite_sums_give_finite_estimates_or_errors(
        units in prop::array::uniform2(prop_oneof![0..100_u64, any::<u64>()]),
        pivots in prop::array::uniform4(prop_oneof![Just(0.0), any_finite()]),
        sums in prop::array::uniform4(any_finite()),
        products in prop::array::uniform4(prop::array::uniform4(any_finite())),
        alpha in prop_oneof![0.001..0.999, any_finite()],
    ) {
        let [first, other] = units;
        let one = |n| Summary::from_sums(n, [pivots[0]], [sums[0]], [[products[0][0]]]).map(Mean);
        if let (Ok(control), Ok(variant)) = (one(first), one(other)) {
            check_finite(&control, &variant, alpha);
        }
        let square = [[products[0][0], products[0][1]], [products[1][0], products[1][1]]];
        let two = |n| Summary::from_sums(n, [pivots[0], pivots[1]], [sums[0], sums[1]], square);
        if let (Ok(control), Ok(variant)) = (two(first), two(other)) {
            check_finite(&Ratio(control), &Ratio(variant), alpha);
            check_finite(&AdjustedMean(control), &AdjustedMean(variant), alpha);
            let [value, lower, upper, level] = sums;
            let quantile = Quantile { events: first, ranked_events: other, level, value, lower, upper };
            check_finite(&quantile, &Quantile { level: 0.5, ..quantile }, alpha);
            let clustered = |units| ClusteredQuantile { quantile: Quantile { level: 0.9, ..quantile }, units };
            check_finite(&clustered(control), &clustered(variant), alpha);
        }
        let four = |n| Summary::from_sums(n, pivots, sums, products).map(AdjustedRatio);
        if let (Ok(control), Ok(variant)) = (four(first), four(other)) {
            check_finite(&control, &variant, alpha);
        }
        if let (Ok(control), Ok(variant)) = (Proportion::new(first, other), Proportion::new(other, other / 2)) {
            check_finite(&control, &variant, alpha);
        }
        if let Ok(ranks) = QuantileRanks::new(sums[0], first) {
            prop_assert!(ranks.lower >= 0.0 && ranks.upper <= 1.0);
        }
    }

    #[test]
    fn real_units_give_finite_estimates_or_errors(
        values in prop::collection::vec(prop::array::uniform4(prop_oneof![Just(0.0), Just(1.0), any_finite()]), 2..40),
        cut in any::<prop::sample::Index>(),
    ) {
        let (left, right) = values.split_at(cut.index(values.len()));
        let try_sum = |values: &[[f64; 4]]| {
            let mut summary = Summary::default();
            values.iter().try_for_each(|value| summary.add(*value)).map(|()| AdjustedRatio(summary))
        };
        if let (Ok(control), Ok(variant)) = (try_sum(left), try_sum(right)) {
            check_finite(&control, &variant, 0.05);
        }
    }

    #[test]
    fn plans_are_finite_or_errors_and_agree_with_each_other(
        mean in any_finite(),
        deviation in any_finite(),
        effect in prop_oneof![0.001..2.0, any_finite()],
        units in prop_oneof![1.0..1e9, any_finite()],
        power in 0.1..0.99_f64,
        share in prop_oneof![0.01..0.99, any_finite()],
        is_sequential in any::<bool>(),
    ) {
        let sequential = is_sequential.then(Sequential::default);
        let plan = Plan { alpha: 0.05, variant_share: share, sequential };
        for baseline in [Baseline::mean(mean, deviation), Baseline::proportion(mean.abs().fract())].into_iter().flatten() {
            if let Ok(power) = plan.power(&baseline, effect, units) {
                prop_assert!((0.0..=1.000_001).contains(&power), "{power}");
            }
            // Below that, a mean is so much larger than its deviation that any effect shows.
            if let Some(effect) = plan.effect(&baseline, units, power).ok().filter(|effect| *effect > 1e-300) {
                let found = plan.power(&baseline, effect, units).unwrap();
                prop_assert!(found >= power && found < power + 0.01, "{found} {power} {effect}");
            }
            #[expect(clippy::cast_precision_loss, reason = "at most 10^15")]
            if let Ok(units) = plan.units(&baseline, effect, power) {
                prop_assert!(plan.power(&baseline, effect, units as f64).unwrap() >= power);
                prop_assert!(units <= 4 || plan.power(&baseline, effect, units as f64 - 1.0).unwrap() < power);
            }
        }
    }

    #[test]
    fn other_functions_never_return_what_is_no_number(
        values in prop::collection::vec(any::<f64>(), 0..6),
        counts in prop::collection::vec(any::<u64>(), 0..6),
    ) {
        if let Ok(adjusted) = holm(&values) {
            prop_assert!(adjusted.iter().zip(&values).all(|(adjusted, value)| *adjusted <= 1.0 && adjusted >= value));
        }
        if let Ok(ratio) = sample_ratio(&counts, &values) {
            prop_assert!((0.0..=1.0).contains(&ratio.p), "{ratio:?}");
        }
        let arms: Result<Vec<Arm>, Problem> = values.iter().map(|value| Arm::new(*value, value.abs() + 1.0)).collect();
        if let Ok(Ok(weights)) = arms.map(|arms| Thompson { draws: 20, ..Thompson::default() }.weights(&arms)) {
            prop_assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{weights:?}");
            prop_assert!(weights.iter().all(|weight| *weight >= 0.0099), "{weights:?}");
        }
    }

    #[test]
    fn distributions_are_probabilities_and_their_inverses_are_inverse(
        x in any_finite(),
        first in prop_oneof![0.1..1e6, any_finite()],
        second in prop_oneof![0.1..1e6, any_finite()],
        p in prop_oneof![1e-12..1.0_f64, Just(0.0), Just(1.0)],
    ) {
        let found = [
            Normal.cdf(x),
            Normal.sf(x),
            StudentT::new(first).cdf(x),
            StudentT::new(first).sf(x),
            ChiSquared::new(first).cdf(x),
            ChiSquared::new(first).sf(x),
            Beta::new(first, second).cdf(x),
            Beta::new(first, second).sf(x),
        ];
        for (place, probability) in found.into_iter().enumerate() {
            let is_valid = place < 2 || first >= 1e-6 && (place < 6 || second >= 1e-6);
            prop_assert!(if is_valid { (0.0..=1.0).contains(&probability) } else { probability.is_nan() }, "{place} {probability}");
        }
        if (0.1..1e6).contains(&first) && (1e-9..0.999).contains(&p) {
            let t = StudentT::new(first);
            prop_assert!(close(t.cdf(t.ppf(p)), p, 0.0) && close(t.sf(t.isf(p)), p, 0.0));
            let chi_squared = ChiSquared::new(first);
            prop_assert!(close(chi_squared.cdf(chi_squared.ppf(p)), p, 0.0) || chi_squared.ppf(p) < 1e-290);
            prop_assert!(close(chi_squared.sf(chi_squared.isf(p)), p, 0.0) || chi_squared.isf(p) < 1e-290);
        }
    }
}
