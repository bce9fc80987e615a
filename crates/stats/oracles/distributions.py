"""Records values of distribution functions by SciPy, for tests/distributions.rs.

    python3 -m venv /tmp/oracles && /tmp/oracles/bin/pip install -r requirements.txt
    /tmp/oracles/bin/python distributions.py ../tests/cases 2000

Each value is SciPy's, unless mpmath with 40 digits differs from it by more than 1e-13: then it is mpmath's, and the
line ends in "mp". Functions of which mpmath is asked for every point are in EXACT; a summary of the differences is
printed. Lines are: arguments, value; separated by spaces.
"""

import math
import random
import sys
from multiprocessing import Pool

import mpmath as mp
from scipy import special, stats

mp.mp.dps = 40


def short(x, digits=7):
    """A number that is written with few digits, so that files stay small."""
    return float(f"{x:.{digits}g}")


def log_uniform(low, high):
    return short(math.exp(random.uniform(math.log(low), math.log(high))))


def probability():
    kind = random.random()
    if kind < 0.5:
        return short(random.uniform(0.0001, 0.9999))
    return log_uniform(1e-300, 1e-4) if kind < 0.6 else log_uniform(1e-15, 0.5)


def t_density(df):
    shape = mp.loggamma((df + 1) / 2) - mp.loggamma(df / 2) - mp.log(df * mp.pi) / 2
    return lambda x: mp.exp(shape - (df + 1) / 2 * mp.log1p(x * x / df))


def t_sf(x, df):
    x, df = mp.mpf(x), mp.mpf(df)
    if x < 0:
        return 1 - t_sf(-x, df)
    if df <= 300:
        tail = mp.betainc(df / 2, mp.mpf(1) / 2, 0, df / (df + x * x), regularized=True) / 2
        return tail
    # A half, minus a series of positive terms (DLMF 8.17.8), with the digits that the difference loses.
    with mp.workdps(50 + int(x * x / 4)):
        a, b, y = mp.mpf(1) / 2, df / 2, x * x / (df + x * x)
        term = total = mp.mpf(1)
        k = 0
        while term > total * mp.mpf(10) ** -mp.mp.dps:
            term *= (a + b + k) / (a + 1 + k) * y
            total += term
            k += 1
        shape = mp.loggamma(a + b) - mp.loggamma(a) - mp.loggamma(b)
        return (1 - mp.exp(shape + a * mp.log(y) + b * mp.log1p(-y)) / a * total) / 2


def t_ppf(p, df):
    start, df, p = mp.mpf(float(stats.t.ppf(p, df))), mp.mpf(df), mp.mpf(p)
    if not mp.isfinite(start):
        return start
    density = t_density(df)
    for _ in range(3):
        below = t_sf(-start, df) if start < 0 else 1 - t_sf(start, df)
        start -= (below - p) / density(start)
    return start


def gamma_q(a, x, upper):
    if x == 0:
        return mp.mpf(1 if upper else 0)
    return mp.gammainc(a, x if upper else 0, mp.inf if upper else x, regularized=True)


def chi2_tail(x, df, upper):
    return gamma_q(mp.mpf(df) / 2, mp.mpf(x) / 2, upper)


def chi2_isf(p, df):
    start, df = mp.mpf(float(stats.chi2.isf(p, df))), mp.mpf(df)
    for _ in range(3):
        density = mp.exp((df / 2 - 1) * mp.log(start / 2) - start / 2 - mp.loggamma(df / 2)) / 2
        start += (chi2_tail(start, df, True) - mp.mpf(p)) / density
    return start


def beta_tail(x, a, b, upper):
    a, b, x = mp.mpf(a), mp.mpf(b), mp.mpf(x)
    shape = mp.loggamma(a + b) - mp.loggamma(a) - mp.loggamma(b)
    # The smaller one of both tails, by a series of positive terms (DLMF 8.17.8).
    if (x > a / (a + b)) != upper:
        return 1 - beta_tail(x, a, b, not upper)
    if upper:
        a, b, x = b, a, 1 - x
    term = total = mp.mpf(1)
    k = 0
    while term > total * mp.mpf(10) ** -25:
        term *= (a + b + k) / (a + 1 + k) * x
        total += term
        k += 1
        if k > 30_000:
            raise ValueError("too many terms")
    return mp.exp(shape + a * mp.log(x) + b * mp.log1p(-x)) / a * total


def beta_ppf(p, a, b):
    start, a, b, p = mp.mpf(float(stats.beta.ppf(p, a, b))), mp.mpf(a), mp.mpf(b), mp.mpf(p)
    shape = mp.loggamma(a + b) - mp.loggamma(a) - mp.loggamma(b)
    for _ in range(3):
        density = mp.exp(shape + (a - 1) * mp.log(start) + (b - 1) * mp.log1p(-start))
        start -= (beta_tail(start, a, b, False) - p) / density
    return start


