"""Records results of gbstats 0.8.0, for tests/methods.rs.

    python3 -m venv /tmp/oracles && /tmp/oracles/bin/pip install -r requirements.txt
    /tmp/oracles/bin/python methods.py ../tests/cases 115

A line has the inputs of the control, those of the variant, alpha, the number of units that the sequential test is tuned
for, and the results in the order of `results`. Where gbstats 0.8.0 differs from its own formulas, or lacks a method,
the script computes these, and says so where it does:

- p-values: gbstats has `1 - cdf`, which has no digits left below 1e-16; here they are of `sf`.
- risk: gbstats multiplies two probabilities; here it is the closed formula, with 40 digits.
- relative lift with CUPED: 0.8.0 treats the adjusted control as if it were the denominator; later versions use the
  delta method with the covariance of the adjusted control and the one that is not, as here.
- CUPED for ratios: not in 0.8.0. Here: the delta method, by numerical derivatives with 40 digits.
- one-sided sequential bounds: not in 0.8.0. Here: the formula of its later versions, with exact p-values.
"""

import math
import random
import sys
from types import SimpleNamespace

import mpmath as mp
import numpy as np
from gbstats.bayesian.tests import EffectBayesianABTest, EffectBayesianConfig, GaussianPrior
from gbstats.frequentist.tests import FrequentistConfig, SequentialConfig, SequentialTwoSidedTTest, TTest, TwoSidedTTest
from gbstats.models.statistics import (
    ProportionStatistic,
    QuantileClusteredStatistic,
    QuantileStatistic,
    RatioStatistic,
    RegressionAdjustedStatistic,
    SampleMeanStatistic,
)
from gbstats.utils import check_srm
from scipy import stats

mp.mp.dps = 40
PRIOR = GaussianPrior(mean=0.02, variance=0.09, proper=True)


def short(x, digits=9):
    return float(f"{x:.{digits}g}")


def log_uniform(low, high):
    return math.exp(random.uniform(math.log(low), math.log(high)))


def sizes(least=10):
    n = log_uniform(least, 1e8)
    return int(n), max(least, int(n * log_uniform(0.2, 1)) if n > 5 * least else int(n))


def sums(n, mean, sd):
    """Sum and sum of squares, with all digits that matter and no more."""
    total = short(n * mean)
    return total, float((n - 1) * sd * sd + total * total / n)


def product(n, total, other, covariance):
    return float((n - 1) * covariance + total * other / n)


def lift(sd, n, other):
    return random.gauss(0, 3) * sd * math.sqrt(1 / n + 1 / other)


def mean_case():
    n, m = sizes()
    mean, sd = random.choice([-1, 1, 1]) * log_uniform(0.01, 1e4), 0
    sd = abs(mean) * log_uniform(0.1, 20)
    a = (n, *sums(n, mean, sd))
    b = (m, *sums(m, mean + lift(sd, n, m), sd * log_uniform(0.8, 1.25)))
    return a, b, SampleMeanStatistic(*a), SampleMeanStatistic(*b)


def proportion_case():
    n, m = sizes()
    p = random.uniform(0.02, 0.98)
    q = min(max(p + lift(math.sqrt(p * (1 - p)), n, m), 0.001), 0.999)
    a, b = (n, min(max(1, int(n * p)), n - 1)), (m, min(max(1, int(m * q)), m - 1))
    return a, b, ProportionStatistic(*a), ProportionStatistic(*b)


def ratio_group(n, mean, sd, denominator, spread, correlation):
    s, d = sums(n, mean, sd), sums(n, denominator, spread)
    return (n, *s, *d, product(n, s[0], d[0], correlation * sd * spread))


def ratio_statistic(g):
    n, s, ss, d, dd, sd = g
    return RatioStatistic(n, SampleMeanStatistic(n, s, ss), SampleMeanStatistic(n, d, dd), sd)


def ratio_case():
    n, m = sizes()
    mean, denominator = log_uniform(0.1, 1e3), log_uniform(0.5, 50)
    sd, spread, r = mean * log_uniform(0.3, 3), denominator * log_uniform(0.1, 1), random.uniform(-0.5, 0.9)
    a = ratio_group(n, mean, sd, denominator, spread, r)
    b = ratio_group(m, mean + lift(sd, n, m), sd, denominator, spread, r)
    return a, b, ratio_statistic(a), ratio_statistic(b)


