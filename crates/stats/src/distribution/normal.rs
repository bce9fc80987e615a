//! The standard normal distribution.

use std::f64::consts::{FRAC_1_SQRT_2, TAU};

/// The normal distribution with mean 0 and standard deviation 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Normal;

impl Normal {
    /// The density at `x`.
    pub fn pdf(self, x: f64) -> f64 {
        (-0.5 * x * x).exp() / TAU.sqrt()
    }

    /// The probability of at most `x`, by the complementary error function of `libm`.
    pub fn cdf(self, x: f64) -> f64 {
        self.sf(-x)
    }

    /// The probability of more than `x`.
    pub fn sf(self, x: f64) -> f64 {
        0.5 * libm::erfc(x * FRAC_1_SQRT_2)
    }

    /// The quantile of a probability: `cdf(ppf(p))` is `p`. `NaN` unless `p` is within 0 and 1.
    pub fn ppf(self, p: f64) -> f64 {
        if p == 0.0 {
            f64::NEG_INFINITY
        } else if p == 1.0 {
            f64::INFINITY
        } else if p > 0.0 && p < 1.0 {
            quantile(p)
        } else {
            f64::NAN
        }
    }

    /// The quantile of an upper probability: `sf(isf(p))` is `p`.
    pub fn isf(self, p: f64) -> f64 {
        -self.ppf(p)
    }

    /// The expected excess over `z`, `E[max(X - z, 0)] = pdf(z) - z sf(z)`.
    pub(crate) fn excess(self, z: f64) -> f64 {
        if z < 4.0 {
            return self.pdf(z) - z * self.sf(z);
        }
        // The difference of nearly equal numbers. Laplace's continued fraction gives the ratio of sf to pdf
        // as 1 / (z + t), with t = 1 / (z + 2 / (z + 3 / ...)); then 1 - z / (z + t) is t / (z + t).
        let rest = (2..200).rev().fold(z, |rest, k| z + f64::from(k) / rest);
        let t = 1.0 / rest;
        self.pdf(z) * t / (z + t)
    }
}

/// Coefficients of a polynomial, the constant first.
fn polynomial(x: f64, coefficients: &[f64]) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, coefficient| sum * x + coefficient)
}

/// M. J. Wichura, "Algorithm AS 241: The percentage points of the normal distribution", 1988 (PPND16).
fn quantile(p: f64) -> f64 {
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        let r = 0.180_625 - q * q;
        return q * polynomial(r, &CENTER.0) / polynomial(r, &CENTER.1);
    }
    let tail = if q < 0.0 { p } else { 1.0 - p };
    let r = (-tail.ln()).sqrt();
    let value = if r <= 5.0 {
        polynomial(r - 1.6, &MIDDLE.0) / polynomial(r - 1.6, &MIDDLE.1)
    } else {
        polynomial(r - 5.0, &TAIL.0) / polynomial(r - 5.0, &TAIL.1)
    };
    if q < 0.0 { -value } else { value }
}

const CENTER: ([f64; 8], [f64; 8]) = (
    [
        3.387_132_872_796_366_5,
        133.141_667_891_784_38,
        1_971.590_950_306_551_3,
        13_731.693_765_509_46,
        45_921.953_931_549_87,
        67_265.770_927_008_7,
        33_430.575_583_588_13,
        2_509.080_928_730_122_7,
    ],
    [
        1.0,
        42.313_330_701_600_91,
        687.187_007_492_057_9,
        5_394.196_021_424_751,
        21_213.794_301_586_597,
        39_307.895_800_092_71,
        28_729.085_735_721_943,
        5_226.495_278_852_854,
    ],
);

const MIDDLE: ([f64; 8], [f64; 8]) = (
    [
        1.423_437_110_749_683_5,
        4.630_337_846_156_546,
        5.769_497_221_460_691,
        3.647_848_324_763_204_5,
        1.270_458_252_452_368_4,
        0.241_780_725_177_450_6,
        0.022_723_844_989_269_184,
        7.745_450_142_783_414e-4,
    ],
    [
        1.0,
        2.053_191_626_637_759,
        1.676_384_830_183_803_8,
        0.689_767_334_985_1,
        0.148_103_976_427_480_08,
        0.015_198_666_563_616_457,
        5.475_938_084_995_345e-4,
        1.050_750_071_644_416_9e-9,
    ],
);

const TAIL: ([f64; 8], [f64; 8]) = (
    [
        6.657_904_643_501_103,
        5.463_784_911_164_114,
        1.784_826_539_917_291_3,
        0.296_560_571_828_504_87,
        0.026_532_189_526_576_124,
        0.001_242_660_947_388_078_4,
        2.711_555_568_743_487_6e-5,
        2.010_334_399_292_288_1e-7,
    ],
    [
        1.0,
        0.599_832_206_555_888,
        0.136_929_880_922_735_8,
        0.014_875_361_290_850_615,
        7.868_691_311_456_133e-4,
        1.846_318_317_510_054_8e-5,
        1.421_511_758_316_446e-7,
        2.044_263_103_389_939_8e-15,
    ],
);