def near(center, width):
    return short(random.gauss(center, width))


def t_point():
    df = log_uniform(1, 1e12)
    x = random.choice([short(random.uniform(-6, 6)), log_uniform(1e-6, 35), -log_uniform(1e-6, 35)])
    return x, df


def t_quantile_point():
    return random.choice([0.025, 0.05, 0.975, 0.995, probability(), probability(), probability()]), log_uniform(1, 1e12)


def chi2_point():
    df = random.choice([float(random.randint(1, 20)), log_uniform(0.5, 1e5)])
    width = math.sqrt(2 * df)
    x = random.choice([near(df, 3 * width), near(df, 8 * width), log_uniform(1e-3, 600)])
    return abs(x), df


def chi2_quantile_point():
    return probability(), random.choice([float(random.randint(1, 20)), log_uniform(0.5, 1e5)])


def shapes():
    return log_uniform(0.5, 1e5), log_uniform(0.5, 1e5)


def beta_point():
    a, b = shapes()
    width = math.sqrt(a * b / (a + b + 1)) / (a + b)
    while True:
        x = random.choice([near(a / (a + b), 3 * width), short(random.random()), near(a / (a + b), 8 * width)])
        if 0 < x < 1:
            return x, a, b


def beta_quantile_point():
    return log_uniform(1e-12, 0.5) if random.random() < 0.5 else short(random.uniform(0.01, 0.99)), *shapes()


# name: points, SciPy's value, mpmath's value
FUNCTIONS = {
    "normal_sf": (lambda: (short(random.uniform(-10, 37.5)),), stats.norm.sf, lambda x: mp.erfc(mp.mpf(x) / mp.sqrt(2)) / 2),
    "normal_ppf": (lambda: (probability(),), special.ndtri, lambda p: mp.findroot(
        lambda z: mp.log(mp.erfc(-z / mp.sqrt(2)) / 2) - mp.log(mp.mpf(p)), mp.mpf(float(special.ndtri(p))))),
    "t_sf": (t_point, stats.t.sf, t_sf),
    "t_ppf": (t_quantile_point, stats.t.ppf, t_ppf),
    "chi2_cdf": (chi2_point, stats.chi2.cdf, lambda x, df: chi2_tail(x, df, False)),
    "chi2_sf": (chi2_point, stats.chi2.sf, lambda x, df: chi2_tail(x, df, True)),
    "chi2_isf": (chi2_quantile_point, stats.chi2.isf, chi2_isf),
    "beta_cdf": (beta_point, stats.beta.cdf, lambda x, a, b: beta_tail(x, a, b, False)),
    "beta_sf": (beta_point, stats.beta.sf, lambda x, a, b: beta_tail(x, a, b, True)),
    "beta_ppf": (beta_quantile_point, stats.beta.ppf, beta_ppf),
    "log_gamma": (lambda: (log_uniform(1e-3, 1e12),), special.gammaln, lambda x: mp.loggamma(mp.mpf(x))),
}


def record(job):
    name, arguments, exact = job
    _, scipy, mpmath = FUNCTIONS[name]
    theirs = float(scipy(*arguments))
    if not exact:
        return theirs, 0.0
    try:
        value = mpmath(*arguments)
        value = value.real if isinstance(value, mp.mpc) else value
        difference = float(abs(mp.mpf(theirs) / value - 1)) if value != 0 else 0.0
    except Exception as error:  # mpmath does not converge
        return None, str(error)[:80]
    return (theirs if difference <= 1e-13 else float(value)), difference


def main():
    folder, count = sys.argv[1], int(sys.argv[2])
    names = sys.argv[3:] or list(FUNCTIONS)
    # mpmath takes milliseconds for each point: `--fast` records SciPy's values as they are.
    exact = "--fast" not in names
    names = [name for name in names if name != "--fast"] or list(FUNCTIONS)
    with Pool(2) as pool:
        for name in names:
            random.seed(f"novi {name}")
            points = [FUNCTIONS[name][0]() for _ in range(count)]
            results = pool.map(record, [(name, point, exact) for point in points], chunksize=8)
            lines, failed, worst, replaced = [], 0, 0.0, 0
            for point, (value, difference) in zip(points, results):
                if value is None:
                    failed += 1
                    continue
                # Subnormal numbers have fewer digits.
                if not math.isfinite(value) or abs(value) < 1e-300:
                    continue
                worst = max(worst, difference)
                replaced += difference > 1e-13
                mark = " mp" if difference > 1e-13 else ""
                lines.append(" ".join(repr(x) for x in (*point, value)).replace(".0 ", " ") + mark)
            with open(f"{folder}/{name}.txt", "w") as file:
                file.write("\n".join(lines) + "\n")
            print(f"{name}: {len(lines)} values, {failed} failed; SciPy is off by up to {worst:.1e}, {replaced} replaced", flush=True)


main()