def cuped_statistic(g):
    n, s, ss, d, dd, sd = g
    return RegressionAdjustedStatistic(n, SampleMeanStatistic(n, s, ss), SampleMeanStatistic(n, d, dd), sd, 0)


def cuped_case():
    n, m = sizes(20)
    mean = log_uniform(0.1, 1e3)
    before, sd = mean * random.uniform(0.5, 1.5), mean * log_uniform(0.3, 3)
    spread, r = sd * random.uniform(0.7, 1.3), random.uniform(-0.3, 0.95)
    a = ratio_group(n, mean, sd, before, spread, r)
    b = ratio_group(m, mean + lift(sd, n, m), sd, before + lift(spread, n, m) / 3, spread, r)
    return a, b, cuped_statistic(a), cuped_statistic(b)


class CupedTTest(TwoSidedTTest):
    """The variance of relative lifts by the delta method, as in versions after 0.8.0."""

    @property
    def variance(self):
        a, b = self.stat_a, self.stat_b
        if not self.relative or not isinstance(a, RegressionAdjustedStatistic):
            return TTest.variance.fget(self)
        y, theta = a.post_statistic.mean, a.theta
        slope = b.post_statistic.mean / y
        own = slope**2 * a.post_statistic.variance + theta**2 * a.pre_statistic.variance
        own -= 2 * theta * slope * a.covariance
        return (b.variance / b.n + own / a.n) / y**2


class CupedSequential(SequentialTwoSidedTTest):
    variance = CupedTTest.variance


def given(n, variance, mean):
    return SimpleNamespace(n=n, variance=variance, mean=mean, unadjusted_mean=mean, _has_zero_variance=False)


class GivenTTest(TwoSidedTTest):
    """A test of an estimate and a variance that were computed elsewhere."""

    given_variance = difference = None

    @property
    def variance(self):
        return self.given_variance if self.relative else TTest.variance.fget(self)

    @property
    def point_estimate(self):
        return self.difference / self.stat_a.mean if self.relative else self.difference


class GivenSequential(SequentialTwoSidedTTest):
    given_variance = difference = None
    variance, point_estimate = GivenTTest.variance, GivenTTest.point_estimate


def cuped_ratio_group(n, means, sds, factor):
    """Sums, and sums of products in the order 11 12 13 14 22 23 24 33 34 44."""
    totals = [short(n * mean) for mean in means]
    products = []
    for i in range(4):
        for j in range(i, 4):
            covariance = float(factor[i] @ factor[j]) * sds[i] * sds[j]
            products.append(product(n, totals[i], totals[j], covariance))
    return (n, *totals, *products)


def moments(g):
    n, totals, products = g[0], [mp.mpf(x) for x in g[1:5]], list(g[5:])
    means = [x / n for x in totals]
    matrix = mp.matrix(4, 4)
    for i in range(4):
        for j in range(i, 4):
            matrix[i, j] = matrix[j, i] = (mp.mpf(products.pop(0)) - totals[i] * totals[j] / n) / (n - 1)
    return means, matrix


def gradient(f, x):
    h = mp.mpf(10) ** -12
    steps = []
    for i in range(len(x)):
        d = h * (abs(x[i]) or 1)
        up, down = list(x), list(x)
        up[i] += d
        down[i] -= d
        steps.append((f(up) - f(down)) / (2 * d))
    return mp.matrix(steps)


def cuped_ratio_case():
    n, m = sizes(30)
    means = [log_uniform(0.5, 100), log_uniform(0.5, 20)]
    means += [means[0] * random.uniform(0.7, 1.3), means[1] * random.uniform(0.7, 1.3)]
    sds = [mean * log_uniform(0.2, 1) for mean in means]
    # Rows of unit length give correlations.
    factor = np.array([[random.gauss(0, 1) + 1.5 * (k == 0) for k in range(4)] for _ in range(4)])
    factor /= np.linalg.norm(factor, axis=1, keepdims=True)
    other = [means[0] + lift(sds[0], n, m), means[1], means[2] + lift(sds[2], n, m) / 3, means[3]]
    a, b = cuped_ratio_group(n, means, sds, factor), cuped_ratio_group(m, other, sds, factor)
    (means_a, matrix_a), (means_b, matrix_b) = moments(a), moments(b)
    post, pre = (lambda x: x[0] / x[1]), (lambda x: x[2] / x[3])
    spread = lambda f, g, x, matrix: (gradient(f, x).T * matrix * gradient(g, x))[0]
    theta = (spread(post, pre, means_a, matrix_a) + spread(post, pre, means_b, matrix_b)) / (
        spread(pre, pre, means_a, matrix_a) + spread(pre, pre, means_b, matrix_b)
    )
    adjusted = lambda x: post(x) - theta * pre(x)
    relative_of_a = lambda x: (adjusted(means_b) - adjusted(x)) / post(x)
    relative_of_b = lambda x: (adjusted(x) - adjusted(means_a)) / post(means_a)
    variance_a = float(spread(adjusted, adjusted, means_a, matrix_a))
    variance_b = float(spread(adjusted, adjusted, means_b, matrix_b))
    stat_a, stat_b = given(n, variance_a, float(post(means_a))), given(m, variance_b, float(post(means_b)))
    stat_a.difference = float(adjusted(means_b) - adjusted(means_a))
    stat_a.relative_variance = float(
        spread(relative_of_a, relative_of_a, means_a, matrix_a) / n + spread(relative_of_b, relative_of_b, means_b, matrix_b) / m
    )
    return a, b, stat_a, stat_b


def quantile_group(n, level, value, sd):
    # Wide enough that gbstats does not raise the variance to 1e-5.
    half = max(1.96 * sd / math.sqrt(n), 2 * math.sqrt(1e-5 / n) * 1.96)
    return n, n, level, short(value), short(value - half * random.uniform(0.8, 1), 12), short(value + half, 12)


def quantile_case():
    level = random.choice([0.5, 0.9, 0.95, 0.25])
    n, m = sizes(200)
    value = log_uniform(1, 1e4)
    sd = value * log_uniform(0.5, 3)
    a = quantile_group(n, level, value, sd)
    b = quantile_group(m, level, value + lift(sd, n, m), sd)
    return a, b, QuantileStatistic(*a), QuantileStatistic(*b)


def clustered_case():
    a, b, _, _ = quantile_case()
    groups, found = [], []
    for g in (a, b):
        n, level = g[0], g[2]
        units = max(20, int(n / random.uniform(2, 8)))
        events = n / units
        share = level * random.uniform(0.98, 1.02) * events
        group = ratio_group(units, share, share * random.uniform(0.5, 1), events, events * random.uniform(0.3, 0.8), 0.8)
        groups.append((*g, *group))
        _, s, ss, d, dd, sd = group
        found.append(QuantileClusteredStatistic(*g, s, ss, d, dd, sd, units))
    return *groups, *found


def tests(kind, name):
    """Absolute and relative test of a kind, for a metric."""
    for scale in ("absolute", "relative"):
        yield scale, {
            "cuped": (CupedTTest, CupedSequential),
            "cuped_ratio": (GivenTTest, GivenSequential),
        }.get(name, (TwoSidedTTest, SequentialTwoSidedTTest))[kind]


def risk(mean, sd):
    z = mp.mpf(mean) / mp.mpf(sd)
    excess = lambda z: mp.npdf(z) - z * mp.erfc(z / mp.sqrt(2)) / 2
    return float(sd * excess(z)), float(sd * excess(-z))


def results(name, a, b, alpha, tuned_for):
    """Welch absolute (estimate, standard error, interval, p two-sided, greater, less, one-sided bounds), the same
    relative, degrees of freedom; sequential absolute (interval, p, one-sided bounds and p-values), relative; posterior
    of the relative lift with a prior, and of the absolute one without (not with CUPED)."""
    row, df = [], None
    for scale, Test in tests(0, name):
        test = Test(a, b, FrequentistConfig(alpha=alpha, difference_type=scale))
        if name == "cuped_ratio":
            test.difference, test.given_variance = a.difference, a.relative_variance
        score, df, se = test.critical_value, test.dof, math.sqrt(test.variance)
        bound = stats.t.isf(alpha, df) * se
        estimate = test.point_estimate
        p = [2 * stats.t.sf(abs(score), df), stats.t.sf(score, df), stats.t.cdf(score, df)]
        row += [estimate, se, *test.confidence_interval, *p, estimate - bound, estimate + bound]
    row.append(df)
    for scale, Test in tests(1, name):
        test = Test(a, b, SequentialConfig(alpha=alpha, difference_type=scale, sequential_tuning_parameter=tuned_for))
        if name == "cuped_ratio":
            test.difference, test.given_variance = a.difference, a.relative_variance
        row += [*test.confidence_interval, float(test.p_value), *one_sided(test, alpha, tuned_for)]
    if name.startswith("cuped"):
        return row
    for scale, prior in (("relative", PRIOR), ("absolute", GaussianPrior())):
        config = EffectBayesianConfig(alpha=alpha, difference_type=scale, prior_effect=prior, prior_type=scale)
        test = EffectBayesianABTest(a, b, config)
        result = test.compute_result()
        mean, sd = result.uplift.mean, result.uplift.stddev
        losses = risk(mean, sd)
        if abs(mean / sd) < 3:
            worst = max(abs(x / y - 1) for x, y in zip(reversed(result.risk), losses))
            assert worst < 1e-9, (result.risk, losses)
        row += [mean, sd, *result.ci, result.chance_to_win, *losses]
    return row


def one_sided(test, alpha, tuned_for):
    n = mp.mpf(test.stat_a.n + test.stat_b.n)
    log = mp.log(2 * mp.mpf(alpha))
    mixed = n * (-2 * log + mp.log(-2 * log + 1)) / tuned_for
    se, estimate = mp.sqrt(mp.mpf(test.variance)), mp.mpf(test.point_estimate)
    half = se * mp.sqrt(2 * (mixed + 1) / mixed * mp.log(1 + mp.sqrt(mixed + 1) / (2 * mp.mpf(alpha))))
    evidence = (estimate / se) ** 2 * mixed / (2 * (mixed + 1))
    p = min(mp.mpf(1), mp.sqrt(mixed + 1) / (2 * mp.expm1(evidence))) if evidence else 1
    return [float(x) for x in (estimate - half, estimate + half, p if estimate > 0 else 1, p if estimate < 0 else 1)]


def sample_ratio_case():
    groups = random.randint(2, 6)
    weights = [short(random.uniform(0.05, 1), 4) for _ in range(groups)]
    n = log_uniform(10 * groups, 1e8)
    units = [max(0, int(random.gauss(n * w / sum(weights), random.choice([1, 3]) * math.sqrt(n / groups)))) for w in weights]
    return [groups, *units, *weights, float(check_srm(units, weights))]


def adjusted_case():
    """p-values, those of Holm, and those of Benjamini and Hochberg by SciPy."""
    values = [short(random.choice([random.random(), log_uniform(1e-8, 0.1)]), 6) for _ in range(random.randint(1, 12))]
    if random.random() < 0.3:
        values.append(values[0])
    order = sorted(range(len(values)), key=lambda i: values[i])
    holm, last = [0.0] * len(values), 0.0
    for rank, i in enumerate(order):
        last = max(last, min(1.0, values[i] * (len(values) - rank)))
        holm[i] = last
    return [len(values), *values, *holm, *map(float, stats.false_discovery_control(values))]


CASES = {
    "mean": mean_case,
    "proportion": proportion_case,
    "ratio": ratio_case,
    "cuped": cuped_case,
    "cuped_ratio": cuped_ratio_case,
    "quantile": quantile_case,
    "clustered_quantile": clustered_case,
}


def text(numbers, digits):
    return " ".join(str(x) if isinstance(x, int) else f"{float(x):.{digits}g}" for x in numbers)


def main():
    folder, count = sys.argv[1], int(sys.argv[2])
    for name, case in CASES.items():
        random.seed(f"novi {name}")
        lines = []
        while len(lines) < count:
            a, b, stat_a, stat_b = case()
            settings = random.choice([0.05, 0.05, 0.01, 0.001, 0.1, 0.2]), random.choice([5000, 5000, 500, 100_000])
            found = results(name, stat_a, stat_b, *settings)
            lines.append(f"{text(a, 17)} {text(b, 17)} {text(settings, 17)} {text(found, 13)}")
        with open(f"{folder}/{name}.txt", "w") as file:
            file.write("\n".join(lines) + "\n")
    for name, case in {"sample_ratio": sample_ratio_case, "adjusted": adjusted_case}.items():
        random.seed(f"novi {name}")
        with open(f"{folder}/{name}.txt", "w") as file:
            file.write("".join(text(case(), 13) + "\n" for _ in range(count)))


main()
